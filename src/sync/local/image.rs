//! One row as the server sent it, against what is held of it here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    LocalStore,
    apply::{ApplyError, copy_tables},
    push::drop_acked,
    record::{
        Opaque, SyncMeta, entries, every, get, get_row, get_shadow, of_baby, of_entity, put, put_row, put_shadow,
        row_key,
    },
    view::rebuild,
};
use crate::{
    domain::{
        id::{BabyId, EntityId},
        mutation::Op,
        registry::EntityType,
        row::Row,
        set::set,
    },
    sync::{
        defect::{Defect, planted},
        ports::{Database, Index, Mode, StoreError, Table, Tx},
        protocol::Change,
    },
};

/// What became of one row of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is held already, at this version or a later one.
    Known,
    New,
    /// New, of a type or form that this version cannot read: kept as it came.
    Unread,
}

/// The entries of a baby that have more here than a row: an image, something unread, or mutations. All
/// others are two requests each, and a page is mostly made of them.
pub(super) struct Entangled {
    ids: BTreeSet<EntityId>,
    /// Some of the mutations are to be sent.
    pub(super) waiting: bool,
}

impl Entangled {
    pub(super) async fn of(tx: &impl Tx, baby: BabyId) -> Result<Self, StoreError> {
        let mut keys = Vec::new();
        for table in [Table::Shadow, Table::Opaque] {
            keys.extend(tx.scan(&of_baby(table, None, baby)).await?.into_iter().map(|(key, _)| key));
        }
        let mut waiting = false;
        for (_, entry) in tx.scan(&of_baby(Table::Outbox, None, baby)).await? {
            waiting |= entry["state"] == "pending";
            keys.extend(entry.get(Index::Entity.name()).and_then(Value::as_str).map(str::to_owned));
        }
        let ids = set(keys.iter().filter_map(|key| key.split_once('/')?.1.parse().ok()));
        Ok(Self { ids, waiting })
    }
}

/// Stores a row of a page unless a newer one is held, and keeps the copy's fingerprint.
pub(super) async fn take(
    tx: &impl Tx,
    baby: BabyId,
    meta: &mut SyncMeta,
    entangled: &mut Entangled,
    change: &Change,
) -> Result<Taken, ApplyError> {
    let image = Image::of(baby, change)?;
    let is_alone = !entangled.ids.contains(&image.id);
    let Some((before, live)) = older(tx, baby, &image, is_alone).await? else { return Ok(Taken::Known) };
    if live {
        meta.checksum.take(image.id, before);
        meta.live_rows = meta.live_rows.saturating_sub(1);
    }
    if image.live && !(planted(Defect::ChecksumOverViews) && is_hidden(tx, baby, image.id).await?) {
        meta.checksum.add(image.id, image.version);
        meta.live_rows += 1;
    }
    match &image.content {
        Content::Known(row) if is_alone => put_row(tx, row, false).await?,
        Content::Known(_) => put_image(tx, baby, &image).await?,
        Content::Unknown(_) => {
            put_image(tx, baby, &image).await?;
            entangled.ids.insert(image.id);
            return Ok(Taken::Unread);
        }
    }
    Ok(Taken::New)
}

impl<D: Database> LocalStore<D> {
    /// Shows the rows that an earlier version of the app could not read and this one can. To be
    /// called when the copy is opened. Returns how many there were.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read_again(&self) -> Result<usize, StoreError> {
        let kept = self.transact(&[Table::Opaque], Mode::Read, async |tx| tx.scan(&every(Table::Opaque)).await).await?;
        if !kept.iter().any(|(key, record)| Image::again(key, record).is_some()) {
            return Ok(0);
        }
        self.transact(&copy_tables(), Mode::RelaxedWrite, async |tx| {
            let mut read = 0;
            for (key, record) in tx.scan(&every(Table::Opaque)).await? {
                if let Some((baby, image)) = Image::again(&key, &record) {
                    put_image(tx, baby, &image).await?;
                    read += 1;
                }
            }
            Ok(read)
        })
        .await
    }
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
            serde_json::from_str(change.payload.get()).map_err(|err| ApplyError::Malformed(err.to_string()))?;
        if let Value::String(text) = &payload {
            payload = serde_json::from_str(text).map_err(|err| ApplyError::Malformed(err.to_string()))?;
        }
        let row = change.entity_type.parse().ok().and_then(|known: EntityType| Row::from_payload(known, &payload).ok());
        let row =
            row.filter(|row| (row.baby_id, row.id, row.server.row_version) == (baby, change.entity_id, change.version));
        let live = payload.get("deletedAt").is_none_or(Value::is_null);
        let content = match row {
            Some(row) => Content::Known(row),
            None if planted(Defect::UnknownAborts) => return Err(ApplyError::Malformed("an unknown type".into())),
            None => {
                let entity_type = change.entity_type.clone();
                Content::Unknown(Opaque { entity_type, version: change.version, live, payload })
            }
        };
        Ok(Self { id: change.entity_id, version: change.version, live, content })
    }

    /// What was kept as it came, if this version can read it.
    fn again(key: &str, record: &Value) -> Option<(BabyId, Self)> {
        let Opaque { entity_type, version, live, payload } = serde_json::from_value(record.clone()).ok()?;
        let (baby, id) = key.split_once('/')?;
        let (baby, id): (BabyId, EntityId) = (baby.parse().ok()?, id.parse().ok()?);
        let row = Row::from_payload(entity_type.parse().ok()?, &payload).ok()?;
        let is_it = (row.baby_id, row.id, row.server.row_version) == (baby, id, version);
        is_it.then_some((baby, Self { id, version, live, content: Content::Known(row) }))
    }
}

/// Version and liveness of the image held so far (version 0 when there is none); `None` when this
/// one is not newer.
async fn older(tx: &impl Tx, baby: BabyId, image: &Image, is_alone: bool) -> Result<Option<(u64, bool)>, StoreError> {
    let key = row_key(baby, image.id);
    let mut held = None;
    if !is_alone {
        held = get::<Opaque>(tx, Table::Opaque, &key).await?.map(|opaque| (opaque.version, opaque.live));
    }
    if let Content::Known(row) = &image.content {
        let shadow = if is_alone { None } else { get_shadow(tx, row.entity_type, &key).await? };
        let image = match shadow {
            Some(shadow) => Some(shadow),
            // Without a shadow the row itself is the image, or was never seen by the server.
            None => get_row(tx, row.entity_type, &key).await?.filter(|row| row.server.row_version > 0),
        };
        held = image.map(|row| (row.server.row_version, !row.is_deleted())).or(held);
    }
    let (version, live) = held.unwrap_or((0, false));
    let newer = image.version > version || planted(Defect::NoVersionGuard);
    Ok(newer.then_some((version, live)))
}

/// Whether a delete that waits to be sent hides the row.
async fn is_hidden(tx: &impl Tx, baby: BabyId, id: EntityId) -> Result<bool, StoreError> {
    Ok(entries(tx, &of_entity(baby, id)).await?.iter().any(|entry| entry.mutated.op == Op::Delete))
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
