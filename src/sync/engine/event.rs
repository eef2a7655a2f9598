//! What the engine hears and what it asks for: two closed lists, nothing else goes in or out.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        id::{BabyId, MutationId},
        registry::EntityType,
        time::Timestamp,
    },
    sync::{
        fault::Fault,
        local::{Applied, ApplyError, BatchLimit, Settled},
        ports::{StoreError, TransportError},
        status::{DeadReason, SyncError, SyncStep},
    },
};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The app has drawn its first screen.
    Started,
    /// The babies on this device.
    BabiesKnown(Vec<BabyId>),
    /// The baby on screen; `None` when there is none.
    Activated(Option<BabyId>),
    /// A person's change is durable on this device, by this tab or another one.
    Committed {
        babies: BTreeSet<BabyId>,
    },
    /// The time of [`super::Engine::wake_at`] has come.
    Tick,
    Online(bool),
    Visible(bool),
    Focused,
    /// A person asked.
    SyncNow,
    /// This person changed who sees what (accepted a code, removed somebody).
    AccessChanged,
    SignedIn,
    /// The server says that this baby has reached this version.
    Hinted {
        baby: BabyId,
        head: u64,
    },
    /// The server's hints come in, or have stopped coming.
    HintsConnected(bool),
    PushDone {
        baby: BabyId,
        outcome: PushOutcome,
    },
    PullDone {
        baby: BabyId,
        outcome: PullOutcome,
    },
    AccessDone(AccessOutcome),
    HandedOver {
        baby: BabyId,
        outcome: HandOver,
    },
}

/// What became of [`Effect::Push`].
#[derive(Clone, Debug, PartialEq)]
pub enum PushOutcome {
    /// Nothing was due; the oldest waiting entry is due then.
    Nothing {
        due_at: Option<Timestamp>,
    },
    /// `sent` entries got an answer, and it is kept. What became of the page that came with it, if
    /// one did, changes nothing about that.
    Settled {
        sent: usize,
        settled: Settled,
        pulled: Option<PullOutcome>,
    },
    /// No usable answer. The entries stay in flight until they are released or buried.
    Failed {
        leased: Vec<MutationId>,
        error: TransportError,
    },
    StoreFailed(StoreError),
    /// Requests were no longer allowed when its turn came.
    Skipped,
}

/// What became of [`Effect::Pull`].
#[derive(Clone, Debug, PartialEq)]
pub enum PullOutcome {
    Applied {
        report: PullReport,
        has_more: bool,
    },
    /// The copy is as new as was asked for: see [`Unless`].
    Fresh,
    Refused(TransportError),
    /// The server answered; the page was not taken.
    NotApplied(ApplyError),
    StoreFailed(StoreError),
    Skipped,
}

impl PushOutcome {
    /// What went wrong, if anything did.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Failed { error, .. } => Some(error.into()),
            Self::StoreFailed(error) => Some(error.into()),
            Self::Settled { pulled, .. } => pulled.as_ref()?.fault(),
            Self::Nothing { .. } | Self::Skipped => None,
        }
    }
}

impl PullOutcome {
    /// What went wrong, if anything did.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Refused(error) => Some(error.into()),
            Self::NotApplied(error) => Some(error.into()),
            Self::StoreFailed(error) => Some(error.into()),
            Self::Applied { .. } | Self::Fresh | Self::Skipped => None,
        }
    }
}

/// What a run of pages came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullReport {
    pub pages: usize,
    /// Changes that were new here and are shown.
    pub applied: usize,
    /// Those that this version cannot read: kept as they came, for a later version.
    pub failed: usize,
    pub failed_by_type: BTreeMap<String, usize>,
    /// References into nothing that were let pass.
    pub orphans: usize,
    /// Mutations of the baby are to be sent.
    pub waiting: bool,
}

impl PullReport {
    pub fn add(&mut self, page: Applied) {
        let failed: usize = page.unread.values().sum();
        self.pages += 1;
        self.applied += page.changes - failed;
        self.failed += failed;
        for (name, count) in page.unread {
            *self.failed_by_type.entry(name).or_default() += count;
        }
        self.orphans += page.orphans;
        self.waiting = page.waiting;
    }
}

