//! What one field of an entry may hold, and the check that turns what arrived into what is kept.
//!
//! Invariant: a value that passed [`Kind::canonical`] passes it again unchanged, so device and
//! server keep the same bytes.

mod parts;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    date::{Date, digits},
    id::EntityId,
    policy::Policy,
    time::Timestamp,
};

/// An entry's fields by their wire name, an object of JSON. Absent and `null` mean the same: not recorded.
pub type Fields = Map<String, Value>;

/// Text longer than this many characters is refused, wherever it stands.
pub const MAX_NOTES_CHARS: usize = 2_000;
/// Quantities beyond this are typing errors, and would overflow sums.
pub const MAX_QUANTITY: i64 = 1_000_000;
/// What a list in one entry may hold at most: a nursing session has a handful of segments, a meal a
/// handful of foods; the bound keeps one entry small.
pub const MAX_ITEMS: usize = 24;

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text {
        max_chars: usize,
    },
    /// A whole quantity in the unit that ends the field's name (`amountMl`).
    Integer {
        min: i64,
        max: i64,
    },
    /// A quantity that people give in parts, `2.5`: at most three decimals, which [`thousandths`] counts
    /// exactly. Not negative.
    Decimal {
        max: i64,
    },
    Bool,
    Instant,
    /// A calendar day, `2026-11-20`.
    Date,
    /// A wall-clock time of day, `19:30`.
    TimeOfDay,
    /// An IANA time-zone name. Only its shape is checked: zone lists differ between machines.
    Zone,
    Choice(&'static [&'static str]),
    /// What the person typed: `{value, unit}`, so that 2.5 oz comes back as 2.5 oz.
    Typed {
        units: &'static [&'static str],
    },
    /// Parts of a span: `[{side, startedAt, endedAt?}]`, in order, only the last one open. Parts that have
    /// no side when there is none to name.
    Segments {
        sides: &'static [&'static str],
    },
    /// The id of an entry of another type of the same baby.
    Reference {
        entity_type: &'static str,
    },
    /// One or more of them, each once, in the person's order.
    References {
        entity_type: &'static str,
    },
    /// Ids of entries of any type, each once. A mark and no reference: what it names may be gone.
    Ids,
    /// A few short texts, `["mood", "distance"]`.
    Words {
        max_chars: usize,
    },
    /// A few short texts by name, `{"mood": "cheerful"}`.
    Details {
        max_chars: usize,
    },
}

/// One field of one entity type.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldDef {
    pub name: &'static str,
    pub kind: Kind,
    /// Fields of one group must agree, so they are merged together.
    pub group: &'static str,
    pub required: bool,
    /// Of two changes made at the same time; a field with a policy of its own has a group of its own.
    pub policy: Policy,
}

impl FieldDef {
    pub const fn optional(name: &'static str, group: &'static str, kind: Kind) -> Self {
        Self { name, kind, group, required: false, policy: Policy::Latest }
    }

    pub const fn required(name: &'static str, group: &'static str, kind: Kind) -> Self {
        Self { name, kind, group, required: true, policy: Policy::Latest }
    }

    /// The same field under another policy.
    #[must_use]
    pub const fn by(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

/// Why an entry is refused, and at which field. The message is for a developer; people see words
/// chosen by the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    pub field: Option<String>,
    pub message: String,
}

impl Invalid {
    pub fn at(field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), message: message.into() }
    }
}

/// A name that is only spaces names nothing.
///
/// # Errors
/// It is; an absent one is for [`super::registry::EntityType::check`].
pub fn has_words(fields: &Fields, name: &str) -> Result<(), Invalid> {
    match fields.get(name).and_then(Value::as_str) {
        Some(text) if text.trim().is_empty() => Err(Invalid::at(name, format!("{name} must not be empty"))),
        _ => Ok(()),
    }
}

