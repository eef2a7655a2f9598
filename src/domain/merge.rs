//! Which of a mutation's field groups win against the row as it stands. Causality first: an edit
//! made in knowledge of the last change applies whatever the clocks say; only concurrent edits are
//! decided by clock, and always the same way on every machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    hlc::Hlc,
    id::{ClientId, MutationId},
    mutation::Mutation,
    policy::Standing,
    row::Row,
    time::Timestamp,
};

/// The last change of one field group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    pub hlc: Hlc,
    pub mutation_id: MutationId,
    /// The baby's version of that change.
    pub version: u64,
}

pub type Groups = BTreeMap<String, Stamp>;

/// A row with what the merge needs to know of its past; only the server keeps this.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub row: Row,
    pub groups: Groups,
}

/// The clock reading that a mutation is judged by: its own, bounded by the server's time.
pub fn reading(mutation: &Mutation, client: ClientId, now: Timestamp) -> Hlc {
    let claimed = mutation.hlc.unwrap_or_else(|| Hlc::at(mutation.updated_at.unwrap_or(now), client));
    Hlc { client, ..claimed }.clamped(now)
}

/// How a mutation stands in one group that it touches.
pub fn standing(mutation: &Mutation, hlc: Hlc, group: &str, stored: &Groups) -> Standing {
    if mutation.base_version.is_none() && mutation.hlc.is_none() {
        // The plain last write wins of simple clients: the whole row, by milliseconds, and the
        // later arrival on a tie.
        return by_clock(stored.values().all(|stamp| hlc.ms >= stamp.hlc.ms));
    }
    let Some(stamp) = stored.get(group) else { return Standing::Later };
    let saw_it = mutation.base_version.is_some_and(|base| stamp.version <= base);
    // A device pushes in order, so it knew of its own earlier change.
    let own = stamp.hlc.client == hlc.client;
    if saw_it || own {
        return Standing::Later;
    }
    by_clock((hlc, mutation.mutation_id) > (stamp.hlc, stamp.mutation_id))
}

fn by_clock(won: bool) -> Standing {
    if won { Standing::Won } else { Standing::Lost }
}
