//! The outbox: a person's mutations in the order they were made, and what has become of each.
//!
//! Invariant: once an entry was handed to the network it is frozen: the same id always carries the
//! same body. Only entries that were never sent may coalesce.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::defect::{Defect, planted};
use crate::domain::{
    field::Fields,
    hlc::Hlc,
    id::{BabyId, EntityId, MutationId},
    mutation::Op,
    registry::EntityType,
    row::apply_patch,
    time::Timestamp,
};

/// What was done, as it will travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mutated {
    pub entity_type: EntityType,
    pub entity_id: EntityId,
    pub op: Op,
    pub payload: Fields,
    pub base_version: Option<u64>,
    pub hlc: Hlc,
    pub updated_at: Timestamp,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxEntry {
    /// The device's own order, over all babies.
    pub seq: u64,
    pub mutation_id: MutationId,
    pub baby_id: BabyId,
    pub mutated: Mutated,
    pub state: EntryState,
    /// It was handed to the network at least once.
    pub sent: bool,
    /// How often the server itself failed on it; lost answers do not count.
    pub server_failures: u32,
    /// Not before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryState {
    Pending,
    /// In a push that has no answer yet.
    Inflight,
    /// The server has it, as this version; kept until the pull brings that version, so that what
    /// the person sees never flickers back.
    Acked {
        version: u64,
        /// The history that the version counts in; a server that is restored from a backup begins
        /// another one, which may not have it.
        #[serde(default)]
        epoch: Option<Uuid>,
    },
}

impl OutboxEntry {
    /// As a person's save makes it.
    pub fn new(seq: u64, mutation_id: MutationId, baby_id: BabyId, mutated: Mutated) -> Self {
        Self {
            seq,
            mutation_id,
            baby_id,
            mutated,
            state: EntryState::Pending,
            sent: false,
            server_failures: 0,
            next_attempt_at: None,
        }
    }

    /// Waiting for the server's answer.
    pub fn is_waiting(&self) -> bool {
        !matches!(self.state, EntryState::Acked { .. })
    }

    fn is_open(&self) -> bool {
        (!self.sent || planted(Defect::CoalesceAfterSend)) && self.state == EntryState::Pending
    }
}

/// What becomes of the last entry of an entity when a further mutation of it is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Coalesced {
    /// Both stay, in order.
    Append,
    /// One entry instead of two, in the first one's place and with its id.
    Replace(Mutated),
    /// They cancel out: neither is sent.
    Cancel,
}

/// Decides by the newest entry of the same entity.
pub fn coalesce(last: &OutboxEntry, next: &Mutated) -> Coalesced {
    if !last.is_open() {
        return Coalesced::Append;
    }
    let earlier = &last.mutated;
    // Moving a reference in front of what it refers to would break parents before children.
    let refers = crate::domain::relation::references(next.entity_type, &next.payload).next().is_some();
    // An edit before a delete is sent too: undo of the delete must find it.
    match (earlier.op, next.op) {
        (Op::Create, Op::Delete) | (Op::Delete, Op::Restore) if next.payload.is_empty() => Coalesced::Cancel,
        (Op::Create | Op::Update | Op::Restore, Op::Update) if !refers => {
            let mut payload = earlier.payload.clone();
            match earlier.op {
                Op::Create => apply_patch(&mut payload, &next.payload),
                // A patch keeps its nulls: they take values away on the server too.
                _ => payload.extend(next.payload.clone()),
            }
            Coalesced::Replace(Mutated { payload, hlc: next.hlc, updated_at: next.updated_at, ..earlier.clone() })
        }
        _ => Coalesced::Append,
    }
}
