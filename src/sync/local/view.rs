//! What the person sees of an entry: the server's image with the waiting mutations on top.

use super::record::{entries, get_row, get_shadow, of_entity, put_row, put_shadow, row_key};
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, EntityId},
        mutation::Op,
        registry::EntityType,
        row::{Row, ServerFields, apply_patch},
    },
    sync::{
        outbox::{Mutated, OutboxEntry},
        ports::{StoreError, Table, Tx},
    },
};

/// Puts mutations over a server image. `None` means: there is no such entry.
pub(super) fn overlay(
    baby_id: BabyId,
    image: Option<Row>,
    mutations: impl IntoIterator<Item = Mutated>,
) -> Option<Row> {
    let mut view = image;
    for mutation in mutations {
        match mutation.op {
            Op::Create if view.is_none() => {
                view = Some(Row {
                    entity_type: mutation.entity_type,
                    id: mutation.entity_id,
                    baby_id,
                    fields: Fields::new(),
                    server: ServerFields::default(),
                });
            }
            Op::Delete => {
                if let Some(row) = &mut view {
                    row.server.deleted_at = Some(mutation.updated_at);
                }
            }
            Op::Restore => {
                if let Some(row) = &mut view {
                    row.server.deleted_at = None;
                }
            }
            Op::Create | Op::Update => {}
        }
        if let Some(row) = view.as_mut().filter(|_| mutation.op != Op::Delete) {
            apply_patch(&mut row.fields, &mutation.payload);
        }
    }
    view
}

/// The version of the server's image of a row; 0 when there is none.
pub(super) async fn image_version(tx: &impl Tx, entity_type: EntityType, key: &str) -> Result<u64, StoreError> {
    let image = match get_shadow(tx, entity_type, key).await? {
        Some(shadow) => Some(shadow),
        // Without a shadow the row itself is the image, or was never seen by the server.
        None => get_row(tx, entity_type, key).await?,
    };
    Ok(image.map_or(0, |row| row.server.row_version))
}

/// Before the first pending edit of a row: keeps the server's image beside it.
pub(super) async fn keep_image(tx: &impl Tx, entity_type: EntityType, key: &str) -> Result<(), StoreError> {
    if let Some(row) = get_row(tx, entity_type, key).await?
        && row.server.row_version > 0
        && tx.get(Table::Shadow, key).await?.is_none()
    {
        put_shadow(tx, &row).await?;
    }
    Ok(())
}

/// Writes the row anew after its outbox entries or its image changed, and returns what is shown.
pub(super) async fn rebuild(
    tx: &impl Tx,
    baby: BabyId,
    entity_type: EntityType,
    id: EntityId,
) -> Result<Option<Row>, StoreError> {
    let key = row_key(baby, id);
    let image = get_shadow(tx, entity_type, &key).await?;
    let pending: Vec<OutboxEntry> = entries(tx, &of_entity(baby, id)).await?;
    let is_pending = !pending.is_empty();
    let view = overlay(baby, image, pending.into_iter().map(|entry| entry.mutated));
    match &view {
        Some(row) => put_row(tx, row, is_pending).await?,
        None => tx.delete(Table::Rows(entity_type), &key).await?,
    }
    if !is_pending {
        tx.delete(Table::Shadow, &key).await?;
    }
    Ok(view)
}
