//! Defects that tests plant to see that the simulator notices them; a test of tests. In the
//! program itself the question is answered by a constant.

/// One-line mistakes, each seen in a real implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// An entry that was sent still takes in later edits: same id, another body.
    CoalesceAfterSend,
    /// What a dead tab had in flight stays in flight.
    InflightForEver,
    /// A failed push does not put its entries back.
    NoRelease,
    /// The cursor jumps to the version that a push brought about.
    CursorFromPush,
    /// The cursor is stored before its page.
    CursorBeforeApply,
    /// All babies share the largest cursor.
    SharedCursor,
    /// A pull replaces a row that has pending edits.
    OverwriteDirty,
    /// The newest entry is sent first.
    ReversedOutbox,
    /// The end of access takes unsent work with it.
    PurgeDropsOutbox,
    /// A save may be lost with the power.
    RelaxedSave,
    /// The first refusal removes a baby.
    PurgeUnconfirmed,
    /// The server's wish for rest is not heard.
    NoRest,
    /// A tab that was overtaken still writes its results.
    NoFence,
    /// An entry that the server fails on is tried for ever, in front of all others.
    PoisonBlocks,
    /// The fingerprint leaves out what a pending delete hides.
    ChecksumOverViews,
    /// A row of an unknown type refuses its whole page.
    UnknownAborts,
    /// An older image replaces a newer one.
    NoVersionGuard,
    /// What a lost history had acknowledged counts as done in the next one.
    KeepsLostAcks,
    /// Nobody looks whether something was left to be sent.
    ForgetsWaiting,
    /// A guest's unsent work leaves the device before the tray has answered.
    HandOverUnconfirmed,
}

/// Mistakes of a far end, for its twin alone.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FarDefect {
    /// No memory of mutations.
    NoDedupe,
    /// The same id with another body is taken for a repetition.
    NoBodyHash,
    /// Versions are handed out without the head's row lock.
    NoHeadLock,
    /// Versions come from a sequence, so that a later one may be visible first.
    SerialCursor,
    /// A page begins after the time of the cursor's event.
    TimestampCursor,
    /// The event follows in a transaction of its own.
    EventOutside,
    /// The row follows in a transaction of its own.
    RowOutside,
    /// A delete leaves no tombstone.
    HardDelete,
    /// The later wall clock wins, whatever was seen.
    WallClock,
    /// An edit of one group is judged by the last change of any.
    WholeRow,
    /// Access is looked up for the baby that a payload names.
    AccessByPayload,
    /// Access is read before the lock that a removal waits for.
    AccessUnlocked,
    /// A snapshot names the version after its scan, not before.
    SnapshotVersionLate,
    /// An earlier disk goes on under the name of the history that it lost.
    SameEpoch,
    /// A push of a device that follows another history is taken.
    TakesAnyHistory,
}

#[cfg(not(test))]
pub(crate) const fn planted(_: Defect) -> bool {
    false
}

#[cfg(test)]
pub(crate) use planting::{DEFECTS, FAR_DEFECTS, Planted, far_planted, plant, planted};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::{Defect, FarDefect};

    /// Every mistake of a device.
    pub(crate) const DEFECTS: [Defect; 20] = [
        Defect::CoalesceAfterSend,
        Defect::InflightForEver,
        Defect::NoRelease,
        Defect::CursorFromPush,
        Defect::CursorBeforeApply,
        Defect::SharedCursor,
        Defect::OverwriteDirty,
        Defect::ReversedOutbox,
        Defect::PurgeDropsOutbox,
        Defect::RelaxedSave,
        Defect::PurgeUnconfirmed,
        Defect::NoRest,
        Defect::NoFence,
        Defect::PoisonBlocks,
        Defect::ChecksumOverViews,
        Defect::UnknownAborts,
        Defect::NoVersionGuard,
        Defect::KeepsLostAcks,
        Defect::ForgetsWaiting,
        Defect::HandOverUnconfirmed,
    ];

    /// Every mistake of a far end.
    pub(crate) const FAR_DEFECTS: [FarDefect; 15] = [
        FarDefect::NoDedupe,
        FarDefect::NoBodyHash,
        FarDefect::NoHeadLock,
        FarDefect::SerialCursor,
        FarDefect::TimestampCursor,
        FarDefect::EventOutside,
        FarDefect::RowOutside,
        FarDefect::HardDelete,
        FarDefect::WallClock,
        FarDefect::WholeRow,
        FarDefect::AccessByPayload,
        FarDefect::AccessUnlocked,
        FarDefect::SnapshotVersionLate,
        FarDefect::SameEpoch,
        FarDefect::TakesAnyHistory,
    ];

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Planted {
        Device(Defect),
        Far(FarDefect),
    }

    thread_local! {
        static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    }

    pub(crate) fn planted(defect: Defect) -> bool {
        PLANTED.get() == Some(Planted::Device(defect))
    }

    pub(crate) fn far_planted(defect: FarDefect) -> bool {
        PLANTED.get() == Some(Planted::Far(defect))
    }

    /// Plants a defect on this thread, or pulls the last one out.
    pub(crate) fn plant(defect: Option<Planted>) {
        PLANTED.set(defect);
    }
}
