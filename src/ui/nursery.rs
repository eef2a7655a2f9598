//! The baby on screen and everything that every screen asks about it: its zone, what this person
//! may do, who wrote an entry.

use leptos::prelude::*;

use super::{clock::now, intl, replica::Replica, words::tr};
use crate::{
    domain::{
        id::{BabyId, EntityId, UserId},
        registry::EntityType,
        row::Row,
        time::Timestamp,
    },
    sync::{
        query::{Query, Select},
        status::{BabyAccess, Level},
    },
};

/// The list of caregivers is asked for every minute; with a margin, so old may it be.
const LIST_AGE_MS: i64 = 120_000;

#[derive(Clone, Copy)]
pub(crate) struct Nursery {
    pub(crate) replica: Replica,
    /// Every baby but the deleted ones.
    pub(crate) babies: Memo<Vec<BabyAccess>>,
    /// `None` when this account has no baby yet.
    pub(crate) baby: Memo<Option<BabyAccess>>,
    /// The row of the baby's profile.
    profile: ReadSignal<Option<Vec<Row>>>,
    /// The baby's IANA zone, the device's while the profile does not say.
    pub(crate) zone: Memo<String>,
}

impl Nursery {
    pub(crate) fn provide(replica: Replica) {
        let babies = Memo::new(move |_| {
            replica.babies.with(|all| all.iter().filter(|baby| baby.deleted_at.is_none()).cloned().collect::<Vec<_>>())
        });
        let baby = Memo::new(move |_| {
            let active = replica.active_baby.get();
            babies.with(|babies| {
                let chosen = babies.iter().find(|baby| Some(baby.baby_id) == active);
                chosen.or_else(|| babies.first()).cloned()
            })
        });
        let baby_id = Memo::new(move |_| baby.with(|baby| baby.as_ref().map(|baby| baby.baby_id)));
        // A baby is always on screen, so one is always polled.
        Effect::new(move |before: Option<Option<BabyId>>| {
            let shown = baby_id.get();
            // Another one, or none: what is said about that stands at the top.
            if before.flatten().is_some_and(|before| Some(before) != shown) {
                window().scroll_to_with_x_and_y(0.0, 0.0);
            }
            if shown.is_some() && shown != replica.active_baby.get_untracked() {
                replica.port().activate(shown);
            }
            shown
        });
        let profile = live_of(replica, baby_id, vec![EntityType::BABY], |baby| Select::One(baby.entity()), None);
        let device_zone = intl::device_zone();
        let zone = Memo::new(move |_| {
            let told = profile.with(|rows| {
                let zone = rows.as_ref()?.first()?.fields.get("zone")?.as_str()?;
                Some(zone.to_owned())
            });
            told.unwrap_or_else(|| device_zone.clone())
        });
        provide_context(Self { replica, babies, baby, profile, zone });
    }

    pub(crate) fn baby_id(self) -> Option<BabyId> {
        self.baby.with(|baby| baby.as_ref().map(|baby| baby.baby_id))
    }

    /// The baby's profile, once it is on this device.
    pub(crate) fn profile(self) -> Option<Row> {
        self.profile.with(|rows| rows.as_ref()?.first().cloned())
    }

    /// When the baby's night begins and ends on the clocks of its zone, `19:30` and `07:00`.
    pub(crate) fn night_hours(self, profile: &Row) -> Option<(String, String)> {
        let hours = |name: &str| profile.fields.get(name)?.as_str().map(str::to_owned);
        let (from, to) = (hours("nightStart")?, hours("nightEnd")?);
        (from != to).then_some((from, to))
    }

    /// Whether this person may log for the baby on screen.
    pub(crate) fn may_log(self) -> bool {
        self.baby.with(|baby| baby.as_ref().is_some_and(|baby| baby.level >= Level::Editor))
    }

    pub(crate) fn is_owner(self) -> bool {
        self.baby.with(|baby| baby.as_ref().is_some_and(|baby| baby.level == Level::Owner))
    }

    pub(crate) fn is_me(self, user: Option<UserId>) -> bool {
        // What the server has not seen has no author yet, and was written on this device.
        user.is_none_or(|user| self.replica.account.with(|account| account.user_id == user))
    }

    /// Whether the server still has to hear of an entry, or of a change of it.
    pub(crate) fn is_unsent(self, baby: BabyId, id: EntityId) -> bool {
        self.replica.status.with(|status| status.of(baby).is_some_and(|baby| baby.unsent.contains(&id)))
    }

    /// Whether the server still has to hear of the baby itself.
    pub(crate) fn is_new(self, baby: BabyId) -> bool {
        self.replica.status.with(|status| status.of(baby).is_some_and(|baby| baby.is_new))
    }

    /// Who wrote an entry.
    pub(crate) fn author(self, row: &Row) -> String {
        self.who(row.baby_id, row.server.logged_by, row.server.created_at)
    }

    /// The caregiver of a baby who did something at `at`, by name. Whoever is not in the list has left it,
    /// unless it was so lately that they may have joined since the list was asked for.
    pub(crate) fn who(self, baby: BabyId, user: Option<UserId>, at: Option<Timestamp>) -> String {
        let Some(user) = user.filter(|user| !self.is_me(Some(*user))) else {
            return tr!(who.you).to_owned();
        };
        self.replica.caregivers.with(|all| {
            let named = all.iter().find(|name| name.user_id == user && name.baby_id == baby);
            let is_late = || at.is_some_and(|at| now().since(at) < LIST_AGE_MS);
            match named {
                Some(name) => name.display_name.clone(),
                None if is_late() => tr!(who.someone).to_owned(),
                None => tr!(who.former).to_owned(),
            }
        })
    }

    /// A baby by name, also one that is deleted or gone.
    pub(crate) fn name_of(self, baby: BabyId) -> String {
        self.replica.babies.with(|babies| {
            let known = babies.iter().find(|known| known.baby_id == baby);
            known.map_or_else(|| tr!(entry.baby).to_owned(), |known| known.name.clone())
        })
    }

    /// The baby's rows of these types, live; empty while there is no baby.
    pub(crate) fn live(
        self,
        types: &[EntityType],
        select: impl Fn(BabyId) -> Select + 'static,
        limit: Option<usize>,
    ) -> ReadSignal<Option<Vec<Row>>> {
        let baby_id = Memo::new(move |_| self.baby_id());
        live_of(self.replica, baby_id, types.to_vec(), select, limit)
    }
}

fn live_of(
    replica: Replica,
    baby_id: Memo<Option<BabyId>>,
    types: Vec<EntityType>,
    select: impl Fn(BabyId) -> Select + 'static,
    limit: Option<usize>,
) -> ReadSignal<Option<Vec<Row>>> {
    replica.live(move || {
        // Without a baby: the nil id, which no row has.
        let baby_id = baby_id.get().unwrap_or(BabyId(uuid::Uuid::nil()));
        Query { baby_id, types: types.clone(), select: select(baby_id), limit }
    })
}
