//! What a caregiver may do with a baby.

use serde::{Deserialize, Serialize};

use super::{
    field::Invalid,
    mutation::{Mutation, Op, RejectionCode, Verdict},
    registry::EntityType,
};

/// Ordered: each level may do all that the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Reads.
    Viewer,
    /// Logs, and edits the baby's profile.
    Editor,
    /// Everything, with inviting and removing.
    Owner,
}

impl Level {
    /// The refusal of a mutation that takes more than this level, which may write: an editor edits the
    /// baby's profile, but only an owner takes the baby away, or brings it back.
    pub fn forbids(self, mutation: &Mutation) -> Option<Verdict> {
        let is_owners = mutation.entity_type == EntityType::BABY && matches!(mutation.op, Op::Delete | Op::Restore);
        (is_owners && self < Self::Owner).then(|| {
            let why = Invalid::at("op", "only an owner may delete the baby or restore it");
            Verdict::rejected(mutation.mutation_id, RejectionCode::Forbidden, why)
        })
    }
}
