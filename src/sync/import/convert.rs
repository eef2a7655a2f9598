//! A record of the earlier log in the words of this one. Fields of the same name are read by the
//! registry alone, so a type that is added to it can be imported without a line here.

use serde_json::{Value, json};

use super::{Fields, Record, Why, instant_of, legacy_id};
use crate::domain::{
    field::{Invalid, Kind},
    id::EntityId,
    registry::EntityType,
    units::VolumeUnit,
};

/// Who changed what and when is said by this log's own server.
const BOOKKEEPING: &[&str] = &["id", "babyId", "createdAt", "updatedAt", "deletedAt", "createdBy", "updatedBy"];
/// Read together, into a quantity and a segment.
const TOGETHER: &[&str] = &["amount", "unit", "side"];

impl Record {
    /// The whole entry as it is kept here, and what of the record is not in it. `resolve` finds what a
    /// reference leads to.
    ///
    /// # Errors
    /// It cannot be read, or cannot be true.
    pub fn convert(&self, resolve: impl Fn(EntityType, &str) -> Option<EntityId>) -> Result<(Fields, Vec<Why>), Why> {
        let (entity_type, mut fields, mut notes) = (self.entity_type, Fields::new(), Vec::new());
        let is_feed = entity_type == EntityType::FEED_LOG;
        for (name, value) in self.fields.iter().filter(|(_, value)| !value.is_null()) {
            if BOOKKEEPING.contains(&name.as_str()) || (is_feed && TOGETHER.contains(&name.as_str())) {
                continue;
            }
            let Some(field) = entity_type.field(todays_name(entity_type, name)) else {
                notes.push(Why::LeftOut { field: short(name) });
                continue;
            };
            let value = match field.kind {
                Kind::Instant => instant_of(value).map(|at| Value::from(at.to_string())),
                Kind::Date => day(value),
                Kind::Reference { entity_type: parent } | Kind::References { entity_type: parent } => {
                    let (found, lost) = linked(parent, value, &resolve);
                    if lost {
                        // Without one that it needs, the check below says that it is missing.
                        notes.push(Why::Unlinked { field: short(name) });
                    }
                    let Some(found) = found else { continue };
                    Some(found)
                }
                _ => Some(value.clone()),
            };
            let value = value.and_then(|value| field.kind.canonical(&value).ok());
            fields.insert(field.name.into(), value.ok_or_else(|| Why::Unreadable { field: short(name) })?);
        }
        if is_feed {
            self.amount(&mut fields)?;
            self.side(&mut fields)?;
        }
        entity_type.check(&fields).map_err(|invalid| self.in_words_of_the_file(invalid, &fields))?;
        Ok((fields, notes))
    }

    /// `amount` and `unit`: kept in ml, beside what was typed.
    fn amount(&self, fields: &mut Fields) -> Result<(), Why> {
        let given = |name: &str| self.fields.get(name).filter(|value| !value.is_null());
        let Some(amount) = given("amount") else { return Ok(()) };
        let unit = given("unit").cloned().unwrap_or_else(|| "ml".into());
        let volume: VolumeUnit =
            serde_json::from_value(unit.clone()).map_err(|_| Why::Unreadable { field: "unit".into() })?;
        let typed = json!({ "value": amount, "unit": unit });
        let ml = amount.as_f64().map(|amount| volume.to_ml(amount));
        for (name, value) in [("typed", typed), ("amountMl", ml.into())] {
            let kept = EntityType::FEED_LOG.field(name).and_then(|field| field.kind.canonical(&value).ok());
            fields.insert(name.into(), kept.ok_or_else(|| Why::Unreadable { field: "amount".into() })?);
        }
        Ok(())
    }

    /// `side`: the one side of a whole feed.
    fn side(&self, fields: &mut Fields) -> Result<(), Why> {
        let side = self.fields.get("side").filter(|side| !side.is_null());
        let (Some(side), Some(start)) = (side, fields.get("startedAt")) else { return Ok(()) };
        let mut segment = json!({ "side": side, "startedAt": start });
        if let Some(end) = fields.get("endedAt") {
            segment["endedAt"] = end.clone();
        }
        let kept =
            EntityType::FEED_LOG.field("segments").and_then(|field| field.kind.canonical(&json!([segment])).ok());
        fields.insert("segments".into(), kept.ok_or_else(|| Why::Unreadable { field: "side".into() })?);
        Ok(())
    }

    fn in_words_of_the_file(&self, invalid: Invalid, fields: &Fields) -> Why {
        let name = invalid.field.unwrap_or_default();
        let given = self.fields.keys().find(|given| todays_name(self.entity_type, given) == name);
        let field = given.map_or(name.clone(), |given| short(given));
        if fields.contains_key(&name) { Why::Impossible { field } } else { Why::Missing { field } }
    }
}

/// The entry that an old id leads to, or the ids of a list that lead to one; and whether any leads to nothing.
fn linked(
    parent: &str,
    value: &Value,
    resolve: impl Fn(EntityType, &str) -> Option<EntityId>,
) -> (Option<Value>, bool) {
    let parent: Option<EntityType> = parent.parse().ok();
    let one = |value: &Value| {
        let (parent, id) = parent.zip(legacy_id(value))?;
        Some(Value::from(resolve(parent, &id)?.to_string()))
    };
    let Some(list) = value.as_array() else {
        let found = one(value);
        return (found.clone(), found.is_none());
    };
    let found: Vec<Value> = list.iter().filter_map(one).collect();
    let lost = found.len() < list.len() || list.is_empty();
    ((!found.is_empty()).then_some(Value::Array(found)), lost)
}

/// What a field of the earlier log is called here.
fn todays_name(entity_type: EntityType, name: &str) -> &str {
    match name {
        "gender" if entity_type == EntityType::BABY => "sex",
        "weight" if entity_type == EntityType::BABY => "birthWeightG",
        "type" if entity_type == EntityType::FEED_LOG => "method",
        "milk" if entity_type == EntityType::FEED_LOG => "content",
        "startTime" | "time" => "startedAt",
        "endTime" => "endedAt",
        "timeZone" => "zone",
        _ => name,
    }
}

/// A day, also of an instant: the day as it is written.
fn day(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let day = if text.as_bytes().get(10) == Some(&b'T') { text.get(..10)? } else { text };
    Some(day.into())
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}
