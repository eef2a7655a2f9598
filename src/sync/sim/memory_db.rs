//! The device's database in memory: what IndexedDB promises and no more, with a switch for every
//! way in which it lets a device down. A [`Disk`] outlives the processes (tabs) that open it; a
//! [`MemoryDb`] is one process's handle on it.
//!
//! Invariant: at most one write transaction is open; a reader sees the state at its `begin`; a
//! transaction that is dropped, aborted or failed leaves nothing.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use serde_json::Value;

use crate::sync::ports::{Database, Mode, Scan, StoreError, Table, Tx};

pub type Rows = BTreeMap<String, Rc<Value>>;
type Tables = BTreeMap<&'static str, Rc<Rows>>;
/// A table's name and a key.
type Place = (&'static str, String);
/// What one transaction changed; `None` deletes.
type Changes = BTreeMap<Place, Option<Rc<Value>>>;

/// How many relaxed commits a power cut can take back at most.
const MAX_RELAXED: usize = 64;

/// What survives a process.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<DiskState>>);

#[derive(Default)]
struct DiskState {
    tables: Tables,
    changes: u64,
    /// The values before each commit that has not reached the disk yet, newest last.
    relaxed: VecDeque<Changes>,
    writer: Option<u64>,
    waiting: Vec<Waker>,
    next_tx: u64,
    /// Calls under way per open transaction.
    open: BTreeMap<u64, usize>,
}

/// When a process dies, counted in its storage operations from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The n-th operation never happens.
    Before(u64),
    /// The n-th operation happens and nobody hears of it.
    After(u64),
}

#[derive(Default)]
struct Process {
    operations: Cell<u64>,
    handed_out: Cell<usize>,
    crash: Cell<Option<Crash>>,
    dead: Cell<bool>,
    failure: RefCell<Option<(u64, StoreError)>>,
    yields: Cell<bool>,
}

/// One process's handle; clones belong to the same process.
#[derive(Clone)]
pub struct MemoryDb {
    disk: Disk,
    process: Rc<Process>,
}

impl Disk {
    /// A new process opens the database.
    pub fn open(&self) -> MemoryDb {
        MemoryDb { disk: self.clone(), process: Rc::default() }
    }

    /// The power goes: up to `commits` relaxed commits since the last strict one are lost. Returns
    /// how many.
    pub fn power_cut(&self, commits: usize) -> usize {
        let mut state = self.0.borrow_mut();
        let lost = commits.min(state.relaxed.len());
        for _ in 0..lost {
            if let Some(before) = state.relaxed.pop_back() {
                state.put_all(before);
            }
        }
        lost
    }

    /// The browser needed the room: everything is gone, and nobody was asked.
    pub fn evict(&self) {
        let mut state = self.0.borrow_mut();
        state.tables.clear();
        state.relaxed.clear();
        state.changes += 1;
    }

    /// Commits so far that changed something, power cuts included.
    pub fn changes(&self) -> u64 {
        self.0.borrow().changes
    }

    /// One table as committed, outside of any transaction.
    pub fn table(&self, table: Table) -> Rc<Rows> {
        self.0.borrow().tables.get(table.name()).cloned().unwrap_or_default()
    }

    /// Everything stored, for oracles and comparisons: table, key, value.
    pub fn dump(&self) -> Vec<(&'static str, String, Value)> {
        let state = self.0.borrow();
        let rows = |(name, rows): (&&'static str, &Rc<Rows>)| {
            let name = *name;
            rows.iter().map(|(key, value)| (name, key.clone(), (**value).clone())).collect::<Vec<_>>()
        };
        state.tables.iter().flat_map(rows).collect()
    }

    /// One stored value, outside of any transaction.
    pub fn peek(&self, table: Table, key: &str) -> Option<Value> {
        self.0.borrow().tables.get(table.name())?.get(key).map(|value| (**value).clone())
    }

