//! What a person does, before it becomes a mutation.

use super::ports::StoreError;
use crate::domain::{
    field::{Fields, Invalid},
    id::{BabyId, EntityId},
    registry::EntityType,
    row::Row,
};

/// One change that a person makes. Updates carry the row that the person saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Draft {
    /// `id` for a `baby` is the baby's own.
    Create {
        entity_type: EntityType,
        baby_id: BabyId,
        id: EntityId,
        fields: Fields,
    },
    /// `fields` is the whole entry as it is to be; only what differs from `seen` is sent.
    Update {
        seen: Row,
        fields: Fields,
    },
    Delete {
        seen: Row,
    },
    Restore {
        seen: Row,
    },
}

/// Why a change was not saved. Nothing was written; what was typed is still in the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Store(#[from] StoreError),
}
