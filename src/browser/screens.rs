//! The writing ends of what the screens read: status, babies, caregivers, notices, and the count
//! that makes their queries read again.

use std::rc::Rc;

use leptos::prelude::{GetUntracked, RwSignal, Set, Update, WithUntracked};

use super::settings;
use crate::{
    domain::id::{BabyId, UserId},
    sync::{
        ports::StoreError,
        status::{BabyAccess, Blocked, CaregiverName, SyncStatus, SyncStep},
    },
    ui::replica::{Account, Farewell, Notice, Replica, ReplicaPort, ReplicaSignals},
};

/// Every signal of one open account. `Copy`, like the signals in it.
#[derive(Clone, Copy)]
pub(super) struct Screens {
    pub(super) account: RwSignal<Account>,
    pub(super) active_baby: RwSignal<Option<BabyId>>,
    status: RwSignal<SyncStatus>,
    babies: RwSignal<Vec<BabyAccess>>,
    caregivers: RwSignal<Vec<CaregiverName>>,
    notices: RwSignal<Vec<Notice>>,
    revision: RwSignal<u64>,
    steps: RwSignal<Vec<SyncStep>>,
}

/// The newest steps, as far as anybody watches them; the journal has more.
const STEPS_SHOWN: usize = 40;

impl Screens {
    /// To be called where the signals are to live.
    pub(super) fn new(account: Account, active_baby: Option<BabyId>) -> Self {
        let farewells = settings::farewells(account.user_id).into_iter().map(Notice::StayEnded);
        Self {
            notices: RwSignal::new(farewells.collect()),
            account: RwSignal::new(account),
            active_baby: RwSignal::new(active_baby),
            status: RwSignal::default(),
            babies: RwSignal::default(),
            caregivers: RwSignal::default(),
            revision: RwSignal::default(),
            steps: RwSignal::default(),
        }
    }

    /// The reading ends, with the port beside them.
    pub(super) fn replica(self, port: Rc<dyn ReplicaPort>) -> Replica {
        let signals = ReplicaSignals {
            account: self.account.into(),
            status: self.status.read_only(),
            babies: self.babies.read_only(),
            active_baby: self.active_baby.read_only(),
            caregivers: self.caregivers.read_only(),
            notices: self.notices,
            revision: self.revision.read_only(),
            steps: self.steps.read_only(),
        };
        Replica::new(signals, port)
    }

    /// Something was done by this tab.
    pub(super) fn step(self, step: SyncStep) {
        self.steps.update(|steps| {
            let surplus = (steps.len() + 1).saturating_sub(STEPS_SHOWN);
            steps.drain(..surplus);
            steps.push(step);
        });
    }

    /// Rows of this device changed.
    pub(super) fn rows_changed(self) {
        self.revision.update(|revision| *revision += 1);
    }

    /// Shows what was read. A signal is set only to another value, so that nothing is drawn twice.
    pub(super) fn show(self, status: SyncStatus, babies: Vec<BabyAccess>, caregivers: Vec<CaregiverName>) {
        for baby in &babies {
            self.tell_of_deletion(baby);
        }
        set_other(self.status, status);
        set_other(self.babies, babies);
        set_other(self.caregivers, caregivers);
    }

    /// A baby that was on the screens until now is none of theirs any more, or is again.
    fn tell_of_deletion(self, baby: &BabyAccess) {
        let same = |known: &&BabyAccess| known.baby_id == baby.baby_id;
        let before = self.babies.with_untracked(|babies| babies.iter().find(same).map(|known| known.deleted_at));
        let notice = Notice::BabyDeleted { baby: baby.baby_id, name: baby.name.clone() };
        match (before.flatten(), baby.deleted_at) {
            (None, Some(_)) if before.is_some() => self.notice(notice),
            (Some(_), None) => self.notices.update(|shown| shown.retain(|known| *known != notice)),
            _ => {}
        }
    }

    /// The baby to be on screen: the one that is, else `next`, else the first one there is. Of deleted ones
    /// only when there is no other, so that this device still hears that one was taken back.
    pub(super) fn baby_for_screen(self, next: Option<BabyId>) -> Option<BabyId> {
        self.babies.with_untracked(|babies| {
            let (living, deleted): (Vec<_>, Vec<_>) = babies.iter().partition(|access| access.deleted_at.is_none());
            let listed = if living.is_empty() { deleted } else { living };
            let listed: Vec<BabyId> = listed.into_iter().map(|access| access.baby_id).collect();
            let wanted = [self.active_baby.get_untracked(), next].into_iter().flatten();
            wanted.chain(listed.first().copied()).find(|id| listed.contains(id))
        })
    }

    /// Whether the server has refused this version of the app, as far as the screens know.
    pub(super) fn is_too_old(self) -> bool {
        self.status.with_untracked(|status| status.blocked == Some(Blocked::UpdateApp))
    }

    pub(super) fn notice(self, notice: Notice) {
        notice.show(self.notices);
    }

    /// It is told after a reload, too.
    pub(super) fn farewell(self, farewell: Farewell) {
        settings::set_farewell(self.user_id(), &farewell, true);
        self.notice(Notice::StayEnded(farewell));
    }

    pub(super) fn put_away(self, notice: &Notice) {
        if let Notice::StayEnded(farewell) = notice {
            settings::set_farewell(self.user_id(), farewell, false);
        }
        self.notices.update(|shown| shown.retain(|known| known != notice));
    }

    fn user_id(self) -> UserId {
        self.account.with_untracked(|account| account.user_id)
    }

    pub(super) fn storage_failed(self, error: &StoreError) {
        if let Some(notice) = Notice::of(error) {
            self.notice(notice);
        }
    }
}

fn set_other<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|known| *known != value) {
        signal.set(value);
    }
}
