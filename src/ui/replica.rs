//! The screens' handle on this device's copy: signals to read, one call to write, and the few
//! things a person can ask of the sync. The `browser` room stands behind it.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use serde_json::Value;

use crate::{
    domain::{
        field::Fields,
        id::{BabyId, MutationId, UserId},
        registry::EntityType,
        row::Row,
    },
    sync::{
        draft::{Draft, SaveError},
        import::{Export, Report},
        ports::StoreError,
        query::Query,
        status::{BabyAccess, CaregiverName, DeadLetter, SyncStatus, SyncStep},
    },
};

/// Who this device belongs to, remembered across reloads so that the app opens offline.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub user_id: UserId,
    pub display_name: String,
}

/// What the browser side does for the screens.
pub trait ReplicaPort {
    /// Durable on this device when it resolves; the network comes later.
    fn commit(&self, drafts: Vec<Draft>) -> LocalBoxFuture<'_, Result<(), SaveError>>;
    fn query(&self, query: Query) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>>;
    fn dead_letters(&self) -> LocalBoxFuture<'_, Result<Vec<DeadLetter>, StoreError>>;
    /// Puts it back into the outbox under a new mutation id, based on the row as it is now; as the
    /// entry `edited`, where the person changed what it says.
    fn retry(
        &self,
        baby_id: BabyId,
        letter: MutationId,
        edited: Option<Fields>,
    ) -> LocalBoxFuture<'_, Result<(), SaveError>>;
    fn discard(&self, baby_id: BabyId, letter: MutationId) -> LocalBoxFuture<'_, Result<(), StoreError>>;
    /// The journal of the last sync steps and the status, as JSON text to be kept or passed on.
    fn record(&self) -> LocalBoxFuture<'_, Result<String, StoreError>>;
    /// What a file of an earlier log would bring; nothing is written.
    fn preview<'a>(&'a self, export: &'a Export) -> LocalBoxFuture<'a, Result<Report, StoreError>>;
    /// Loads such a file, all of it or nothing.
    fn import<'a>(&'a self, export: &'a Export) -> LocalBoxFuture<'a, Result<Report, SaveError>>;
    /// Flush, then pull every baby, without debounce and with retries reset.
    fn sync_now(&self);
    /// The baby on screen, the one that is polled every 5 s.
    fn activate(&self, baby_id: Option<BabyId>);
    /// The person signed in again as the same account.
    fn signed_in(&self);
    /// Access changed by an act of this person (a code was accepted, somebody was removed):
    /// ask the server again now.
    fn refresh_access(&self);
    /// The person left this baby: it goes as if access had been taken away, without a word about that.
    fn left(&self, baby_id: BabyId);
    /// The person has read it.
    fn put_away(&self, notice: &Notice);
    /// A fresh id of this device.
    fn new_id(&self) -> uuid::Uuid;
    /// Asks the browser to keep the data; `true` when it promised.
    fn persist(&self) -> LocalBoxFuture<'_, bool>;
}

/// The handle. `Copy`, so that closures take it without ceremony.
#[derive(Clone, Copy)]
pub struct Replica {
    pub account: Signal<Account>,
    pub status: ReadSignal<SyncStatus>,
    /// Every baby of this account on this device, with the level, those not yet sent and those deleted
    /// included.
    pub babies: ReadSignal<Vec<BabyAccess>>,
    pub active_baby: ReadSignal<Option<BabyId>>,
    pub caregivers: ReadSignal<Vec<CaregiverName>>,
    /// Things that happened without the person's doing and need a word (access revoked, an edit
    /// lost). The layout shows and takes them.
    pub notices: RwSignal<Vec<Notice>>,
    /// What this tab's sync did last, oldest first.
    pub steps: ReadSignal<Vec<SyncStep>>,
    /// Counts up whenever rows of this device changed, by this tab, another one, or a pull.
    revision: ReadSignal<u64>,
    port: StoredValue<Rc<dyn ReplicaPort>, LocalStorage>,
}

/// What the layout tells a person once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    AccessRevoked {
        name: String,
    },
    StayEnded(Farewell),
    /// The server never took in a baby that was made here.
    BabyRefused {
        name: String,
    },
    /// An owner deleted a baby that was on the screens.
    BabyDeleted {
        baby: BabyId,
        name: String,
    },
    EditLost,
    /// The browser closed or evicted the database; a reload opens it again.
    StorageClosed,
    StorageFull,
    /// Something on this device cannot be read back; signing in anew fetches it.
    StorageDamaged,
    /// The browser's database did not do it; it may the next time.
    StorageFailed,
}

/// A guest's time is over. Kept on this device until the person puts it away.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Farewell {
    pub name: String,
    /// By type.
    pub logged: Vec<(EntityType, usize)>,
    /// Entries that the owners decide on.
    pub handed: usize,
    /// What became dead letters.
    pub kept: usize,
}

impl Notice {
    /// What a person is told of a failure of this device's database, if anything.
    pub fn of(err: &StoreError) -> Option<Self> {
        match err {
            StoreError::Quota => Some(Self::StorageFull),
            StoreError::Closed => Some(Self::StorageClosed),
            StoreError::Damaged(_) => Some(Self::StorageDamaged),
            StoreError::Failed(_) => Some(Self::StorageFailed),
            // Another tab does the work.
            StoreError::Fenced => None,
        }
    }

