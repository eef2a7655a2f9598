//! The shape of the device's database: one object store for each table of the sync room, with text
//! keys kept beside the values. Laid and upgraded by rexie; [`super::store`] works on it.
//!
//! Invariant: the version number grows with the number of tables, so that a new entity type
//! upgrades the databases in the field by itself.

use rexie::{Index, ObjectStore, Rexie};

use super::request::by_text;
use crate::{
    domain::id::UserId,
    sync::ports::{StoreError, Table},
};

/// Raise it when a table gets another index or another form of key.
const LAYOUT: u32 = 2;

/// One database per account, so that two people on one device never see each other's rows.
pub(super) fn database_name(user_id: UserId) -> String {
    format!("cradlelog-{user_id}")
}

/// The version that this build works with.
pub(super) fn version() -> u32 {
    let tables = u32::try_from(Table::all().len()).expect("a registry has few tables");
    LAYOUT * 1000 + tables
}

/// Creates the database or brings it up to [`version`], and closes it again.
///
/// # Errors
/// No room, no storage at all in this browser, or a newer version of the app was here.
pub(super) async fn lay(name: &str) -> Result<(), StoreError> {
    let builder = Table::all().into_iter().fold(Rexie::builder(name).version(version()), |builder, table| {
        builder.add_object_store(table.indexes().iter().fold(ObjectStore::new(table.name()), |store, index| {
            store.add_index(Index::new(index.name(), index.name()))
        }))
    });
    builder.build().await.map_err(|err| failed(&err))?.close();
    Ok(())
}

/// Deletes the database. Resolves once every connection to it, in any tab, is closed.
///
/// # Errors
/// The browser could not do it.
pub(super) async fn erase(name: &str) -> Result<(), StoreError> {
    Rexie::delete(name).await.map_err(|err| failed(&err))
}

/// rexie tells the browser's reason in its source's text only.
fn failed(error: &rexie::Error) -> StoreError {
    match error {
        rexie::Error::IdbError(reason) => by_text(&reason.to_string()),
        other => StoreError::Failed(other.to_string()),
    }
}
