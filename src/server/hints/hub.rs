//! The listeners of this process, and what each of them has yet to be told.
//!
//! Nothing queues up: of each baby only the latest version waits, so a listener that reads slowly
//! costs as much as one that reads at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, watch};

use crate::{
    api::{ApiError, ErrorCode},
    domain::id::{BabyId, UserId},
};

/// One person's devices and tabs hold at most this many streams in one process.
const PER_PERSON: usize = 8;
/// All people together; beyond that they poll.
const IN_ALL: usize = 20_000;
const FULL_RETRY_SECS: u32 = 60;

pub(in crate::server) struct Hub {
    ears: Mutex<HashMap<u64, Arc<Ear>>>,
    next_key: std::sync::atomic::AtomicU64,
    /// Babies that were written to and not yet announced.
    waiting: Mutex<BTreeSet<BabyId>>,
    started: AtomicBool,
    closed: watch::Sender<bool>,
}

impl Hub {
    pub(in crate::server) fn new() -> Self {
        Self {
            ears: Mutex::default(),
            next_key: 0.into(),
            waiting: Mutex::default(),
            started: false.into(),
            closed: watch::Sender::new(false),
        }
    }

    /// Ends every stream, for good.
    pub(in crate::server) fn close(&self) {
        // Under the lock of the ears, so that nobody joins in between.
        let ears = lock(&self.ears);
        self.closed.send_replace(true);
        ears.values().for_each(|ear| ear.end());
    }

    /// How many streams are open.
    pub(in crate::server) fn len(&self) -> usize {
        lock(&self.ears).len()
    }

    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// True for the first who asks.
    pub(super) fn starts(&self) -> bool {
        !self.started.swap(true, Ordering::Relaxed)
    }

    pub(super) fn join(self: &Arc<Self>, user: UserId, session: Vec<u8>) -> Result<Listener, ApiError> {
        let mut ears = lock(&self.ears);
        if *self.closed.borrow() || ears.len() >= IN_ALL {
            let why = "no room for another stream of hints; poll";
            return Err(ApiError::new(ErrorCode::Overloaded, why).retry_after(FULL_RETRY_SECS));
        }
        if ears.values().filter(|ear| ear.user == user).count() >= PER_PERSON {
            let why = "too many streams of hints are open for this account; poll";
            return Err(ApiError::new(ErrorCode::RateLimited, why).retry_after(FULL_RETRY_SECS));
        }
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let ear = Arc::new(Ear { user, session, inbox: Mutex::default(), news: Notify::new() });
        ears.insert(key, ear.clone());
        Ok(Listener { hub: self.clone(), key, ear })
    }

    /// Everyone, or those who were told of one of these babies before.
    pub(super) fn ears(&self, of: Option<&[BabyId]>) -> Vec<Arc<Ear>> {
        let concerned = |ear: &&Arc<Ear>| of.is_none_or(|babies| ear.knows_any(babies));
        lock(&self.ears).values().filter(concerned).cloned().collect()
    }

    /// Notes that `baby` is to be announced; true if somebody has to see to it.
    pub(super) fn wait(&self, baby: BabyId) -> bool {
        let mut waiting = lock(&self.waiting);
        let is_first = waiting.is_empty();
        waiting.insert(baby);
        is_first
    }

    pub(super) fn take_waiting(&self) -> BTreeSet<BabyId> {
        std::mem::take(&mut lock(&self.waiting))
    }
}

/// One open stream.
pub(super) struct Ear {
    user: UserId,
    /// The hash of the session it was opened by.
    pub(super) session: Vec<u8>,
    inbox: Mutex<Inbox>,
    news: Notify,
}

/// How far a baby is, and what the session's list of babies says about it beside its name: what it may do
/// there, until when, among how many, and how much waits for its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) head: u64,
    pub(super) access: String,
}

#[derive(Default)]
struct Inbox {
    /// Of each baby that the session may read, what was told or is about to be.
    known: BTreeMap<BabyId, Known>,
    untold: BTreeSet<BabyId>,
    /// Access to these is another now, or has ended.
    changed: BTreeSet<BabyId>,
    ended: bool,
}

impl Ear {
    fn knows_any(&self, babies: &[BabyId]) -> bool {
        let inbox = lock(&self.inbox);
        babies.iter().any(|baby| inbox.known.contains_key(baby))
    }

