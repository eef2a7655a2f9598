//! What the copy knows beside its rows: how far each baby is, who may see it, what time the server
//! has, and the journal of the last sync steps.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{
    Epoch, LocalStore, SyncMeta,
    push::{fence, resend_acked},
    record::{self, decode, entries, every, get, meta, of_baby, of_entity, put, put_meta},
};
use crate::{
    domain::{id::BabyId, mutation::Op, registry::EntityType, set::set},
    sync::{
        outbox::{EntryState, OutboxEntry},
        ports::{AccessList, Database, Mode, StoreError, Table, Tx},
        status::{BabyAccess, BabyStatus, CaregiverName, Progress, SyncError, SyncStep},
    },
};

/// The journal keeps this many steps.
const JOURNAL_STEPS: u64 = 500;
const JOURNAL_NEXT: &str = "journalNext";

/// What changed with a new access list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessChange {
    /// Babies that are new on this device.
    pub new: Vec<BabyId>,
    /// Babies of this device that the server does not list. They stay until they are purged.
    pub gone: Vec<BabyId>,
}

/// The counts of the whole copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub babies: Vec<BabyStatus>,
    pub waiting: usize,
    pub failed: usize,
    /// How far the server's clock is ahead of this device's.
    pub clock_offset_ms: Option<i64>,
}

impl<D: Database> LocalStore<D> {
    /// # Errors
    /// The database failed.
    pub async fn meta(&self, baby: BabyId) -> Result<SyncMeta, StoreError> {
        self.transact(&[Table::SyncMeta], Mode::Read, async |tx| meta(tx, baby).await).await
    }

    /// The server's history that this device has heard from last: the one its copy follows, or, before
    /// there is a copy, whichever acknowledged something.
    ///
    /// # Errors
    /// The database failed.
    pub async fn history(&self, baby: BabyId) -> Result<Option<Uuid>, StoreError> {
        self.transact(&[Table::SyncMeta, Table::Outbox], Mode::Read, async |tx| {
            let meta = meta(tx, baby).await?;
            if let Some(followed) = meta.epoch.or(meta.bootstrap.map(|bootstrap| bootstrap.epoch)) {
                return Ok(Some(followed));
            }
            let outbox = tx.scan(&of_baby(Table::Outbox, None, baby)).await?;
            let acked = outbox.into_iter().rev().filter_map(|(key, value)| {
                // A damaged entry is found and buried by the next lease.
                match decode::<OutboxEntry>(Table::Outbox, &key, value).ok()?.state {
                    EntryState::Acked { epoch, .. } => epoch,
                    _ => None,
                }
            });
            Ok(acked.into_iter().next())
        })
        .await
    }

