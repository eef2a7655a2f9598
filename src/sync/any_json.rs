//! JSON that nobody meant, for the tests of everything that reads: arbitrary values, and valid ones of
//! which a part is wrong.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

/// Text that programs have been known to stumble over.
const ODD: &[&str] = &[
    "",
    "\u{0}",
    "-1",
    "1e999",
    "18446744073709551616",
    "null",
    "create",
    "restore",
    "sync_events",
    "baby",
    "2026-11-20T02:10:00.000Z",
    "99999-12-31T24:60:61Z",
    "00000000-0000-0000-0000-000000000000",
    "\u{202e}👶🏽\u{200d}🍼",
];

pub fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        select(ODD).prop_map(str::to_owned),
        vec(any::<char>(), 0..12).prop_map(|chars| chars.into_iter().collect())
    ]
}

pub fn json() -> impl Strategy<Value = Value> + Clone {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((text(), inner), 0..5).prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}

/// What nobody would take for a request or an answer: any bytes, and any JSON.
pub fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..200), json().prop_map(|value| value.to_string().into_bytes())]
}

/// `valid`, and one part of it is something else, or is missing, or one byte is wrong, or the end has
/// not come.
pub fn bent(valid: &Value) -> impl Strategy<Value = Vec<u8>> + use<> {
    let mut places = Vec::new();
    list_places(valid, String::new(), &mut places);
    let text = valid.to_string().into_bytes();
    let (replaced, shortened, garbled) = (valid.clone(), valid.clone(), text.clone());
    prop_oneof![
        4 => (select(places.clone()), json()).prop_map(move |(place, other)| {
            let mut bent = replaced.clone();
            if let Some(part) = bent.pointer_mut(&place) {
                *part = other;
            }
            bent.to_string().into_bytes()
        }),
        2 => select(places).prop_map(move |place| {
            let mut bent = shortened.clone();
            let (parent, name) = place.rsplit_once('/').unwrap_or_default();
            match bent.pointer_mut(parent) {
                Some(Value::Object(parent)) => drop(parent.remove(name)),
                Some(Value::Array(parent)) => parent.truncate(name.parse().unwrap_or_default()),
                _ => {}
            }
            bent.to_string().into_bytes()
        }),
        1 => (0..text.len(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut bent = garbled.clone();
            bent[at] = byte;
            bent
        }),
        1 => (0..text.len()).prop_map(move |end| text[..end].to_vec()),
    ]
}

/// The JSON pointer of every part.
fn list_places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(parts) => parts.iter().for_each(|(name, part)| list_places(part, format!("{at}/{name}"), found)),
        Value::Array(parts) => {
            parts.iter().enumerate().for_each(|(n, part)| list_places(part, format!("{at}/{n}"), found));
        }
        _ => {}
    }
    found.push(at);
}
