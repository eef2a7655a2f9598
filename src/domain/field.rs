//! What one field of an entry may hold, and the check that turns what arrived into what is kept.
//!
//! Invariant: a value that passed [`Kind::canonical`] passes it again unchanged, so device and
//! server keep the same bytes.

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
/// A nursing session has a handful of segments; the bound keeps one entry small.
const MAX_SEGMENTS: usize = 24;

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
    /// Parts of a span: `[{side, startedAt, endedAt?}]`, in order, only the last one open.
    Segments {
        sides: &'static [&'static str],
    },
    /// The id of an entry of another type of the same baby.
    Reference {
        entity_type: &'static str,
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

impl Kind {
    /// The value as it is kept, or what is wrong with it.
    pub fn canonical(self, value: &Value) -> Result<Value, String> {
        match self {
            Self::Text { max_chars } => text(value, max_chars).map(Value::from),
            Self::Integer { min, max } => integer(value, min, max).map(Value::from),
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
            Self::Typed { units } => typed(value, units),
            Self::Segments { sides } => segments(value, sides),
            Self::Reference { .. } => {
                let id: EntityId = parsed(value, "a UUID")?;
                Ok(Value::from(id.to_string()))
            }
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

fn object<'v>(value: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or_else(|| format!("must be an object of {}", known.join(", ")))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("has an unknown key {:?}", key.chars().take(40).collect::<String>())),
        None => Ok(object),
    }
}

fn typed(value: &Value, units: &[&'static str]) -> Result<Value, String> {
    let object = object(value, &["value", "unit"])?;
    let unit = choice(object.get("unit").unwrap_or(&Value::Null), units)?;
    let number = object.get("value").and_then(Value::as_f64).ok_or("value must be a number")?;
    if !(0.0..=MAX_QUANTITY as f64).contains(&number) {
        return Err(format!("value must be between 0 and {MAX_QUANTITY}"));
    }
    // As JavaScript writes it: a whole number that came back from a browser's store is the same number.
    let number = if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) };
    Ok(serde_json::json!({ "value": number, "unit": unit }))
}

fn segments(value: &Value, sides: &[&'static str]) -> Result<Value, String> {
    let list = value.as_array().ok_or("must be a list of segments")?;
    if list.len() > MAX_SEGMENTS {
        return Err(format!("must be at most {MAX_SEGMENTS} segments"));
    }
    let mut kept = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let object = object(item, &["side", "startedAt", "endedAt"])?;
        let at = |key| object.get(key).filter(|v| !v.is_null()).map(instant).transpose();
        let side = choice(object.get("side").unwrap_or(&Value::Null), sides)?;
        let started_at = at("startedAt")?.ok_or("each segment needs startedAt")?;
        let ended_at = at("endedAt")?;
        match ended_at {
            Some(end) if end < started_at => return Err("a segment ends before it starts".into()),
            None if index + 1 < list.len() => return Err("only the last segment may be open".into()),
            _ => {}
        }
        let mut segment = Map::new();
        segment.insert("side".into(), side.into());
        segment.insert("startedAt".into(), started_at.to_string().into());
        if let Some(end) = ended_at {
            segment.insert("endedAt".into(), end.to_string().into());
        }
        kept.push(Value::Object(segment));
    }
    Ok(Value::Array(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: Kind, value: Value, expect: Option<Value>) {
        let kept = kind.canonical(&value).ok();
        assert_eq!(kept, expect, "{kind:?} of {value}");
        if let Some(kept) = kept {
            assert_eq!(kind.canonical(&kept), Ok(kept), "{kind:?} is stable");
        }
    }

    #[test]
    fn kinds_keep_one_form_and_refuse_the_rest() {
        let ml = Kind::Integer { min: 0, max: MAX_QUANTITY };
        check(ml, json!(90), Some(json!(90)));
        check(ml, json!(90.0), Some(json!(90)));
        check(ml, json!(-1), None);
        check(ml, json!(90.5), None);
        check(ml, json!("90"), None);
        check(ml, json!(1e300), None);
        check(Kind::Text { max_chars: 3 }, json!("äöü"), Some(json!("äöü")));
        check(Kind::Text { max_chars: 3 }, json!("abcd"), None);
        check(Kind::Text { max_chars: 3 }, json!("a\0"), None);
        check(Kind::Instant, json!("2026-11-20T03:10:00+01:00"), Some(json!("2026-11-20T02:10:00.000Z")));
        check(Kind::Instant, json!(1_795_000_000), None);
        check(Kind::Date, json!("2026-02-29"), None);
        check(Kind::Date, json!("2028-02-29"), Some(json!("2028-02-29")));
        check(Kind::TimeOfDay, json!("19:30"), Some(json!("19:30")));
        check(Kind::TimeOfDay, json!("19:30:15"), Some(json!("19:30")));
        for wrong in ["25:00", "19:60", "19-30", "1930", "19:30:99", "", "é9:30"] {
            check(Kind::TimeOfDay, json!(wrong), None);
        }
        check(Kind::Zone, json!("Europe/Berlin"), Some(json!("Europe/Berlin")));
        check(Kind::Zone, json!("<script>"), None);
        check(Kind::Choice(&["wee", "poo"]), json!("poo"), Some(json!("poo")));
        check(Kind::Choice(&["wee", "poo"]), json!("POO!"), None);
        let oz = Kind::Typed { units: &["ml", "oz"] };
        check(oz, json!({"value": 2.5, "unit": "oz"}), Some(json!({"value": 2.5, "unit": "oz"})));
        check(oz, json!({"value": 90.0, "unit": "ml"}), Some(json!({"value": 90, "unit": "ml"})));
        check(oz, json!({"value": 2.5, "unit": "drops"}), None);
        check(oz, json!({"value": 2.5, "unit": "oz", "x": 1}), None);
    }

    #[test]
    fn segments_are_in_order_and_only_the_last_is_open() {
        let sides = Kind::Segments { sides: &["left", "right"] };
        let left =
            json!({"side": "left", "startedAt": "2026-11-20T02:10:00.000Z", "endedAt": "2026-11-20T02:20:00.000Z"});
        let open = json!({"side": "right", "startedAt": "2026-11-20T02:20:00.000Z"});
        check(sides, json!([left, open]), Some(json!([left, open])));
        check(sides, json!([open, left]), None);
        check(sides, json!([{"side": "up", "startedAt": "2026-11-20T02:10:00.000Z"}]), None);
        check(sides, json!("left"), None);
    }
}
