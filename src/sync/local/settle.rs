//! One verdict: the entry leaves the outbox, or stays until the pull has brought it, and what it lost
//! is resolved.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Settled,
    commit::{next_sequence, stamp},
    push::{bury_with_dependants, letter, remove},
    record::{entries, of_entity, outbox_key, put_entry, put_letter, row_key},
    resolve::{Outcome, resolve},
    view::{image_version, rebuild},
};
use crate::{
    domain::{
        field::Fields,
        id::{ClientId, MutationId},
        mutation::{Op, Rejection, RejectionCode, Status, Verdict},
        time::Timestamp,
    },
    sync::{
        outbox::{EntryState, Mutated, OutboxEntry},
        ports::{StoreError, Table, Tx},
        status::DeadReason,
    },
};

/// Where verdicts are taken in: whose device, and when.
pub(super) struct Desk {
    pub(super) client_id: ClientId,
    pub(super) now: Timestamp,
    /// The server's history that the verdicts count in.
    pub(super) history: Option<Uuid>,
}

impl Desk {
    pub(super) async fn settle(
        &self,
        tx: &impl Tx,
        cursor: u64,
        entry: OutboxEntry,
        verdict: &Verdict,
        settled: &mut Settled,
    ) -> Result<(), StoreError> {
        // A rejected create took its dependants with it a moment ago; they have no entry any more.
        if tx.get(Table::Outbox, &outbox_key(entry.baby_id, entry.seq)).await?.is_none() {
            return Ok(());
        }
        if verdict.status == Status::Rejected {
            let error = verdict.error.clone().unwrap_or(Rejection {
                code: RejectionCode::Unknown,
                field: None,
                message: "refused without a reason".into(),
            });
            settled.dead += bury_with_dependants(tx, entry, error, self.now).await?;
            return Ok(());
        }
        match resolve(&entry.mutated, verdict) {
            Outcome::Skipped | Outcome::AdoptServer => {}
            Outcome::ManualRequired { fields, deleted } => {
                put_letter(tx, &letter(&entry, DeadReason::LostEdit { fields, deleted }, self.now)).await?;
                settled.lost += 1;
            }
            Outcome::RebaseAndRetry { version, fields } => self.rebase(tx, &entry, version, fields).await?,
        }
        settled.acked += 1;
        // While a first copy is fetched, a row may be here long before the cursor says so.
        let key = row_key(entry.baby_id, entry.mutated.entity_id);
        let seen = image_version(tx, entry.mutated.entity_type, &key).await?.max(cursor);
        match verdict.version {
            Some(version) if version > seen => {
                put_entry(tx, &OutboxEntry { state: EntryState::Acked { version, epoch: self.history }, ..entry }).await
            }
            _ => remove(tx, &entry).await,
        }
    }

    /// The same intent once more, in knowledge of the row as it is now. What the person changed again
    /// meanwhile is left to that change.
    async fn rebase(
        &self,
        tx: &impl Tx,
        entry: &OutboxEntry,
        version: u64,
        mut fields: Fields,
    ) -> Result<(), StoreError> {
        let (baby_id, entity_id) = (entry.baby_id, entry.mutated.entity_id);
        for later in entries(tx, &of_entity(baby_id, entity_id)).await? {
            if later.seq > entry.seq {
                fields.retain(|name, _| !later.mutated.payload.contains_key(name));
            }
        }
        if fields.is_empty() {
            return Ok(());
        }
        let again = OutboxEntry {
            seq: next_sequence(tx).await?,
            mutation_id: rebased_id(entry.mutation_id),
            baby_id,
            mutated: Mutated {
                op: Op::Update,
                payload: fields,
                base_version: Some(version),
                hlc: stamp(tx, self.client_id, self.now).await?,
                updated_at: self.now,
                ..entry.mutated.clone()
            },
            state: EntryState::Pending,
            sent: false,
            server_failures: 0,
            next_attempt_at: None,
        };
        put_entry(tx, &again).await?;
        rebuild(tx, baby_id, again.mutated.entity_type, entity_id).await?;
        Ok(())
    }
}

/// The id of the retry follows from the first one: a verdict that is taken in twice makes one retry.
fn rebased_id(of: MutationId) -> MutationId {
    let digest = Sha256::digest(format!("rebased {}", of.0));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    MutationId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
