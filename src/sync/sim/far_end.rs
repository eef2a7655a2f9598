//! The server in memory, as far as a device can tell: the same judge as the real one, between
//! statements that others may interleave with. Committed state changes at [`FarEnd::commit`] only.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{
    domain::{
        apply::{Bench, Event, EventOp, Head, Push, Remembered, is_near},
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        merge::Stored,
        mutation::{Mutation, Op},
        registry::EntityType,
        relation::relations,
        time::Timestamp,
    },
    sync::{
        defect::{FarDefect, far_planted},
        ports::{AccessList, ErrorCode, TransportError},
        protocol::{
            Change, ChangeOp, PullResponse, PushRequest, PushResponse, SnapshotResponse, SyncRequest, WireVerdict,
            read_mutation,
        },
        status::{BabyAccess, CaregiverName, Level},
    },
};

/// One baby, as committed.
#[derive(Default)]
pub struct Ledger {
    pub head: Head,
    pub rows: BTreeMap<EntityId, Stored>,
    pub log: Vec<Logged>,
    pub known: BTreeMap<MutationId, Remembered>,
    /// Below it a cursor has lost what it needs.
    pub floor: u64,
    /// Events that nobody is sent any more.
    pub gone: BTreeSet<u64>,
    /// Tombstones that were let go.
    buried: BTreeMap<EntityId, Stored>,
    /// The transaction that holds the head's row lock.
    lock: Option<u64>,
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
    pub babies: BTreeMap<BabyId, Ledger>,
    pub levels: BTreeMap<(BabyId, UserId), Level>,
    /// Who ever lost access to what.
    pub removed: BTreeSet<(BabyId, UserId)>,
    transactions: u64,
}

/// Which history this is; there is one only.
pub const EPOCH: Uuid = Uuid::from_u128(0xe90c);

/// A push that has been judged and not committed.
pub struct Judged {
    head: Head,
    /// The rows to be written.
    pub rows: Vec<Stored>,
    events: Vec<Logged>,
    known: BTreeMap<MutationId, Remembered>,
    actor: UserId,
    baby: BabyId,
    pub results: Vec<WireVerdict>,
}

/// What a far end with a defect writes in a second transaction.
pub struct Late {
    baby: BabyId,
    rows: Vec<Stored>,
    events: Vec<Logged>,
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

fn refused(status: u16, code: ErrorCode) -> TransportError {
    TransportError::Refused { status, code, retry_after_ms: None }
}

impl FarEnd {
    pub fn begin(&mut self) -> u64 {
        self.transactions += 1;
        self.transactions
    }

    /// Takes the lock of a baby's head; `false` when another transaction holds it.
    pub fn lock(&mut self, baby: BabyId, tx: u64) -> bool {
        if far_planted(FarDefect::NoHeadLock) || far_planted(FarDefect::SerialCursor) {
            return true;
        }
        let lock = &mut self.babies.entry(baby).or_default().lock;
        *lock.get_or_insert(tx) == tx
    }

    /// The server restarts: what was not committed is gone, and so are its locks.
    pub fn restart(&mut self) {
        self.babies.values_mut().for_each(|ledger| ledger.lock = None);
    }

    /// Ends a transaction that did not commit, or has.
    pub fn unlock(&mut self, baby: BabyId, tx: u64) {
        if let Some(ledger) = self.babies.get_mut(&baby)
            && ledger.lock == Some(tx)
        {
            ledger.lock = None;
        }
    }

    /// The first statement of a push: may this account write here?
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn admit(&self, actor: UserId, request: &PushRequest) -> Result<(), TransportError> {
        let named = |value: &Value| value.get("payload")?.get("babyId")?.as_str()?.parse().ok();
        let baby = match request.mutations.iter().find_map(named) {
            Some(named) if far_planted(FarDefect::AccessByPayload) => named,
            _ => request.baby_id,
        };
        match self.levels.get(&(baby, actor)) {
            Some(Level::Viewer) => Err(refused(403, ErrorCode::ReadOnly)),
            Some(_) => Ok(()),
            None if self.exists(request.baby_id) => Err(refused(403, ErrorCode::AccessRevoked)),
            None if creates_baby(request) => Ok(()),
            None => Err(refused(404, ErrorCode::UnknownBaby)),
        }
    }

