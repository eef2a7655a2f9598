//! What people do: random, but possible, entries of every registered type, by [`Sample`].

use super::exec::Chance;
use crate::domain::{
    field::Fields,
    id::EntityId,
    registry::EntityType,
    row::Row,
    sample::{Sample, own_parents},
    time::Timestamp,
};

/// A whole entry that can be true. `mark` goes into its free text, so that every write is one of
/// a kind. `None` when it would refer to something that is not among `rows`.
pub fn entry(chance: &Chance, entity_type: EntityType, rows: &[Row], now: Timestamp, mark: &str) -> Option<Fields> {
    let draw = |n: usize| chance.below(n);
    Sample { draw: &draw, now, mark, parents: &parents(rows) }.entry(entity_type)
}

/// The entry with some of its field groups changed.
pub fn edited(chance: &Chance, seen: &Row, rows: &[Row], now: Timestamp, mark: &str) -> Fields {
    let draw = |n: usize| chance.below(n);
    let mut all = parents(rows);
    all.extend(own_parents(seen.entity_type, &seen.fields));
    Sample { draw: &draw, now, mark, parents: &all }.edited(seen.entity_type, &seen.fields)
}

/// What an entry may refer to.
fn parents(rows: &[Row]) -> Vec<(EntityType, EntityId)> {
    rows.iter().filter(|row| !row.is_deleted()).map(|row| (row.entity_type, row.id)).collect()
}
