//! The server in memory, as far as a device can tell: the same judge as the real one, between
//! statements that others may interleave with. Committed state changes at [`FarEnd::commit`] only.

mod disk;
mod reading;
mod tray;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use serde_json::Value;
use uuid::Uuid;

pub use self::tray::Brought;

use self::disk::Disk;
use crate::{
    domain::{
        apply::{Bench, Event, Head, Push, Remembered, is_near},
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        merge::Stored,
        mutation::{Mutation, Op},
        registry::EntityType,
        time::Timestamp,
    },
    sync::{
        defect::{FarDefect, far_planted},
        ports::{ErrorCode, TransportError},
        protocol::{MAX_BATCH, PushRequest, PushResponse, SyncRequest, WireVerdict, read_mutation},
        status::Level,
    },
};

/// One baby, as committed.
#[derive(Clone, Default)]
pub struct Ledger {
    /// Which history this is.
    pub epoch: Uuid,
    pub head: Head,
    pub rows: BTreeMap<EntityId, Stored>,
    pub log: Vec<Rc<Logged>>,
    pub known: BTreeMap<MutationId, Remembered>,
    /// Below it a cursor has lost what it needs.
    pub floor: u64,
    /// Events that nobody is sent any more.
    pub gone: BTreeSet<u64>,
    /// The next version, for a far end that takes it from a sequence.
    sequence: Cell<u64>,
}

/// One event with what the log keeps beside it.
pub struct Logged {
    pub event: Event,
    pub actor: UserId,
    pub client: ClientId,
    pub seq: Option<u64>,
    pub at: Timestamp,
}

#[derive(Default)]
pub struct FarEnd {
    pub babies: BTreeMap<BabyId, Rc<Ledger>>,
    pub levels: Levels,
    /// Who ever lost access to what.
    pub removed: BTreeSet<(BabyId, UserId)>,
    /// Whose access ends by itself, and when.
    pub guests: BTreeMap<(BabyId, UserId), i64>,
    /// What guests could not send in time. A lost disk does not lose it.
    pub tray: BTreeMap<(BabyId, MutationId), Brought>,
    /// Who was a guest whose time is over.
    pub ended: BTreeSet<(BabyId, UserId)>,
    /// Mutations that an owner has taken out of the tray into the log.
    pub kept: BTreeSet<MutationId>,
    /// The histories that were lost, by their epochs, each as it was at its end.
    pub lost: BTreeMap<Uuid, (BabyId, Rc<Ledger>)>,
    /// Whether the disk of every moment is kept, for a restore.
    keeps_disks: bool,
    /// The disk before each commit, newest last.
    disks: Vec<Disk>,
    /// The transactions that hold the row locks of heads.
    locks: BTreeMap<BabyId, u64>,
    transactions: u64,
    epochs: u128,
}

pub type Levels = BTreeMap<(BabyId, UserId), Level>;

/// A push that has been judged and not committed.
pub struct Judged {
    head: Head,
    /// The rows to be written.
    pub rows: Vec<Stored>,
    events: Vec<Rc<Logged>>,
    known: BTreeMap<MutationId, Remembered>,
    actor: UserId,
    baby: BabyId,
    pub results: Vec<WireVerdict>,
}

/// What a far end with a defect writes in a second transaction.
pub struct Late {
    baby: BabyId,
    rows: Vec<Stored>,
    events: Vec<Rc<Logged>>,
}

impl Judged {
    /// What is to follow later; nothing, unless a defect is planted.
    pub fn hold_back(&mut self) -> Option<Late> {
        let mut late = Late { baby: self.baby, rows: Vec::new(), events: Vec::new() };
        if far_planted(FarDefect::EventOutside) {
            late.events = std::mem::take(&mut self.events);
        }
        if far_planted(FarDefect::RowOutside) {
            late.rows = std::mem::take(&mut self.rows);
        }
        (!late.rows.is_empty() || !late.events.is_empty()).then_some(late)
    }
}

/// An epoch that no history had.
fn next(epochs: &mut u128) -> Uuid {
    *epochs += 1;
    Uuid::from_u128(0xe90c << 64 | *epochs)
}

fn refused(status: u16, code: ErrorCode) -> TransportError {
    TransportError::Refused { status, code, retry_after_ms: None }
}

impl FarEnd {
    pub fn new(keeps_disks: bool) -> Self {
        Self { keeps_disks, ..Self::default() }
    }