    /// Reads what is committed now and judges the batch against it.
    pub fn judge(&self, actor: UserId, request: &PushRequest, now: Timestamp) -> Judged {
        let (baby, client) = (request.baby_id, request.client_id);
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).unwrap_or(&nothing);
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
        let results = read
            .into_iter()
            .map(|read| match read {
                Ok((mutation, _)) => WireVerdict::Verdict(bench.judge(&as_read(mutation))),
                Err(refusal) => *refusal,
            })
            .collect();
        ledger.sequence.set(bench.head().version);
        let logged = |event: &Event| {
            let seq = seqs.get(&event.mutation_id).copied().flatten();
            Logged { event: event.clone(), actor, client, seq, at: now }
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
        let is_new = !self.exists(baby);
        let ledger = self.babies.entry(baby).or_default();
        ledger.head = head;
        ledger.known.extend(known);
        self.catch_up(Late { baby, rows, events });
        if is_new && self.exists(baby) {
            self.levels.insert((baby, actor), Level::Owner);
        }
        PushResponse { results, sync_operation_id: None, server_time: now, clock_skew_ms: None, epoch: Some(EPOCH) }
    }

    /// The rows and events of a commit, or what a defect made follow it.
    pub fn catch_up(&mut self, late: Late) {
        let ledger = self.babies.entry(late.baby).or_default();
        for stored in late.rows {
            if stored.row.is_deleted() && far_planted(FarDefect::HardDelete) {
                ledger.rows.remove(&stored.row.id);
            } else {
                ledger.rows.insert(stored.row.id, stored);
            }
        }
        ledger.log.extend(late.events);
    }

    /// Lets go of superseded events, and of tombstones older than `age_ms`. Returns the floor that
    /// this makes, which belongs into the same commit.
    pub fn compact(&mut self, baby: BabyId, now: Timestamp, age_ms: i64) -> u64 {
        let Some(ledger) = self.babies.get_mut(&baby) else { return 0 };
        let is_old = |stored: &Stored| {
            let row = &stored.row;
            // What others refer to stays, and so does the baby itself.
            let refers = |child: EntityType| relations(child).any(|relation| relation.parent == row.entity_type);
            let kept = row.entity_type == EntityType::BABY || EntityType::all().any(refers);
            !kept && row.server.deleted_at.is_some_and(|at| now.since(at) >= age_ms)
        };
        let old: Vec<EntityId> = ledger.rows.iter().filter(|(_, stored)| is_old(stored)).map(|(id, _)| *id).collect();
        let last: BTreeMap<EntityId, u64> =
            ledger.log.iter().map(|logged| (logged.event.row.id, logged.event.id)).collect();
        let lives_on = |logged: &&Logged| {
            let event = &logged.event;
            last.get(&event.row.id) == Some(&event.id) && !old.contains(&event.row.id)
        };
        let gone: Vec<u64> =
            ledger.log.iter().filter(|logged| !lives_on(logged)).map(|logged| logged.event.id).collect();
        ledger.gone.extend(gone);
        let mut floor = ledger.floor;
        for stored in old.iter().filter_map(|id| ledger.rows.remove(id)) {
            floor = floor.max(stored.row.server.row_version);
            ledger.buried.insert(stored.row.id, stored);
        }
        floor
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

    /// The first statement of a pull.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn head(&self, actor: UserId, baby: BabyId) -> Result<Head, TransportError> {
        match (self.levels.contains_key(&(baby, actor)), self.exists(baby)) {
            (true, _) => Ok(self.babies.get(&baby).map(|ledger| ledger.head).unwrap_or_default()),
            (false, true) => Err(refused(403, ErrorCode::AccessRevoked)),
            (false, false) => Err(refused(404, ErrorCode::UnknownBaby)),
        }
    }

