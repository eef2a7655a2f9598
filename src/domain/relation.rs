//! Which entry refers to which: one graph, read off the registry, for the server's check of a push
//! and for the gate of every device alike.

use serde_json::Value;

use super::{
    field::{Fields, Kind},
    id::EntityId,
    registry::EntityType,
};

/// A field of one type that holds the id of an entry of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    pub child: EntityType,
    pub field: &'static str,
    pub parent: EntityType,
    /// The child makes no sense without it.
    pub required: bool,
}

/// What entries of this type refer to.
pub fn relations(child: EntityType) -> impl Iterator<Item = Relation> {
    child.fields().filter_map(move |field| {
        let (Kind::Reference { entity_type } | Kind::References { entity_type }) = field.kind else { return None };
        let parent = entity_type.parse().ok()?;
        Some(Relation { child, field: field.name, parent, required: field.required })
    })
}

impl Relation {
    /// The entries that these fields name: one, or each of a list.
    pub fn targets(self, fields: &Fields) -> Vec<EntityId> {
        let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
        match fields.get(self.field) {
            Some(Value::Array(list)) => list.iter().filter_map(id).collect(),
            Some(one) => id(one).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// The ids of other entries that these fields refer to.
pub fn references(child: EntityType, fields: &Fields) -> impl Iterator<Item = EntityId> {
    relations(child).flat_map(|relation| relation.targets(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B13, B52, B82: every reference in the registry is in the graph, and its parent exists and is
    /// registered before it.
    #[test]
    fn the_graph_is_the_registry() {
        let all: Vec<EntityType> = EntityType::all().collect();
        for (n, child) in all.iter().enumerate() {
            let refers = |kind| matches!(kind, Kind::Reference { .. } | Kind::References { .. });
            let fields = child.fields().filter(|field| refers(field.kind));
            let known: Vec<Relation> = relations(*child).collect();
            assert_eq!(known.len(), fields.count(), "{child}");
            assert!(known.iter().all(|relation| all[..n].contains(&relation.parent)), "{known:?}");
        }
    }

    /// B52: a list names each of its entries.
    #[test]
    fn a_list_of_references_leads_to_each() {
        let (carrot, pea) = (EntityId(uuid::Uuid::from_u128(1)), EntityId(uuid::Uuid::from_u128(2)));
        let meal = serde_json::from_value(serde_json::json!({"foods": [carrot, pea]})).unwrap();
        assert_eq!(references(EntityType::SOLIDS_LOG, &meal).collect::<Vec<_>>(), [carrot, pea]);
        assert_eq!(references(EntityType::SOLIDS_LOG, &Fields::new()).count(), 0);
    }
}
