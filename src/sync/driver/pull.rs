//! Pages: of a snapshot while this device has no copy of a baby, of the history from then on.

use super::{
    super::{
        engine::{Event, MAX_PULL_ITERATIONS, PullOutcome, PullReport, Told, Unless},
        local::{Applied, ApplyError, SyncMeta},
        ports::{Clock, Database, ErrorCode, StoreError, Transport, TransportError},
        protocol::{Change, LeaseKind, MAX_PULL_LIMIT, PullResponse},
        status::Did,
    },
    Driver,
};
use crate::domain::{id::BabyId, time::Timestamp};

/// Why a run of pages ended before its end.
pub(super) enum Stop {
    Refused(TransportError),
    NotApplied(ApplyError),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<TransportError> for Stop {
    fn from(error: TransportError) -> Self {
        Self::Refused(error)
    }
}

impl From<ApplyError> for Stop {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => Self::Store(error),
            error => Self::NotApplied(error),
        }
    }
}

impl Stop {
    /// # Errors
    /// It was the device's own database.
    pub(super) fn outcome(self) -> Result<PullOutcome, StoreError> {
        match self {
            Self::Refused(error) => Ok(PullOutcome::Refused(error)),
            Self::NotApplied(error) => Ok(PullOutcome::NotApplied(error)),
            Self::Store(error) => Err(error),
        }
    }
}

impl<D: Database, T: Transport, C: Clock> Driver<D, T, C> {
    pub(super) async fn pull(&self, baby: BabyId, unless: Unless) -> Result<PullOutcome, StoreError> {
        let mut report = PullReport::default();
        while report.pages < MAX_PULL_ITERATIONS {
            if !self.engine.borrow().may_sync() {
                return Ok(PullOutcome::Skipped);
            }
            let meta = self.store.meta(baby).await?;
            if report.pages == 0 && self.is_fresh(&meta, unless) {
                return Ok(PullOutcome::Fresh);
            }
            let page = if meta.is_new() && !self.plain.get() {
                self.snapshot_page(baby, &meta, &mut report).await
            } else {
                self.history_page(baby, &meta, &mut report).await
            };
            match page {
                Ok(true) => {}
                Ok(false) => return Ok(PullOutcome::Applied { report, has_more: false }),
                Err(Stop::Refused(TransportError::Refused { code: ErrorCode::NotFound, .. })) if !self.plain.get() => {
                    self.plain.set(true);
                }
                Err(stop) => return stop.outcome(),
            }
        }
        Ok(PullOutcome::Applied { report, has_more: true })
    }

    fn is_fresh(&self, meta: &SyncMeta, unless: Unless) -> bool {
        match unless {
            Unless::PulledWithin(ms) => {
                let age_ms = meta.last_pull_at.map(|last| self.clock.now().since(last));
                age_ms.is_some_and(|age| (0..ms).contains(&age))
            }
            Unless::Reached(version) => !meta.is_new() && meta.cursor >= version,
        }
    }

    /// The next page of the first copy; whether there is more to fetch, which there always is.
    async fn snapshot_page(&self, baby: BabyId, meta: &SyncMeta, report: &mut PullReport) -> Result<bool, Stop> {
        if meta.bootstrap.is_none() {
            // A server that has too much to do says no here, and is asked again when it said.
            self.in_time(self.transport.lease(LeaseKind::Bootstrap, baby)).await?;
        }
        let after = meta.bootstrap.as_ref().and_then(|known| known.next.clone());
        let asked_at = self.clock.now();
        let page = self.in_time(self.transport.snapshot(baby, after.clone(), MAX_PULL_LIMIT)).await?;
        self.heard.borrow_mut().insert(baby, self.checks.get());
        let applied = self.store.apply_snapshot(self.lead()?, baby, after.as_deref(), &page).await?;
        (self.listener)(Told::Status);
        self.told_of(baby, asked_at, page.server_time, &page.rows, applied, report).await?;
        Ok(true)
    }

    async fn history_page(&self, baby: BabyId, meta: &SyncMeta, report: &mut PullReport) -> Result<bool, Stop> {
        let asked_at = self.clock.now();
        let page = self.in_time(self.transport.pull(baby, meta.cursor, MAX_PULL_LIMIT)).await?;
        self.heard.borrow_mut().insert(baby, self.checks.get());
        self.take_page(baby, meta.cursor, asked_at, &page, report).await
    }

    /// Applies a page that was pulled at `since`; whether there is more.
    pub(super) async fn take_page(
        &self,
        baby: BabyId,
        since: u64,
        asked_at: Timestamp,
        page: &PullResponse,
        report: &mut PullReport,
    ) -> Result<bool, Stop> {
        let applied = self.store.apply(self.lead()?, baby, self.clock.now(), since, page).await?;
        let has_more = applied.has_more;
        self.told_of(baby, asked_at, page.server_time, &page.changes, applied, report).await?;
        Ok(has_more)
    }

    /// What follows from a page that is applied, and its part in the report.
    async fn told_of(
        &self,
        baby: BabyId,
        asked_at: Timestamp,
        server_time: Timestamp,
        changes: &[Change],
        applied: Applied,
        report: &mut PullReport,
    ) -> Result<(), StoreError> {
        if applied.changes > 0 {
            (self.listener)(Told::Rows(baby));
            self.note(baby, Did::Pulled { changes: applied.changes, cursor: applied.cursor }).await?;
        } else if !applied.has_more && report.applied == 0 {
            self.note(baby, Did::Unchanged).await?;
        }
        if !applied.unread.is_empty() || applied.orphans > 0 {
            let did = Did::NotUnderstood { unread: applied.unread.clone(), orphans: applied.orphans };
            self.note(baby, did).await?;
        }
        report.add(applied);
        self.learn_clock(asked_at, server_time).await?;
        if self.meets_strangers(baby, changes).await? {
            self.tell(Event::AccessChanged);
        }
        Ok(())
    }
}
