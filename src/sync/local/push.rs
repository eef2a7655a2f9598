//! The outbox on its way: leased to a push, then settled by its verdicts, released to be tried
//! again, or buried as dead letters.

use super::{
    Epoch, LocalStore,
    commit::next_sequence,
    record::{
        self, decode, entries, every, get, meta, of_baby, of_entity, outbox_key, put, put_entry, put_letter, put_meta,
    },
    settle::Desk,
    view::rebuild,
};
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, EntityId, MutationId},
        mutation::{Op, Rejection, Verdict},
        registry::EntityType,
        relation::references,
        time::Timestamp,
    },
    sync::{
        defect::{Defect, planted},
        outbox::{EntryState, OutboxEntry},
        ports::{Database, Mode, Scan, StoreError, Table, Tx},
        protocol::{PushResponse, WireVerdict},
        status::{DeadLetter, DeadReason},
    },
};

/// An entry that the server itself failed on this often becomes a dead letter.
const MAX_SERVER_FAILURES: u32 = 5;

/// How much one push may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    pub entries: usize,
    /// Of JSON, roughly.
    pub bytes: usize,
}

/// What a push came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub acked: usize,
    /// Edits that lost to another caregiver's.
    pub lost: usize,
    /// New dead letters.
    pub dead: usize,
}

impl<D: Database> LocalStore<D> {
    /// Takes the lead over from whichever tab had it: its results are refused from here on, and
    /// what it had in flight is pending again (it may have arrived; the server knows the ids).
    ///
    /// # Errors
    /// The database failed.
    pub async fn lead(&self) -> Result<Epoch, StoreError> {
        self.transact(&[Table::Kv, Table::Outbox], Mode::StrictWrite, async |tx| {
            let epoch = get::<u64>(tx, Table::Kv, record::LEADER_EPOCH).await?.unwrap_or(0) + 1;
            put(tx, Table::Kv, record::LEADER_EPOCH, &epoch).await?;
            for (key, value) in tx.scan(&every(Table::Outbox)).await? {
                // A damaged entry is found and buried by the next lease.
                let Ok(entry) = decode::<OutboxEntry>(Table::Outbox, &key, value) else { continue };
                if entry.state == EntryState::Inflight && !planted(Defect::InflightForEver) {
                    put_entry(tx, &OutboxEntry { state: EntryState::Pending, ..entry }).await?;
                }
            }
            Ok(Epoch(epoch))
        })
        .await
    }

