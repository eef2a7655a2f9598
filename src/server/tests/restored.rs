//! A restored backup, as its operator and a device live through it.

use std::{cell::Cell, future::pending, rc::Rc};

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{Person, TestApp, bottle, statuses},
    far_end::{back_up, restore_rows},
};
use crate::{
    domain::{
        id::{BabyId, ClientId, EntityId},
        registry::EntityType,
        time::Timestamp,
    },
    server::{admin, inspect},
    sync::{
        draft::Draft,
        driver::Driver,
        engine::{Event, Schedule},
        local::LocalStore,
        ports::{AccessList, Clock, Entropy, ErrorCode, Transport, TransportError},
        protocol::{
            Lease, LeaseKind, PullResponse, PushRequest, PushResponse, SnapshotResponse, SyncRequest, SyncResponse,
        },
        query::{Query, Select},
        sim::memory_db::MemoryDb,
    },
};

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

struct Ids;

impl Entropy for Ids {
    fn uuid_v7(&self, _: Timestamp) -> Uuid {
        Uuid::now_v7()
    }
    fn next_u64(&self) -> u64 {
        7
    }
}

/// The real server, over a line that may lose the answers to pulls.
struct Line<'a> {
    server: Person<'a>,
    is_deaf: Rc<Cell<bool>>,
}

impl Transport for Line<'_> {
    async fn push(&self, request: PushRequest) -> Result<PushResponse, TransportError> {
        Transport::push(&self.server, request).await
    }
    async fn pull(&self, baby: BabyId, since: u64, limit: u32) -> Result<PullResponse, TransportError> {
        if self.is_deaf.get() {
            return Err(TransportError::Network { message: "the answer was lost".into() });
        }
        Transport::pull(&self.server, baby, since, limit).await
    }
    /// An earlier server: what was taken in and what is new are asked for one after the other.
    async fn sync(&self, _: SyncRequest) -> Result<SyncResponse, TransportError> {
        Err(TransportError::Refused { status: 404, code: ErrorCode::NotFound, retry_after_ms: None })
    }
    async fn hand_in(
        &self,
        baby: BabyId,
        client: ClientId,
        mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError> {
        Transport::hand_in(&self.server, baby, client, mutations).await
    }
    async fn snapshot(
        &self,
        baby: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError> {
        self.server.snapshot(baby, after, limit).await
    }
    async fn lease(&self, kind: LeaseKind, baby: BabyId) -> Result<Lease, TransportError> {
        self.server.lease(kind, baby).await
    }
    async fn access(&self) -> Result<AccessList, TransportError> {
        self.server.access().await
    }
}

struct Device<'a> {
    store: Rc<LocalStore<MemoryDb>>,
    driver: Driver<MemoryDb, Line<'a>, Watch>,
    watch: Watch,
    is_deaf: Rc<Cell<bool>>,
    baby: BabyId,
}

impl<'a> Device<'a> {
    async fn of(server: Person<'a>, baby: Uuid) -> Self {
        let watch = Watch(Rc::new(Cell::new("2026-11-20T02:00:00Z".parse().unwrap())));
        let store = Rc::new(LocalStore::open(MemoryDb::new(), watch.now(), &Ids).await.unwrap());
        let is_deaf = Rc::<Cell<bool>>::default();
        let line = Line { server, is_deaf: is_deaf.clone() };
        let driver = Driver::new(store.clone(), line, watch.clone(), &Ids, Schedule::default(), |_| ());
        let device = Self { store, driver, watch, is_deaf, baby: BabyId(baby) };
        device.driver.open().await.unwrap();
        device.live(vec![Event::Activated(Some(device.baby)), Event::Started]).await;
        device
    }

    /// Everything that follows from these events, some time later.
    async fn live(&self, events: Vec<Event>) {
        self.watch.0.set(self.watch.now().plus_ms(600_000));
        events.into_iter().for_each(|event| self.driver.tell(event));
        self.driver.run().await.unwrap();
    }

