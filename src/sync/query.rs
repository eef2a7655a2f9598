//! What a screen asks of the device's copy.

use crate::domain::{
    id::{BabyId, EntityId},
    registry::EntityType,
    time::Timestamp,
};

/// Which rows a screen shows. Deleted rows are not among them unless asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub baby_id: BabyId,
    pub types: Vec<EntityType>,
    pub select: Select,
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Select {
    /// Started within `from <= startedAt < to`, newest first.
    Started { from: Timestamp, to: Timestamp },
    /// Newest first.
    Latest,
    /// The first one of each type: how far back the log goes.
    Earliest,
    /// Spans without an end, newest first.
    Running,
    /// By id, deleted ones included.
    One(EntityId),
    /// Rows deleted at `since` or later, the last deleted first.
    Deleted { since: Timestamp },
    /// Every live row, in no order (babies, catalogues).
    All,
}
