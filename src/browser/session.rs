//! One open account: its copy, its sync and its screens, from opening until it is closed.
//!
//! Two loops run meanwhile: [`sync_loop`] lets the driver perform what is due, under the lock that
//! one tab holds at a time; [`screen_loop`] reads what changed and shows it.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::{Rc, Weak},
};

use futures::{
    FutureExt,
    future::{AbortHandle, Either, abortable, select},
};
use leptos::prelude::{GetUntracked, Owner, Set};
use wasm_bindgen_futures::spawn_local;

use super::{
    bell::Bell,
    clock::BrowserClock,
    entropy::BrowserEntropy,
    events::{PageEvent, PageEvents, is_online, is_visible},
    hints::{Heard, Hints},
    lock::{LockGuard, try_lock},
    schema::database_name,
    screens::Screens,
    settings,
    store::{IndexedDb, Lost},
    tabs::{TabNews, Tabs},
    transport::HttpTransport,
    update,
};
use crate::{
    domain::{id::BabyId, set::set, time::Timestamp},
    sync::{
        backoff::delay_ms,
        driver::Driver,
        engine::{Event, Schedule, Told},
        local::LocalStore,
        ports::{Clock, Entropy, StoreError},
        protocol::Hint,
        status::Blocked,
    },
    ui::replica::{Account, Farewell, Notice},
};

/// While another tab has the lock, it is asked for again after this; a cycle takes less.
const LOCK_RETRY_MS: i64 = 1_000;
/// After the database failed to give the lead.
const STORE_RETRY_MS: i64 = 5_000;
/// A stream of hints that was refused is asked for again after this at the earliest.
const HINTS_RETRY_MS: i64 = 5_000;

pub(super) struct Session {
    pub(super) store: Rc<LocalStore<IndexedDb>>,
    pub(super) driver: Driver<IndexedDb, HttpTransport, BrowserClock>,
    pub(super) entropy: BrowserEntropy,
    pub(super) clock: BrowserClock,
    pub(super) screens: Screens,
    db: IndexedDb,
    lock_name: String,
    /// Held while the driver performs, unless the page goes out of sight meanwhile.
    lock: RefCell<Option<LockGuard>>,
    /// The driver may have something to perform.
    work: Bell,
    /// What the screens show may be out of date.
    stale: Rc<Bell>,
    /// What the driver said, until the screens are told.
    told: Rc<RefCell<Vec<Told>>>,
    running: RefCell<Running>,
    listening: RefCell<Listening>,
    /// How many reads for the screens were begun, and which of them is on screen.
    reads: Cell<u64>,
    shown: Cell<u64>,
    /// The baby that the person left, until it is gone.
    pub(super) left: Cell<Option<BabyId>>,
}

/// The stream of hints, and when to ask for one again after it was refused so many times.
#[derive(Default)]
struct Listening {
    stream: Option<Hints>,
    refused: u32,
    not_before: Option<Timestamp>,
}

/// What ends with the session.
#[derive(Default)]
struct Running {
    tabs: Option<Tabs>,
    _page: Option<PageEvents>,
    loops: Vec<AbortHandle>,
}