    /// The open transactions that nobody is waiting on: IndexedDB would have committed them by
    /// itself. Zero whenever a task gives way, or the code awaits something foreign inside one.
    pub fn idle_transactions(&self) -> usize {
        self.0.borrow().open.values().filter(|calls| **calls == 0).count()
    }
}

impl DiskState {
    /// Writes, and returns what was there before.
    fn put_all(&mut self, changes: Changes) -> Changes {
        self.changes += u64::from(!changes.is_empty());
        let mut before = Changes::new();
        for (place, value) in changes {
            let rows = Rc::make_mut(self.tables.entry(place.0).or_default());
            let old = match value {
                Some(value) => rows.insert(place.1.clone(), value),
                None => rows.remove(&place.1),
            };
            before.insert(place, old);
        }
        before
    }

    fn release(&mut self, id: u64) {
        self.open.remove(&id);
        if self.writer == Some(id) {
            self.writer = None;
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }
}

impl MemoryDb {
    /// A database of its own, empty.
    pub fn new() -> Self {
        Disk::default().open()
    }

    pub fn disk(&self) -> Disk {
        self.disk.clone()
    }

    /// The same database as another process sees it: after a crash, or in a second tab.
    pub fn reopen(&self) -> Self {
        self.disk.open()
    }

    /// Storage operations (get, put, delete, scan, commit) of this process so far.
    pub fn operations(&self) -> u64 {
        self.process.operations.get()
    }

    /// Values that scans of this process have returned so far.
    pub fn handed_out(&self) -> usize {
        self.process.handed_out.get()
    }

    /// From then on every operation fails with [`StoreError::Closed`], until [`Self::reopen`].
    pub fn crash_at(&self, crash: Crash) {
        self.process.crash.set(Some(crash));
    }

    /// The n-th operation (from 1) fails with `error`, once; the process lives on.
    pub fn fail_at(&self, operation: u64, error: StoreError) {
        self.process.failure.replace(Some((operation, error)));
    }

    /// No crash and no failure is planned any more.
    pub fn calm(&self) {
        self.process.crash.set(None);
        self.process.failure.replace(None);
    }

    pub fn kill(&self) {
        self.process.dead.set(true);
    }

    pub fn is_dead(&self) -> bool {
        self.process.dead.get()
    }

    /// Whether each operation gives way to other tasks once, as a real database does.
    pub fn set_yields(&self, yields: bool) {
        self.process.yields.set(yields);
    }
}

impl Default for MemoryDb {
    fn default() -> Self {
        Self::new()
    }
}

impl Process {
    /// Counts an operation; `Ok(true)` when the process dies right after it.
    fn step(&self) -> Result<bool, StoreError> {
        if self.dead.get() {
            return Err(StoreError::Closed);
        }
        let n = self.operations.get() + 1;
        self.operations.set(n);
        match self.crash.get() {
            Some(Crash::Before(at)) if n >= at => {
                self.dead.set(true);
                return Err(StoreError::Closed);
            }
            Some(Crash::After(at)) if n >= at => {
                self.dead.set(true);
                return Ok(true);
            }
            _ => {}
        }
        match self.failure.take() {
            Some((at, error)) if n >= at => Err(error),
            kept => {
                self.failure.replace(kept);
                Ok(false)
            }
        }
    }