impl Kind {
    /// The value as it is kept, or what is wrong with it.
    pub fn canonical(self, value: &Value) -> Result<Value, String> {
        match self {
            Self::Text { max_chars } => text(value, max_chars).map(Value::from),
            Self::Integer { min, max } => integer(value, min, max).map(Value::from),
            Self::Decimal { max } => decimal(value, max),
            Self::Bool => value.as_bool().map(Value::from).ok_or("must be true or false".into()),
            Self::Instant => instant(value).map(|at| Value::from(at.to_string())),
            Self::Date => {
                let date: Date = parsed(value, "a day like 2026-11-20")?;
                Ok(Value::from(date.to_string()))
            }
            Self::TimeOfDay => {
                let text = value.as_str().and_then(time_of_day);
                text.map(Value::from).ok_or_else(|| "must be a time like 19:30".to_owned())
            }
            Self::Zone => zone(value),
            Self::Choice(options) => choice(value, options).map(Value::from),
            Self::Typed { units } => parts::typed(value, units),
            Self::Segments { sides } => parts::segments(value, sides),
            Self::Reference { .. } => id(value),
            Self::References { .. } => match parts::ids(value)? {
                none if none.is_empty() => Err("must name at least one".into()),
                ids => Ok(ids.into()),
            },
            Self::Ids => parts::ids(value).map(Value::from),
            Self::Words { max_chars } => parts::words(value, max_chars),
            Self::Details { max_chars } => parts::details(value, max_chars),
        }
    }
}

fn text(value: &Value, max_chars: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or("must be text")?;
    if text.chars().count() > max_chars {
        return Err(format!("must be at most {max_chars} characters"));
    }
    // Postgres cannot keep a NUL, and nobody types one.
    if text.contains('\0') {
        return Err("must not contain a NUL character".into());
    }
    Ok(text)
}

fn integer(value: &Value, min: i64, max: i64) -> Result<i64, String> {
    // 90.0 is a whole number to every JSON writer but ours.
    let whole = value.as_f64().filter(|v| v.fract() == 0.0 && v.abs() < 9e15).map(|v| v as i64);
    let number = value.as_i64().or(whole).ok_or("must be a whole number")?;
    if !(min..=max).contains(&number) {
        return Err(format!("must be between {min} and {max}"));
    }
    Ok(number)
}

fn decimal(value: &Value, max: i64) -> Result<Value, String> {
    let number = value.as_f64().filter(|number| (0.0..=max as f64).contains(number));
    let thousandths = (number.ok_or_else(|| format!("must be a number between 0 and {max}"))? * 1000.0).round();
    // As JavaScript writes it: a whole number that came back from a browser's store is the same number.
    let whole = thousandths % 1000.0 == 0.0;
    Ok(if whole { Value::from(thousandths as i64 / 1000) } else { Value::from(thousandths / 1000.0) })
}

/// A canonical [`Kind::Decimal`] in thousandths, which add up exactly.
pub fn thousandths(value: &Value) -> Option<i64> {
    Some((value.as_f64()? * 1000.0).round() as i64)
}

fn id(value: &Value) -> Result<Value, String> {
    let id: EntityId = parsed(value, "a UUID")?;
    Ok(Value::from(id.to_string()))
}

fn instant(value: &Value) -> Result<Timestamp, String> {
    parsed(value, "an instant like 2026-11-20T02:10:00.000Z")
}

fn parsed<T: std::str::FromStr>(value: &Value, what: &str) -> Result<T, String> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("must be {what}"))
}

fn zone(value: &Value) -> Result<Value, String> {
    let name = text(value, 64)?;
    let shape = |c: char| c.is_ascii_alphanumeric() || "/_-+".contains(c);
    if name.is_empty() || !name.chars().all(shape) {
        return Err("must be a time zone like Europe/Berlin".into());
    }
    Ok(Value::from(name))
}

/// `19:30` of `19:30` or `19:30:00`.
fn time_of_day(text: &str) -> Option<&str> {
    let part = |from: usize| digits(text.as_bytes().get(from..from + 2)?);
    let colons = [2, 5].iter().all(|at| text.as_bytes().get(*at).is_none_or(|c| *c == b':'));
    let seconds = match text.len() {
        5 => 0,
        8 => part(6)?,
        _ => return None,
    };
    (colons && part(0)? < 24 && part(3)? < 60 && seconds < 60).then(|| text.get(..5)).flatten()
}

fn choice(value: &Value, options: &[&'static str]) -> Result<&'static str, String> {
    let given = value.as_str().ok_or_else(|| one_of(options))?;
    options.iter().find(|option| **option == given).copied().ok_or_else(|| one_of(options))
}

fn one_of(options: &[&str]) -> String {
    format!("must be one of {}", options.join(", "))
}

#[cfg(test)]
mod tests;
