//! A phone: one disk, a clock of its own, and the tabs that open it. Each tab runs the real store,
//! engine and driver; the host's loop here is the one a browser tab runs.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
};

use super::{
    exec::{Chance, Exec, Owner},
    memory_db::{Disk, MemoryDb},
    network::{Net, Version, Wire},
    script,
};
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, EntityId, MutationId, UserId},
        registry::EntityType,
        relation::relations,
        row::Row,
        time::Timestamp,
    },
    sync::{
        draft::{Draft, SaveError},
        driver::Driver,
        engine::{Event, Schedule, Told},
        local::LocalStore,
        ports::{Clock, Entropy},
        protocol::Hint,
        query::{Query, Select},
    },
};

type Store = LocalStore<MemoryDb>;
type TabDriver = Driver<MemoryDb, Wire, DeviceClock>;

/// The device's own idea of the time.
#[derive(Clone)]
pub struct DeviceClock {
    exec: Exec,
    ahead_ms: Rc<Cell<i64>>,
}

impl Clock for DeviceClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.exec.now_ms() + self.ahead_ms.get())
    }

    async fn sleep_ms(&self, ms: i64) {
        self.exec.sleep_ms(ms).await;
    }
}

/// What its people did, to be held against what became of it.
#[derive(Default)]
pub struct Deeds {
    /// Entries that were certainly saved here.
    pub created: BTreeSet<(BabyId, EntityId)>,
    /// Entries that people here meant to delete or bring back, so that edits may cancel out.
    pub turned: BTreeSet<(BabyId, EntityId)>,
    /// Dead letters that people here retried or threw away.
    pub handled: BTreeSet<MutationId>,
    pub saves: u64,
}

pub struct Device {
    pub name: char,
    pub user: UserId,
    pub disk: Disk,
    pub online: Rc<Cell<bool>>,
    pub visible: Cell<bool>,
    /// The server's hints come in.
    pub listens: Cell<bool>,
    pub ahead_ms: Rc<Cell<i64>>,
    pub version: Cell<Version>,
    /// Requests so far, over all tabs.
    pub asked: Rc<Cell<u64>>,
    /// Babies whose copy it was told to fetch anew, and how often.
    pub anew: Rc<RefCell<BTreeMap<BabyId, u64>>>,
    /// It was told that its app is too old.
    pub outdated: Rc<Cell<bool>>,
    /// The tab that holds the lock.
    lock: Cell<Option<Owner>>,
    pub tabs: RefCell<VecDeque<Rc<Tab>>>,
    pub deeds: RefCell<Deeds>,
    /// The baby on screen.
    pub active: RefCell<Option<BabyId>>,
    /// Whose screens were told to look again, since somebody last looked here.
    pub redrawn: RefCell<BTreeSet<BabyId>>,
}

/// One tab, once it is open.
pub struct Tab {
    pub owner: Owner,
    pub db: MemoryDb,
    open: RefCell<Option<(Rc<Store>, Rc<TabDriver>)>>,
    bell: Bell,
}

