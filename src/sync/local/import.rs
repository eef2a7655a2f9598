//! An export of an earlier baby log, loaded: ids become this log's own through [`Table::IdMap`], and
//! every reference follows. One transaction for all of it, so a crash leaves the whole file or nothing.
//!
//! Invariant: an id of a source that was given an id here keeps it, so a file can be loaded again, and
//! a later export of the same source changes what changed there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    LocalStore,
    record::{self, decode, entries, every, get, get_row, of_baby, of_entity, put, read_row, row_key},
};
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, EntityId},
        registry::EntityType,
        row::{Row, apply_patch, patch},
        time::Timestamp,
    },
    sync::{
        draft::{Draft, SaveError},
        import::{Export, Record, Report, Why, legacy_id},
        ports::{Database, Entropy, Mode, StoreError, Table, Tx},
        status::{BabyAccess, Level},
    },
};

/// `source/type/id` → what a record of an earlier log became here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mapped {
    baby_id: BabyId,
    id: EntityId,
    /// The record as it was last loaded, to see what changed there since.
    was: Fields,
    updated_at: Option<Timestamp>,
}

/// What is to be written for one record.
enum Write {
    New(EntityType, Fields),
    Change(Draft),
    /// It is here already.
    Nothing,
}

struct Plan {
    writes: Vec<(String, Mapped, Write)>,
    report: Report,
}

impl<D: Database> LocalStore<D> {
    /// What [`LocalStore::import`] would do; nothing is written.
    ///
    /// # Errors
    /// The database failed.
    pub async fn preview(&self, now: Timestamp, entropy: &impl Entropy, export: &Export) -> Result<Report, StoreError> {
        let plan = self.transact(&tables(), Mode::Read, async |tx| Plan::of(tx, now, entropy, export).await).await?;
        Ok(plan.report)
    }

    /// Loads a file: ids, rows and outbox entries, all or none.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    pub async fn import(&self, now: Timestamp, entropy: &impl Entropy, export: &Export) -> Result<Report, SaveError> {
        self.transact(&tables(), Mode::StrictWrite, async |tx| {
            let plan = Plan::of(tx, now, entropy, export).await?;
            for (key, mapped, write) in plan.writes {
                match write {
                    Write::New(entity_type, fields) => {
                        self.enqueue_new(tx, now, entropy, (entity_type, mapped.baby_id, mapped.id), fields).await?;
                    }
                    Write::Change(draft) => drop(self.save(tx, now, entropy, &draft).await?),
                    Write::Nothing => {}
                }
                put(tx, Table::IdMap, &key, &mapped).await?;
            }
            Ok(plan.report)
        })
        .await
    }
}

fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = EntityType::all().map(Table::Rows).collect();
    tables.extend([Table::Shadow, Table::Outbox, Table::Kv, Table::IdMap]);
    tables
}

/// A baby that is gone is not kept in mind: the next file makes it anew.
pub(super) async fn forget_imported(tx: &impl Tx, baby: BabyId) -> Result<(), StoreError> {
    for (key, value) in tx.scan(&every(Table::IdMap)).await? {
        if decode::<Mapped>(Table::IdMap, &key, value).is_ok_and(|mapped| mapped.baby_id == baby) {
            tx.delete(Table::IdMap, &key).await?;
        }
    }
    Ok(())
}

impl Plan {
    async fn of(tx: &impl Tx, now: Timestamp, entropy: &impl Entropy, export: &Export) -> Result<Self, StoreError> {
        let mut planner = Planner::new(tx, export).await?;
        for record in &export.records {
            let (entity_type, name) = (record.entity_type, record.name());
            match planner.decide(now, entropy, record).await? {
                Err(why) => planner.report.problems.entry(why).or_default().push(name),
                Ok(None) => {}
                Ok(Some((mapped, write, notes))) => {
                    for note in notes {
                        planner.report.problems.entry(note).or_default().push(name.clone());
                    }
                    let counts = planner.report.counts.entry(entity_type).or_default();
                    match write {
                        Write::New(..) => counts.new += 1,
                        Write::Change(_) => counts.changed += 1,
                        Write::Nothing => counts.known += 1,
                    }
                    planner.report.babies.insert(mapped.baby_id);
                    let key = (entity_type, record.legacy_id.clone());
                    planner.writes.push((planner.key(&key), mapped.clone(), write));
                    planner.taken.insert((mapped.baby_id, mapped.id));
                    planner.known.insert(key, mapped);
                }
            }
        }
        Ok(Self { writes: planner.writes, report: planner.report })
    }
}

type Decision = Result<Option<(Mapped, Write, Vec<Why>)>, Why>;