    /// Says it once: the same thing is not said again while it still stands there.
    pub fn show(self, notices: RwSignal<Vec<Self>>) {
        if notices.with_untracked(|shown| !shown.contains(&self)) {
            notices.update(|shown| shown.push(self));
        }
    }
}

/// The signals behind a [`Replica`]; the browser room holds the writing ends.
pub struct ReplicaSignals {
    pub account: Signal<Account>,
    pub status: ReadSignal<SyncStatus>,
    pub babies: ReadSignal<Vec<BabyAccess>>,
    pub active_baby: ReadSignal<Option<BabyId>>,
    pub caregivers: ReadSignal<Vec<CaregiverName>>,
    pub notices: RwSignal<Vec<Notice>>,
    pub revision: ReadSignal<u64>,
    pub steps: ReadSignal<Vec<SyncStep>>,
}

impl Replica {
    pub fn new(signals: ReplicaSignals, port: Rc<dyn ReplicaPort>) -> Self {
        let ReplicaSignals { account, status, babies, active_baby, caregivers, notices, revision, steps } = signals;
        let port = StoredValue::new_local(port);
        Self { account, status, babies, active_baby, caregivers, notices, steps, revision, port }
    }

    /// The browser side, for calls: `replica.port().commit(..)`.
    pub fn port(&self) -> Rc<dyn ReplicaPort> {
        self.port.get_value()
    }

    /// Tracks every change of rows on this device, by whomever.
    pub fn track_changes(self) {
        self.revision.track();
    }

    /// The rows of a query, read again whenever rows change; `None` until the first read.
    /// A failed read keeps the rows shown before and is told as a notice.
    pub fn live(self, query: impl Fn() -> Query + 'static) -> ReadSignal<Option<Vec<Row>>> {
        let (rows, set_rows) = signal(None);
        let latest = StoredValue::new(0_u64);
        Effect::new(move |_| {
            self.track_changes();
            let query = query();
            let turn = latest.with_value(|turn| turn + 1);
            latest.set_value(turn);
            let port = self.port();
            leptos::task::spawn_local(async move {
                let read = port.query(query).await;
                // A newer read has been started, or the screen is gone: this answer is stale.
                if latest.try_get_value() != Some(turn) {
                    return;
                }
                match read {
                    Ok(read) => {
                        set_rows.try_set(Some(read));
                    }
                    Err(err) => {
                        if let Some(notice) = Notice::of(&err) {
                            notice.show(self.notices);
                        }
                    }
                }
            });
        });
        rows
    }
}

/// This device: who is signed in on it. Provided by the browser room as context beside
/// [`Replica`], and present when nobody is.
#[derive(Clone, Copy)]
pub struct Device {
    /// `None` when nobody ever signed in here, or after signing out.
    pub account: ReadSignal<Option<Account>>,
    /// The open copy of `account`; `None` while it opens.
    pub replica: ReadSignal<Option<Replica>, LocalStorage>,
    port: StoredValue<Rc<dyn DevicePort>, LocalStorage>,
}

/// What the browser side does about accounts on this device.
pub trait DevicePort {
    /// After a successful sign-up or sign-in: opens that account's own database.
    fn open(&self, account: Account) -> LocalBoxFuture<'_, Result<(), StoreError>>;
    /// Deletes the account's database and forgets the account; works offline. Unsent work goes
    /// with it, so the screen shows it first.
    fn wipe(&self) -> LocalBoxFuture<'_, Result<(), StoreError>>;
    /// A small device setting (theme, hand, units), as kept on this device.
    fn setting(&self, name: &str) -> Option<String>;
    fn set_setting(&self, name: &str, value: &str);
    /// Loads the page anew, in another language: its words were chosen when it began.
    fn speak(&self, language: &str);
    /// Keeps the screen lit while `wanted`, where the browser can.
    fn keep_awake(&self, wanted: bool);
    /// The bedside screen has come or gone: the whole screen is its own, and dark.
    fn at_bedside(&self, here: bool);
    /// The origin of this page, where its browser knows passkeys.
    fn passkey_origin(&self) -> Option<String>;
    /// Lets the browser make a passkey or find one, by the server's options; the answer is the server's.
    fn passkey(&self, act: PasskeyAct, options: Value) -> LocalBoxFuture<'_, Result<Value, PasskeyStop>>;
    /// Becomes true when a new version waits; see [`DevicePort::update_app`].
    fn update_waiting(&self) -> ReadSignal<bool>;
    /// Activates the waiting version and reloads.
    fn update_app(&self);
}

/// What a browser is to do with a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAct {
    Make,
    SignIn,
}

/// Why a browser did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyStop {
    /// The person said no or waited too long, or there is no passkey to be found.
    Declined,
    /// There is one of this account already.
    Known,
    Failed,
}

impl Device {
    pub fn new(
        account: ReadSignal<Option<Account>>,
        replica: ReadSignal<Option<Replica>, LocalStorage>,
        port: Rc<dyn DevicePort>,
    ) -> Self {
        Self { account, replica, port: StoredValue::new_local(port) }
    }

    pub fn port(&self) -> Rc<dyn DevicePort> {
        self.port.get_value()
    }
}