    /// Notes what went wrong last with a baby, for its status; nothing for a baby that left.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_error(&self, baby: BabyId, error: Option<SyncError>) -> Result<(), StoreError> {
        self.transact(&[Table::Kv, Table::SyncMeta], Mode::RelaxedWrite, async |tx| {
            if !record::is_listed(tx, baby).await? {
                return Ok(());
            }
            let meta = SyncMeta { error, ..meta(tx, baby).await? };
            put_meta(tx, baby, &meta).await
        })
        .await
    }

    /// Keeps how far the server's clock is ahead of this device's, in ms.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_clock_offset(&self, ms: i64) -> Result<(), StoreError> {
        self.transact(&[Table::Kv], Mode::RelaxedWrite, async |tx| {
            put(tx, Table::Kv, record::CLOCK_OFFSET_MS, &ms).await
        })
        .await
    }

    /// The babies of this account, those made here and not yet sent included.
    ///
    /// # Errors
    /// The database failed.
    pub async fn access(&self) -> Result<Vec<BabyAccess>, StoreError> {
        self.transact(&[Table::Kv], Mode::Read, async |tx| {
            Ok(get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default())
        })
        .await
    }

    /// Every baby that this device holds anything of, listed or not: a save may come in just after
    /// access has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn babies(&self) -> Result<BTreeSet<BabyId>, StoreError> {
        self.transact(&[Table::Kv, Table::SyncMeta, Table::Outbox], Mode::Read, async |tx| {
            let access: Vec<BabyAccess> = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
            let mut babies = set(access.into_iter().map(|access| access.baby_id));
            for table in [Table::SyncMeta, Table::Outbox] {
                let keys = tx.scan(&every(table)).await?.into_iter().map(|(key, _)| key);
                babies.extend(keys.filter_map(|key| key.split('/').next()?.parse::<BabyId>().ok()));
            }
            Ok(babies)
        })
        .await
    }

    /// # Errors
    /// The database failed.
    pub async fn caregivers(&self) -> Result<Vec<CaregiverName>, StoreError> {
        self.transact(&[Table::Kv], Mode::Read, async |tx| {
            Ok(get(tx, Table::Kv, record::CAREGIVERS).await?.unwrap_or_default())
        })
        .await
    }

    /// Takes in what the server says about this account. A baby that it does not list is not
    /// removed here: that takes a second, confirming answer (see [`LocalStore::purge`]).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn set_access(&self, epoch: Epoch, list: &AccessList) -> Result<AccessChange, StoreError> {
        let tables = [Table::Kv, Table::Outbox, Table::Rows(EntityType::BABY)];
        self.transact(&tables, Mode::RelaxedWrite, async |tx| {
            fence(tx, epoch).await?;
            let before: Vec<BabyAccess> = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
            let listed = |id: BabyId| list.babies.iter().any(|access| access.baby_id == id);
            let known = |id: BabyId| before.iter().any(|access| access.baby_id == id);
            let new = list.babies.iter().map(|access| access.baby_id).filter(|id| !known(*id)).collect();
            let mut change = AccessChange { new, gone: Vec::new() };
            let mut after = list.babies.clone();
            for access in &mut after {
                record::name_as_here(tx, access).await?;
            }
            for access in before.iter().filter(|access| !listed(access.baby_id)) {
                // The server may have written its list before it took in the baby made here. Or it took it
                // in and lost it with its disk: being told once more, by the same ids, harms neither.
                if is_made_here(tx, access.baby_id).await? {
                    resend_acked(tx, access.baby_id, None).await?;
                } else {
                    change.gone.push(access.baby_id);
                }
                after.push(access.clone());
            }
            put(tx, Table::Kv, record::ACCESS, &after).await?;
            put(tx, Table::Kv, record::CAREGIVERS, &list.caregivers).await?;
            Ok(change)
        })
        .await
    }

    /// How far each baby is, and what waits or failed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn status(&self) -> Result<Totals, StoreError> {
        let tables = [Table::Kv, Table::SyncMeta, Table::Outbox, Table::DeadLetters];
        self.transact(&tables, Mode::Read, async |tx| {
            let access: Vec<BabyAccess> = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
            let mut totals =
                Totals { clock_offset_ms: get(tx, Table::Kv, record::CLOCK_OFFSET_MS).await?, ..Totals::default() };
            for BabyAccess { baby_id, .. } in access {
                let meta = meta(tx, baby_id).await?;
                let (mut waiting, mut unsent, mut is_new) = (0, BTreeSet::new(), false);
                for (key, value) in tx.scan(&of_baby(Table::Outbox, None, baby_id)).await? {
                    // A damaged entry is found and buried by the next lease.
                    let Ok(entry) = decode::<OutboxEntry>(Table::Outbox, &key, value) else { continue };
                    if entry.is_waiting() {
                        waiting += 1;
                        is_new |= entry.mutated.op == Op::Create && entry.mutated.entity_type == EntityType::BABY;
                        unsent.insert(entry.mutated.entity_id);
                    }
                }
                let failed = tx.scan(&of_baby(Table::DeadLetters, None, baby_id)).await?.len();
                totals.waiting += waiting;
                totals.babies.push(BabyStatus {
                    baby_id,
                    cursor: meta.cursor,
                    last_pull_at: meta.last_pull_at,
                    last_push_at: meta.last_push_at,
                    bootstrapping: (!meta.bootstrapped).then(|| progress(&meta)),
                    is_new,
                    waiting,
                    unsent,
                    failed,
                    error: meta.error,
                });
            }
            // A baby that is gone may have left letters behind.
            totals.failed = tx.scan(&every(Table::DeadLetters)).await?.len();
            Ok(totals)
        })
        .await
    }

    /// Writes a step into the journal, over the oldest one when it is full.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note(&self, step: &SyncStep) -> Result<(), StoreError> {
        self.transact(&[Table::Kv, Table::Journal], Mode::RelaxedWrite, async |tx| {
            let next: u64 = get(tx, Table::Kv, JOURNAL_NEXT).await?.unwrap_or(0);
            put(tx, Table::Kv, JOURNAL_NEXT, &(next + 1)).await?;
            let record = json!({ "number": next, "step": step });
            tx.put(Table::Journal, &format!("{:04}", next % JOURNAL_STEPS), &record).await
        })
        .await
    }

    /// The steps that the journal holds, oldest first; one that another version wrote is left out.
    ///
    /// # Errors
    /// The database failed.
    pub async fn journal(&self) -> Result<Vec<SyncStep>, StoreError> {
        self.transact(&[Table::Journal], Mode::Read, async |tx| {
            let mut records = tx.scan(&every(Table::Journal)).await?;
            records.sort_by_key(|(_, record)| record["number"].as_u64());
            Ok(records
                .into_iter()
                .filter_map(|(key, mut record)| decode(Table::Journal, &key, record["step"].take()).ok())
                .collect())
        })
        .await
    }
}

fn progress(meta: &SyncMeta) -> Progress {
    Progress { rows: meta.live_rows, of: meta.bootstrap.as_ref().map(|bootstrap| bootstrap.live_rows) }
}

/// Whether the baby was made here and the pull has not brought it yet.
async fn is_made_here(tx: &impl Tx, baby: BabyId) -> Result<bool, StoreError> {
    let own = entries(tx, &of_entity(baby, baby.entity())).await?;
    Ok(own.iter().any(|entry| entry.mutated.op == Op::Create))
}
