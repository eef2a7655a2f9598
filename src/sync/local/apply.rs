//! A page of changes: its rows, the integrity gate and the cursor, in one transaction. Applying the
//! same page again changes nothing.

use serde_json::Value;

use super::{
    Epoch, LocalStore,
    push::{drop_acked, fence},
    record::{self, Opaque, get, get_row, get_shadow, meta, of_baby, put, put_meta, put_row, put_shadow, row_key},
    view::rebuild,
};
use crate::{
    domain::{
        field::Kind,
        id::{BabyId, EntityId},
        registry::EntityType,
        row::Row,
        time::Timestamp,
    },
    sync::{
        defect::{Defect, planted},
        ports::{Database, Mode, StoreError, Table, Tx},
        protocol::{Change, PullResponse},
    },
};

/// What a page came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Changes that were new here.
    pub changes: usize,
    pub cursor: u64,
    pub has_more: bool,
}

/// Why a page was not taken. Nothing of it was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another page was applied since this one was asked for.
    #[error("the cursor has moved")]
    CursorMoved,
    /// The server's answer would take the cursor back.
    #[error("the page would move the cursor back")]
    CursorBackward,
    /// The server's history is another one (restored from a backup): fetch all anew.
    #[error("the server's history is another one")]
    EpochChanged,
    /// The page breaks a rule that every page keeps.
    #[error("the page breaks a rule: {0}")]
    Integrity(String),
    /// At the head, this copy differs from the server's: fetch all anew.
    #[error("this copy differs from the server's")]
    ChecksumMismatch,
}

impl<D: Database> LocalStore<D> {
    /// Applies the page that was pulled at cursor `since`.
    ///
    /// # Errors
    /// See [`ApplyError`]; nothing was written.
    pub async fn apply(
        &self,
        epoch: Epoch,
        baby: BabyId,
        now: Timestamp,
        since: u64,
        page: &PullResponse,
    ) -> Result<Applied, ApplyError> {
        self.transact(&copy_tables(), Mode::RelaxedWrite, async |tx| {
            fence(tx, epoch).await?;
            let mut meta = meta(tx, baby).await?;
            if meta.cursor != since {
                return Err(ApplyError::CursorMoved);
            }
            if meta.epoch.is_some_and(|known| known != page.epoch) {
                return Err(ApplyError::EpochChanged);
            }
            check_order(since, page)?;
            let mut changes = 0;
            for change in &page.changes {
                let image = Image::of(baby, change)?;
                let Some((before, live)) = older(tx, baby, &image).await? else { continue };
                if live {
                    meta.checksum.take(image.id, before);
                    meta.live_rows = meta.live_rows.saturating_sub(1);
                }
                if image.live {
                    meta.checksum.add(image.id, image.version);
                    meta.live_rows += 1;
                }
                put_image(tx, baby, &image).await?;
                changes += 1;
            }
            check_relations(tx, baby, page).await?;
            let at_head = page.next_cursor == page.head;
            if at_head && (meta.checksum.to_hex() != page.checksum || meta.live_rows != page.live_rows) {
                return Err(ApplyError::ChecksumMismatch);
            }
            meta.cursor = page.next_cursor;
            meta.epoch = Some(page.epoch);
            meta.last_pull_at = Some(now);
            meta.bootstrapped |= !page.has_more;
            meta.error = None;
            put_meta(tx, baby, &meta).await?;
            Ok(Applied { changes, cursor: meta.cursor, has_more: page.has_more })
        })
        .await
    }

