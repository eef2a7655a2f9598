//! A person's write: the row, its image, the outbox entry and the clock, in one strict
//! transaction. When it has committed, the tick may show.

use std::collections::BTreeSet;

use super::{
    LocalStore,
    record::{self, entries, get, get_row, is_listed, of_entity, outbox_key, put, put_entry, put_row, row_key},
    view::{keep_image, overlay, rebuild},
};
use crate::{
    domain::{
        field::{Fields, Invalid},
        hlc::Hlc,
        id::{BabyId, ClientId, EntityId, MutationId},
        mutation::Op,
        registry::EntityType,
        row,
        time::Timestamp,
    },
    sync::{
        defect::{Defect, planted},
        draft::{Draft, SaveError},
        outbox::{Coalesced, Mutated, OutboxEntry, coalesce},
        ports::{Database, Entropy, Mode, StoreError, Table, Tx},
        status::{BabyAccess, Level},
    },
};

/// One draft, ready to become a mutation.
struct Intent {
    baby_id: BabyId,
    entity_type: EntityType,
    entity_id: EntityId,
    op: Op,
    payload: Fields,
    base_version: Option<u64>,
}

impl<D: Database> LocalStore<D> {
    /// Saves drafts, all or none. Returns the babies that have something to push.
    ///
    /// # Errors
    /// A draft cannot be true (with the field), or the database failed; nothing was written.
    pub async fn commit(
        &self,
        now: Timestamp,
        entropy: &impl Entropy,
        drafts: &[Draft],
    ) -> Result<BTreeSet<BabyId>, SaveError> {
        let mut tables: Vec<Table> = EntityType::all().map(Table::Rows).collect();
        tables.extend([Table::Shadow, Table::Outbox, Table::Kv]);
        let mode = if planted(Defect::RelaxedSave) { Mode::RelaxedWrite } else { Mode::StrictWrite };
        self.transact(&tables, mode, async |tx| {
            let mut babies = BTreeSet::new();
            for draft in drafts {
                babies.extend(self.save(tx, now, entropy, draft).await?);
            }
            Ok(babies)
        })
        .await
    }

    /// Saves one draft within a transaction as [`LocalStore::enqueue`] wants it; `None` when it changes
    /// nothing.
    pub(super) async fn save(
        &self,
        tx: &D::Tx,
        now: Timestamp,
        entropy: &impl Entropy,
        draft: &Draft,
    ) -> Result<Option<BabyId>, SaveError> {
        let Some(intent) = intent(tx, draft).await? else { return Ok(None) };
        let baby = intent.baby_id;
        self.enqueue(tx, now, entropy, intent).await?;
        Ok(Some(baby))
    }

    /// As [`LocalStore::enqueue`], for a checked entry under an id that was made up in this transaction:
    /// nothing can be waiting for it, so a fifth of the requests are enough.
    pub(super) async fn enqueue_new(
        &self,
        tx: &D::Tx,
        now: Timestamp,
        entropy: &impl Entropy,
        (entity_type, baby, entity_id): (EntityType, BabyId, EntityId),
        payload: Fields,
    ) -> Result<(), StoreError> {
        if entity_type == EntityType::BABY {
            list_baby(tx, baby).await?;
        }
        let hlc = stamp(tx, self.client_id, now).await?;
        let (op, base_version) = (Op::Create, None);
        let mutated = Mutated { entity_type, entity_id, op, payload, base_version, hlc, updated_at: now };
        let seq = next_sequence(tx).await?;
        put_entry(tx, &OutboxEntry::new(seq, MutationId(entropy.uuid_v7(now)), baby, mutated.clone())).await?;
        match overlay(baby, None, [mutated]) {
            Some(row) => put_row(tx, &row, true).await,
            None => Ok(()),
        }
    }

    /// Puts one intent into the outbox and onto the row, within a transaction over every rows
    /// table, [`Table::Shadow`], [`Table::Outbox`] and [`Table::Kv`].
    async fn enqueue(
        &self,
        tx: &D::Tx,
        now: Timestamp,
        entropy: &impl Entropy,
        intent: Intent,
    ) -> Result<(), SaveError> {
        let (baby, entity_type, id) = (intent.baby_id, intent.entity_type, intent.entity_id);
        let makes_baby = entity_type == EntityType::BABY && intent.op == Op::Create;
        if !makes_baby && !is_listed(tx, baby).await? {
            return Err(not_shared().into());
        }
        if makes_baby {
            list_baby(tx, baby).await?;
        }
        let key = row_key(baby, id);
        keep_image(tx, entity_type, &key).await?;
        let stamp = stamp(tx, self.client_id, now).await?;
        let mutated = Mutated {
            entity_type,
            entity_id: id,
            op: intent.op,
            payload: intent.payload,
            base_version: intent.base_version,
            hlc: stamp,
            updated_at: now,
        };
        let last = entries(tx, &of_entity(baby, id)).await?.pop();
        let coalesced = last.as_ref().map_or(Coalesced::Append, |last| coalesce(last, &mutated));
        match (last, coalesced) {
            (Some(last), Coalesced::Replace(mutated)) => put_entry(tx, &OutboxEntry { mutated, ..last }).await?,
            (Some(last), Coalesced::Cancel) => tx.delete(Table::Outbox, &outbox_key(baby, last.seq)).await?,
            _ => {
                let seq = next_sequence(tx).await?;
                put_entry(tx, &OutboxEntry::new(seq, MutationId(entropy.uuid_v7(now)), baby, mutated)).await?;
            }
        }
        let view = rebuild(tx, baby, entity_type, id).await?;
        if let Some(row) = view.filter(|row| !row.is_deleted()) {
            entity_type.check(&row.fields)?;
        }
        Ok(())
    }

