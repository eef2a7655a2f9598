//! What people do: random, but possible, entries of every registered type. Driven by the registry,
//! so a new type is in the script the day it is registered.

use serde_json::{Value, json};

use super::exec::Chance;
use crate::domain::{
    field::{Fields, Kind},
    registry::EntityType,
    time::Timestamp,
};

/// A whole entry that can be true. `mark` goes into its free text, so that every write is one of
/// a kind.
pub fn entry(chance: &Chance, entity_type: EntityType, now: Timestamp, mark: &str) -> Fields {
    loop {
        let mut fields = Fields::new();
        for field in entity_type.fields() {
            if field.required || chance.one_in(3) {
                fields.insert(field.name.to_owned(), value(chance, field.kind, now, mark));
            }
        }
        if let Ok(whole) = entity_type.canonical(&fields)
            && entity_type.check(&whole).is_ok()
        {
            return whole;
        }
    }
}

/// The entry with some of its field groups changed.
pub fn edited(chance: &Chance, entity_type: EntityType, before: &Fields, now: Timestamp, mark: &str) -> Fields {
    let groups: Vec<&str> = entity_type.fields().map(|field| field.group).collect();
    loop {
        let group = *chance.pick(&groups).expect("every type has fields");
        let fresh = entry(chance, entity_type, now, mark);
        let mut after = before.clone();
        for field in entity_type.fields().filter(|field| field.group == group || chance.one_in(8)) {
            match fresh.get(field.name) {
                Some(value) => after.insert(field.name.to_owned(), value.clone()),
                None => after.remove(field.name),
            };
        }
        if entity_type.check(&after).is_ok() {
            return after;
        }
    }
}

fn value(chance: &Chance, kind: Kind, now: Timestamp, mark: &str) -> Value {
    let at = |chance: &Chance| now.plus_ms(-chance.between(0, 7_200_000));
    let one_of = |options: &[&str]| json!(chance.pick(options).expect("a choice has options"));
    match kind {
        Kind::Text { max_chars } => mark.chars().take(max_chars).collect::<String>().into(),
        Kind::Integer { min, max } => json!(chance.between(min, max.min(min.saturating_add(300)))),
        Kind::Bool => json!(chance.one_in(2)),
        Kind::Instant => json!(at(chance)),
        Kind::Date => json!(format!("2026-11-{:02}", chance.between(1, 28))),
        Kind::TimeOfDay => json!(format!("{:02}:30", chance.between(0, 23))),
        Kind::Zone => json!("Europe/Berlin"),
        Kind::Choice(options) => one_of(options),
        Kind::Typed { units } => json!({"value": chance.between(1, 300), "unit": one_of(units)}),
        Kind::Segments { sides } => {
            let start = at(chance);
            let switch = start.plus_ms(chance.between(1, 600_000));
            json!([
                {"side": one_of(sides), "startedAt": start, "endedAt": switch},
                {"side": one_of(sides), "startedAt": switch},
            ])
        }
        Kind::Reference { .. } => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_possible_entries_and_edits() {
        let (chance, now) = (Chance::seeded(1), Timestamp::from_ms(1_800_000_000_000));
        for entity_type in EntityType::all() {
            for n in 0..50 {
                let whole = entry(&chance, entity_type, now, &format!("m{n}"));
                let after = edited(&chance, entity_type, &whole, now, "edited");
                assert_eq!(entity_type.check(&after), Ok(()));
            }
        }
    }
}