    async fn save(&self, ml: i64) {
        let fields = serde_json::from_value(bottle(ml)).unwrap();
        let id = EntityId(Uuid::now_v7());
        let draft = Draft::Create { entity_type: EntityType::FEED_LOG, baby_id: self.baby, id, fields };
        let babies = self.store.commit(self.watch.now(), &Ids, &[draft]).await.unwrap();
        self.live(vec![Event::Committed { babies }]).await;
    }

    async fn amounts(&self) -> Vec<i64> {
        let types = vec![EntityType::FEED_LOG];
        let query = Query { baby_id: self.baby, types, select: Select::All, limit: None };
        let rows = self.store.query(&query).await.unwrap();
        let mut amounts: Vec<_> = rows.iter().filter_map(|row| row.fields.get("amountMl")?.as_i64()).collect();
        amounts.sort_unstable();
        amounts
    }

    async fn cursor(&self) -> u64 {
        self.store.meta(self.baby).await.unwrap().cursor
    }
}

/// What the server had taken in and lost with its disk comes back, though others have written as much since:
/// by its cursor alone a device could not tell one history from the other.
#[sqlx::test]
async fn a_device_sends_a_restored_server_what_it_had_taken_in_and_lost(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let device = Device::of(bob.clone(), baby).await;
    device.save(10).await;
    back_up(&app.pool).await;

    ada.log(baby, "feed_log", bottle(20)).await;
    device.live(vec![Event::SyncNow]).await;
    device.is_deaf.set(true);
    device.save(30).await;
    assert_eq!((device.cursor().await, ada.all(baby).await.len()), (3, 4), "taken in, and not seen again");
    let waiting = device.store.status().await.unwrap().waiting;
    assert_eq!(waiting, 0, "nothing is left to be sent");

    restore_rows(&app.pool).await;
    let told = admin::restored(&app.pool).await.unwrap();
    assert!(told.starts_with("histories begun anew: 1\nThe last change that is here: 20"), "{told}");
    assert!(told.contains("other connections"), "a server is running: {told}");
    assert_eq!(ada.all(baby).await.len(), 2);
    for ml in [40, 50] {
        ada.log(baby, "feed_log", bottle(ml)).await;
    }
    device.is_deaf.set(false);
    for _ in 0..3 {
        device.live(vec![Event::SyncNow]).await;
    }
    assert_eq!(device.amounts().await, [10, 30, 40, 50]);
    assert_eq!((device.cursor().await, ada.all(baby).await.len()), (5, 5));
    let report = inspect::verify(&app.pool, None).await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
}

/// Each baby gets a history of its own, every time; a device beyond the head is told so, and one that speaks
/// of the old history writes nothing.
#[sqlx::test]
async fn a_restore_begins_every_history_anew(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let babies = [ada.baby("Mia").await, ada.baby("Leo").await];
    let epochs = async || {
        let mut seen = Vec::new();
        for baby in babies {
            seen.push(ada.pull(baby, 1).await.ok()["epoch"].as_str().unwrap().to_owned());
        }
        seen
    };
    let mut all = epochs().await;
    for _ in 0..2 {
        admin::restored(&app.pool).await.unwrap();
        all.extend(epochs().await);
    }
    let old = all[0].clone();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6);
    let changed = (409, "epoch_changed".to_owned());
    assert_eq!(ada.pull(babies[0], 2).await.refusal(), changed);
    let feed = super::app::create(Uuid::now_v7(), "feed_log", bottle(1));
    let body = json!({"babyId": babies[0], "clientId": ada.client_id(), "epoch": old, "mutations": [feed.clone()]});
    assert_eq!(ada.post("/api/sync/push", body).await.refusal(), changed);
    assert_eq!(statuses(&ada.push(babies[0], vec![feed]).await.ok()), ["applied"]);
}