    /// `baby`, which the session may read, is as `now`.
    pub(super) fn hear(&self, baby: BabyId, now: &Known) {
        let mut inbox = lock(&self.inbox);
        let before = inbox.known.get(&baby).cloned();
        if before.as_ref().is_some_and(|before| before.access != now.access) {
            inbox.changed.insert(baby);
            self.news.notify_one();
        }
        let head = before.as_ref().map_or(now.head, |before| before.head.max(now.head));
        if before.is_none_or(|before| before.head < head) {
            inbox.untold.insert(baby);
            self.news.notify_one();
        }
        inbox.known.insert(baby, Known { head, access: now.access.clone() });
    }

    /// Of these babies, or of all, the session may read the `allowed` ones and no others. What it could
    /// read before is told to be gone.
    pub(super) fn narrow(&self, of: Option<&[BabyId]>, allowed: &BTreeMap<BabyId, Known>) {
        let mut inbox = lock(&self.inbox);
        let is_gone = |baby: &BabyId| of.is_none_or(|of| of.contains(baby)) && !allowed.contains_key(baby);
        let gone: Vec<BabyId> = inbox.known.keys().copied().filter(is_gone).collect();
        for baby in gone {
            inbox.known.remove(&baby);
            inbox.untold.remove(&baby);
            inbox.changed.insert(baby);
            self.news.notify_one();
        }
    }

    /// The stream is over.
    pub(super) fn end(&self) {
        lock(&self.inbox).ended = true;
        self.news.notify_one();
    }
}

/// A place among the listeners; dropped, it is free again.
pub(super) struct Listener {
    hub: Arc<Hub>,
    key: u64,
    ear: Arc<Ear>,
}

impl Listener {
    pub(super) fn ear(&self) -> &Arc<Ear> {
        &self.ear
    }

    /// Waits for something to tell; `None` at the end. That access has changed is told as version 0.
    pub(super) async fn next(&self) -> Option<(BabyId, u64)> {
        loop {
            {
                let mut inbox = lock(&self.ear.inbox);
                if inbox.ended {
                    return None;
                }
                if let Some(baby) = inbox.changed.pop_first() {
                    return Some((baby, 0));
                }
                if let Some(baby) = inbox.untold.pop_first() {
                    return inbox.known.get(&baby).map(|known| (baby, known.head));
                }
            }
            self.ear.news.notified().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        lock(&self.hub.ears).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn baby(n: u128) -> BabyId {
        BabyId(Uuid::from_u128(n))
    }

    fn someone(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn at(head: u64) -> Known {
        Known { head, access: "editor".into() }
    }

    #[test]
    fn of_each_baby_only_the_latest_is_told_and_nothing_twice() {
        let hub = Arc::new(Hub::new());
        let listener = hub.join(someone(1), vec![]).unwrap();
        let next = || listener.next().now_or_never();
        for (n, head) in [(1, 4), (2, 1), (1, 9), (1, 6)] {
            listener.ear().hear(baby(n), &at(head));
        }
        assert_eq!((next(), next(), next()), (Some(Some((baby(1), 9))), Some(Some((baby(2), 1))), None));
        listener.ear().hear(baby(1), &at(9));
        assert_eq!(next(), None);
        listener.ear().hear(baby(1), &at(10));
        listener.ear().narrow(None, &[(baby(2), at(1))].into());
        assert_eq!((next(), next()), (Some(Some((baby(1), 0))), None), "what may no longer be known is not told");
        listener.ear().narrow(Some(&[baby(1)]), &BTreeMap::new());
        listener.ear().hear(baby(2), &Known { access: "viewer".into(), ..at(1) });
        assert_eq!((next(), next()), (Some(Some((baby(2), 0))), None), "another level");
        listener.ear().hear(baby(2), &at(2));
        assert_eq!(next(), Some(Some((baby(2), 0))));
        listener.ear().end();
        assert_eq!(next(), Some(None));
    }

    #[test]
    fn places_are_bounded_and_come_free() {
        let hub = Arc::new(Hub::new());
        let mut held: Vec<_> = (0..PER_PERSON).map(|_| hub.join(someone(1), vec![]).unwrap()).collect();
        assert_eq!(hub.join(someone(1), vec![]).err().map(|error| error.code), Some(ErrorCode::RateLimited));
        let other = hub.join(someone(2), vec![]).unwrap();
        held.pop();
        held.push(hub.join(someone(1), vec![]).unwrap());
        assert_eq!(hub.len(), PER_PERSON + 1);
        hub.close();
        assert_eq!(other.next().now_or_never(), Some(None));
        assert_eq!(hub.join(someone(3), vec![]).err().map(|error| error.code), Some(ErrorCode::Overloaded));
        drop((held, other));
        assert_eq!(hub.len(), 0);
    }
}
