//! What an export of an earlier baby log says: its records with their numeric ids, and the changes
//! that were still waiting in its queue, folded over them. docs/import.md is the format.
//!
//! Pure: which of it is here already, and under which ids, is for [`super::local`] to find out.
//! Everything stays JSON until then, so that a later export can be held against this one.

mod convert;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::domain::{field::Fields, id::BabyId, mutation::Op, registry::EntityType, time::Timestamp};

const FORMAT: &str = "baby-log-export";
const VERSION: u64 = 1;
/// Every integer up to here is itself in every JSON reader.
const MAX_NUMBER: u64 = 1 << 53;
/// A smaller number is an instant in seconds, or not one: in milliseconds it would be before 1974.
const SECONDS_END: i64 = 100_000_000_000;
/// Ids and the name of the source, as they stand in keys.
const MAX_ID_CHARS: usize = 64;

/// A file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Which earlier log it comes from: its ids mean something there only.
    pub source: String,
    /// Parents before children.
    pub records: Vec<Record>,
    pub problems: Problems,
}

/// One record as it is after the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub entity_type: EntityType,
    pub legacy_id: String,
    /// In the words of the file.
    pub fields: Fields,
    /// When it was last changed there, if the file says.
    pub updated_at: Option<Timestamp>,
    pub deleted: bool,
    /// The file has the whole record, not only changes of one that an earlier file had.
    pub is_whole: bool,
}

impl Record {
    /// How a person finds it in the file.
    pub fn name(&self) -> String {
        name_of(self.entity_type.name(), &self.legacy_id)
    }
}

/// What is wrong, and with which records.
pub type Problems = BTreeMap<Why, Vec<String>>;

/// Why a record is not loaded, or not all of it. Fields are named as in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Neither a number nor a short text.
    NoId,
    /// Nothing of this kind is kept here.
    UnknownType,
    /// Not a change that can be made.
    UnknownChange,
    Unreadable {
        field: String,
    },
    Missing {
        field: String,
    },
    /// Each value is possible, all together are not.
    Impossible {
        field: String,
    },
    /// A second record with the id of another one; the first one counts.
    Twice,
    /// Its baby is neither in the file nor known from an earlier one, or is not loaded itself.
    NoBaby,
    /// This person may not write for its baby.
    ReadOnly,
    /// A waiting change of a record that nothing is known of.
    NothingToChange,
    /// The record is loaded without this field, for which there is no place.
    LeftOut {
        field: String,
    },
    /// The record is loaded without this reference, which leads to nothing.
    Unlinked {
        field: String,
    },
}

impl Why {
    /// Whether the record is loaded all the same.
    pub fn is_note(&self) -> bool {
        matches!(self, Self::LeftOut { .. } | Self::Unlinked { .. })
    }
}

/// What a file brings, or has brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub counts: BTreeMap<EntityType, Counts>,
    pub problems: Problems,
    /// The babies that something was loaded for.
    pub babies: BTreeSet<BabyId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub new: usize,
    /// Changed or removed there since the last file.
    pub changed: usize,
    /// Here as they are, or changed here since and left so.
    pub known: usize,
}

/// Why nothing of the file can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnExport {
    NotJson,
    OtherFormat,
    OtherVersion,
    NoSource,
    /// A part is not the list or object that it must be.
    Shape {
        part: &'static str,
    },
    Empty,
}

/// Reads a file.
///
/// # Errors
/// It is not an export of this format, as a whole; what is wrong with single records is among
/// [`Export::problems`].
pub fn read(text: &str) -> Result<Export, NotAnExport> {
    // Some editors begin a file with a mark of its encoding.
    let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| NotAnExport::NotJson)?;
    let file = file.as_object().ok_or(NotAnExport::OtherFormat)?;
    if file.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(NotAnExport::OtherFormat);
    }
    if file.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(NotAnExport::OtherVersion);
    }
    let source = file.get("source").and_then(Value::as_str).filter(|source| is_id(source));
    let mut fold = Fold::default();
    for (name, records) in list_of(file, "records", Value::as_object)?.into_iter().flatten() {
        let records = records.as_array().ok_or(NotAnExport::Shape { part: "records" })?;
        records.iter().for_each(|record| fold.record(name, record));
    }
    let queue = list_of(file, "queue", Value::as_array)?;
    queue.into_iter().flatten().enumerate().for_each(|(n, change)| fold.change(n, change));
    if fold.records.is_empty() && fold.problems.is_empty() {
        return Err(NotAnExport::Empty);
    }
    let mut records = fold.records;
    let order: Vec<EntityType> = EntityType::all().collect();
    records.sort_by_key(|record| order.iter().position(|known| *known == record.entity_type));
    let source = source.ok_or(NotAnExport::NoSource)?.to_owned();
    Ok(Export { source, records, problems: fold.problems })
}

/// A part of the file that may be absent.
fn list_of<'f, P>(
    file: &'f Map<String, Value>,
    part: &'static str,
    read: impl Fn(&'f Value) -> Option<P>,
) -> Result<Option<P>, NotAnExport> {
    let given = file.get(part).filter(|given| !given.is_null());
    given.map(|given| read(given).ok_or(NotAnExport::Shape { part })).transpose()
}