    /// Drops what the server sent of a baby, so that the next pull fetches all anew. What waits to
    /// be sent stays, and stays visible.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn reset(&self, epoch: Epoch, baby: BabyId) -> Result<(), StoreError> {
        self.transact(&copy_tables(), Mode::RelaxedWrite, async |tx| {
            fence(tx, epoch).await?;
            drop_images(tx, baby).await?;
            let before = meta(tx, baby).await?;
            let fresh = record::SyncMeta {
                last_pull_at: before.last_pull_at,
                last_push_at: before.last_push_at,
                repairs: before.repairs + 1,
                ..Default::default()
            };
            put_meta(tx, baby, &fresh).await?;
            for entry in record::entries(tx, &of_baby(Table::Outbox, None, baby)).await? {
                rebuild(tx, baby, entry.mutated.entity_type, entry.mutated.entity_id).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Every table that holds a part of a baby's copy, and the leader's epoch.
pub(super) fn copy_tables() -> Vec<Table> {
    let mut tables: Vec<Table> = EntityType::all().map(Table::Rows).collect();
    tables.extend([Table::Shadow, Table::Opaque, Table::Outbox, Table::SyncMeta, Table::Kv]);
    tables
}

/// Removes every row and image of a baby, whatever its state.
pub(super) async fn drop_images(tx: &impl Tx, baby: BabyId) -> Result<(), StoreError> {
    let tables = EntityType::all().map(Table::Rows).chain([Table::Shadow, Table::Opaque]);
    for table in tables {
        for (key, _) in tx.scan(&of_baby(table, None, baby)).await? {
            tx.delete(table, &key).await?;
        }
    }
    Ok(())
}

fn check_order(since: u64, page: &PullResponse) -> Result<(), ApplyError> {
    let broken = |why: &str| Err(ApplyError::Integrity(why.into()));
    if page.next_cursor < since {
        return Err(ApplyError::CursorBackward);
    }
    let mut last = since;
    for change in &page.changes {
        if change.id <= last {
            return broken("changes are not in ascending order after the cursor");
        }
        last = change.id;
    }
    if page.next_cursor != last {
        return broken("the next cursor is not the last change");
    }
    if page.has_more && page.changes.is_empty() {
        return broken("an empty page says that there is more");
    }
    Ok(())
}

/// A change, read as far as this version can.
struct Image {
    id: EntityId,
    version: u64,
    live: bool,
    content: Content,
}

enum Content {
    Known(Row),
    Unknown(Opaque),
}

impl Image {
    fn of(baby: BabyId, change: &Change) -> Result<Self, ApplyError> {
        // With `?payload=string` the payload is a string of JSON; either is understood.
        let mut payload: Value =
            serde_json::from_str(change.payload.get()).map_err(|err| ApplyError::Integrity(err.to_string()))?;
        if let Value::String(text) = &payload {
            payload = serde_json::from_str(text).map_err(|err| ApplyError::Integrity(err.to_string()))?;
        }
        let row = change.entity_type.parse().ok().and_then(|known: EntityType| Row::from_payload(known, &payload).ok());
        let row =
            row.filter(|row| (row.baby_id, row.id, row.server.row_version) == (baby, change.entity_id, change.version));
        let live = payload.get("deletedAt").is_none_or(Value::is_null);
        let content = match row {
            Some(row) => Content::Known(row),
            None => {
                let entity_type = change.entity_type.clone();
                Content::Unknown(Opaque { entity_type, version: change.version, live, payload })
            }
        };
        Ok(Self { id: change.entity_id, version: change.version, live, content })
    }
}

/// Version and liveness of the image held so far (version 0 when there is none); `None` when this
/// one is not newer.
async fn older(tx: &impl Tx, baby: BabyId, image: &Image) -> Result<Option<(u64, bool)>, StoreError> {
    let key = row_key(baby, image.id);
    let mut held = get::<Opaque>(tx, Table::Opaque, &key).await?.map(|opaque| (opaque.version, opaque.live));
    if let Content::Known(row) = &image.content {
        let image = match get_shadow(tx, row.entity_type, &key).await? {
            Some(shadow) => Some(shadow),
            // Without a shadow the row itself is the image, or was never seen by the server.
            None => get_row(tx, row.entity_type, &key).await?.filter(|row| row.server.row_version > 0),
        };
        held = image.map(|row| (row.server.row_version, !row.is_deleted())).or(held);
    }
    let (version, live) = held.unwrap_or((0, false));
    Ok((image.version > version).then_some((version, live)))
}

async fn put_image(tx: &impl Tx, baby: BabyId, image: &Image) -> Result<(), StoreError> {
    let key = row_key(baby, image.id);
    let waiting = drop_acked(tx, baby, image.id, image.version).await?;
    match &image.content {
        Content::Unknown(opaque) => put(tx, Table::Opaque, &key, opaque).await,
        Content::Known(row) if waiting == 0 || planted(Defect::OverwriteDirty) => {
            tx.delete(Table::Opaque, &key).await?;
            tx.delete(Table::Shadow, &key).await?;
            put_row(tx, row, false).await
        }
        Content::Known(row) => {
            tx.delete(Table::Opaque, &key).await?;
            put_shadow(tx, row).await?;
            rebuild(tx, baby, row.entity_type, row.id).await?;
            Ok(())
        }
    }
}

/// The gate: every live entry of the page finds what it refers to. A required reference into
/// nothing refuses the page.
async fn check_relations(tx: &impl Tx, baby: BabyId, page: &PullResponse) -> Result<(), ApplyError> {
    for change in &page.changes {
        let Ok(entity_type) = change.entity_type.parse::<EntityType>() else { continue };
        for field in entity_type.fields().filter(|field| field.required) {
            let Kind::Reference { entity_type: parent } = field.kind else { continue };
            let Some(row) = get_row(tx, entity_type, &row_key(baby, change.entity_id)).await? else { continue };
            let target: Option<EntityId> =
                row.fields.get(field.name).and_then(Value::as_str).and_then(|id| id.parse().ok());
            let (Some(target), Ok(parent), false) = (target, parent.parse::<EntityType>(), row.is_deleted()) else {
                continue;
            };
            if get_row(tx, parent, &row_key(baby, target)).await?.is_none() {
                let why = format!("{entity_type} {} refers to a missing {parent} in {}", row.id, field.name);
                return Err(ApplyError::Integrity(why));
            }
        }
    }
    Ok(())
}