struct Planner<'a, T> {
    tx: &'a T,
    source: &'a str,
    access: Vec<BabyAccess>,
    known: BTreeMap<(EntityType, String), Mapped>,
    /// What some id of this source became already: two of its records are never one entry.
    taken: BTreeSet<(BabyId, EntityId)>,
    made: BTreeSet<BabyId>,
    /// The rows of a type and baby as they are here by when they happened, read when the first is asked for.
    rows: BTreeMap<(EntityType, BabyId), BTreeMap<Option<Timestamp>, Vec<Row>>>,
    writes: Vec<(String, Mapped, Write)>,
    report: Report,
}

impl<'a, T: Tx> Planner<'a, T> {
    async fn new(tx: &'a T, export: &'a Export) -> Result<Self, StoreError> {
        let access = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
        let (mut known, mut taken) = (BTreeMap::new(), BTreeSet::new());
        let mine = format!("{}/", export.source);
        for (key, value) in tx.scan(&every(Table::IdMap)).await? {
            let mapped: Mapped = decode(Table::IdMap, &key, value)?;
            let parts = key.strip_prefix(&mine).and_then(|rest| rest.split_once('/'));
            if let Some((Ok(entity_type), legacy_id)) = parts.map(|(name, id)| (name.parse(), id)) {
                taken.insert((mapped.baby_id, mapped.id));
                known.insert((entity_type, legacy_id.to_owned()), mapped);
            }
        }
        let report = Report { problems: export.problems.clone(), ..Report::default() };
        let (made, rows, writes) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        Ok(Self { tx, source: &export.source, access, known, taken, made, rows, writes, report })
    }

    fn key(&self, (entity_type, legacy_id): &(EntityType, String)) -> String {
        format!("{}/{}/{legacy_id}", self.source, entity_type.name())
    }

    async fn decide(
        &mut self,
        now: Timestamp,
        entropy: &impl Entropy,
        record: &Record,
    ) -> Result<Decision, StoreError> {
        if let Some(mapped) = self.known.get(&(record.entity_type, record.legacy_id.clone())).cloned() {
            return self.decide_known(record, mapped).await;
        }
        if record.deleted {
            // Removed there before it ever was here.
            return Ok(Ok(None));
        }
        if !record.is_whole {
            return Ok(Err(Why::NothingToChange));
        }
        let id = EntityId(entropy.uuid_v7(now));
        let is_baby = record.entity_type == EntityType::BABY;
        let baby_id = if is_baby { Some(BabyId(id.0)) } else { self.baby_of(&record.fields) };
        let Some(baby_id) = baby_id else { return Ok(Err(Why::NoBaby)) };
        let (fields, notes) = match self.convert(record, baby_id) {
            Ok(read) => read,
            Err(why) => return Ok(Err(why)),
        };
        let same = self.same_row(record.entity_type, baby_id, &fields).await?;
        let baby_id = same.as_ref().map_or(baby_id, |row| row.baby_id);
        if is_baby && same.is_none() {
            self.made.insert(baby_id);
        }
        let write = match &same {
            Some(_) => Write::Nothing,
            None if self.may_write(baby_id) => Write::New(record.entity_type, fields),
            None => return Ok(Err(Why::ReadOnly)),
        };
        let id = same.map_or(id, |row| row.id);
        let mapped = Mapped { baby_id, id, was: record.fields.clone(), updated_at: record.updated_at };
        Ok(Ok(Some((mapped, write, notes))))
    }

