//! What a person is told about the sync, as data: the screens put it into words.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::domain::level::Level;

use super::outbox::Mutated;
use crate::domain::{
    id::{BabyId, EntityId, MutationId, UserId},
    mutation::Rejection,
    time::Timestamp,
};

/// One baby of this account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BabyAccess {
    pub baby_id: BabyId,
    pub name: String,
    pub level: Level,
    /// Of a guest their own; for an owner those of all guests, until a week after their end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<Stay>,
    /// An owner deleted it: it is kept for [`KEPT_DAYS`](crate::domain::baby::KEPT_DAYS) and shown nowhere
    /// but where it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl BabyAccess {
    /// Access that lasts, to a baby without guests.
    pub fn new(baby_id: BabyId, name: String, level: Level) -> Self {
        Self { baby_id, name, level, stays: Vec::new(), deleted_at: None }
    }

    /// The time that this access is for, if it ends by itself.
    pub fn own_stay(&self) -> Option<&Stay> {
        self.stays.first().filter(|_| self.level != Level::Owner)
    }
}

/// A guest's time with a baby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    pub user_id: UserId,
    pub display_name: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Entries that came too late, and wait for an owner to keep them.
    pub unsent: u32,
}

/// Whose hand an entry is in, for the timeline. Kept on the device so that names work offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaregiverName {
    pub baby_id: BabyId,
    pub user_id: UserId,
    pub display_name: String,
}

/// Why nothing is sent until a person acts. Logging goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Blocked {
    /// The session ended: sign in to sync.
    SignIn,
    /// The server no longer speaks this version's protocol: update the app.
    UpdateApp,
}

/// What went wrong last, for one baby. Each is retried by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncError {
    Network,
    RateLimited,
    Server,
    Integrity {
        message: String,
    },
    /// The check could not run: nobody knows whether the copy is whole.
    IntegrityUnknown {
        message: String,
    },
    Storage {
        message: String,
    },
}

/// The whole of it, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    pub online: bool,
    /// A push or pull is under way.
    pub syncing: bool,
    pub blocked: Option<Blocked>,
    /// How far this device's clock is ahead of the server's, once the server has said.
    pub clock_skew_ms: Option<i64>,
    /// Entries not yet acknowledged by the server, over all babies.
    pub waiting: usize,
    /// Dead letters that need a person, over all babies.
    pub failed: usize,
    pub babies: Vec<BabyStatus>,
}

impl SyncStatus {
    /// One baby's part of it.
    pub fn of(&self, baby: BabyId) -> Option<&BabyStatus> {
        self.babies.iter().find(|status| status.baby_id == baby)
    }
}

/// One baby's copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BabyStatus {
    pub baby_id: BabyId,
    pub cursor: u64,
    pub last_pull_at: Option<Timestamp>,
    pub last_push_at: Option<Timestamp>,
    /// While the first copy is not complete: how far it is.
    pub bootstrapping: Option<Progress>,
    /// Made on this device, and the server does not have it yet.
    pub is_new: bool,
    pub waiting: usize,
    /// The entries that `waiting` is about.
    pub unsent: BTreeSet<EntityId>,
    pub failed: usize,
    pub error: Option<SyncError>,
}

/// The rows of a copy that is being fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub rows: u64,
    /// Of how many, once the server has said.
    pub of: Option<u64>,
}

/// One step of the sync: the journal keeps the last of them, without anybody's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStep {
    pub at: Timestamp,
    /// `None` for a step that concerns the whole copy.
    pub baby_id: Option<BabyId>,
    pub did: Did,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Did {
    Pushed {
        sent: usize,
        acked: usize,
        /// Edits that lost to another caregiver's.
        lost: usize,
        /// New dead letters.
        dead: usize,
    },
    Pulled {
        changes: usize,
        cursor: u64,
    },
    /// Kept as it came, because a newer version made it, or it refers to what is not here.
    NotUnderstood {
        /// How many, by the name of their type.
        unread: BTreeMap<String, usize>,
        orphans: usize,
    },
    /// What an earlier version of the app could not read is read now.
    Understood {
        entries: usize,
    },
    /// Asked, and nothing was new. Too frequent for the journal.
    Unchanged,
    /// Entries became dead letters without a verdict.
    Buried {
        letters: usize,
        reason: DeadReason,
    },
    /// The copy was dropped, to be fetched anew.
    Reset,
    Failed {
        error: SyncError,
    },
    /// A run that failed, by the code of its [`super::fault::Fault`].
    Fault {
        code: String,
        retried: bool,
    },
    /// What had failed works again.
    Recovered,
    /// What a guest could not send is with the server, for the owners to decide.
    HandedOver {
        mutations: usize,
    },
    /// The baby left this device: access ended, or (`refused`) the server never took it in.
    Removed {
        refused: bool,
        kept: usize,
    },
}

/// A mutation that the server did not take, with all a person wrote: to retry, edit, export or
/// discard, never to lose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    pub mutation_id: MutationId,
    pub baby_id: BabyId,
    /// What a person did; `None` when what was stored could not be read back.
    #[serde(default)]
    pub mutated: Option<Mutated>,
    pub reason: DeadReason,
    pub failed_at: Timestamp,
}

/// Why it is a dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeadReason {
    /// The server refused it.
    Rejected { error: Rejection },
    /// What it depends on was refused.
    ParentRejected { error: Rejection },
    /// Another caregiver's later change (or a delete) won over these fields. The copy shows theirs.
    LostEdit { fields: Vec<String>, deleted: bool },
    /// Access to the baby ended before it was sent.
    AccessRevoked,
    /// This caregiver may only read.
    ReadOnly,
    /// The server failed on it again and again.
    Exhausted,
    /// What was stored could not be read back; the raw text is kept.
    Corrupt { raw: String },
}
