//! Random, but possible, entries of every registered type, made from the field tables: a type is in every
//! test that draws from here the day it is registered. For tests; chance is handed in.

use std::cell::Cell;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    field::{Fields, Kind},
    id::EntityId,
    registry::EntityType,
    relation::relations,
    time::Timestamp,
};

/// What entries are drawn from.
pub struct Sample<'s> {
    /// A number of `0..n`, where `n > 0`.
    pub draw: &'s dyn Fn(usize) -> usize,
    /// Things happened within two hours before it.
    pub now: Timestamp,
    /// Goes into every free text.
    pub mark: &'s str,
    /// What may be referred to.
    pub parents: &'s [(EntityType, EntityId)],
}

/// What an entry refers to already.
pub fn own_parents(entity_type: EntityType, fields: &Fields) -> Vec<(EntityType, EntityId)> {
    let mut own = Vec::new();
    for relation in relations(entity_type) {
        own.extend(relation.targets(fields).into_iter().map(|id| (relation.parent, id)));
    }
    own
}

/// Numbers that are the same for the same seed.
pub fn dice(seed: u64) -> impl Fn(usize) -> usize {
    let state = Cell::new(seed);
    move |n| {
        // A linear congruential generator; its upper bits are the better ones.
        state.set(state.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        (state.get() >> 33) as usize % n
    }
}

/// An entry of every type but the baby's own, each after those that it refers to, and an edit of it.
pub fn one_of_each(seed: u64, now: Timestamp) -> Vec<(EntityType, EntityId, Fields, Fields)> {
    let draw = dice(seed);
    let (mut made, mut parents) = (Vec::new(), Vec::new());
    for (entity_type, n) in EntityType::all().filter(|known| *known != EntityType::BABY).zip(1..) {
        let id = EntityId(Uuid::from_u128((u128::from(seed) << 64) + 0x7000_8000_0000_0000_0000 + n));
        let sample = Sample { draw: &draw, now, mark: "one of each", parents: &parents };
        let fields = sample.entry(entity_type).expect("what it refers to is registered before it");
        let edited = sample.edited(entity_type, &fields);
        parents.push((entity_type, id));
        made.push((entity_type, id, fields, edited));
    }
    made
}

impl Sample<'_> {
    /// A whole entry that can be true; `None` when there is nothing that it could refer to, and it must.
    pub fn entry(&self, entity_type: EntityType) -> Option<Fields> {
        loop {
            let mut fields = Fields::new();
            for field in entity_type.fields() {
                if field.required || self.one_in(3) {
                    match self.value(field.kind) {
                        Some(value) => drop(fields.insert(field.name.to_owned(), value)),
                        None if field.required => return None,
                        None => {}
                    }
                }
            }
            if let Ok(whole) = entity_type.canonical(&fields)
                && entity_type.check(&whole).is_ok()
            {
                return Some(whole);
            }
        }
    }

    /// The entry with some of its field groups changed.
    pub fn edited(&self, entity_type: EntityType, before: &Fields) -> Fields {
        let groups: Vec<&str> = entity_type.fields().map(|field| field.group).collect();
        loop {
            let group = groups[(self.draw)(groups.len())];
            let Some(fresh) = self.entry(entity_type) else { return before.clone() };
            let mut after = before.clone();
            for field in entity_type.fields().filter(|field| field.group == group || self.one_in(8)) {
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

    fn one_in(&self, n: usize) -> bool {
        (self.draw)(n) == 0
    }

    /// From `from` to `to`, both included.
    fn between(&self, from: i64, to: i64) -> i64 {
        from + (self.draw)((to - from + 1) as usize) as i64
    }

    fn value(&self, kind: Kind) -> Option<Value> {
        let at = || self.now.plus_ms(-self.between(0, 7_200_000));
        let one_of = |options: &[&str]| json!(options[(self.draw)(options.len())]);
        let words = |max_chars: usize| self.mark.chars().take(max_chars).collect::<String>();
        Some(match kind {
            Kind::Text { max_chars } => words(max_chars).into(),
            Kind::Integer { min, max } => json!(self.between(min, max.min(min.saturating_add(300)))),
            Kind::Decimal { max } => json!(self.between(0, max.min(300)) as f64 / 4.0),
            Kind::Bool => json!(self.one_in(2)),
            Kind::Instant => json!(at()),
            Kind::Date => json!(format!("2026-11-{:02}", self.between(1, 28))),
            Kind::TimeOfDay => json!(format!("{:02}:30", self.between(0, 23))),
            Kind::Zone => json!("Europe/Berlin"),
            Kind::Choice(options) => one_of(options),
            Kind::Typed { units } => json!({"value": self.between(1, 300), "unit": one_of(units)}),
            Kind::Segments { sides } => {
                let start = at();
                let switch = start.plus_ms(self.between(1, 600_000));
                let part = |from: Timestamp, to: Option<Timestamp>| {
                    let mut part = Map::new();
                    if !sides.is_empty() {
                        part.insert("side".into(), one_of(sides));
                    }
                    part.insert("startedAt".into(), json!(from));
                    part.extend(to.map(|to| ("endedAt".to_owned(), json!(to))));
                    part
                };
                json!([part(start, Some(switch)), part(switch, None)])
            }
            Kind::Reference { entity_type } => json!(self.parent(entity_type)?),
            Kind::References { entity_type } => {
                let more = (0..(self.draw)(3)).filter_map(|_| self.parent(entity_type));
                json!(std::iter::once(self.parent(entity_type)?).chain(more).collect::<Vec<_>>())
            }
            Kind::Ids => {
                let ids: Vec<EntityId> = self.parents.iter().map(|(_, id)| *id).take((self.draw)(3)).collect();
                json!(ids)
            }
            Kind::Words { max_chars } => json!([words(max_chars), "more"]),
            Kind::Details { max_chars } => json!({ "mark": words(max_chars) }),
        })
    }

    fn parent(&self, name: &str) -> Option<EntityId> {
        let fitting: Vec<EntityId> =
            self.parents.iter().filter(|(known, _)| known.name() == name).map(|(_, id)| *id).collect();
        if fitting.is_empty() { None } else { Some(fitting[(self.draw)(fitting.len())]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B82: of every type there are entries and edits that can be true, with every one of its fields; what is
    /// kept is kept again as it is.
    #[test]
    fn every_type_has_possible_entries_and_edits() {
        let draw = dice(1);
        let parents: Vec<_> = EntityType::all().zip(1..).map(|(of, n)| (of, EntityId(Uuid::from_u128(n)))).collect();
        let now = Timestamp::from_ms(1_800_000_000_000);
        let sample = Sample { draw: &draw, now, mark: "mark", parents: &parents };
        for entity_type in EntityType::all() {
            let mut seen = Fields::new();
            for _ in 0..200 {
                let whole = sample.entry(entity_type).unwrap();
                assert_eq!(entity_type.canonical(&whole), Ok(whole.clone()), "{entity_type}");
                let after = sample.edited(entity_type, &whole);
                assert_eq!(entity_type.check(&after), Ok(()), "{entity_type}");
                seen.extend(whole);
            }
            for field in entity_type.fields() {
                assert!(seen.contains_key(field.name), "{entity_type}.{} is never drawn", field.name);
            }
            let alone = Sample { parents: &[], ..sample };
            let needs = relations(entity_type).any(|relation| relation.required);
            assert_eq!(alone.entry(entity_type).is_none(), needs, "{entity_type}");
        }
    }
}