/// The records so far, and where each of them is.
#[derive(Default)]
struct Fold {
    records: Vec<Record>,
    places: BTreeMap<(EntityType, String), usize>,
    changes: BTreeSet<String>,
    problems: Problems,
}

impl Fold {
    /// A record of the state.
    fn record(&mut self, type_name: &str, record: &Value) {
        let legacy_id = record.get("id").and_then(legacy_id);
        let name = name_of(type_name, legacy_id.as_deref().unwrap_or("?"));
        match self.try_record(type_name, legacy_id, record) {
            Ok(record) => self.keep(record),
            Err(why) => self.problem(why, name),
        }
    }

    fn try_record(&self, type_name: &str, legacy_id: Option<String>, record: &Value) -> Result<Record, Why> {
        let entity_type: EntityType = type_name.parse().map_err(|_| Why::UnknownType)?;
        let legacy_id = legacy_id.ok_or(Why::NoId)?;
        let fields = record.as_object().ok_or(Why::NoId)?.clone();
        if self.places.contains_key(&(entity_type, legacy_id.clone())) {
            return Err(Why::Twice);
        }
        let updated_at = time_in(&fields, "updatedAt")?;
        let deleted = time_in(&fields, "deletedAt")?.is_some();
        Ok(Record { entity_type, legacy_id, fields, updated_at, deleted, is_whole: true })
    }

    /// A change that was still waiting; one that is there twice counts once.
    fn change(&mut self, n: usize, change: &Value) {
        let text = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or("?");
        if let Some(id) = change.get("changeId").and_then(legacy_id)
            && !self.changes.insert(id)
        {
            return;
        }
        let legacy_id = change.get("entityId").and_then(legacy_id);
        let name = format!("queue {}: {}", n + 1, name_of(text("entityType"), legacy_id.as_deref().unwrap_or("?")));
        if let Err(why) = self.try_change(text("type"), text("entityType"), legacy_id, change) {
            self.problem(why, name);
        }
    }

    fn try_change(&mut self, op: &str, type_name: &str, legacy_id: Option<String>, change: &Value) -> Result<(), Why> {
        let op: Op = op.parse().map_err(|_| Why::UnknownChange)?;
        let entity_type: EntityType = type_name.parse().map_err(|_| Why::UnknownType)?;
        let legacy_id = legacy_id.ok_or(Why::NoId)?;
        let change = change.as_object().ok_or(Why::NoId)?;
        let at = time_in(change, "timestamp")?;
        let data = match op {
            Op::Delete | Op::Restore => Fields::new(),
            Op::Create | Op::Update => data_of(change).ok_or_else(|| Why::Unreadable { field: "data".into() })?,
        };
        let known = self.places.get(&(entity_type, legacy_id.clone())).copied();
        let Some(record) = known.and_then(|place| self.records.get_mut(place)) else {
            let updated_at = time_in(&data, "updatedAt")?.or(at);
            let (deleted, is_whole) = (op == Op::Delete, op == Op::Create);
            self.keep(Record { entity_type, legacy_id, fields: data, updated_at, deleted, is_whole });
            return Ok(());
        };
        record.updated_at = time_in(&data, "updatedAt")?.or(at).max(record.updated_at);
        record.deleted = op == Op::Delete;
        record.is_whole |= op == Op::Create;
        record.fields.extend(data);
        Ok(())
    }

    fn keep(&mut self, record: Record) {
        self.places.insert((record.entity_type, record.legacy_id.clone()), self.records.len());
        self.records.push(record);
    }

    fn problem(&mut self, why: Why, name: String) {
        self.problems.entry(why).or_default().push(name);
    }
}

/// What a change says: an object, or one as text, as a store of texts keeps it.
fn data_of(change: &Map<String, Value>) -> Option<Fields> {
    match change.get("data")? {
        Value::Object(data) => Some(data.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn time_in(fields: &Fields, name: &str) -> Result<Option<Timestamp>, Why> {
    let given = fields.get(name).filter(|value| !value.is_null());
    given.map(|value| instant_of(value).ok_or_else(|| Why::Unreadable { field: name.to_owned() })).transpose()
}

/// An instant as text with its zone, or as the milliseconds since 1970 that a clock in a browser gives.
fn instant_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(ms) => {
            let ms = ms.as_i64().filter(|ms| *ms >= SECONDS_END)?;
            Some(Timestamp::from_ms(ms)).filter(|at| at.as_ms() == ms)
        }
        value => value.as_str()?.parse().ok(),
    }
}

/// An id of the earlier log: a number, or the text that a device had made up for what it had not
/// sent yet. A number is the same in quotes, as keys of JSON have it.
pub fn legacy_id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => number.as_u64().filter(|number| *number <= MAX_NUMBER).map(|n| n.to_string()),
        Value::String(text) => is_id(text).then(|| text.clone()),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    !text.is_empty() && text.len() <= MAX_ID_CHARS && text.chars().all(plain)
}

fn name_of(type_name: &str, legacy_id: &str) -> String {
    let type_name: String = type_name.chars().take(40).collect();
    format!("{type_name} {legacy_id}")
}
