//! What a person is told about the sync, as data: the screens put it into words.

use std::collections::BTreeSet;

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
#[serde(rename_all = "camelCase", tag = "kind")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub rows: u64,
    /// Of how many, once the server has said.
    pub of: Option<u64>,
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
#[serde(rename_all = "camelCase", tag = "kind")]
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
