//! The judge: takes one baby's rows and one device's batch, and says what is written. The Postgres
//! server and the simulator's server both load, ask here, and write what it says, so what is proven
//! of one holds for the other.
//!
//! Invariant: every version handed out has exactly one event and one row at that version; a
//! mutation that is not written leaves neither.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    checksum::Checksum,
    field::{Fields, Invalid},
    hlc::Hlc,
    id::{BabyId, ClientId, EntityId, MutationId, UserId},
    merge::{Groups, Stamp, Stored, reading, standing},
    mutation::{Mutation, Op, RejectionCode, Status, Verdict},
    policy::{Standing, merged},
    registry::{EntityType, TIME},
    relation::{references, relations},
    row::{self, Row, ServerFields, apply_patch},
    time::Timestamp,
    timer,
};

/// A baby's `sync_head`: its version and the fingerprint of its live rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub version: u64,
    pub checksum: Checksum,
    pub live_rows: u64,
}

/// Who pushes, to which baby, and when (the server's clock).
#[derive(Clone, Copy, Debug)]
pub struct Push {
    pub baby_id: BabyId,
    pub client_id: ClientId,
    pub actor: UserId,
    pub now: Timestamp,
}

/// What is remembered of a mutation that was judged before.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    pub body_sha256: [u8; 32],
    pub verdict: Verdict,
}

/// What an event says was done. A restore is told as an update: whoever applies it upserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOp {
    Create,
    Update,
    Delete,
}

impl EventOp {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One entry of the baby's log: the whole row after the change, at version `id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: u64,
    pub op: EventOp,
    pub row: Row,
    pub mutation_id: MutationId,
}

/// How far apart two caregivers may write down the same happening.
pub const TWINS_WITHIN_MS: i64 = 10 * 60_000;

/// One push in progress. Load it with the head, the rows named by the batch (see
/// [`Bench::wanted`]), the others' live rows about the times it creates (see [`Bench::times`]) and the mutations already known, judge each mutation in order, then write
/// [`Bench::head`], [`Bench::written`], [`Bench::events`] and [`Bench::judged`] in one transaction.
pub struct Bench {
    push: Push,
    head: Head,
    rows: BTreeMap<EntityId, Stored>,
    known: BTreeMap<MutationId, Remembered>,
    /// Of `rows`, those that this push changed.
    written: BTreeSet<EntityId>,
    events: Vec<Event>,
    judged: BTreeMap<MutationId, Remembered>,
}

