//! The end of a baby on this device, because access ended or because the server never took it in:
//! its data goes, the person's unsent work stays with them as dead letters.

use super::{
    Epoch, LocalStore,
    apply::{copy_tables, drop_images},
    import::forget_imported,
    push::fence,
    record::{self, get, of_baby, put, put_letter},
};
use crate::{
    domain::{id::BabyId, mutation::Op, registry::EntityType, time::Timestamp},
    sync::{
        defect::{Defect, planted},
        outbox::{Mutated, OutboxEntry},
        ports::{Database, Mode, StoreError, Table, Tx},
        status::{BabyAccess, CaregiverName, DeadLetter, DeadReason},
    },
};

impl<D: Database> LocalStore<D> {
    /// Removes a baby: rows, images, cursor and access, in one transaction. Returns how many
    /// unsent mutations became dead letters.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn purge(&self, epoch: Epoch, baby: BabyId, now: Timestamp) -> Result<usize, StoreError> {
        let mut tables = copy_tables();
        tables.extend([Table::DeadLetters, Table::IdMap]);
        self.transact(&tables, Mode::StrictWrite, async |tx| {
            fence(tx, epoch).await?;
            let reason = refusal(tx, baby).await?.unwrap_or(DeadReason::AccessRevoked);
            let kept = keep_unsent(tx, baby, reason, now).await?;
            drop_images(tx, baby).await?;
            forget_imported(tx, baby).await?;
            tx.delete(Table::SyncMeta, &baby.to_string()).await?;
            let mut access: Vec<BabyAccess> = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
            access.retain(|known| known.baby_id != baby);
            put(tx, Table::Kv, record::ACCESS, &access).await?;
            let mut names: Vec<CaregiverName> = get(tx, Table::Kv, record::CAREGIVERS).await?.unwrap_or_default();
            names.retain(|name| name.baby_id != baby);
            put(tx, Table::Kv, record::CAREGIVERS, &names).await?;
            Ok(kept)
        })
        .await
    }

    /// Whether the baby was made here and the server never took it in.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_refused(&self, baby: BabyId) -> Result<bool, StoreError> {
        self.transact(&[Table::DeadLetters], Mode::Read, async |tx| Ok(refusal(tx, baby).await?.is_some())).await
    }
}

/// Why the server never took in a baby made here, as the reason for what depends on it; `None` when
/// that is not so.
async fn refusal(tx: &impl Tx, baby: BabyId) -> Result<Option<DeadReason>, StoreError> {
    for (key, value) in tx.scan(&of_baby(Table::DeadLetters, None, baby)).await? {
        let Ok(letter) = record::decode::<DeadLetter>(Table::DeadLetters, &key, value) else { continue };
        let makes_baby = |mutated: &Mutated| mutated.op == Op::Create && mutated.entity_type == EntityType::BABY;
        if letter.mutated.as_ref().is_some_and(makes_baby) {
            return Ok(Some(match letter.reason {
                DeadReason::Rejected { error } => DeadReason::ParentRejected { error },
                reason => reason,
            }));
        }
    }
    Ok(None)
}

async fn keep_unsent(tx: &impl Tx, baby_id: BabyId, reason: DeadReason, now: Timestamp) -> Result<usize, StoreError> {
    let mut kept = 0;
    for (key, value) in tx.scan(&of_baby(Table::Outbox, None, baby_id)).await? {
        let entry: OutboxEntry = record::decode(Table::Outbox, &key, value)?;
        if entry.is_waiting() && !planted(Defect::PurgeDropsOutbox) {
            let reason = reason.clone();
            let mutated = Some(entry.mutated);
            let letter = DeadLetter { mutation_id: entry.mutation_id, baby_id, mutated, reason, failed_at: now };
            put_letter(tx, &letter).await?;
            kept += 1;
        }
        tx.delete(Table::Outbox, &key).await?;
    }
    Ok(kept)
}
