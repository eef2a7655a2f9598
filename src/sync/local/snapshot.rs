//! The first copy of a baby: its rows as they are, page by page, and then the pull from where the
//! server was before the first page. Each page and the state of the fetching are one transaction,
//! so a crash or a killed tab goes on with the page it was at.

use super::{
    Applied, Epoch, LocalStore,
    apply::{ApplyError, copy_tables},
    push::{drop_acked_through, fence, resend_acked},
    record::{Bootstrap, meta, put_meta},
};
use crate::{
    domain::id::BabyId,
    sync::{
        ports::{Database, Mode},
        protocol::SnapshotResponse,
    },
};

impl<D: Database> LocalStore<D> {
    /// Stores the page of a snapshot that was asked for with `after`. Rows that changed since the
    /// snapshot's version may be among them already; the version guard keeps the newer one. The
    /// last page makes the copy follow the history from there on.
    ///
    /// # Errors
    /// See [`ApplyError`]; nothing was written.
    pub async fn apply_snapshot(
        &self,
        lead: Epoch,
        baby: BabyId,
        after: Option<&str>,
        page: &SnapshotResponse,
    ) -> Result<Applied, ApplyError> {
        self.transact(&copy_tables(), Mode::RelaxedWrite, async |tx| {
            fence(tx, lead).await?;
            let mut meta = meta(tx, baby).await?;
            let asked = meta.bootstrap.as_ref().and_then(|known| known.next.as_deref());
            if !meta.is_new() || asked != after {
                return Err(ApplyError::CursorMoved);
            }
            let another =
                |known: &Bootstrap| (known.epoch, known.snapshot_version) != (page.epoch, page.snapshot_version);
            if meta.bootstrap.as_ref().is_some_and(another) {
                return Err(ApplyError::EpochChanged);
            }
            if page.has_more && (page.next.is_none() || page.next.as_deref() == after) {
                return Err(ApplyError::Malformed("a page of the snapshot does not say where to go on".into()));
            }
            if meta.bootstrap.is_none() {
                // What was acknowledged before there was a copy may have been lost with another history.
                resend_acked(tx, baby, Some(page.epoch)).await?;
            }
            let mut applied = self.take_all(tx, baby, &mut meta, &page.rows, false).await?;
            let Bootstrap { snapshot_version, epoch, .. } = *meta.bootstrap.insert(Bootstrap {
                snapshot_version: page.snapshot_version,
                next: page.next.clone(),
                epoch: page.epoch,
                live_rows: page.live_rows,
            });
            if !page.has_more {
                (meta.cursor, meta.epoch, meta.bootstrap) = (snapshot_version, Some(epoch), None);
                drop_acked_through(tx, baby, snapshot_version).await?;
            }
            put_meta(tx, baby, &meta).await?;
            (applied.cursor, applied.has_more) = (meta.cursor, page.has_more);
            Ok(applied)
        })
        .await
    }
}
