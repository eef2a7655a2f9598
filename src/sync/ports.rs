//! The four doors through which nondeterminism enters: storage, network, time, chance. Each has a
//! browser side and a simulated twin; nothing else in this room may reach the world.
//!
//! Futures here never leave their thread (a browser has one, the simulator has one).
#![allow(async_fn_in_trait)]

use serde_json::Value;
use uuid::Uuid;

use super::{
    protocol::{
        Lease, LeaseKind, PullResponse, PushRequest, PushResponse, SnapshotResponse, SyncRequest, SyncResponse,
    },
    status::{BabyAccess, CaregiverName},
};
use crate::domain::{
    id::{BabyId, ClientId, UserId},
    registry::EntityType,
    time::Timestamp,
};

/// One object store of the device's database. Every key is text, ordered as text; composite keys
/// are joined by `/`, which sorts before every character of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// `baby/entity` → the row as the person sees it. Indexes [`Index::At`], [`Index::Running`] and
    /// [`Index::Deleted`].
    Rows(EntityType),
    /// `baby/entity` → the last server image of a row with pending edits.
    Shadow,
    /// `baby/entity` → a row of a type this version does not know, kept as it came.
    Opaque,
    /// `baby/sequence` → an entry. Index [`Index::Entity`].
    Outbox,
    /// `baby/mutation` → a dead letter.
    DeadLetters,
    /// `baby` → how far the copy of this baby is.
    SyncMeta,
    /// Client id, clock, leader epoch, access list, caregivers' names.
    Kv,
    /// Imported numeric ids.
    IdMap,
    /// Ring of the last 500 sync steps.
    Journal,
}

impl Table {
    /// Every table of the current registry.
    pub fn all() -> Vec<Self> {
        let fixed = [
            Self::Shadow,
            Self::Opaque,
            Self::Outbox,
            Self::DeadLetters,
            Self::SyncMeta,
            Self::Kv,
            Self::IdMap,
            Self::Journal,
        ];
        EntityType::all().map(Self::Rows).chain(fixed).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Rows(entity_type) => entity_type.name(),
            Self::Shadow => "shadow",
            Self::Opaque => "opaque",
            Self::Outbox => "outbox",
            Self::DeadLetters => "deadLetters",
            Self::SyncMeta => "syncMeta",
            Self::Kv => "kv",
            Self::IdMap => "idMap",
            Self::Journal => "journal",
        }
    }

    pub fn indexes(self) -> &'static [Index] {
        match self {
            Self::Rows(_) => &[Index::At, Index::Running, Index::Deleted],
            Self::Outbox => &[Index::Entity],
            _ => &[],
        }
    }
}

/// A secondary order over a table: by the text property of this name. Values without the property
/// are not in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// `baby/startedAt` of what is not deleted.
    At,
    /// `baby/startedAt` of a span without an end.
    Running,
    /// `baby/deletedAt`.
    Deleted,
    /// `baby/entity`.
    Entity,
}

impl Index {
    /// The property of the stored value, and the name of the index.
    pub fn name(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Running => "running",
            Self::Deleted => "deleted",
            Self::Entity => "entity",
        }
    }
}

/// A half-open range of keys, or of an index: `from <= key < to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub table: Table,
    pub index: Option<Index>,
    pub from: String,
    pub to: String,
    /// Largest first.
    pub descending: bool,
    pub limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Read,
    /// On disk before `commit` returns: a person's own words.
    StrictWrite,
    /// May be lost with the power: what the server has anyway.
    RelaxedWrite,
}

/// Transactions over the tables. A transaction sees its own writes; nobody sees them before
/// `commit`; after an error everything it wrote is gone.
pub trait Database {
    type Tx: Tx;

    /// # Errors
    /// See [`StoreError`].
    async fn begin(&self, tables: &[Table], mode: Mode) -> Result<Self::Tx, StoreError>;
}

/// One open transaction. IndexedDB commits as soon as nothing is pending in it, so between `begin`
/// and `commit` nothing else may be awaited. Values are plain JSON.
pub trait Tx {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Value>, StoreError>;
    async fn put(&self, table: Table, key: &str, value: &Value) -> Result<(), StoreError>;
    async fn delete(&self, table: Table, key: &str) -> Result<(), StoreError>;
    /// Every key with `from <= key < to`, without reading what stands there.
    async fn delete_range(&self, table: Table, from: &str, to: &str) -> Result<(), StoreError>;
    /// Key and value of each match, in key or index order.
    async fn scan(&self, scan: &Scan) -> Result<Vec<(String, Value)>, StoreError>;
    async fn commit(self) -> Result<(), StoreError>;
    async fn abort(self);
}

/// Why the device's database did not do it. Nothing of the transaction was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the device has no room left for this site")]
    Quota,
    #[error("the database was closed, by an update or by the browser")]
    Closed,
    /// Another tab has taken over the sync; this one must stop writing its results.
    #[error("another tab leads")]
    Fenced,
    /// What is stored is not what this version writes.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    #[error("the database failed: {0}")]
    Failed(String),
}

/// The far end, as the device reaches it.
pub trait Transport {
    async fn push(&self, request: PushRequest) -> Result<PushResponse, TransportError>;
    async fn pull(&self, baby_id: BabyId, since: u64, limit: u32) -> Result<PullResponse, TransportError>;
    /// A push and the page of a pull that is made after it, in one round trip.
    async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, TransportError>;
    /// What could not be sent before this guest's time with the baby was over, for an owner to look at. What
    /// is held now is told as `noop`.
    async fn hand_in(
        &self,
        baby_id: BabyId,
        client_id: ClientId,
        mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError>;
    /// A page of a baby's rows as they are; `after` is the `next` of the page before.
    async fn snapshot(
        &self,
        baby_id: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError>;
    /// Leave to do what is worth waiting with while the server is busy.
    async fn lease(&self, kind: LeaseKind, baby_id: BabyId) -> Result<Lease, TransportError>;
    /// Who is signed in, and the babies this account may see, with the caregivers' names of each.
    async fn access(&self) -> Result<AccessList, TransportError>;
}

/// What the server says about this account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    pub user_id: UserId,
    pub babies: Vec<BabyAccess>,
    pub caregivers: Vec<CaregiverName>,
    /// This person asked to be let in somewhere, and waits for the answer.
    pub asked: bool,
}

/// A request that has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// No answer, or one that is not our server's (a captive portal's page): nothing is known
    /// about what happened, and nothing is concluded from it.
    Network { message: String },
    /// Our server's own refusal of the whole request.
    Refused { status: u16, code: ErrorCode, retry_after_ms: Option<i64> },
}

impl TransportError {
    /// The server is older than this call.
    pub fn is_unknown_call(&self) -> bool {
        matches!(self, Self::Refused { code: ErrorCode::NotFound, .. })
    }
}

/// The codes of protocol §5, as far as the device acts on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    Malformed,
    /// The server does not have this call: it is older than this app.
    NotFound,
    Unauthenticated,
    AccessRevoked,
    ReadOnly,
    UnknownBaby,
    EpochChanged,
    CursorExpired,
    BatchTooLarge,
    ClientTooOld,
    RateLimited,
    Overloaded,
    ServerBehind,
    Internal,
    /// Any other code of ours.
    Other,
}

/// Time, as the device tells it.
pub trait Clock {
    fn now(&self) -> Timestamp;
    async fn sleep_ms(&self, ms: i64);
}

/// Chance: ids and jitter.
pub trait Entropy {
    fn uuid_v7(&self, now: Timestamp) -> Uuid;
    /// Uniform over all values.
    fn next_u64(&self) -> u64;
}