    /// Whether `epoch` still leads.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leads(&self, epoch: Epoch) -> Result<bool, StoreError> {
        self.transact(&[Table::Kv], Mode::Read, async |tx| match fence(tx, epoch).await {
            Err(StoreError::Fenced) => Ok(false),
            other => other.map(|()| true),
        })
        .await
    }

    /// When the oldest waiting entry of a baby may be sent, if it has to wait.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_attempt(&self, baby: BabyId) -> Result<Option<Timestamp>, StoreError> {
        self.transact(&[Table::Outbox], Mode::Read, async |tx| {
            let waiting = entries(tx, &of_baby(Table::Outbox, None, baby)).await?;
            Ok(waiting.iter().find(|entry| entry.is_waiting()).and_then(|entry| entry.next_attempt_at))
        })
        .await
    }

    /// Hands out the next entries of a baby, oldest first, and freezes them.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn lease(
        &self,
        epoch: Epoch,
        baby: BabyId,
        now: Timestamp,
        limit: BatchLimit,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let own = [Table::Rows(EntityType::BABY), Table::Shadow];
        let tables = [own.as_slice(), &[Table::Kv, Table::Outbox, Table::DeadLetters]].concat();
        self.transact(&tables, Mode::StrictWrite, async |tx| {
            fence(tx, epoch).await?;
            baby_first(tx, baby).await?;
            let mut leased = Vec::new();
            let mut bytes = 0;
            let descending = planted(Defect::ReversedOutbox);
            for (key, value) in tx.scan(&Scan { descending, ..of_baby(Table::Outbox, None, baby) }).await? {
                let size = value.to_string().len();
                let entry = match decode::<OutboxEntry>(Table::Outbox, &key, value.clone()) {
                    Ok(entry) => entry,
                    Err(_) => {
                        bury_damaged(tx, baby, &key, &value, now).await?;
                        continue;
                    }
                };
                if !entry.is_waiting() {
                    continue;
                }
                bytes += size;
                let full = leased.len() >= limit.entries || (bytes > limit.bytes && !leased.is_empty());
                let due = entry.next_attempt_at.is_none_or(|at| at <= now);
                // Order is kept: what comes after an entry that cannot go has to wait too.
                if full || !due || entry.state == EntryState::Inflight {
                    break;
                }
                let entry = OutboxEntry { state: EntryState::Inflight, sent: true, ..entry };
                put_entry(tx, &entry).await?;
                leased.push(entry);
            }
            Ok(leased)
        })
        .await
    }

    /// Takes in the verdicts of a push. What has no verdict is pending again.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn settle(
        &self,
        epoch: Epoch,
        baby: BabyId,
        now: Timestamp,
        leased: &[OutboxEntry],
        response: &PushResponse,
    ) -> Result<Settled, StoreError> {
        let verdicts: Vec<&Verdict> = response
            .results
            .iter()
            .filter_map(|verdict| match verdict {
                WireVerdict::Verdict(verdict) => Some(verdict),
                WireVerdict::Unreadable(_) => None,
            })
            .collect();
        self.transact(&write_tables(), Mode::StrictWrite, async |tx| {
            fence(tx, epoch).await?;
            let mut settled = Settled::default();
            let mut meta = meta(tx, baby).await?;
            let desk = Desk { client_id: self.client_id, now, history: response.epoch };
            for entry in current(tx, baby, leased.iter().map(|entry| entry.mutation_id)).await? {
                let verdict = verdicts.iter().find(|verdict| verdict.mutation_id == entry.mutation_id);
                match verdict {
                    Some(verdict) => desk.settle(tx, meta.cursor, entry, verdict, &mut settled).await?,
                    None => put_entry(tx, &OutboxEntry { state: EntryState::Pending, ..entry }).await?,
                }
            }
            meta.last_push_at = Some(now);
            if planted(Defect::CursorFromPush) {
                meta.cursor = verdicts.iter().filter_map(|verdict| verdict.version).fold(meta.cursor, u64::max);
            }
            put_meta(tx, baby, &meta).await?;
            Ok(settled)
        })
        .await
    }

    /// Puts entries that got no answer back, to be sent again with the same ids and bodies.
    /// `server_failed` counts; after five such failures an entry becomes a dead letter.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn release(
        &self,
        epoch: Epoch,
        baby: BabyId,
        leased: &[MutationId],
        next_attempt_at: Option<Timestamp>,
        server_failed: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(&write_tables(), Mode::StrictWrite, async |tx| {
            fence(tx, epoch).await?;
            for mut entry in current(tx, baby, leased.iter().copied()).await? {
                entry.server_failures += u32::from(server_failed);
                if entry.server_failures >= MAX_SERVER_FAILURES {
                    bury_one(tx, entry, DeadReason::Exhausted, now).await?;
                    continue;
                }
                put_entry(tx, &OutboxEntry { state: EntryState::Pending, next_attempt_at, ..entry }).await?;
            }
            Ok(())
        })
        .await
    }

    /// Makes every waiting entry of a baby due now. `reset` (a person asked) also forgets how often
    /// the server failed on them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn make_due(&self, baby: BabyId, reset: bool) -> Result<(), StoreError> {
        self.transact(&[Table::Outbox], Mode::StrictWrite, async |tx| {
            for (key, value) in tx.scan(&of_baby(Table::Outbox, None, baby)).await? {
                let Ok(entry) = decode::<OutboxEntry>(Table::Outbox, &key, value) else { continue };
                let server_failures = if reset { 0 } else { entry.server_failures };
                if entry.next_attempt_at.is_some() || entry.server_failures != server_failures {
                    put_entry(tx, &OutboxEntry { next_attempt_at: None, server_failures, ..entry }).await?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Makes dead letters of leased entries.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn bury(
        &self,
        epoch: Epoch,
        baby: BabyId,
        leased: &[MutationId],
        reason: DeadReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(&write_tables(), Mode::StrictWrite, async |tx| {
            fence(tx, epoch).await?;
            for entry in current(tx, baby, leased.iter().copied()).await? {
                bury_one(tx, entry, reason.clone(), now).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Every table that a verdict can touch.
fn write_tables() -> Vec<Table> {
    let mut tables: Vec<Table> = EntityType::all().map(Table::Rows).collect();
    tables.extend([Table::Shadow, Table::Outbox, Table::DeadLetters, Table::SyncMeta, Table::Kv]);
    tables
}

/// Refuses a tab that no longer leads.
pub(super) async fn fence(tx: &impl Tx, epoch: Epoch) -> Result<(), StoreError> {
    let now: u64 = get(tx, Table::Kv, record::LEADER_EPOCH).await?.unwrap_or(0);
    if now == epoch.0 || planted(Defect::NoFence) { Ok(()) } else { Err(StoreError::Fenced) }
}

/// The entries of these ids that are still waiting, in order.
async fn current(
    tx: &impl Tx,
    baby: BabyId,
    ids: impl Iterator<Item = MutationId>,
) -> Result<Vec<OutboxEntry>, StoreError> {
    let ids: Vec<MutationId> = ids.collect();
    let mut found = Vec::new();
    for (key, value) in tx.scan(&of_baby(Table::Outbox, None, baby)).await? {
        let Ok(entry) = decode::<OutboxEntry>(Table::Outbox, &key, value) else { continue };
        if entry.is_waiting() && ids.contains(&entry.mutation_id) {
            found.push(entry);
        }
    }
    Ok(found)
}

pub(super) async fn remove(tx: &impl Tx, entry: &OutboxEntry) -> Result<(), StoreError> {
    tx.delete(Table::Outbox, &outbox_key(entry.baby_id, entry.seq)).await?;
    rebuild(tx, entry.baby_id, entry.mutated.entity_type, entry.mutated.entity_id).await?;
    Ok(())
}

pub(super) fn letter(entry: &OutboxEntry, reason: DeadReason, now: Timestamp) -> DeadLetter {
    DeadLetter {
        mutation_id: entry.mutation_id,
        baby_id: entry.baby_id,
        mutated: Some(entry.mutated.clone()),
        reason,
        failed_at: now,
    }
}

pub(super) async fn bury_one(
    tx: &impl Tx,
    entry: OutboxEntry,
    reason: DeadReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    put_letter(tx, &letter(&entry, reason, now)).await?;
    remove(tx, &entry).await
}

/// A baby that a person sends again after it was refused stands behind what was saved for it
/// meanwhile, and none of that is taken in before the baby is. All of it follows, in its order; an
/// edit of the baby then lies on top of it, and is shown so.
async fn baby_first(tx: &impl Tx, baby: BabyId) -> Result<(), StoreError> {
    let makes_baby = |entry: &OutboxEntry| entry.mutated.op == Op::Create && entry.is_waiting();
    if !entries(tx, &of_entity(baby, baby.entity())).await?.iter().any(makes_baby) {
        return Ok(());
    }
    let mut waiting = Vec::new();
    for (key, value) in tx.scan(&of_baby(Table::Outbox, None, baby)).await? {
        // A damaged entry is found and buried by the lease.
        let Ok(entry) = decode::<OutboxEntry>(Table::Outbox, &key, value) else { continue };
        if entry.state == EntryState::Inflight {
            return Ok(());
        }
        if entry.is_waiting() {
            waiting.push(entry);
        }
    }
    let makes_baby = |entry: &OutboxEntry| entry.mutated.entity_type == EntityType::BABY && makes_baby(entry);
    if waiting.iter().position(makes_baby).is_none_or(|at| at == 0) {
        return Ok(());
    }
    for entry in waiting.into_iter().filter(|entry| !makes_baby(entry)) {
        tx.delete(Table::Outbox, &outbox_key(baby, entry.seq)).await?;
        put_entry(tx, &OutboxEntry { seq: next_sequence(tx).await?, ..entry }).await?;
    }
    rebuild(tx, baby, EntityType::BABY, baby.entity()).await?;
    Ok(())
}

/// What cannot be read cannot be sent, and must not stop what comes after it.
async fn bury_damaged(
    tx: &impl Tx,
    baby_id: BabyId,
    key: &str,
    value: &serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let seq = key.rsplit('/').next().and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let named = value.get("mutationId").and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    let mutation_id = named.unwrap_or(MutationId(uuid::Uuid::from_u128(seq)));
    let reason = DeadReason::Corrupt { raw: value.to_string() };
    put_letter(tx, &DeadLetter { mutation_id, baby_id, mutated: None, reason, failed_at: now }).await?;
    tx.delete(Table::Outbox, key).await
}

/// A refused create takes along whatever was built on it; a refused edit goes alone.
pub(super) async fn bury_with_dependants(
    tx: &impl Tx,
    refused: OutboxEntry,
    error: Rejection,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let baby = refused.baby_id;
    let mut gone: Vec<EntityId> = match refused.mutated.op {
        Op::Create => vec![refused.mutated.entity_id],
        _ => Vec::new(),
    };
    let is_baby = refused.mutated.entity_type == EntityType::BABY && refused.mutated.op == Op::Create;
    let seq = refused.seq;
    bury_one(tx, refused, DeadReason::Rejected { error: error.clone() }, now).await?;
    let mut buried = 1;
    for entry in entries(tx, &of_baby(Table::Outbox, None, baby)).await? {
        let depends = |fields: &Fields| references(entry.mutated.entity_type, fields).any(|id| gone.contains(&id));
        let dependant = is_baby || gone.contains(&entry.mutated.entity_id) || depends(&entry.mutated.payload);
        if entry.seq <= seq || !entry.is_waiting() || !dependant {
            continue;
        }
        if entry.mutated.op == Op::Create {
            gone.push(entry.mutated.entity_id);
        }
        bury_one(tx, entry, DeadReason::ParentRejected { error: error.clone() }, now).await?;
        buried += 1;
    }
    Ok(buried)
}

/// What was acknowledged in any history but `kept` waits again, with the same ids and bodies. A history
/// that is not known counts as kept.
pub(super) async fn resend_acked(tx: &impl Tx, baby: BabyId, kept: Option<uuid::Uuid>) -> Result<(), StoreError> {
    for entry in entries(tx, &of_baby(Table::Outbox, None, baby)).await? {
        let EntryState::Acked { epoch, .. } = entry.state else { continue };
        if planted(Defect::KeepsLostAcks) {
            break;
        }
        if kept.is_none() || epoch.is_some_and(|known| Some(known) != kept) {
            put_entry(tx, &OutboxEntry { state: EntryState::Pending, next_attempt_at: None, ..entry }).await?;
        }
    }
    Ok(())
}

/// Whatever was acknowledged at or below this version is part of the copy that has been fetched.
pub(super) async fn drop_acked_through(tx: &impl Tx, baby: BabyId, through: u64) -> Result<(), StoreError> {
    for entry in entries(tx, &of_baby(Table::Outbox, None, baby)).await? {
        if matches!(entry.state, EntryState::Acked { version, .. } if version <= through) {
            remove(tx, &entry).await?;
        }
    }
    Ok(())
}

/// The entries of an entity that the pull has now brought.
pub(super) async fn drop_acked(tx: &impl Tx, baby: BabyId, id: EntityId, through: u64) -> Result<usize, StoreError> {
    let mut left = 0;
    for entry in entries(tx, &of_entity(baby, id)).await? {
        match entry.state {
            EntryState::Acked { version, .. } if version <= through => {
                tx.delete(Table::Outbox, &outbox_key(baby, entry.seq)).await?;
            }
            _ => left += 1,
        }
    }
    Ok(left)
}