impl Session {
    /// Opens the account's own database; the signals live in `owner`. `on_deleted` is called when
    /// another tab has deleted the database.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub(super) async fn open(
        account: Account,
        owner: &Owner,
        on_deleted: impl Fn() + 'static,
    ) -> Result<Rc<Self>, StoreError> {
        let user_id = account.user_id;
        let screens = owner.with(|| Screens::new(account, settings::active_baby(user_id)));
        let name = database_name(user_id);
        let db = IndexedDb::open(&name, move |lost| match lost {
            Lost::Deleted => on_deleted(),
            Lost::Superseded | Lost::Evicted => screens.notice(Notice::StorageClosed),
        })
        .await?;
        let (clock, entropy) = (BrowserClock, BrowserEntropy::default());
        let store = Rc::new(LocalStore::open(db.clone(), clock.now(), &entropy).await?);
        let (told, stale) = (Rc::<RefCell<Vec<Told>>>::default(), Rc::<Bell>::default());
        let listener = {
            let (told, stale) = (told.clone(), stale.clone());
            move |what| {
                told.borrow_mut().push(what);
                stale.ring();
            }
        };
        let transport = HttpTransport { client_id: store.client_id() };
        let driver = Driver::new(store.clone(), transport, clock, &entropy, schedule(), listener);
        driver.open().await?;
        let (lock_name, work, running) = (format!("{name}-sync"), Bell::default(), RefCell::default());
        let (reads, shown) = (Cell::new(0), Cell::new(0));
        let session = Rc::new(Self {
            store,
            driver,
            entropy,
            clock,
            screens,
            db,
            lock_name,
            lock: RefCell::default(),
            work,
            stale,
            told,
            running,
            listening: RefCell::default(),
            left: Cell::default(),
            reads,
            shown,
        });
        session.refresh().await?;
        Ok(session)
    }

    /// Listens to the page and the other tabs, and starts the loops.
    pub(super) fn run(self: &Rc<Self>) {
        self.tell(Event::Online(is_online()));
        self.tell(Event::Visible(is_visible()));
        let page = PageEvents::listen({
            let session = Rc::downgrade(self);
            move |event| heard(&session, |session| session.page_event(event))
        });
        let tabs = Tabs::join(&self.lock_name, {
            let session = Rc::downgrade(self);
            move |news| heard(&session, |session| session.tab_news(news))
        });
        let (syncing, stop_syncing) = abortable(sync_loop(self.clone()));
        let (showing, stop_showing) = abortable(screen_loop(self.clone()));
        *self.running.borrow_mut() =
            Running { tabs: Some(tabs), _page: Some(page), loops: vec![stop_syncing, stop_showing] };
        // They end by being stopped, and have nothing to say then.
        spawn_local(syncing.map(|_stopped| ()));
        spawn_local(showing.map(|_stopped| ()));
        // The first flush waits for the first screen.
        let session = Rc::downgrade(self);
        leptos::prelude::request_animation_frame(move || heard(&session, |session| session.tell(Event::Started)));
    }

    /// Ends it all and lets go of the database.
    pub(super) fn close(&self) {
        let running = self.running.take();
        running.loops.iter().for_each(AbortHandle::abort);
        self.listening.take();
        self.db.close();
    }

    pub(super) fn tell(&self, event: Event) {
        self.driver.tell(event);
        self.work.ring();
    }

    /// A person's change is durable: sends it, and shows it here and in the other tabs. That it
    /// waits is on screen before its tick is, so that nobody reads "All saved" meanwhile.
    pub(super) async fn committed(&self, babies: impl IntoIterator<Item = BabyId>) {
        self.tell(Event::Committed { babies: set(babies) });
        if let Err(err) = self.refresh().await {
            // It is saved all the same.
            self.screens.storage_failed(&err);
        }
        self.screens.rows_changed();
        self.tell_tabs(TabNews::Committed);
    }

    /// The person signed in again: every tab may send again.
    pub(super) fn signed_in(&self) {
        self.tell_tabs(TabNews::SignedIn);
        self.tell(Event::SignedIn);
    }

    /// Something else changed that is shown.
    pub(super) fn changed(&self) {
        self.tell_tabs(TabNews::Synced);
        self.stale.ring();
    }

    pub(super) fn activate(&self, baby_id: Option<BabyId>) {
        settings::set_active_baby(self.screens.account.get_untracked().user_id, baby_id);
        if self.screens.active_baby.get_untracked() != baby_id {
            self.screens.active_baby.set(baby_id);
        }
        self.tell(Event::Activated(baby_id));
    }

    /// Reads what the screens show beside rows.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let turn = self.reads.get() + 1;
        self.reads.set(turn);
        let status = self.driver.status().await?;
        let (babies, caregivers) = (self.store.access().await?, self.store.caregivers().await?);
        if turn < self.shown.get() {
            // What was read later is on screen already.
            return Ok(());
        }
        self.shown.set(turn);
        if status.blocked == Some(Blocked::UpdateApp) && !self.screens.is_too_old() {
            update::look();
        }
        self.screens.show(status, babies, caregivers);
        let active = self.screens.baby_for_screen(self.driver.active());
        if active != self.driver.active() || active != self.screens.active_baby.get_untracked() {
            self.activate(active);
        }
        Ok(())
    }

    fn tell_tabs(&self, news: TabNews) {
        if let Some(tabs) = &self.running.borrow().tabs {
            tabs.tell(news);
        }
    }

    /// Listens to the server's hints while they are of use.
    fn follow_hints(self: &Rc<Self>) {
        let wanted = self.driver.wants_hints();
        let mut listening = self.listening.borrow_mut();
        if !wanted {
            if listening.stream.take().is_some() {
                drop(listening);
                self.driver.tell(Event::HintsConnected(false));
            }
            return;
        }
        let may_ask = listening.not_before.is_none_or(|at| at <= self.clock.now());
        if listening.stream.is_none() && may_ask {
            let session = Rc::downgrade(self);
            listening.stream = Hints::open(move |what| heard(&session, |session| session.hint_heard(what)));
        }
    }

    fn hint_heard(&self, what: Heard) {
        match what {
            Heard::Connected => {
                self.listening.borrow_mut().refused = 0;
                self.tell(Event::HintsConnected(true));
            }
            Heard::Hint(Hint { baby_id, head }) => self.tell(Event::Hinted { baby: baby_id, head }),
            Heard::Lost { refused } => {
                if refused {
                    let mut listening = self.listening.borrow_mut();
                    let wait_ms = delay_ms(listening.refused, Some(HINTS_RETRY_MS), self.entropy.next_u64());
                    listening.not_before = Some(self.clock.now().plus_ms(wait_ms));
                    listening.refused += 1;
                    // It is not dropped within its own event.
                    let closed = listening.stream.take();
                    spawn_local(async move { drop(closed) });
                }
                self.tell(Event::HintsConnected(false));
            }
        }
    }

    fn page_event(&self, event: PageEvent) {
        if event == PageEvent::Hidden {
            // It may be frozen in the middle of its work, and would keep the others from it for as long.
            // Whoever takes the lead meanwhile is right: what this one still writes is then refused.
            drop(self.lock.take());
        }
        self.tell(match event {
            PageEvent::Online => Event::Online(true),
            PageEvent::Offline => Event::Online(false),
            PageEvent::Visible => Event::Visible(true),
            PageEvent::Hidden => Event::Visible(false),
            PageEvent::Focused => Event::Focused,
        });
        if event == PageEvent::Visible {
            // A frozen page hears nothing from the other tabs.
            self.screens.rows_changed();
            self.stale.ring();
        }
    }

    /// Another tab changed what this one shows. It also sends what it wrote; this one is told in
    /// case that tab is gone before it could.
    fn tab_news(self: &Rc<Self>, news: TabNews) {
        if news == TabNews::SignedIn {
            self.tell(Event::SignedIn);
            return;
        }
        self.screens.rows_changed();
        self.stale.ring();
        let session = self.clone();
        spawn_local(async move {
            match session.store.access().await {
                Ok(access) => {
                    let babies = access.into_iter().map(|access| access.baby_id);
                    session.tell(if news == TabNews::Committed {
                        Event::Committed { babies: set(babies) }
                    } else {
                        Event::BabiesKnown(babies.collect())
                    });
                }
                Err(err) => session.screens.storage_failed(&err),
            }
        });
    }

    /// Puts what the driver said before the person.
    fn show_told(&self) {
        let told = self.told.take();
        for what in &told {
            match what {
                Told::Status | Told::Rows(_) | Told::Babies => {}
                Told::EditLost(_) => self.screens.notice(Notice::EditLost),
                Told::AccessRevoked { baby, .. } if self.left.get() == Some(*baby) => self.left.set(None),
                Told::AccessRevoked { name, .. } => self.screens.notice(Notice::AccessRevoked { name: name.clone() }),
                Told::StayEnded { baby, name, logged, handed, kept } => {
                    self.left.set(self.left.get().filter(|left| left != baby));
                    let (name, logged) = (name.clone(), logged.clone());
                    let farewell = Farewell { name, logged, handed: *handed, kept: *kept };
                    self.screens.farewell(farewell);
                }
                Told::BabyRefused { name, .. } => self.screens.notice(Notice::BabyRefused { name: name.clone() }),
                Told::StorageFailed(err) => self.screens.storage_failed(err),
                Told::Step(step) => self.screens.step(step.clone()),
            }
        }
        if told.iter().any(|what| matches!(what, Told::Rows(_))) {
            self.screens.rows_changed();
        }
        if told.iter().any(|what| !matches!(what, Told::Status | Told::Step(_))) {
            self.tell_tabs(TabNews::Synced);
        }
    }

    /// Waits for the time, or for the bell; whether it was the time.
    async fn rest(&self, ms: i64) -> bool {
        matches!(select(pin!(self.work.heard()), pin!(self.clock.sleep_ms(ms))).await, Either::Right(_))
    }
}

