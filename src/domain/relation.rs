//! Which entry refers to which: one graph, read off the registry, for the server's check of a push
//! and for the gate of every device alike.

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
        let Kind::Reference { entity_type } = field.kind else { return None };
        let parent = entity_type.parse().ok()?;
        Some(Relation { child, field: field.name, parent, required: field.required })
    })
}

/// The ids of other entries that these fields refer to.
pub fn references(child: EntityType, fields: &Fields) -> impl Iterator<Item = EntityId> {
    relations(child).filter_map(|relation| fields.get(relation.field)?.as_str()?.parse().ok())
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
            let fields = child.fields().filter(|field| matches!(field.kind, Kind::Reference { .. }));
            let known: Vec<Relation> = relations(*child).collect();
            assert_eq!(known.len(), fields.count(), "{child}");
            assert!(known.iter().all(|relation| all[..n].contains(&relation.parent)), "{known:?}");
        }
    }
}
