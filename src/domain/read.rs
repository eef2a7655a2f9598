//! One field out of an entry, for whoever has no struct for the type.

use serde_json::Value;

use super::{field::Fields, time::Timestamp};

pub fn text<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name)?.as_str()
}

/// A whole quantity, in the unit that ends its name.
pub fn whole(fields: &Fields, name: &str) -> Option<i64> {
    fields.get(name)?.as_i64()
}

pub fn instant(fields: &Fields, name: &str) -> Option<Timestamp> {
    text(fields, name)?.parse().ok()
}

pub fn list<'f>(fields: &'f Fields, name: &str) -> &'f [Value] {
    fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What was typed into a [`super::field::Kind::Typed`]: the number and its unit.
pub fn typed<'f>(fields: &'f Fields, name: &str) -> Option<(f64, &'f str)> {
    let typed = fields.get(name)?;
    Some((typed.get("value")?.as_f64()?, typed.get("unit")?.as_str()?))
}