    async fn give_way(&self) {
        let mut waited = !self.yields.get();
        poll_fn(move |cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Database for MemoryDb {
    type Tx = MemoryTx;

    async fn begin(&self, tables: &[Table], mode: Mode) -> Result<MemoryTx, StoreError> {
        let writes = mode != Mode::Read;
        self.process.give_way().await;
        let id = poll_fn(|cx| {
            let mut state = self.disk.0.borrow_mut();
            if writes && state.writer.is_some() {
                state.waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
            state.next_tx += 1;
            let id = state.next_tx;
            if writes {
                state.writer = Some(id);
            }
            state.open.insert(id, 0);
            Poll::Ready(id)
        })
        .await;
        let tx = MemoryTx {
            id,
            db: self.clone(),
            scope: tables.iter().map(|table| table.name()).collect(),
            mode,
            tables: self.disk.0.borrow().tables.clone(),
            changes: RefCell::default(),
            failed: Cell::new(false),
        };
        if self.is_dead() { Err(StoreError::Closed) } else { Ok(tx) }
    }
}

/// One open transaction.
pub struct MemoryTx {
    id: u64,
    db: MemoryDb,
    scope: BTreeSet<&'static str>,
    mode: Mode,
    tables: Tables,
    changes: RefCell<Changes>,
    failed: Cell<bool>,
}

/// Marks a transaction as waited on, for as long as it lives.
struct Call<'t>(&'t MemoryTx);

impl<'t> Call<'t> {
    fn on(tx: &'t MemoryTx) -> Self {
        if let Some(calls) = tx.db.disk.0.borrow_mut().open.get_mut(&tx.id) {
            *calls += 1;
        }
        Self(tx)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(calls) = self.0.db.disk.0.borrow_mut().open.get_mut(&self.0.id) {
            *calls -= 1;
        }
    }
}

impl MemoryTx {
    /// One operation: counted, allowed in this scope and mode, and perhaps the last of its process.
    async fn operate<T>(&self, table: Option<Table>, writes: bool, act: impl FnOnce() -> T) -> Result<T, StoreError> {
        let call = Call::on(self);
        self.db.process.give_way().await;
        let result = self.attempt(table, writes, act);
        if result.is_err() {
            self.failed.set(true);
        }
        drop(call);
        result
    }

    fn attempt<T>(&self, table: Option<Table>, writes: bool, act: impl FnOnce() -> T) -> Result<T, StoreError> {
        if self.failed.get() {
            return Err(StoreError::Failed("the transaction has failed before".into()));
        }
        let dies = self.db.process.step()?;
        if let Some(outside) = table.filter(|table| !self.scope.contains(table.name())) {
            return Err(StoreError::Failed(format!("{} is not in the transaction's scope", outside.name())));
        }
        if writes && self.mode == Mode::Read {
            return Err(StoreError::Failed("the transaction may only read".into()));
        }
        let value = act();
        if dies { Err(StoreError::Closed) } else { Ok(value) }
    }

    fn read(&self, table: Table, key: &str) -> Option<Rc<Value>> {
        match self.changes.borrow().get(&(table.name(), key.to_owned())) {
            Some(own) => own.clone(),
            None => self.tables.get(table.name())?.get(key).cloned(),
        }
    }

    fn matches(&self, scan: &Scan) -> Vec<(String, Value)> {
        let within = |text: &str| scan.from.as_str() <= text && text < scan.to.as_str();
        let order = |key: &str, value: &Value| match scan.index {
            None => within(key).then(|| key.to_owned()),
            Some(index) => value.get(index.name())?.as_str().filter(|text| within(text)).map(str::to_owned),
        };
        let name = scan.table.name();
        let changes = self.changes.borrow();
        let place = |key: &str| (name, key.to_owned());
        let nothing = Rc::default();
        let base = self.tables.get(name).unwrap_or(&nothing);
        let untouched = base.iter().filter_map(|(key, value)| {
            let order = order(key, value)?;
            (!changes.contains_key(&place(key))).then_some((order, key, value))
        });
        let own = changes.range(place("")..).take_while(|((table, _), _)| *table == name);
        let own = own.filter_map(|((_, key), value)| {
            let value = value.as_ref()?;
            Some((order(key, value)?, key, value))
        });
        let mut found: Vec<(String, &String, &Rc<Value>)> = untouched.chain(own).collect();
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        if scan.descending {
            found.reverse();
        }
        found.truncate(scan.limit.unwrap_or(usize::MAX));
        found.into_iter().map(|(_, key, value)| (key.clone(), (**value).clone())).collect()
    }

    fn write_back(&self) {
        let mut state = self.db.disk.0.borrow_mut();
        let before = state.put_all(self.changes.take());
        match self.mode {
            Mode::RelaxedWrite => {
                state.relaxed.push_back(before);
                if state.relaxed.len() > MAX_RELAXED {
                    state.relaxed.pop_front();
                }
            }
            // A flush takes everything before it to the disk as well.
            Mode::StrictWrite => state.relaxed.clear(),
            Mode::Read => {}
        }
    }
}

impl Tx for MemoryTx {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Value>, StoreError> {
        self.operate(Some(table), false, || self.read(table, key).map(|value| (*value).clone())).await
    }

    async fn put(&self, table: Table, key: &str, value: &Value) -> Result<(), StoreError> {
        let change = ((table.name(), key.to_owned()), Some(Rc::new(value.clone())));
        self.operate(Some(table), true, || self.changes.borrow_mut().extend([change])).await
    }

    async fn delete(&self, table: Table, key: &str) -> Result<(), StoreError> {
        let change = ((table.name(), key.to_owned()), None);
        self.operate(Some(table), true, || self.changes.borrow_mut().extend([change])).await
    }

    async fn delete_range(&self, table: Table, from: &str, to: &str) -> Result<(), StoreError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let range = Scan { table, index: None, from, to, descending: false, limit: None };
        let gone = || {
            let found = self.matches(&range).into_iter().map(|(key, _)| ((table.name(), key), None));
            self.changes.borrow_mut().extend(found);
        };
        self.operate(Some(table), true, gone).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<(String, Value)>, StoreError> {
        let found = self.operate(Some(scan.table), false, || self.matches(scan)).await?;
        let counted = &self.db.process.handed_out;
        counted.set(counted.get() + found.len());
        Ok(found)
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.operate(None, false, || self.write_back()).await
    }

    async fn abort(self) {}
}

impl Drop for MemoryTx {
    fn drop(&mut self) {
        self.db.disk.0.borrow_mut().release(self.id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::sim::run;

    async fn put(db: &MemoryDb, mode: Mode, key: &str, value: i64) -> Result<(), StoreError> {
        let tx = db.begin(&[Table::Kv], mode).await?;
        tx.put(Table::Kv, key, &json!(value)).await?;
        tx.commit().await
    }

    #[test]
    fn a_crash_before_a_commit_loses_it_and_one_after_keeps_it() {
        for (crash, kept) in [(Crash::Before(2), None), (Crash::After(2), Some(json!(1)))] {
            let db = MemoryDb::new();
            db.crash_at(crash);
            assert_eq!(run(put(&db, Mode::StrictWrite, "a", 1)), Err(StoreError::Closed));
            assert_eq!(run(put(&db, Mode::StrictWrite, "b", 1)), Err(StoreError::Closed), "the dead stay dead");
            assert_eq!(db.disk().peek(Table::Kv, "a"), kept);
            assert_eq!(run(put(&db.reopen(), Mode::StrictWrite, "b", 1)), Ok(()));
        }
    }

    #[test]
    fn a_power_cut_takes_relaxed_commits_back_to_the_last_strict_one() {
        let db = MemoryDb::new();
        let modes = [Mode::RelaxedWrite, Mode::StrictWrite, Mode::RelaxedWrite, Mode::RelaxedWrite];
        for (value, mode) in modes.into_iter().enumerate() {
            run(put(&db, mode, "a", value as i64)).unwrap();
        }
        assert_eq!(db.disk().power_cut(1), 1);
        assert_eq!(db.disk().peek(Table::Kv, "a"), Some(json!(2)));
        assert_eq!(db.disk().power_cut(9), 1);
        assert_eq!(db.disk().peek(Table::Kv, "a"), Some(json!(1)));
    }

    #[test]
    fn an_injected_failure_happens_once_and_leaves_nothing() {
        let db = MemoryDb::new();
        db.fail_at(2, StoreError::Quota);
        assert_eq!(run(put(&db, Mode::StrictWrite, "a", 1)), Err(StoreError::Quota));
        assert!(db.disk().dump().is_empty());
        assert_eq!(run(put(&db, Mode::StrictWrite, "a", 1)), Ok(()));
        assert_eq!((db.operations(), db.disk().idle_transactions()), (4, 0));
    }
}