    pub fn begin(&mut self) -> u64 {
        self.transactions += 1;
        self.transactions
    }

    /// Takes the lock of a baby's head; `false` when another transaction holds it.
    pub fn lock(&mut self, baby: BabyId, tx: u64) -> bool {
        if far_planted(FarDefect::NoHeadLock) || far_planted(FarDefect::SerialCursor) {
            return true;
        }
        *self.locks.entry(baby).or_insert(tx) == tx
    }

    /// The server restarts: what was not committed is gone, and so are its locks.
    pub fn restart(&mut self) {
        self.locks.clear();
    }

    /// Ends a transaction that did not commit, or has.
    pub fn unlock(&mut self, baby: BabyId, tx: u64) {
        if self.locks.get(&baby) == Some(&tx) {
            self.locks.remove(&baby);
        }
    }

    /// The first statement of a push: may this account write here?
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn admit(&self, actor: UserId, request: &PushRequest) -> Result<(), TransportError> {
        let named = |value: &Value| value.get("payload")?.get("babyId")?.as_str()?.parse().ok();
        if request.mutations.len() > MAX_BATCH {
            return Err(refused(413, ErrorCode::BatchTooLarge));
        }
        let baby = match request.mutations.iter().find_map(named) {
            Some(named) if far_planted(FarDefect::AccessByPayload) => named,
            _ => request.baby_id,
        };
        match self.levels.get(&(baby, actor)) {
            Some(Level::Viewer) => Err(refused(403, ErrorCode::ReadOnly)),
            Some(_) => self.follows(request.baby_id, request.epoch),
            None if !self.exists(request.baby_id) && creates_baby(request) => {
                self.follows(request.baby_id, request.epoch)
            }
            None => Err(refused(403, ErrorCode::AccessRevoked)),
        }
    }

