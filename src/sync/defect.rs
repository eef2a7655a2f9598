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
    /// The server has no memory of mutations.
    #[cfg(test)]
    NoDedupe,
    /// The server hands out versions without the head's row lock.
    #[cfg(test)]
    NoHeadLock,
}

#[cfg(not(test))]
pub(crate) const fn planted(_: Defect) -> bool {
    false
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(crate) fn planted(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Plants a defect on this thread, or pulls the last one out.
#[cfg(test)]
pub(crate) fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}