impl Bench {
    /// The ids whose rows a batch is judged by: its own, the baby's, and every entry referred to.
    pub fn wanted(baby_id: BabyId, batch: &[Mutation]) -> Vec<EntityId> {
        let referred = batch.iter().flat_map(|mutation| references(mutation.entity_type, &mutation.payload));
        let mut ids: Vec<_> = batch.iter().map(|mutation| mutation.entity_id).chain(referred).collect();
        ids.push(baby_id.entity());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// When what a batch creates happened. Other people's live rows within [`TWINS_WITHIN_MS`] of
    /// these may be the same happening.
    pub fn times(batch: &[Mutation]) -> Vec<Timestamp> {
        let creates = batch.iter().filter(|mutation| mutation.op == Op::Create);
        creates.filter_map(|mutation| mutation.payload.get("startedAt")?.as_str()?.parse().ok()).collect()
    }

    pub fn new(
        push: Push,
        head: Head,
        rows: BTreeMap<EntityId, Stored>,
        known: BTreeMap<MutationId, Remembered>,
    ) -> Self {
        Self { push, head, rows, known, written: BTreeSet::new(), events: Vec::new(), judged: BTreeMap::new() }
    }

    /// The head after the mutations judged so far.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The rows to write, each once, as they stand now.
    pub fn written(&self) -> impl Iterator<Item = &Stored> {
        self.written.iter().filter_map(|id| self.rows.get(id))
    }

    /// The events to append, in order, without gaps.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The verdicts to remember. Rejections are not among them: nothing happened, and a later try
    /// may be right (a parent may have arrived).
    pub fn judged(&self) -> impl Iterator<Item = (&MutationId, &Remembered)> {
        self.judged.iter()
    }

    /// Judges one mutation against everything judged before it.
    pub fn judge(&mut self, mutation: &Mutation) -> Verdict {
        let body_sha256 = mutation.body_sha256();
        let id = mutation.mutation_id;
        if let Some(known) = self.judged.get(&id).or_else(|| self.known.get(&id)) {
            if known.body_sha256 != body_sha256 {
                let why =
                    Invalid::at("mutationId", "this mutationId was used before with another body; make a new one");
                return Verdict::rejected(id, RejectionCode::IdReused, why);
            }
            return Verdict { status: Status::Duplicate, ..known.verdict.clone() };
        }
        match self.decide(mutation) {
            Ok(verdict) => {
                self.judged.insert(id, Remembered { body_sha256, verdict: verdict.clone() });
                verdict
            }
            Err((code, why)) => Verdict::rejected(id, code, why),
        }
    }

    fn decide(&mut self, mutation: &Mutation) -> Result<Verdict, (RejectionCode, Invalid)> {
        let invalid = |why| (RejectionCode::InvalidPayload, why);
        let patch = mutation.entity_type.canonical(&mutation.payload).map_err(invalid)?;
        let is_own_row = mutation.entity_id == self.push.baby_id.entity();
        if (mutation.entity_type == EntityType::BABY) != is_own_row {
            return Err(invalid(Invalid::at(
                "entityId",
                "a baby's own row, and no other, has entityId equal to babyId",
            )));
        }
        let stored = self.rows.get(&mutation.entity_id).cloned();
        if stored.as_ref().is_some_and(|stored| stored.row.entity_type != mutation.entity_type) {
            let why = Invalid::at("entityId", "this entityId belongs to an entry of another type; make a new one");
            return Err((RejectionCode::IdReused, why));
        }
        let deleted = stored.as_ref().is_some_and(|stored| stored.row.is_deleted());
        match (mutation.op, stored) {
            (Op::Create, None) => self.create(mutation, patch),
            (Op::Update, None) => {
                Err(invalid(Invalid::at("entityId", "there is no such entry to update; create it first")))
            }
            (Op::Restore, None) => Err(invalid(Invalid::at("entityId", "there is no such entry to restore"))),
            (Op::Delete, None) => Ok(unwritten(mutation, Status::Noop, None)),
            (Op::Delete, Some(_)) if deleted => Ok(unwritten(mutation, Status::Noop, None)),
            (Op::Delete, Some(stored)) => Ok(self.delete(mutation, stored)),
            (Op::Create | Op::Update, Some(stored)) if deleted => {
                // Delete beats a concurrent edit; the person is offered "restore with this change?".
                Ok(unwritten(mutation, Status::Conflict, Some(stored.row.to_payload())))
            }
            (Op::Restore, Some(_)) if !deleted && patch.is_empty() => Ok(unwritten(mutation, Status::Noop, None)),
            (_, Some(stored)) => self.change(mutation, stored, patch),
        }
    }

    fn create(&mut self, mutation: &Mutation, patch: Fields) -> Result<Verdict, (RejectionCode, Invalid)> {
        let server = ServerFields {
            logged_by: Some(self.push.actor),
            created_at: Some(self.push.now),
            ..ServerFields::default()
        };
        let row = Row {
            entity_type: mutation.entity_type,
            id: mutation.entity_id,
            baby_id: self.push.baby_id,
            fields: Fields::new(),
            server,
        };
        let mut stored = Stored { row, groups: Groups::new() };
        self.put(mutation, &mut stored, &patch)?;
        stored.row.server.possible_duplicate_of = self.twin(&stored.row);
        Ok(self.commit(mutation, EventOp::Create, stored, Status::Applied))
    }

    /// What another caregiver wrote down that looks like the same happening: the nearest in time.
    fn twin(&self, row: &Row) -> Option<EntityId> {
        let at = row.started_at()?;
        let distance = |other: &Row| {
            let is_like = other.entity_type == row.entity_type
                && other.server.logged_by != row.server.logged_by
                && !other.is_deleted()
                && row.entity_type.is_alike(&other.fields, &row.fields);
            let other_at = other.started_at().filter(|other_at| is_like && is_near(*other_at, at))?;
            Some(other_at.since(at).abs())
        };
        let near = self.rows.values().filter_map(|other| Some((distance(&other.row)?, other.row.id)));
        near.min().map(|(_, id)| id)
    }

    fn change(
        &mut self,
        mutation: &Mutation,
        mut stored: Stored,
        patch: Fields,
    ) -> Result<Verdict, (RejectionCode, Invalid)> {
        let hlc = reading(mutation, self.push.client_id, self.push.now);
        let agreed = agreed(mutation, hlc, &stored, &patch);
        let is_agreed = |group: &str| agreed.is_some() && group == TIME;
        let (mut winning, mut touched) = (Fields::new(), BTreeSet::new());
        for (name, value) in &patch {
            let Some(field) = mutation.entity_type.field(name).filter(|field| !is_agreed(field.group)) else {
                continue;
            };
            touched.insert(field.group);
            let stands = standing(mutation, hlc, field.group, &stored.groups);
            if let Some(kept) = merged(field.policy, stands, stored.row.fields.get(name), value) {
                winning.insert(name.clone(), kept);
            }
        }
        let lost = mutation.entity_type.groups(&winning).len() < touched.len();
        winning.extend(agreed.unwrap_or_default());
        if winning.is_empty() && !stored.row.is_deleted() {
            let server_data = lost.then(|| stored.row.to_payload());
            return Ok(unwritten(mutation, if lost { Status::Conflict } else { Status::Noop }, server_data));
        }
        self.put(mutation, &mut stored, &winning)?;
        stored.row.server.deleted_at = None;
        let status = if lost { Status::Merged } else { Status::Applied };
        Ok(self.commit(mutation, EventOp::Update, stored, status))
    }

    fn delete(&mut self, mutation: &Mutation, mut stored: Stored) -> Verdict {
        stored.row.server.deleted_at = Some(self.push.now);
        self.commit(mutation, EventOp::Delete, stored, Status::Applied)
    }

    /// Puts the winning fields into the row, if the whole is possible and its parents are there.
    fn put(&self, mutation: &Mutation, stored: &mut Stored, patch: &Fields) -> Result<(), (RejectionCode, Invalid)> {
        let entity_type = mutation.entity_type;
        let was_running = entity_type.is_running(&stored.row.fields);
        apply_patch(&mut stored.row.fields, patch);
        entity_type.check(&stored.row.fields).map_err(|why| (RejectionCode::InvalidPayload, why))?;
        let live = |id: &EntityId| self.rows.get(id).is_some_and(|parent| !parent.row.is_deleted());
        // What was given is true after its catalogue entry went: that is only not offered any more.
        let stands = |parent: EntityType, id: &EntityId| {
            let is_one = self.rows.get(id).is_some_and(|found| found.row.entity_type == parent);
            is_one && (live(id) || !parent.is_log())
        };
        let parent_missing = |field: &str| {
            let why = Invalid::at(field, format!("the entry that {field} refers to does not exist"));
            (RejectionCode::ParentMissing, why)
        };
        if entity_type != EntityType::BABY && !live(&self.push.baby_id.entity()) {
            return Err(parent_missing("babyId"));
        }
        for relation in relations(entity_type) {
            if !relation.targets(patch).iter().all(|id| stands(relation.parent, id)) {
                return Err(parent_missing(relation.field));
            }
        }
        let hlc = reading(mutation, self.push.client_id, self.push.now);
        for group in entity_type.groups(patch) {
            let stamp = Stamp { hlc, mutation_id: mutation.mutation_id, version: self.head.version + 1 };
            stored.groups.insert(group.to_owned(), stamp);
        }
        if entity_type.is_running(&stored.row.fields) {
            stored.groups.remove(STOP);
        } else if was_running && let Some(stamp) = stored.groups.get(TIME).copied() {
            stored.groups.insert(STOP.to_owned(), stamp);
        }
        Ok(())
    }

    /// Hands out the next version: one row, one event, the head's fingerprint moved on.
    fn commit(&mut self, mutation: &Mutation, op: EventOp, mut stored: Stored, status: Status) -> Verdict {
        let version = self.head.version + 1;
        if let Some(before) = self.rows.get(&stored.row.id).filter(|before| !before.row.is_deleted()) {
            self.head.checksum.take(before.row.id, before.row.server.row_version);
            self.head.live_rows -= 1;
        }
        stored.row.server.row_version = version;
        stored.row.server.updated_by = Some(self.push.actor);
        stored.row.server.updated_at = Some(self.push.now);
        if !stored.row.is_deleted() {
            self.head.checksum.add(stored.row.id, version);
            self.head.live_rows += 1;
        }
        self.head.version = version;
        self.events.push(Event { id: version, op, row: stored.row.clone(), mutation_id: mutation.mutation_id });
        let server_data = (status == Status::Merged).then(|| stored.row.to_payload());
        self.written.insert(stored.row.id);
        self.rows.insert(stored.row.id, stored);
        Verdict { mutation_id: mutation.mutation_id, status, version: Some(version), error: None, server_data }
    }
}

/// Whether two happenings may be one that two caregivers wrote down.
pub fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).abs() <= TWINS_WITHIN_MS
}