    /// A record that was loaded before.
    async fn decide_known(&mut self, record: &Record, mapped: Mapped) -> Result<Decision, StoreError> {
        if record.deleted && record.entity_type == EntityType::BABY {
            // Not by a file, and not with everything that was logged.
            return Ok(Err(Why::UnknownChange));
        }
        let is_older = matches!((record.updated_at, mapped.updated_at), (Some(now), Some(then)) if now < then);
        let mut record = record.clone();
        if !record.is_whole {
            let mut whole = mapped.was.clone();
            whole.extend(record.fields);
            record.fields = whole;
        }
        let nothing = |mapped| Ok(Ok(Some((mapped, Write::Nothing, Vec::new()))));
        if is_older || (record.fields == mapped.was && !record.deleted) {
            return nothing(mapped);
        }
        let key = row_key(mapped.baby_id, mapped.id);
        let seen = get_row(self.tx, record.entity_type, &key).await?.filter(|row| !row.is_deleted());
        // It was removed here, or its copy is just being fetched: either way not made again.
        let Some(seen) = seen else { return nothing(mapped) };
        if !self.may_write(mapped.baby_id) {
            return Ok(Err(Why::ReadOnly));
        }
        let was = Record { fields: mapped.was.clone(), ..record.clone() };
        let was = self.convert(&was, mapped.baby_id).map(|(fields, _)| fields).unwrap_or_default();
        let (fields, notes) = match self.convert(&record, mapped.baby_id) {
            Ok(read) => read,
            Err(_) if record.deleted => (was.clone(), Vec::new()),
            Err(why) => return Ok(Err(why)),
        };
        let is_later = match (record.updated_at, self.changed_at(&seen).await?) {
            (Some(there), Some(here)) => there > here,
            _ => false,
        };
        let edited_here = seen.entity_type.groups(&patch(seen.entity_type, &was, &seen.fields));
        let mut changes = patch(seen.entity_type, &was, &fields);
        changes.retain(|name, _| {
            let group = seen.entity_type.field(name).map(|field| field.group);
            is_later || !group.is_some_and(|group| edited_here.contains(group))
        });
        let mapped = Mapped { was: record.fields, updated_at: record.updated_at.or(mapped.updated_at), ..mapped };
        if record.deleted {
            let write =
                if edited_here.is_empty() || is_later { Write::Change(Draft::Delete { seen }) } else { Write::Nothing };
            return Ok(Ok(Some((mapped, write, notes))));
        }
        let mut after = seen.fields.clone();
        apply_patch(&mut after, &changes);
        if seen.entity_type.check(&after).is_err() || after == seen.fields {
            return nothing(mapped);
        }
        Ok(Ok(Some((mapped, Write::Change(Draft::Update { seen, fields: after }), notes))))
    }

    fn convert(&self, record: &Record, baby_id: BabyId) -> Result<(Fields, Vec<Why>), Why> {
        record.convert(|entity_type, legacy_id| {
            let parent = self.known.get(&(entity_type, legacy_id.to_owned()))?;
            (parent.baby_id == baby_id).then_some(parent.id)
        })
    }

    /// The baby that a record of the file is about.
    fn baby_of(&self, fields: &Fields) -> Option<BabyId> {
        let legacy_id = legacy_id(fields.get("babyId")?)?;
        self.known.get(&(EntityType::BABY, legacy_id)).map(|mapped| mapped.baby_id)
    }

    fn may_write(&self, baby_id: BabyId) -> bool {
        let listed = |access: &BabyAccess| access.baby_id == baby_id && access.level >= Level::Editor;
        self.made.contains(&baby_id) || self.access.iter().any(listed)
    }

    /// An entry that is here just so without having come from this file: from the same file on another
    /// device, or before this one was signed out. A baby with a birth date is the same by its name and
    /// that date.
    async fn same_row(
        &mut self,
        entity_type: EntityType,
        baby_id: BabyId,
        fields: &Fields,
    ) -> Result<Option<Row>, StoreError> {
        let babies: Vec<BabyId> = if entity_type == EntityType::BABY {
            self.access.iter().map(|access| access.baby_id).collect()
        } else if self.made.contains(&baby_id) {
            Vec::new()
        } else {
            vec![baby_id]
        };
        for baby_id in babies {
            if !self.rows.contains_key(&(entity_type, baby_id)) {
                let mut rows = BTreeMap::<_, Vec<Row>>::new();
                for (key, value) in self.tx.scan(&of_baby(Table::Rows(entity_type), None, baby_id)).await? {
                    let row = read_row(entity_type, &key, &value)?;
                    rows.entry(row.started_at()).or_default().push(row);
                }
                self.rows.insert((entity_type, baby_id), rows);
            }
            let is_same = |row: &&Row| {
                let same = |name: &str| row.fields.get(name) == fields.get(name);
                let as_baby = || same("name") && same("birthDate") && fields.contains_key("birthDate");
                let is_it = if entity_type == EntityType::BABY { as_baby() } else { row.fields == *fields };
                is_it && !self.taken.contains(&(row.baby_id, row.id))
            };
            let at = fields.get("startedAt").and_then(|at| at.as_str()?.parse().ok());
            let rows = self.rows.get(&(entity_type, baby_id)).and_then(|rows| rows.get(&at));
            if let Some(row) = rows.and_then(|rows| rows.iter().find(is_same)) {
                return Ok(Some(row.clone()));
            }
        }
        Ok(None)
    }

    /// When the entry was last changed in this log.
    async fn changed_at(&self, row: &Row) -> Result<Option<Timestamp>, StoreError> {
        let pending = entries(self.tx, &of_entity(row.baby_id, row.id)).await?;
        let waiting = pending.last().map(|entry| entry.mutated.updated_at);
        Ok(waiting.max(row.server.updated_at).max(row.server.created_at))
    }
}