fn heard(session: &Weak<Session>, act: impl FnOnce(&Rc<Session>)) {
    if let Some(session) = session.upgrade() {
        act(&session);
    }
}

/// As usual, unless this device was told not to listen for hints.
fn schedule() -> Schedule {
    let hints = settings::setting("hints").as_deref() != Some("off");
    Schedule { hints, ..Schedule::default() }
}

/// A closed database stays closed: both loops end with it, and the notice says what helps.
async fn sync_loop(session: Rc<Session>) {
    loop {
        session.follow_hints();
        if !session.driver.has_work() {
            match session.driver.wake_at() {
                None => session.work.heard().await,
                Some(at) => {
                    if session.rest(at.since(session.clock.now()).max(0)).await {
                        session.driver.tell(Event::Tick);
                    }
                }
            }
            continue;
        }
        let Some(guard) = try_lock(&session.lock_name).await else {
            session.rest(LOCK_RETRY_MS).await;
            continue;
        };
        session.lock.replace(Some(guard));
        let ran = session.driver.run().await;
        let guard = session.lock.take();
        if let Some(guard) = guard {
            guard.release().await;
        }
        if let Err(err) = ran {
            session.screens.storage_failed(&err);
            if err == StoreError::Closed {
                return;
            }
            session.rest(STORE_RETRY_MS).await;
        }
    }
}

async fn screen_loop(session: Rc<Session>) {
    loop {
        session.stale.heard().await;
        session.show_told();
        if let Err(err) = session.refresh().await {
            session.screens.storage_failed(&err);
            if err == StoreError::Closed {
                return;
            }
        }
    }
}