/// Beside the stamps of the groups: the change that stopped a timer. Who has not seen it changed a timer
/// that was running before them.
const STOP: &str = "stop";

/// The times of a span that two people changed at the same time, as far as [`timer::agreed`] knows what
/// they are, and only those that differ from what is stored.
fn agreed(mutation: &Mutation, hlc: Hlc, stored: &Stored, patch: &Fields) -> Option<Fields> {
    let (entity_type, theirs) = (mutation.entity_type, &stored.row.fields);
    let is_time = |name: &str| entity_type.field(name).is_some_and(|field| field.group == TIME);
    let concurrent = |group| standing(mutation, hlc, group, &stored.groups) != Standing::Later;
    let was_running = entity_type.is_running(theirs) || (stored.groups.contains_key(STOP) && concurrent(STOP));
    if !was_running || !concurrent(TIME) || !patch.keys().any(|name| is_time(name)) {
        return None;
    }
    let mut mine = theirs.clone();
    // Whoever saw it running says nothing of an end.
    mine.remove("endedAt");
    for (name, value) in patch.iter().filter(|(name, _)| is_time(name)) {
        apply_patch(&mut mine, &Fields::from_iter([(name.clone(), value.clone())]));
    }
    let after = timer::agreed(entity_type, theirs, &mine, standing(mutation, hlc, TIME, &stored.groups))?;
    let mut changes = row::patch(entity_type, theirs, &after);
    changes.retain(|name, _| is_time(name));
    Some(changes)
}

fn unwritten(mutation: &Mutation, status: Status, server_data: Option<Value>) -> Verdict {
    Verdict { mutation_id: mutation.mutation_id, status, version: None, error: None, server_data }
}

#[cfg(test)]
mod tests;
