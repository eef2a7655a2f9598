//! What a caregiver may do with a baby.

use serde::{Deserialize, Serialize};

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
