//! Tasks and time without threads or clocks: which ready task goes next is decided by the seed,
//! and time moves only when nothing is ready.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use uuid::Uuid;

use crate::{
    domain::time::Timestamp,
    sync::{backoff::Jitter, ports::Entropy},
};

/// Who a task belongs to: a tab, or the server. They die together.
pub type Owner = u64;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    owner: Owner,
    ready: Arc<Flag>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

#[derive(Default)]
struct State {
    now_ms: Cell<i64>,
    tasks: RefCell<Vec<Task>>,
    timers: RefCell<BTreeMap<(i64, u64), Waker>>,
    next: Cell<u64>,
    frozen: RefCell<BTreeSet<Owner>>,
}

/// The executor, its time and the seed's chance.
#[derive(Clone)]
pub struct Exec {
    state: Rc<State>,
    chance: Chance,
}

/// What every decision of a run is drawn from.
#[derive(Clone)]
pub struct Chance(Rc<RefCell<Jitter>>);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Jitter::seeded(seed))))
    }

    /// `0..n`, where `n > 0`.
    pub fn below(&self, n: usize) -> usize {
        (self.next_u64() % n as u64) as usize
    }

    pub fn between(&self, from: i64, to: i64) -> i64 {
        from + (self.next_u64() % (to - from + 1).unsigned_abs()).cast_signed()
    }

    /// True once in `n` times.
    pub fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())) }
    }
}

impl Entropy for Chance {
    fn uuid_v7(&self, now: Timestamp) -> Uuid {
        let ms = now.as_ms().max(0).unsigned_abs();
        let (a, b) = (self.next_u64(), self.next_u64());
        let random: Vec<u8> = a.to_be_bytes().into_iter().chain(b.to_be_bytes()).collect();
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid()
    }

    fn next_u64(&self) -> u64 {
        self.0.borrow_mut().next_u64()
    }
}

impl Exec {
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let state = Rc::new(State::default());
        state.now_ms.set(now_ms);
        Self { state, chance: Chance::seeded(seed) }
    }

    pub fn chance(&self) -> &Chance {
        &self.chance
    }

    /// The true time, in ms. No device knows it.
    pub fn now_ms(&self) -> i64 {
        self.state.now_ms.get()
    }

    /// A name that nobody else has.
    pub fn next_id(&self) -> u64 {
        self.state.next.set(self.state.next.get() + 1);
        self.state.next.get()
    }

    pub fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + 'static) {
        let ready = Arc::new(Flag(AtomicBool::new(true)));
        self.state.tasks.borrow_mut().push(Task { owner, ready, future: Box::pin(future) });
    }

    /// Ends every task of an owner where it stands.
    pub fn kill(&self, owner: Owner) {
        self.state.frozen.borrow_mut().remove(&owner);
        let (dead, alive) = self.state.tasks.take().into_iter().partition(|task| task.owner == owner);
        self.state.tasks.replace(alive);
        // Dropped outside of the borrow: a task's end may wake others.
        drop::<Vec<Task>>(dead);
    }

    /// Stops an owner's tasks for a while, as a phone does with a hidden tab.
    pub fn freeze(&self, owner: Owner, frozen: bool) {
        let mut set = self.state.frozen.borrow_mut();
        if frozen {
            set.insert(owner)
        } else {
            set.remove(&owner)
        };
    }

    pub fn is_frozen(&self, owner: Owner) -> bool {
        self.state.frozen.borrow().contains(&owner)
    }

    pub async fn sleep_ms(&self, ms: i64) {
        let timer = Timer { exec: self.clone(), key: (self.now_ms() + ms.max(0), self.next_id()) };
        poll_fn(|cx| {
            if timer.exec.now_ms() >= timer.key.0 {
                return Poll::Ready(());
            }
            timer.exec.state.timers.borrow_mut().insert(timer.key, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Lets one ready task go on, and returns its owner; with none ready, time moves to the next
    /// timer, but not beyond `until_ms`. `None`: nothing more happens by then.
    pub fn step(&self, until_ms: i64) -> Option<Option<Owner>> {
        if let Some(mut task) = self.take_ready() {
            let owner = task.owner;
            let waker = Waker::from(task.ready.clone());
            let done = task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            if !done {
                self.state.tasks.borrow_mut().push(task);
            }
            return Some(Some(owner));
        }
        let next = self.state.timers.borrow().keys().next().copied();
        let (at, _) = next.filter(|(at, _)| *at <= until_ms)?;
        self.state.now_ms.set(self.now_ms().max(at));
        let due = |timers: &mut BTreeMap<(i64, u64), Waker>| {
            let later = timers.split_off(&(at + 1, 0));
            std::mem::replace(timers, later)
        };
        let due = due(&mut self.state.timers.borrow_mut());
        due.into_values().for_each(Waker::wake);
        Some(None)
    }

    /// Moves time on when nothing happens before.
    pub fn pass_to(&self, ms: i64) {
        self.state.now_ms.set(self.now_ms().max(ms));
    }

    fn take_ready(&self) -> Option<Task> {
        let mut tasks = self.state.tasks.borrow_mut();
        let frozen = self.state.frozen.borrow();
        let is_ready = |task: &Task| task.ready.0.load(Ordering::Relaxed) && !frozen.contains(&task.owner);
        let ready: Vec<usize> = (0..tasks.len()).filter(|n| is_ready(&tasks[*n])).collect();
        let chosen = *self.chance.pick(&ready)?;
        let task = tasks.remove(chosen);
        task.ready.0.store(false, Ordering::Relaxed);
        Some(task)
    }
}

struct Timer {
    exec: Exec,
    key: (i64, u64),
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Ok(mut timers) = self.exec.state.timers.try_borrow_mut() {
            timers.remove(&self.key);
        }
    }
}

/// A value that one task hands to another.
pub struct Handed<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Handed<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Handed<T> {
    fn default() -> Self {
        Self(Rc::new(RefCell::new((None, None))))
    }
}

impl<T> Handed<T> {
    pub fn give(&self, value: T) {
        let mut cell = self.0.borrow_mut();
        cell.0 = Some(value);
        if let Some(waker) = cell.1.take() {
            waker.wake();
        }
    }

    pub async fn take(&self) -> T {
        poll_fn(|cx| {
            let mut cell = self.0.borrow_mut();
            match cell.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    cell.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
