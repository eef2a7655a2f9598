//! What the engine remembers of one baby: when it next wants to push and pull, and how the last
//! tries went.

use crate::{
    domain::time::Timestamp,
    sync::{
        local::BatchLimit,
        protocol::{MAX_BATCH, MAX_BODY_BYTES},
        status::SyncError,
    },
};

/// Room in a request for what surrounds the mutations.
const MAX_BATCH_BYTES: usize = MAX_BODY_BYTES - 16 * 1024;

/// One direction, or the access list: when it is wanted, and what stands against it.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    wanted: Option<Timestamp>,
    /// The server asked for rest until then; nothing overrides it.
    not_before: Option<Timestamp>,
    /// Failures since the last success.
    pub(super) tries: u32,
}

impl Turn {
    /// Wanted by then at the latest.
    pub(super) fn want(&mut self, at: Timestamp) {
        self.wanted = Some(self.wanted.map_or(at, |known| known.min(at)));
    }

    /// Wanted then and not earlier.
    pub(super) fn set(&mut self, at: Timestamp) {
        self.wanted = Some(at);
    }

    pub(super) fn rest_until(&mut self, at: Timestamp) {
        self.not_before = Some(at);
    }

    /// When the rest is over that the server asked for, or a failure.
    pub(super) fn rest(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// Counts a failure; returns how many there were before.
    pub(super) fn failed(&mut self) -> u32 {
        self.tries = self.tries.saturating_add(1);
        self.tries - 1
    }

    pub(super) fn succeeded(&mut self) {
        self.tries = 0;
        self.not_before = None;
    }

    /// When it will be due.
    pub(super) fn at(&self) -> Option<Timestamp> {
        let wanted = self.wanted?;
        Some(self.not_before.map_or(wanted, |rest| rest.max(wanted)))
    }

    /// Whether the server asked for rest that is not over.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|rest| rest > now)
    }

    /// Takes the wish when its time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> bool {
        let due = self.at().is_some_and(|at| at <= now);
        if due {
            self.wanted = None;
        }
        due
    }

    /// The clock was set back by so much; waits must not grow by it.
    pub(super) fn shift_ms(&mut self, ms: i64) {
        for at in [&mut self.wanted, &mut self.not_before] {
            *at = at.map(|at| at.plus_ms(-ms));
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Baby {
    /// A push or pull is under way; the next one waits for it.
    pub(super) busy: bool,
    /// What a guest could not send is being offered; then the baby goes.
    pub(super) leaving: bool,
    pub(super) push: Turn,
    pub(super) pull: Turn,
    /// Offering it: when again, and how often it failed.
    pub(super) farewell: Turn,
    /// The next push makes waiting entries due.
    pub(super) force: bool,
    /// A person asked; the next push and pull know.
    pub(super) reset: bool,
    pub(super) manual: bool,
    /// The next pull has a reason beside the schedule (focus, start, a flush): it does not leave it
    /// to another tab's last poll.
    pub(super) eager: bool,
    /// The last push failed: the next one goes without a pull, so that a page that cannot be had
    /// never keeps a push from being taken.
    pub(super) apart: bool,
    /// The server has said that it is at this version.
    pub(super) hinted: Option<u64>,
    pub(super) last_push: Option<Timestamp>,
    pub(super) last_pull: Option<Timestamp>,
    /// Something was settled since the outbox was last empty.
    pub(super) flushed: bool,
    limit: BatchLimit,
    /// So many pushes still go one by one, to find the entry that spoils the batch.
    alone: usize,
    /// The server answered a pull, if only with a no, since it last failed on a push: it is not
    /// simply down.
    pub(super) healthy: bool,
    /// The server said that access is gone, when the access list had been asked for so many times.
    pub(super) suspect: Option<u64>,
    /// Times in a row that the copy was found to differ.
    pub(super) repairs: u32,
    pub(super) error: Option<SyncError>,
}

const FULL: BatchLimit = BatchLimit { entries: MAX_BATCH, bytes: MAX_BATCH_BYTES };

impl Baby {
    pub(super) fn new() -> Self {
        Self {
            busy: false,
            leaving: false,
            push: Turn::default(),
            pull: Turn::default(),
            farewell: Turn::default(),
            force: false,
            reset: false,
            manual: false,
            eager: true,
            apart: false,
            hinted: None,
            last_push: None,
            last_pull: None,
            flushed: false,
            limit: FULL,
            alone: 0,
            healthy: false,
            suspect: None,
            repairs: 0,
            error: None,
        }
    }

    /// Nothing of it is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.busy && !self.leaving
    }

    pub(super) fn limit(&self) -> BatchLimit {
        if self.alone > 0 { BatchLimit { entries: 1, ..FULL } } else { self.limit }
    }

    /// The batch was too large: half of it next time.
    pub(super) fn halve(&mut self, sent: usize) {
        self.limit = BatchLimit { entries: (sent / 2).max(1), bytes: (self.limit.bytes / 2).max(1) };
    }

    /// The next pushes carry one entry each, for as many as this batch had.
    pub(super) fn isolate(&mut self, sent: usize) {
        self.alone = sent;
    }

    /// `sent` entries are out of the way.
    pub(super) fn passed(&mut self, sent: usize) {
        if self.alone > 0 {
            self.alone = self.alone.saturating_sub(sent);
        } else {
            let BatchLimit { entries, bytes } = self.limit;
            self.limit = BatchLimit { entries: (entries * 2).min(FULL.entries), bytes: (bytes * 2).min(FULL.bytes) };
        }
    }
}