    /// Puts a mutation that a person kept back into the outbox, as a new one on the row as it is.
    pub(super) async fn enqueue_again(
        &self,
        tx: &D::Tx,
        now: Timestamp,
        entropy: &impl Entropy,
        baby_id: BabyId,
        mutated: &Mutated,
        payload: Fields,
    ) -> Result<(), SaveError> {
        let entity_type = mutated.entity_type;
        let current = get_row(tx, entity_type, &row_key(baby_id, mutated.entity_id)).await?;
        let base_version = current.as_ref().map(|row| row.server.row_version).filter(|version| *version > 0);
        let op = match (&current, mutated.op) {
            (_, Op::Delete) => Op::Delete,
            // Only whoever made a baby makes it again: an edit of one whose row is just not here (its
            // copy is being fetched) would pass for a baby that was made on this device.
            (None, op) if entity_type == EntityType::BABY => op,
            (None, _) => Op::Create,
            (Some(row), _) if row.is_deleted() => Op::Restore,
            (Some(_), _) => Op::Update,
        };
        let entity_id = mutated.entity_id;
        self.enqueue(tx, now, entropy, Intent { baby_id, entity_type, entity_id, op, payload, base_version }).await
    }
}

/// The next reading of this device's clock, on the server's time as far as it is known.
pub(super) async fn stamp(tx: &impl Tx, client_id: ClientId, now: Timestamp) -> Result<Hlc, StoreError> {
    let offset: i64 = get(tx, Table::Kv, record::CLOCK_OFFSET_MS).await?.unwrap_or(0);
    let now = now.plus_ms(offset);
    let last: Option<Hlc> = get(tx, Table::Kv, record::HLC).await?;
    let next = last.map_or_else(|| Hlc::at(now, client_id), |last| last.tick(now));
    put(tx, Table::Kv, record::HLC, &next).await?;
    Ok(next)
}

/// What a draft means on the row as it is now; `None` when it changes nothing.
async fn intent(tx: &impl Tx, draft: &Draft) -> Result<Option<Intent>, SaveError> {
    let (seen, op, payload) = match draft {
        Draft::Create { entity_type, baby_id, id, fields } => {
            let mut payload = entity_type.canonical(fields)?;
            payload.retain(|_, value| !value.is_null());
            return Ok(Some(Intent {
                baby_id: *baby_id,
                entity_type: *entity_type,
                entity_id: *id,
                op: Op::Create,
                payload,
                base_version: None,
            }));
        }
        Draft::Update { seen, fields } => {
            let mut after = seen.entity_type.canonical(fields)?;
            after.retain(|_, value| !value.is_null());
            let patch = row::patch(seen.entity_type, &seen.fields, &after);
            if patch.is_empty() {
                return Ok(None);
            }
            (seen, Op::Update, patch)
        }
        Draft::Delete { seen } => (seen, Op::Delete, Fields::new()),
        Draft::Restore { seen } => (seen, Op::Restore, Fields::new()),
    };
    let current = get_row(tx, seen.entity_type, &row_key(seen.baby_id, seen.id)).await?;
    let (op, payload) = match (op, current) {
        // It never left this device, and was taken back there: undo makes it anew.
        (Op::Restore, None) => (Op::Create, seen.fields.clone()),
        (Op::Delete, None) => return Ok(None),
        (Op::Delete, Some(row)) if row.is_deleted() => return Ok(None),
        (Op::Restore, Some(row)) if !row.is_deleted() => return Ok(None),
        (Op::Update, None) => return Err(gone().into()),
        (Op::Update, Some(row)) if row.is_deleted() => return Err(gone().into()),
        _ => (op, payload),
    };
    Ok(Some(Intent {
        baby_id: seen.baby_id,
        entity_type: seen.entity_type,
        entity_id: seen.id,
        op,
        payload,
        base_version: Some(seen.server.row_version).filter(|version| *version > 0),
    }))
}

fn gone() -> Invalid {
    Invalid { field: None, message: "this entry was deleted meanwhile; restore it first".into() }
}

/// A sheet may still be open, or a letter be tried again, when access has ended: what would be
/// saved could neither be sent nor be seen.
fn not_shared() -> Invalid {
    Invalid { field: None, message: "this baby is not shared with you any more".into() }
}

pub(super) async fn next_sequence(tx: &impl Tx) -> Result<u64, StoreError> {
    let seq = get::<u64>(tx, Table::Kv, record::SEQUENCE).await?.unwrap_or(0) + 1;
    put(tx, Table::Kv, record::SEQUENCE, &seq).await?;
    Ok(seq)
}

/// A baby made here is in the list at once, before the server has heard of it; its profile row
/// brings the name.
async fn list_baby(tx: &impl Tx, baby_id: BabyId) -> Result<(), StoreError> {
    let mut list: Vec<BabyAccess> = get(tx, Table::Kv, record::ACCESS).await?.unwrap_or_default();
    if list.iter().all(|access| access.baby_id != baby_id) {
        list.push(BabyAccess::new(baby_id, String::new(), Level::Owner));
    }
    put(tx, Table::Kv, record::ACCESS, &list).await
}
