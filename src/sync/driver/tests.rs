//! What one run does, over a server that answers at once and a clock that moves on demand.

use std::{cell::Cell, future::pending};

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    domain::{
        field::Fields,
        id::{ClientId, EntityId},
        registry::EntityType,
    },
    sync::{
        draft::Draft,
        engine::{MAX_PULL_ITERATIONS, Unless},
        ports::{AccessList, ErrorCode, Table},
        protocol::{
            Lease, LeaseKind, PullResponse, PushRequest, PushResponse, SnapshotResponse, SyncRequest, SyncResponse,
        },
        query::{Query, Select},
        sim::{
            far_end::FarEnd,
            memory_db::{Disk, MemoryDb},
            run,
        },
        status::{Level, SyncError},
    },
};

const BABY: BabyId = BabyId(Uuid::from_u128(0xba));
const ME: UserId = UserId(Uuid::from_u128(1));

#[derive(Default)]
struct Counter(Cell<u64>);

impl Entropy for Counter {
    fn uuid_v7(&self, _: Timestamp) -> Uuid {
        Uuid::from_u128(0xE000 + u128::from(self.next_u64()))
    }
    fn next_u64(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

fn now() -> Timestamp {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

#[derive(Clone)]
struct Watch(Rc<Cell<Timestamp>>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
    async fn sleep_ms(&self, _: i64) {
        pending().await
    }
}

/// The server, as old as they get: it knows pushes and pulls. What it is asked is written down.
#[derive(Clone, Default)]
struct Wire {
    far: Rc<RefCell<FarEnd>>,
    calls: Rc<RefCell<Vec<&'static str>>>,
    /// Events on a page.
    page: usize,
    /// What it answers to every pull, if it does not do what it is asked.
    refusal: Rc<RefCell<Option<TransportError>>>,
    /// A pull's answer says that its page ends at 0.
    goes_back: Rc<Cell<bool>>,
    /// It is newer than the app, and calls nappies by a name of its own.
    renames: Rc<Cell<bool>>,
}

fn unknown<T>() -> Result<T, TransportError> {
    Err(TransportError::Refused { status: 404, code: ErrorCode::NotFound, retry_after_ms: None })
}

impl Transport for Wire {
    async fn push(&self, request: PushRequest) -> Result<PushResponse, TransportError> {
        self.calls.borrow_mut().push("push");
        self.far.borrow_mut().push(ME, &request, now())
    }
    async fn pull(&self, baby: BabyId, since: u64, _: u32) -> Result<PullResponse, TransportError> {
        self.calls.borrow_mut().push("pull");
        if let Some(refusal) = self.refusal.borrow().clone() {
            return Err(refusal);
        }
        let mut page = self.far.borrow().pull(ME, baby, since, self.page, now())?;
        if self.goes_back.get() {
            (page.changes, page.next_cursor, page.new_cursor) = (Vec::new(), 0, 0);
        }
        if self.renames.get() {
            let nappies = page.changes.iter_mut().filter(|change| change.entity_type == "nappy_log");
            nappies.for_each(|change| change.entity_type = "moon_log".into());
        }
        Ok(page)
    }
    async fn sync(&self, _: SyncRequest) -> Result<SyncResponse, TransportError> {
        unknown()
    }
    async fn hand_in(
        &self,
        baby: BabyId,
        client: ClientId,
        mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError> {
        self.calls.borrow_mut().push("tray");
        self.far.borrow_mut().hand_in(ME, baby, client, &mutations, now())
    }
    async fn snapshot(&self, _: BabyId, _: Option<String>, _: u32) -> Result<SnapshotResponse, TransportError> {
        unknown()
    }
    async fn lease(&self, _: LeaseKind, _: BabyId) -> Result<Lease, TransportError> {
        unknown()
    }
    async fn access(&self) -> Result<AccessList, TransportError> {
        self.calls.borrow_mut().push("access");
        Ok(self.far.borrow().access(ME))
    }
}

/// A device with nothing on it yet, and a server that knows the baby.
struct Desk {
    driver: Driver<MemoryDb, Wire, Watch>,
    wire: Wire,
    watch: Watch,
    disk: Disk,
    entropy: Counter,
    told: Rc<RefCell<Vec<Told>>>,
}

impl Desk {
    fn new(logs: u128, page: usize) -> Self {
        let wire = Wire { page, ..Wire::default() };
        wire.far.borrow_mut().levels.insert((BABY, ME), Level::Owner);
        let db = MemoryDb::new();
        let (entropy, disk, watch) = (Counter::default(), db.disk(), Watch(Rc::new(Cell::new(now()))));
        let store = run(LocalStore::open(db, now(), &entropy)).unwrap();
        let told = Rc::<RefCell<Vec<Told>>>::default();
        let listener = {
            let told = told.clone();
            move |what| told.borrow_mut().push(what)
        };
        let driver = Driver::new(Rc::new(store), wire.clone(), watch.clone(), &entropy, Schedule::default(), listener);
        let desk = Self { driver, wire, watch, disk, entropy, told };
        desk.elsewhere("baby", BABY.0, json!({"name": "Ada"}));
        for n in 1..=logs {
            let payload = json!({"type": "wee", "startedAt": "2026-11-20T01:00:00.000Z"});
            desk.elsewhere("nappy_log", Uuid::from_u128(n), payload);
        }
        run(desk.driver.open()).unwrap();
        desk
    }

    /// Another device's change, taken by the server.
    fn elsewhere(&self, entity_type: &str, id: Uuid, payload: Value) {
        let mutation_id = Uuid::from_u128(0xf_0000 + id.as_u128());
        let mutation = json!({"mutationId": mutation_id, "entityType": entity_type, "entityId": id, "op": "create",
            "payload": payload});
        let request = PushRequest {
            baby_id: BABY,
            client_id: ClientId(Uuid::from_u128(2)),
            sync_operation_id: None,
            acked_through: None,
            epoch: None,
            mutations: vec![mutation],
        };
        self.wire.far.borrow_mut().push(ME, &request, now()).unwrap();
    }

    /// Everything that follows from these events, up to now.
    fn live(&self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.driver.tell(event));
        run(self.driver.run()).unwrap();
    }

    fn pass(&self, ms: i64) {
        self.watch.0.set(self.watch.0.get().plus_ms(ms));
    }

    /// A first run: the list of babies, and the whole copy.
    fn at_rest(logs: u128) -> Self {
        let desk = Self::new(logs, 100);
        desk.live(vec![Event::Activated(Some(BABY)), Event::Started]);
        assert_eq!(desk.cursor(), logs as u64 + 1);
        desk.wire.calls.borrow_mut().clear();
        desk.pass(10_000);
        desk
    }

    fn cursor(&self) -> u64 {
        run(self.driver.store.meta(BABY)).unwrap().cursor
    }

    fn save(&self) {
        let fields: Fields =
            serde_json::from_value(json!({"type": "poo", "startedAt": "2026-11-20T01:30:00.000Z"})).unwrap();
        let id = EntityId(Uuid::from_u128(0xaaaa));
        let draft = Draft::Create { entity_type: EntityType::NAPPY_LOG, baby_id: BABY, id, fields };
        let babies = run(self.driver.store.commit(now(), &self.entropy, &[draft])).unwrap();
        self.driver.tell(Event::Committed { babies });
    }

    fn journal(&self) -> Vec<Did> {
        run(self.driver.store.journal()).unwrap().into_iter().map(|step| step.did).collect()
    }
}

/// B47, A39, C18: a run takes so many pages and no more, and the next one goes on from the stored cursor; from
/// a server that knows neither snapshots nor leases as from any other.
#[test]
fn b47_a_run_takes_a_bounded_number_of_pages_and_the_next_goes_on() {
    let desk = Desk::new(MAX_PULL_ITERATIONS as u128 + 9, 1);
    for event in [Event::Activated(Some(BABY)), Event::Started] {
        desk.driver.tell(event);
    }
    run(desk.driver.take_lead()).unwrap();
    let mut runs = Vec::new();
    loop {
        let PullOutcome::Applied { report, has_more } = run(desk.driver.pull(BABY, Unless::PulledWithin(0))).unwrap()
        else {
            panic!("a page was not taken")
        };
        runs.push((report.pages, desk.cursor()));
        if !has_more {
            break;
        }
    }
    let bound = MAX_PULL_ITERATIONS;
    assert_eq!(runs, [(bound, bound as u64), (10, bound as u64 + 10)]);
}

/// B10, B83, B58, B79, C18: one run pushes, then pulls, and leaves what it did in the journal and in the
/// status; and it does so without the combined call.
#[test]
fn b10_a_run_pushes_then_pulls_and_reports() {
    let desk = Desk::at_rest(1);
    desk.elsewhere("nappy_log", Uuid::from_u128(77), json!({"type": "wee", "startedAt": "2026-11-20T01:10:00.000Z"}));
    desk.save();
    desk.live(vec![Event::SyncNow]);
    let calls = desk.wire.calls.borrow().clone();
    assert_eq!(calls.iter().filter(|call| **call != "access").collect::<Vec<_>>(), [&"push", &"pull"]);
    assert_eq!(desk.cursor(), 4, "mine and theirs");
    let journal = desk.journal();
    let [.., Did::Pushed { sent: 1, acked: 1, lost: 0, dead: 0 }, Did::Pulled { changes: 2, cursor: 4 }] = &journal[..]
    else {
        panic!("{journal:?}")
    };
    let status = run(desk.driver.status()).unwrap();
    let baby = &status.babies[0];
    assert_eq!((status.waiting, &baby.error), (0, &None));
    assert_eq!((baby.last_push_at, baby.last_pull_at), (Some(desk.watch.now()), Some(desk.watch.now())));
}

/// B48: an answer that would take the cursor back is refused whole: nothing is written but what went wrong,
/// which a person is shown, and the next good answer is taken.
#[test]
fn b48_an_answer_that_goes_back_changes_nothing_and_is_shown() {
    let desk = Desk::at_rest(3);
    let image = |desk: &Desk| -> Vec<_> { EntityType::all().map(|of| desk.disk.table(Table::Rows(of))).collect() };
    let before = image(&desk);
    desk.wire.goes_back.set(true);
    desk.live(vec![Event::Focused]);
    assert_eq!((desk.cursor(), image(&desk)), (4, before));
    let status = run(desk.driver.status()).unwrap();
    assert!(matches!(status.babies[0].error, Some(SyncError::Integrity { .. })), "{:?}", status.babies[0].error);
    let fault = Did::Fault { code: "CURSOR_BACKWARD".into(), retried: true };
    assert!(desk.journal().contains(&fault), "{:?}", desk.journal());
    desk.wire.goes_back.set(false);
    desk.pass(10_000);
    desk.live(vec![Event::Focused]);
    assert_eq!(run(desk.driver.status()).unwrap().babies[0].error, None);
}

/// B34, B41, B58: a run that took a page only in part says what of it could not be read, by type, and goes on.
#[test]
fn b58_what_could_not_be_read_is_told_beside_what_could() {
    let desk = Desk::new(2, 1);
    desk.wire.renames.set(true);
    desk.live(vec![Event::Activated(Some(BABY)), Event::Started]);
    assert_eq!(desk.cursor(), 3);
    let unread = || BTreeMap::from([("moon_log".to_owned(), 1)]);
    let told = desk.journal().into_iter().filter(|did| *did == Did::NotUnderstood { unread: unread(), orphans: 0 });
    assert_eq!(told.count(), 2, "{:?}", desk.journal());
    assert_eq!(run(desk.driver.status()).unwrap().babies[0].error, None);
    assert_eq!(desk.disk.table(Table::Opaque).len(), 2, "and it is kept");
}

/// What is told of a baby's end; whoever was told that it is deleted, and until when it is kept, has heard it.
#[test]
fn a_deleted_baby_goes_without_another_word() {
    for was_deleted in [false, true] {
        let desk = Desk::at_rest(2);
        if was_deleted {
            let query = Query { baby_id: BABY, types: vec![EntityType::BABY], select: Select::All, limit: None };
            let seen = run(desk.driver.store.query(&query)).unwrap().remove(0);
            run(desk.driver.store.commit(now(), &desk.entropy, &[Draft::Delete { seen }])).unwrap();
            desk.live(vec![Event::SyncNow]);
        }
        desk.wire.far.borrow_mut().levels.clear();
        desk.wire.refusal.replace(Some(TransportError::Refused {
            status: 403,
            code: ErrorCode::AccessRevoked,
            retry_after_ms: None,
        }));
        desk.pass(10_000);
        desk.live(vec![Event::SyncNow]);
        assert_eq!(run(desk.driver.store.babies()).unwrap(), BTreeSet::new());
        let told = desk.told.borrow();
        let said = told.iter().any(|told| matches!(told, Told::AccessRevoked { name, .. } if name == "Ada"));
        assert_eq!(said, !was_deleted, "{told:?}");
    }
}

/// B65, B83, C50: a run that fails is in the journal by its code and in the status by its kind, whatever failed.
#[test]
fn c50_no_failed_run_is_silent() {
    let refused = |status, code| TransportError::Refused { status, code, retry_after_ms: None };
    for (refusal, code, shown) in [
        (TransportError::Network { message: "gone".into() }, "NETWORK_ERROR", Some(SyncError::Network)),
        (refused(429, ErrorCode::RateLimited), "RATE_LIMITED", Some(SyncError::RateLimited)),
        (refused(500, ErrorCode::Internal), "SERVER_ERROR", Some(SyncError::Server)),
        (refused(403, ErrorCode::AccessRevoked), "ACCESS_REVOKED", Some(SyncError::Server)),
        (refused(401, ErrorCode::Unauthenticated), "UNAUTHENTICATED", None),
        (refused(426, ErrorCode::ClientTooOld), "CLIENT_TOO_OLD", None),
    ] {
        let desk = Desk::at_rest(1);
        desk.wire.refusal.replace(Some(refusal));
        desk.live(vec![Event::Focused]);
        let told = |did: &Did| matches!(did, Did::Fault { code: known, .. } if known == code);
        assert!(desk.journal().iter().any(told), "{code} in {:?}", desk.journal());
        let status = run(desk.driver.status()).unwrap();
        assert_eq!(status.babies[0].error, shown, "{code}");
        assert_eq!(status.blocked.is_some(), shown.is_none(), "what no retry helps stops the sync and says why");
    }
}

/// What a guest could not send is with the tray before the baby goes, and counted; where the tray takes
/// nothing, it stays here as letters.
#[test]
fn a_guests_unsent_work_goes_to_the_tray_before_the_baby_goes() {
    for (takes, handed, kept) in [(true, 1, 0), (false, 0, 1)] {
        let desk = Desk::at_rest(2);
        let until = now().plus_ms(3_600_000).as_ms();
        desk.wire.far.borrow_mut().levels.insert((BABY, ME), Level::Editor);
        desk.wire.far.borrow_mut().guests.insert((BABY, ME), until);
        desk.live(vec![Event::AccessChanged]);
        let mut far = desk.wire.far.borrow_mut();
        far.levels.remove(&(BABY, ME));
        far.guests.remove(&(BABY, ME));
        far.ended.extend(takes.then_some((BABY, ME)));
        drop(far);
        desk.save();
        desk.live(vec![Event::SyncNow]);
        assert!(desk.wire.calls.borrow().contains(&"tray"));
        assert_eq!((desk.wire.far.borrow().tray.len(), desk.disk.table(Table::Outbox).len()), (handed, 0));
        assert_eq!(desk.disk.table(Table::DeadLetters).len(), kept);
        assert_eq!(desk.disk.table(Table::Rows(EntityType::NAPPY_LOG)).len(), 0);
        let logged = vec![(EntityType::NAPPY_LOG, 3)];
        let ended = Told::StayEnded { baby: BABY, name: "Ada".into(), logged, handed, kept };
        assert!(desk.told.borrow().contains(&ended), "{:?}", desk.told.borrow());
        // A list that was asked for before the baby went confirms its end once more: that is no news.
        let gone = vec![BABY];
        let outcome = AccessOutcome::Listed { listed: vec![], spared: vec![], gone, visited: vec![], asked: false };
        desk.live(vec![Event::AccessDone(outcome)]);
        let revoked = |told: &Told| matches!(told, Told::AccessRevoked { .. });
        assert!(!desk.told.borrow().iter().any(revoked), "{:?}", desk.told.borrow());
    }
}