    /// Reads what is committed now and judges the batch against it.
    pub fn judge(&self, actor: UserId, request: &PushRequest, now: Timestamp) -> Judged {
        let (baby, client) = (request.baby_id, request.client_id);
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).map_or(&nothing, |ledger| &**ledger);
        let read: Vec<_> = request.mutations.iter().map(read_mutation).collect();
        let batch: Vec<Mutation> = read.iter().flatten().map(|(mutation, _)| mutation.clone()).collect();
        let (wanted, times) = (Bench::wanted(baby, &batch), Bench::times(&batch));
        let near = |at| times.iter().any(|time| is_near(at, *time));
        let rows =
            ledger.rows.iter().filter(|(id, stored)| wanted.contains(id) || stored.row.started_at().is_some_and(near));
        let rows = rows.map(|(id, stored)| (*id, seen(stored))).collect();
        let known = batch.iter().filter(|_| !far_planted(FarDefect::NoDedupe)).filter_map(|mutation| {
            let mut known = ledger.known.get(&mutation.mutation_id)?.clone();
            if far_planted(FarDefect::NoBodyHash) {
                known.body_sha256 = mutation.body_sha256();
            }
            Some((mutation.mutation_id, known))
        });
        let mut head = ledger.head;
        if far_planted(FarDefect::SerialCursor) {
            head.version = head.version.max(ledger.sequence.get());
        }
        let mut bench = Bench::new(Push { baby_id: baby, client_id: client, actor, now }, head, rows, known.collect());
        let seqs: BTreeMap<_, _> = read.iter().flatten().map(|(mutation, seq)| (mutation.mutation_id, *seq)).collect();
        // Whoever makes a baby owns it.
        let level = self.levels.get(&(baby, actor)).copied().unwrap_or(Level::Owner);
        let results = read
            .into_iter()
            .map(|read| match read {
                Ok((mutation, _)) => {
                    let forbidden = level.forbids(&mutation);
                    WireVerdict::Verdict(forbidden.unwrap_or_else(|| bench.judge(&as_read(mutation))))
                }
                Err(refusal) => *refusal,
            })
            .collect();
        ledger.sequence.set(bench.head().version);
        let logged = |event: &Event| {
            let seq = seqs.get(&event.mutation_id).copied().flatten();
            Rc::new(Logged { event: event.clone(), actor, client, seq, at: now })
        };
        Judged {
            head: bench.head(),
            rows: bench.written().cloned().collect(),
            events: bench.events().iter().map(logged).collect(),
            known: bench.judged().map(|(id, remembered)| (*id, remembered.clone())).collect(),
            actor,
            baby,
            results,
        }
    }

    /// Makes a judged push visible, all of it at once.
    pub fn commit(&mut self, judged: Judged, now: Timestamp) -> PushResponse {
        let Judged { head, rows, events, known, actor, baby, results } = judged;
        self.keep_disk();
        let is_new = !self.exists(baby);
        let ledger = self.ledger_mut(baby);
        ledger.head = head;
        ledger.known.extend(known);
        let epoch = ledger.epoch;
        self.catch_up(Late { baby, rows, events });
        if is_new && self.exists(baby) {
            self.levels.insert((baby, actor), Level::Owner);
        }
        PushResponse { results, sync_operation_id: None, server_time: now, clock_skew_ms: None, epoch: Some(epoch) }
    }

    /// The rows and events of a commit, or what a defect made follow it.
    pub fn catch_up(&mut self, late: Late) {
        let ledger = self.ledger_mut(late.baby);
        for stored in late.rows {
            if stored.row.is_deleted() && far_planted(FarDefect::HardDelete) {
                ledger.rows.remove(&stored.row.id);
            } else {
                ledger.rows.insert(stored.row.id, stored);
            }
        }
        ledger.log.extend(late.events);
    }

    /// A whole push with nobody in between.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn push(
        &mut self,
        actor: UserId,
        request: &PushRequest,
        now: Timestamp,
    ) -> Result<PushResponse, TransportError> {
        self.admit(actor, request)?;
        let judged = self.judge(actor, request, now);
        Ok(self.commit(judged, now))
    }

    /// Whether a history that is named is the one of now.
    fn follows(&self, baby: BabyId, named: Option<Uuid>) -> Result<(), TransportError> {
        let now = self.babies.get(&baby).map(|ledger| ledger.epoch);
        let fits = named.is_none() || named == now || far_planted(FarDefect::TakesAnyHistory);
        if fits { Ok(()) } else { Err(refused(409, ErrorCode::EpochChanged)) }
    }

    /// To be written to; of a new baby it begins a history.
    fn ledger_mut(&mut self, baby: BabyId) -> &mut Ledger {
        let epochs = &mut self.epochs;
        let ledger =
            self.babies.entry(baby).or_insert_with(|| Rc::new(Ledger { epoch: next(epochs), ..Ledger::default() }));
        Rc::make_mut(ledger)
    }

    /// The history of that epoch, lost or not; without an epoch the one that is now.
    pub fn history(&self, baby: BabyId, epoch: Option<Uuid>) -> Option<&Ledger> {
        let now = self.babies.get(&baby);
        let lost = epoch.and_then(|epoch| self.lost.get(&epoch)).map(|(_, ledger)| ledger);
        now.filter(|now| epoch.is_none_or(|epoch| now.epoch == epoch)).or(lost).map(|ledger| &**ledger)
    }

    pub fn exists(&self, baby: BabyId) -> bool {
        self.babies.get(&baby).is_some_and(|ledger| ledger.head.version > 0)
    }
}

/// The push of a combined call.
pub fn push_of(request: &SyncRequest) -> PushRequest {
    PushRequest {
        baby_id: request.baby_id,
        client_id: request.client_id,
        sync_operation_id: request.sync_operation_id.clone(),
        acked_through: request.acked_through,
        epoch: request.epoch,
        mutations: request.changes.clone(),
    }
}

/// A row as it is judged by.
fn seen(stored: &Stored) -> Stored {
    let mut seen = stored.clone();
    if far_planted(FarDefect::WholeRow)
        && let Some(last) = stored.groups.values().max_by_key(|stamp| stamp.version)
    {
        let all = stored.row.entity_type.fields().map(|field| (field.group.to_owned(), *last));
        seen.groups.extend(all);
    }
    seen
}

/// A mutation as it is judged.
fn as_read(mutation: Mutation) -> Mutation {
    if far_planted(FarDefect::WallClock) {
        return Mutation { base_version: None, hlc: None, ..mutation };
    }
    mutation
}

fn creates_baby(request: &PushRequest) -> bool {
    let reads_as_create = |(mutation, _): (Mutation, _)| {
        mutation.entity_type == EntityType::BABY
            && mutation.op == Op::Create
            && mutation.entity_id == request.baby_id.entity()
    };
    request.mutations.iter().filter_map(|value| read_mutation(value).ok()).any(reads_as_create)
}
