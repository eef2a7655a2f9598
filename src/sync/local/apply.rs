//! A page of changes: its rows, the integrity gate and the cursor, in one transaction. Applying the
//! same page again changes nothing.

use std::collections::BTreeMap;

use super::{
    Epoch, LocalStore, SyncMeta,
    image::{Entangled, Taken, take},
    push::{fence, resend_acked},
    record::{self, meta, of_baby, put_meta},
    view::rebuild,
};
use crate::{
    domain::{id::BabyId, registry::EntityType, time::Timestamp},
    sync::{
        defect::{Defect, planted},
        ports::{Database, Mode, Scan, StoreError, Table, Tx},
        protocol::{Change, PullResponse},
    },
};

/// What a page came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Changes that were new here.
    pub changes: usize,
    /// Those of them that this version cannot read, by the name of their type. They are kept as they
    /// came, so the cursor may pass them.
    pub unread: BTreeMap<String, usize>,
    /// References into nothing that the gate let pass.
    pub orphans: usize,
    pub cursor: u64,
    pub has_more: bool,
    /// Mutations of the baby are to be sent, whoever left them so: this page, or a tab that is gone.
    pub waiting: bool,
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
    Malformed(String),
    /// An entry refers to nothing.
    #[error("{0}")]
    IntegrityViolation(String),
    /// The gate could not look, so nobody knows whether it holds.
    #[error("the integrity check could not run: {0}")]
    CheckExecution(StoreError),
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
        if planted(Defect::CursorBeforeApply) {
            let moved = SyncMeta { cursor: page.next_cursor, ..self.meta(baby).await? };
            self.transact(&[Table::SyncMeta], Mode::RelaxedWrite, async |tx| put_meta(tx, baby, &moved).await).await?;
        }
        self.transact(&copy_tables(), Mode::RelaxedWrite, async |tx| {
            fence(tx, epoch).await?;
            let mut meta = meta(tx, baby).await?;
            if meta.cursor != since && !planted(Defect::CursorBeforeApply) {
                return Err(ApplyError::CursorMoved);
            }
            if meta.epoch.is_some_and(|known| known != page.epoch) {
                return Err(ApplyError::EpochChanged);
            }
            check_order(since, page)?;
            if meta.is_new() {
                resend_acked(tx, baby, Some(page.epoch)).await?;
            }
            let at_head = page.next_cursor == page.head;
            let mut applied = self.take_all(tx, baby, &mut meta, &page.changes, at_head).await?;
            if at_head && (meta.checksum.to_hex() != page.checksum || meta.live_rows != page.live_rows) {
                return Err(ApplyError::ChecksumMismatch);
            }
            meta.cursor = page.next_cursor;
            meta.epoch = Some(page.epoch);
            meta.bootstrap = None;
            meta.last_pull_at = Some(now);
            meta.bootstrapped |= !page.has_more;
            meta.error = None;
            put_meta(tx, baby, &meta).await?;
            (applied.cursor, applied.has_more) = (meta.cursor, page.has_more);
            Ok(applied)
        })
        .await
    }

    /// Stores the rows of a page, and lets the gate look at them.
    pub(super) async fn take_all(
        &self,
        tx: &D::Tx,
        baby: BabyId,
        meta: &mut SyncMeta,
        changes: &[Change],
        at_head: bool,
    ) -> Result<Applied, ApplyError> {
        let mut entangled = Entangled::of(tx, baby).await?;
        let mut applied = Applied { waiting: entangled.waiting, ..Applied::default() };
        for change in changes {
            match take(tx, baby, meta, &mut entangled, change).await? {
                Taken::Known => continue,
                Taken::New => {}
                Taken::Unread => *applied.unread.entry(change.entity_type.clone()).or_default() += 1,
            }
            applied.changes += 1;
        }
        (meta.open, applied.orphans) = self.gate.check(tx, baby, changes, &meta.open, at_head).await?;
        Ok(applied)
    }

    /// Drops what the server sent of a baby, so that the next pull fetches all anew. What waits to
    /// be sent stays, and stays visible. With `resend`, what was acknowledged and has not come back
    /// waits again: another history may not have it, and one that has it knows the id.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another tab leads, or the database failed.
    pub async fn reset(&self, epoch: Epoch, baby: BabyId, resend: bool) -> Result<(), StoreError> {
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
            if resend {
                resend_acked(tx, baby, None).await?;
            }
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
        let Scan { from, to, .. } = of_baby(table, None, baby);
        tx.delete_range(table, &from, &to).await?;
    }
    Ok(())
}

fn check_order(since: u64, page: &PullResponse) -> Result<(), ApplyError> {
    let broken = |why: &str| Err(ApplyError::Malformed(why.into()));
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