    /// The second statement of a pull: the events after `since`, as committed by now.
    ///
    /// # Errors
    /// The cursor lies beyond this history.
    pub fn page(
        &self,
        baby: BabyId,
        head: Head,
        since: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<PullResponse, TransportError> {
        if since > head.version {
            return Err(refused(409, ErrorCode::EpochChanged));
        }
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).unwrap_or(&nothing);
        if since < ledger.floor {
            return Err(refused(410, ErrorCode::CursorExpired));
        }
        let seen_at = ledger.log.iter().find(|logged| logged.event.id == since).map(|logged| logged.at);
        let after = |logged: &&Logged| match seen_at {
            Some(at) if far_planted(FarDefect::TimestampCursor) => logged.at > at,
            _ => logged.event.id > since && !ledger.gone.contains(&logged.event.id),
        };
        let mut found = ledger.log.iter().filter(after).take(limit + 1).map(change).peekable();
        let mut changes = Vec::new();
        while changes.len() < limit
            && let Some(change) = found.next()
        {
            changes.push(change);
        }
        let next_cursor = changes.last().map_or(since, |change| change.id);
        Ok(PullResponse {
            has_more: found.next().is_some(),
            changes,
            next_cursor,
            new_cursor: next_cursor,
            head: head.version,
            epoch: EPOCH,
            checksum: head.checksum.to_hex(),
            live_rows: head.live_rows,
            server_time: now,
        })
    }

    /// A whole pull with nobody in between.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn pull(
        &self,
        actor: UserId,
        baby: BabyId,
        since: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<PullResponse, TransportError> {
        self.page(baby, self.head(actor, baby)?, since, limit, now)
    }

    /// The second statement of a snapshot: rows as committed by now, in the order of their ids.
    /// `after` carries the version that the first page began at.
    ///
    /// # Errors
    /// `after` is not of our making.
    pub fn rows(
        &self,
        baby: BabyId,
        head: Head,
        after: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<SnapshotResponse, TransportError> {
        let malformed = || refused(400, ErrorCode::Malformed);
        let (snapshot_version, from) = match after {
            None => (head.version, None),
            Some(token) => {
                let (version, id) = token.split_once('/').ok_or_else(malformed)?;
                let version =
                    if far_planted(FarDefect::SnapshotVersionLate) { &head.version.to_string() } else { version };
                let id: EntityId = id.parse().map_err(|_| malformed())?;
                (version.parse().map_err(|_| malformed())?, Some(id))
            }
        };
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).unwrap_or(&nothing);
        if snapshot_version < ledger.floor {
            return Err(refused(410, ErrorCode::CursorExpired));
        }
        let mut ids = ledger.rows.keys().filter(|id| from.is_none_or(|from| **id > from));
        let page: Vec<EntityId> = ids.by_ref().take(limit).copied().collect();
        let has_more = ids.next().is_some();
        let last = |id: &EntityId| ledger.log.iter().rev().find(|logged| logged.event.row.id == *id);
        Ok(SnapshotResponse {
            next: page.last().filter(|_| has_more).map(|id| format!("{snapshot_version}/{id}")),
            rows: page.iter().filter_map(last).map(change).collect(),
            snapshot_version: match far_planted(FarDefect::SnapshotVersionLate) {
                true => head.version,
                false => snapshot_version,
            },
            has_more,
            epoch: EPOCH,
            live_rows: head.live_rows,
            server_time: now,
        })
    }

    pub fn access(&self, actor: UserId) -> AccessList {
        let mine = self.levels.iter().filter(|((_, user), _)| *user == actor);
        let babies = mine.map(|((baby_id, _), level)| {
            let own = self.babies.get(baby_id).and_then(|ledger| ledger.rows.get(&baby_id.entity()));
            let name = own.and_then(|own| own.row.fields.get("name")?.as_str()).unwrap_or_default().to_owned();
            BabyAccess { baby_id: *baby_id, name, level: *level }
        });
        let of_mine = self.levels.keys().filter(|(baby_id, _)| self.levels.contains_key(&(*baby_id, actor)));
        let caregivers = of_mine.map(|&(baby_id, user_id)| {
            let display_name = user_id.to_string();
            CaregiverName { baby_id, user_id, display_name }
        });
        AccessList { user_id: actor, babies: babies.collect(), caregivers: caregivers.collect() }
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

fn change(logged: &Logged) -> Change {
    let event = &logged.event;
    Change {
        id: event.id,
        entity_type: event.row.entity_type.name().to_owned(),
        entity_id: event.row.id,
        op: match event.op {
            EventOp::Create => ChangeOp::Create,
            EventOp::Update => ChangeOp::Update,
            EventOp::Delete => ChangeOp::Delete,
        },
        version: event.id,
        payload: RawValue::from_string(event.row.to_payload().to_string()).expect("a payload is JSON"),
        actor_id: Some(logged.actor),
        client_id: Some(logged.client),
        mutation_id: Some(event.mutation_id),
        created_at: logged.at,
    }
}