/// When a pull is not worth a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// Any tab of this device pulled less than so many milliseconds ago.
    PulledWithin(i64),
    /// The cursor is there already.
    Reached(u64),
}

/// What became of [`Effect::CheckAccess`].
#[derive(Clone, Debug, PartialEq)]
pub enum AccessOutcome {
    Listed {
        /// The babies that the server lists.
        listed: Vec<BabyId>,
        /// Babies that the list may be too old to have: made on this device and not yet taken in,
        /// or answered for since the list was asked for.
        spared: Vec<BabyId>,
        /// Babies of this device that are neither.
        gone: Vec<BabyId>,
        /// Those of them that this account was a guest of: what it could not send has a place to go.
        visited: Vec<BabyId>,
        /// The person asked to be let in, and waits for the answer.
        asked: bool,
    },
    Refused(TransportError),
    StoreFailed(StoreError),
    Skipped,
}

/// What became of [`Effect::HandOver`].
#[derive(Clone, Debug, PartialEq)]
pub enum HandOver {
    /// Everything was offered; what the server holds has left the outbox.
    Done,
    Refused(TransportError),
    StoreFailed(StoreError),
    Skipped,
}

/// Something to do. The effects of one baby are performed one after the other, in this order;
/// those of different babies do not wait for each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Lease, send, settle. `force` makes entries due that wait for a later time; `reset` also
    /// forgets how often the server failed on them; `alone` asks for no page along with it.
    Push {
        baby: BabyId,
        limit: BatchLimit,
        force: bool,
        reset: bool,
        alone: bool,
    },
    /// Pages from where the copy is, at most [`super::MAX_PULL_ITERATIONS`] of them.
    Pull {
        baby: BabyId,
        unless: Unless,
    },
    /// Ask which babies this account may see, and keep the answer.
    CheckAccess,
    /// Put entries back, to be sent again as they are.
    Release {
        baby: BabyId,
        leased: Vec<MutationId>,
        next_attempt_at: Option<Timestamp>,
        server_failed: bool,
    },
    /// Make dead letters of entries.
    Bury {
        baby: BabyId,
        leased: Vec<MutationId>,
        reason: DeadReason,
    },
    /// Drop what the server sent of this baby; the next pull fetches all anew. `resend`: the server
    /// may have lost what it had acknowledged.
    Reset {
        baby: BabyId,
        resend: bool,
    },
    /// A guest's time is over: offer what was not sent to the server's tray, before all of it leaves.
    HandOver {
        baby: BabyId,
    },
    /// Access has ended: the baby's data leaves this device.
    Purge {
        baby: BabyId,
    },
    /// Note what went wrong last.
    SetError {
        baby: BabyId,
        error: Option<SyncError>,
    },
    Tell(Told),
}

/// What the screens are to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Online, syncing, blocked, or a count may have changed: read the status again.
    Status,
    /// Rows of this baby changed.
    Rows(BabyId),
    /// The list of babies changed.
    Babies,
    /// Another caregiver's change won over one made here.
    EditLost(BabyId),
    AccessRevoked {
        baby: BabyId,
        name: String,
        /// Unsent mutations that are now dead letters.
        kept: usize,
    },
    /// A guest's time is over, and the baby has left this device.
    StayEnded {
        baby: BabyId,
        name: String,
        /// What the guest logged meanwhile, by type.
        logged: Vec<(EntityType, usize)>,
        /// Entries that the owners will decide on.
        handed: usize,
        /// Unsent mutations that are now dead letters.
        kept: usize,
    },
    /// A baby made here is gone again: the server never took it in, and said why at its creation.
    BabyRefused {
        baby: BabyId,
        name: String,
    },
    StorageFailed(StoreError),
    /// For whoever watches the sync work.
    Step(SyncStep),
}

impl Effect {
    /// The baby whose turn it takes; `None` when it concerns no baby alone.
    pub fn baby(&self) -> Option<BabyId> {
        match self {
            Self::Push { baby, .. }
            | Self::Pull { baby, .. }
            | Self::Release { baby, .. }
            | Self::Bury { baby, .. }
            | Self::Reset { baby, .. }
            | Self::HandOver { baby }
            | Self::Purge { baby }
            | Self::SetError { baby, .. } => Some(*baby),
            Self::CheckAccess | Self::Tell(_) => None,
        }
    }
}
