//! What becomes of a mutation that did not go the device's way: pure, by the entry and the row that
//! the server sent. The server has merged already, so what is left is whose words are shown, and
//! whether a person has to know.

use serde_json::Value;

use crate::{
    domain::{
        field::Fields,
        mutation::Verdict,
        policy::{Policy, Standing, merged},
        row::Row,
    },
    sync::outbox::Mutated,
};

/// The fate of one judged mutation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The server sent no row: there is nothing to resolve.
    Skipped,
    /// The row says what this mutation meant, or a rule says that the server's word stands.
    AdoptServer,
    /// By their policies these fields go again, on the row as it is now.
    RebaseAndRetry { version: u64, fields: Fields },
    /// Another caregiver's change won over these fields, or the entry was deleted: a person decides.
    ManualRequired { fields: Vec<String>, deleted: bool },
}

pub(super) fn resolve(mutated: &Mutated, verdict: &Verdict) -> Outcome {
    let Some(theirs) = &verdict.server_data else { return Outcome::Skipped };
    let deleted = theirs.get("deletedAt").is_some_and(|at| !at.is_null());
    let differs = |(name, mine): &(&String, &Value)| theirs.get(*name).unwrap_or(&Value::Null) != *mine;
    let mut lost = Vec::new();
    let mut again = Fields::new();
    for (name, mine) in mutated.payload.iter().filter(differs) {
        let policy = mutated.entity_type.field(name).map_or(Policy::Latest, |field| field.policy);
        if policy == Policy::Latest {
            lost.push(name.clone());
        } else if let Some(value) = merged(policy, Standing::Lost, theirs.get(name), mine) {
            // Only a server that does not know the policy leaves anything to do.
            again.insert(name.clone(), value);
        }
    }
    if deleted || !lost.is_empty() {
        return Outcome::ManualRequired { fields: lost, deleted };
    }
    if again.is_empty() {
        return Outcome::AdoptServer;
    }
    match Row::from_payload(mutated.entity_type, theirs) {
        Ok(row) => Outcome::RebaseAndRetry { version: row.server.row_version, fields: again },
        // Nothing can be built on a row that cannot be read.
        Err(_) => Outcome::ManualRequired { fields: again.into_iter().map(|(name, _)| name).collect(), deleted },
    }
}
