//! This device's copy of its babies: every whole transaction that a person, a push or a pull makes,
//! written once over the [`Database`] port. IndexedDB and the simulator's memory only store.
//!
//! Invariants: what is shown is the server's image with the waiting mutations on top; a mutation is
//! in the outbox, acknowledged, or a dead letter; the cursor moves in the transaction that stores
//! what it passes; only the leading tab writes what the network said.

mod apply;
mod commit;
mod gate;
mod image;
mod import;
mod letters;
mod purge;
mod push;
mod query;
mod record;
mod resolve;
mod settle;
mod snapshot;
mod state;
mod view;

#[cfg(test)]
mod tests;

pub use apply::{Applied, ApplyError};
pub use gate::Gate;
pub use push::{BatchLimit, Settled};
pub use record::SyncMeta;
pub use state::{AccessChange, Totals};

use super::ports::{Database, Entropy, Mode, StoreError, Table, Tx};
use crate::domain::{id::ClientId, time::Timestamp};

/// Which tab leads, counted up at each change; a tab that lost the lead is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The copy. Each method that writes is one transaction.
pub struct LocalStore<D> {
    db: D,
    client_id: ClientId,
    gate: Gate,
}

impl<D: Database> LocalStore<D> {
    /// Opens the copy, giving it its client id when it is new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(db: D, now: Timestamp, entropy: &impl Entropy) -> Result<Self, StoreError> {
        let fresh = ClientId(entropy.uuid_v7(now));
        let client_id = transact(&db, &[Table::Kv], Mode::StrictWrite, async |tx| {
            if let Some(known) = record::get(tx, Table::Kv, record::CLIENT_ID).await? {
                return Ok(known);
            }
            record::put(tx, Table::Kv, record::CLIENT_ID, &fresh).await?;
            Ok::<_, StoreError>(fresh)
        })
        .await?;
        Ok(Self { db, client_id, gate: Gate::default() })
    }

    /// The same copy with another gate.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// The id of this store, in every mutation's clock.
    pub fn client_id(&self) -> ClientId {
        self.client_id
    }

    async fn transact<R, E: From<StoreError>>(
        &self,
        tables: &[Table],
        mode: Mode,
        body: impl AsyncFnOnce(&D::Tx) -> Result<R, E>,
    ) -> Result<R, E> {
        transact(&self.db, tables, mode, body).await
    }
}

/// Commits what `body` wrote, or nothing.
async fn transact<D: Database, R, E: From<StoreError>>(
    db: &D,
    tables: &[Table],
    mode: Mode,
    body: impl AsyncFnOnce(&D::Tx) -> Result<R, E>,
) -> Result<R, E> {
    let tx = db.begin(tables, mode).await?;
    match body(&tx).await {
        Ok(done) => {
            tx.commit().await?;
            Ok(done)
        }
        Err(err) => {
            tx.abort().await;
            Err(err)
        }
    }
}