/// Wakes a tab's loop.
#[derive(Default)]
struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Until it rings, or so long.
    async fn wait(&self, sleep: impl Future<Output = ()>) {
        let mut sleep = pin!(sleep);
        poll_fn(|cx| {
            if self.rung.take() || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            self.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Tab {
    pub fn tell(&self, event: Event) {
        if let Some((_, driver)) = &*self.open.borrow() {
            driver.tell(event);
        }
        self.bell.ring();
    }

    /// The baby on its screen.
    pub fn active(&self) -> Option<BabyId> {
        self.open.borrow().as_ref().and_then(|(_, driver)| driver.active())
    }

    /// What it is up to, for the trace.
    pub fn state(&self) -> String {
        match &*self.open.borrow() {
            Some((_, driver)) => format!(
                "tab {}: active {:?}, work {}, wakes at {:?}",
                self.owner,
                driver.active(),
                driver.has_work(),
                driver.wake_at()
            ),
            None => format!("tab {} is not open yet", self.owner),
        }
    }

    fn wants_hints(&self) -> bool {
        self.open.borrow().as_ref().is_some_and(|(_, driver)| driver.wants_hints())
    }

    pub fn is_open(&self) -> bool {
        self.open.borrow().is_some()
    }
}

impl Device {
    pub fn new(name: char, user: UserId) -> Rc<Self> {
        Rc::new(Self {
            name,
            user,
            disk: Disk::default(),
            online: Rc::new(Cell::new(true)),
            visible: Cell::new(true),
            listens: Cell::new(false),
            ahead_ms: Rc::default(),
            version: Cell::default(),
            asked: Rc::default(),
            anew: Rc::default(),
            outdated: Rc::default(),
            lock: Cell::new(None),
            tabs: RefCell::default(),
            deeds: RefCell::default(),
            active: RefCell::default(),
            redrawn: RefCell::default(),
        })
    }

    pub fn clock(&self, exec: &Exec) -> DeviceClock {
        DeviceClock { exec: exec.clone(), ahead_ms: self.ahead_ms.clone() }
    }

    /// The tab that its person looks at.
    pub fn front(&self) -> Option<Rc<Tab>> {
        self.tabs.borrow().back().cloned()
    }

    pub fn tell_all(&self, event: &Event) {
        for tab in self.tabs.borrow().iter() {
            tab.tell(event.clone());
        }
    }

    /// Opens another tab on the same disk.
    pub fn open_tab(self: &Rc<Self>, net: &Rc<Net>) {
        let db = self.disk.open();
        db.set_yields(true);
        let tab = Rc::new(Tab { owner: net.exec.next_id(), db, open: RefCell::default(), bell: Bell::default() });
        self.tabs.borrow_mut().push_back(tab.clone());
        let (device, net) = (self.clone(), net.clone());
        net.exec.clone().spawn(tab.owner, async move { device.live(tab, net).await });
    }

    /// Ends a tab where it stands: its tasks, its handle on the disk, its lock.
    pub fn kill_tab(&self, exec: &Exec, owner: Owner) {
        let mut tabs = self.tabs.borrow_mut();
        for tab in tabs.iter().filter(|tab| tab.owner == owner) {
            tab.db.kill();
            tab.open.take();
        }
        tabs.retain(|tab| tab.owner != owner);
        drop(tabs);
        exec.kill(owner);
        if self.lock.get() == Some(owner) {
            self.lock.set(None);
        }
    }

    async fn live(self: Rc<Self>, tab: Rc<Tab>, net: Rc<Net>) {
        let (exec, clock) = (net.exec.clone(), self.clock(&net.exec));
        let entropy = exec.chance().clone();
        let store = loop {
            match LocalStore::open(tab.db.clone(), clock.now(), &entropy).await {
                Ok(store) => break Rc::new(store),
                Err(_) => exec.sleep_ms(500).await,
            }
        };
        let page = u32::try_from(exec.chance().between(1, 12)).expect("a small number");
        let (online, db) = (self.online.clone(), tab.db.clone());
        let wire = Wire {
            net: net.clone(),
            user: self.user,
            online,
            db,
            page,
            resting: RefCell::default(),
            version: self.version.get(),
            asked: self.asked.clone(),
            anew: self.anew.clone(),
            outdated: self.outdated.clone(),
        };
        let (device, far) = (self.clone(), net.clone());
        let listener = move |told: Told| device.hear(&far, &told);
        let driver = Driver::new(store.clone(), wire, clock.clone(), &entropy, Schedule::default(), listener);
        while driver.open().await.is_err() {
            exec.sleep_ms(500).await;
        }
        let driver = Rc::new(driver);
        tab.open.replace(Some((store.clone(), driver.clone())));
        driver.tell(Event::Online(self.online.get()));
        driver.tell(Event::Visible(self.visible.get()));
        driver.tell(Event::Started);
        driver.tell(Event::HintsConnected(self.listens.get()));
        self.listen(&tab, &net);
        loop {
            if driver.active().is_none()
                && let Ok(babies) = store.access().await
                && let Some(first) = babies.first()
            {
                driver.tell(Event::Activated(Some(first.baby_id)));
            }
            self.active.replace(driver.active());
            if driver.has_work() {
                self.take_lock(&exec, tab.owner).await;
                let run = driver.run().await;
                if self.lock.get() == Some(tab.owner) {
                    self.lock.set(None);
                }
                if run.is_err() {
                    exec.sleep_ms(1_000).await;
                }
                continue;
            }
            let wait_ms = driver.wake_at().map_or(3_600_000, |at| at.since(clock.now()));
            tab.bell.wait(exec.sleep_ms(wait_ms)).await;
            driver.tell(Event::Tick);
        }
    }

    /// As a browser's stream of hints: heard while they are wanted and come in.
    fn listen(self: &Rc<Self>, tab: &Rc<Tab>, net: &Net) {
        let (device, tab) = (self.clone(), Rc::downgrade(tab));
        let ear = move |Hint { baby_id, head }| {
            let Some(tab) = tab.upgrade().filter(|tab| tab.is_open()) else { return false };
            if device.listens.get() && tab.wants_hints() {
                tab.tell(Event::Hinted { baby: baby_id, head });
            }
            true
        };
        net.ears.borrow_mut().push((self.user, Box::new(ear)));
    }

    /// The lock that only one tab holds; from a frozen one it is taken away.
    async fn take_lock(&self, exec: &Exec, owner: Owner) {
        loop {
            match self.lock.get() {
                Some(holder) if holder != owner && !exec.is_frozen(holder) => exec.sleep_ms(200).await,
                _ => break,
            }
        }
        self.lock.set(Some(owner));
    }

    fn hear(&self, net: &Net, told: &Told) {
        if let Told::Rows(baby) = told {
            self.redrawn.borrow_mut().insert(*baby);
        }
        if let Told::AccessRevoked { baby, .. } | Told::StayEnded { baby, .. } | Told::BabyRefused { baby, .. } = told {
            net.purged.borrow_mut().insert((*baby, self.user));
            let far = net.far.borrow();
            // A baby made here that the far end never took is gone in the same way.
            let removed = far.removed.contains(&(*baby, self.user)) || !far.exists(*baby);
            assert!(removed, "{}: {baby} was purged though access never ended", self.name);
        }
    }

    /// One thing that a person does in the front tab.
    pub async fn act(self: Rc<Self>, tab: Rc<Tab>, net: Rc<Net>) {
        let Some((store, driver)) = tab.open.borrow().clone() else { return };
        let exec = &net.exec;
        let now = self.clock(exec).now();
        let chance = exec.chance();
        let Ok(babies) = store.access().await else { return };
        let baby = match chance.pick(&babies) {
            // The first one is everybody's favourite.
            Some(baby) if !chance.one_in(60) => babies.first().filter(|_| chance.one_in(2)).unwrap_or(baby).baby_id,
            // Most people are given a baby to look after, few make one.
            None if self.name != 'A' && !chance.one_in(8) => return,
            _ => BabyId(chance.uuid_v7(now)),
        };
        if !babies.iter().any(|known| known.baby_id == baby) {
            let Some(fields) = script::entry(chance, EntityType::BABY, &[], now, "a new baby") else { return };
            let draft = Draft::Create { entity_type: EntityType::BABY, baby_id: baby, id: baby.entity(), fields };
            return self.save(&net, &tab, &store, baby, draft).await;
        }
        if chance.one_in(8) {
            return self.handle_letter(&net, &tab, &store).await;
        }
        let types: Vec<EntityType> = self.types().collect();
        let deleted = Select::Deleted { since: Timestamp::from_ms(0) };
        let select = if chance.one_in(12) { deleted } else { Select::All };
        let Ok(rows) = store.query(&Query { baby_id: baby, types, select, limit: None }).await else { return };
        let draft = self.intent(exec, baby, &rows);
        if chance.one_in(2) {
            // A sheet stays open for a while; what it shows grows old.
            exec.sleep_ms(chance.between(0, 25_000)).await;
        }
        if chance.one_in(6) {
            driver.tell(Event::Activated(Some(baby)));
        }
        self.save(&net, &tab, &store, baby, draft).await;
    }

    /// The types that this app knows.
    pub fn types(&self) -> impl Iterator<Item = EntityType> {
        let lacks = self.version.get().lacks;
        EntityType::all().filter(move |known| Some(*known) != lacks)
    }

    fn intent(&self, exec: &Exec, baby_id: BabyId, rows: &[Row]) -> Draft {
        let chance = exec.chance();
        let now = self.clock(exec).now();
        let mark = format!("{}{}", self.name, exec.next_id());
        // A few entries are everybody's: that is where people meet.
        let hot = &rows[..rows.len().min(if chance.one_in(3) { rows.len() } else { 3 })];
        match chance.pick(hot).filter(|seen| seen.is_deleted() || (rows.len() > 2 && !chance.one_in(5))) {
            Some(seen) if seen.is_deleted() => Draft::Restore { seen: seen.clone() },
            Some(seen) if chance.one_in(7) && seen.entity_type != EntityType::BABY => {
                Draft::Delete { seen: seen.clone() }
            }
            Some(seen) => {
                let fields = script::edited(chance, seen, rows, now, &mark);
                Draft::Update { seen: seen.clone(), fields }
            }
            None => {
                let types: Vec<EntityType> = self.types().filter(|known| *known != EntityType::BABY).collect();
                let chosen = *chance.pick(&types).expect("there are types");
                let (entity_type, fields) = self.something(chance, chosen, rows, now, &mark);
                Draft::Create { entity_type, baby_id, id: EntityId(chance.uuid_v7(now)), fields }
            }
        }
    }

    /// A new entry of this type, or of the one that it would need first.
    fn something(
        &self,
        chance: &Chance,
        chosen: EntityType,
        rows: &[Row],
        now: Timestamp,
        mark: &str,
    ) -> (EntityType, Fields) {
        if let Some(fields) = script::entry(chance, chosen, rows, now, mark) {
            return (chosen, fields);
        }
        let needed = relations(chosen).find(|relation| relation.required).expect("it lacks something");
        self.something(chance, needed.parent, rows, now, mark)
    }

    async fn save(&self, net: &Net, tab: &Tab, store: &Store, baby: BabyId, draft: Draft) {
        let created = match &draft {
            Draft::Create { id, .. } => Some((baby, *id)),
            Draft::Delete { seen } | Draft::Restore { seen } => {
                self.deeds.borrow_mut().turned.insert((baby, seen.id));
                None
            }
            Draft::Update { .. } => None,
        };
        let now = self.clock(&net.exec).now();
        match store.commit(now, net.exec.chance(), &[draft]).await {
            Ok(babies) => {
                let mut deeds = self.deeds.borrow_mut();
                deeds.saves += 1;
                deeds.created.extend(created);
                drop(deeds);
                self.tell_all(&Event::Committed { babies });
            }
            // It was deleted meanwhile, or the process or the disk failed: the form says so.
            Err(SaveError::Invalid(_) | SaveError::Store(_)) => tab.bell.ring(),
        }
    }

    async fn handle_letter(&self, net: &Net, tab: &Tab, store: &Store) {
        let Ok(letters) = store.dead_letters().await else { return };
        let Some(letter) = net.exec.chance().pick(&letters) else { return };
        let (baby, id) = (letter.baby_id, letter.mutation_id);
        self.deeds.borrow_mut().handled.insert(id);
        if net.exec.chance().one_in(3) {
            // Either outcome is the person's to see; the oracle looks at the disk.
            let discarded = store.discard(baby, id).await;
            tab.bell.ring();
            return drop(discarded);
        }
        let now = self.clock(&net.exec).now();
        if store.retry(now, net.exec.chance(), baby, id, None).await.is_ok() {
            self.tell_all(&Event::Committed { babies: BTreeSet::from([baby]) });
        }
    }
}
