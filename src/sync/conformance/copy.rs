//! One life of a copy over a database, told as what can be seen of it: equal on every database.

use std::cell::Cell;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{
        field::Fields,
        id::{BabyId, ClientId, EntityId, UserId},
        registry::EntityType,
        row::{Row, apply_patch, patch},
        sample::one_of_each,
        time::Timestamp,
    },
    sync::{
        draft::Draft,
        driver::request,
        local::{BatchLimit, LocalStore},
        ports::{Database, Entropy},
        protocol::PushRequest,
        query::{Query, Select},
        sim::far_end::FarEnd,
    },
};

const BABY: BabyId = BabyId(Uuid::from_u128(0xba));
const ME: UserId = UserId(Uuid::from_u128(1));
const ALL: BatchLimit = BatchLimit { entries: 100, bytes: 200_000 };

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

/// The copy, its chance, and the server it speaks with.
struct Life<D> {
    store: LocalStore<D>,
    entropy: Counter,
    server: FarEnd,
    now: Timestamp,
    seen: Vec<Value>,
}

impl<D: Database> Life<D> {
    async fn commit(&mut self, drafts: &[Draft]) {
        self.now = self.now.plus_ms(1_000);
        let babies = self.store.commit(self.now, &self.entropy, drafts).await;
        self.seen.push(json!(babies.map_err(|err| err.to_string())));
    }

    async fn create(&mut self, entity_type: EntityType, id: u128, fields: Value) {
        let (id, fields) = (EntityId(Uuid::from_u128(id)), object(fields));
        self.commit(&[Draft::Create { entity_type, baby_id: BABY, id, fields }]).await;
    }

    async fn row(&self, entity_type: EntityType, id: u128) -> Row {
        let select = Select::One(EntityId(Uuid::from_u128(id)));
        self.rows(vec![entity_type], select).await.pop().expect("the row is there")
    }

    async fn rows(&self, types: Vec<EntityType>, select: Select) -> Vec<Row> {
        self.store.query(&Query { baby_id: BABY, types, select, limit: None }).await.unwrap()
    }

    async fn edit(&mut self, entity_type: EntityType, id: u128, patch: Value) {
        let seen = self.row(entity_type, id).await;
        let mut fields = seen.fields.clone();
        apply_patch(&mut fields, &object(patch));
        self.commit(&[Draft::Update { seen, fields }]).await;
    }

    async fn flush(&mut self) {
        let epoch = self.store.lead().await.unwrap();
        let leased = self.store.lease(epoch, BABY, self.now, ALL).await.unwrap();
        let request = request(self.store.client_id(), BABY, &leased);
        let response = self.server.push(ME, &request, self.now).unwrap();
        let settled = self.store.settle(epoch, BABY, self.now, &leased, &response).await.unwrap();
        self.seen.push(json!([leased.len(), settled.acked, settled.lost, settled.dead]));
    }

    async fn pull(&mut self, limit: usize) {
        let epoch = self.store.lead().await.unwrap();
        loop {
            let since = self.store.meta(BABY).await.unwrap().cursor;
            let page = self.server.pull(ME, BABY, since, limit, self.now).unwrap();
            let applied = self.store.apply(epoch, BABY, self.now, since, &page).await.unwrap();
            self.seen.push(json!([applied.changes, applied.cursor, applied.has_more]));
            if !applied.has_more {
                return;
            }
        }
    }

    /// Another caregiver's device, in JSON as it travels.
    fn other(&mut self, n: u128, mutation: Value) {
        let mut mutation = mutation;
        mutation["mutationId"] = json!(Uuid::from_u128(0xf000 + n));
        mutation["updatedAt"] = json!(self.now);
        let client_id = ClientId(Uuid::from_u128(2));
        let mutations = vec![mutation];
        let request = PushRequest {
            baby_id: BABY,
            client_id,
            sync_operation_id: None,
            acked_through: None,
            epoch: None,
            mutations,
        };
        let response = self.server.push(ME, &request, self.now).unwrap();
        self.seen.push(serde_json::to_value(response.results).unwrap());
    }

    /// Everything that a person could see now.
    async fn look(&mut self) {
        let logs: Vec<EntityType> = EntityType::all().filter(|known| *known != EntityType::BABY).collect();
        for select in [Select::Latest, Select::Running, Select::Deleted { since: Timestamp::from_ms(0) }, Select::All] {
            let mut rows = self.rows(logs.clone(), select).await;
            rows.sort_by_key(|row| row.id);
            self.seen.push(rows.iter().map(Row::to_payload).collect());
        }
        let letters = self.store.dead_letters().await.unwrap();
        self.seen.push(serde_json::to_value(letters).unwrap());
        let totals = self.store.status().await.unwrap();
        self.seen.push(json!([totals.waiting, totals.failed, format!("{:?}", totals.babies)]));
        let meta = self.store.meta(BABY).await.unwrap();
        self.seen.push(serde_json::to_value(meta).unwrap());
        self.seen.push(serde_json::to_value(self.store.access().await.unwrap()).unwrap());
    }
}

fn object(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

/// Saves, bursts, pushes, conflicts, pages, deletes, undo, a reset, a purge. What it returns is
/// the same for every database that keeps its promises.
pub async fn a_copy_lives_the_same_life<D: Database>(db: D) -> Vec<Value> {
    let entropy = Counter::default();
    let now: Timestamp = "2026-11-20T02:00:00Z".parse().unwrap();
    let store = LocalStore::open(db, now, &entropy).await.unwrap();
    let mut life = Life { store, entropy, server: FarEnd::default(), now, seen: Vec::new() };
    let (feed, sleep, nappy) = (EntityType::FEED_LOG, EntityType::SLEEP_LOG, EntityType::NAPPY_LOG);
    life.create(EntityType::BABY, 0xba, json!({"name": "Ada 👶"})).await;
    life.create(feed, 1, json!({"method": "bottle", "amountMl": 90, "startedAt": "2026-11-20T01:00:00Z"})).await;
    life.create(sleep, 2, json!({"startedAt": "2026-11-20T01:10:00Z"})).await;
    life.edit(feed, 1, json!({"amountMl": 100, "notes": "sleepy"})).await;
    life.create(nappy, 3, json!({"type": "wee", "startedAt": "2026-11-20T01:20:00Z"})).await;
    let seen = life.row(nappy, 3).await;
    life.commit(&[Draft::Delete { seen }]).await;
    life.create(sleep, 4, json!({"startedAt": "2026-11-20T01:20:00Z", "endedAt": "2026-11-20T01:00:00Z"})).await;
    life.look().await;
    life.flush().await;
    life.look().await;
    life.pull(2).await;
    life.look().await;
    life.edit(sleep, 2, json!({"notes": "mine"})).await;
    let sleep_id = EntityId(Uuid::from_u128(2));
    let later = "2026-11-20T02:30:00.000Z";
    life.other(
        1,
        json!({"entityType": "sleep_log", "entityId": sleep_id, "op": "update", "payload": {"endedAt": later}}),
    );
    life.other(2, json!({"entityType": "sleep_log", "entityId": sleep_id, "op": "delete"}));
    life.pull(1).await;
    life.look().await;
    life.flush().await;
    life.pull(100).await;
    let seen = life.row(sleep, 2).await;
    life.commit(&[Draft::Restore { seen }]).await;
    life.flush().await;
    life.edit(feed, 1, json!({"amountMl": null, "content": "formula"})).await;
    life.look().await;
    for (entity_type, id, fields, edited) in one_of_each(1, now) {
        life.create(entity_type, id.0.as_u128(), json!(fields)).await;
        life.edit(entity_type, id.0.as_u128(), json!(patch(entity_type, &fields, &edited))).await;
    }
    life.flush().await;
    let epoch = life.store.lead().await.unwrap();
    life.store.reset(epoch, BABY, false).await.unwrap();
    life.look().await;
    life.pull(100).await;
    life.look().await;
    let epoch = life.store.lead().await.unwrap();
    life.seen.push(json!(life.store.purge(epoch, BABY, life.now).await.unwrap()));
    life.look().await;
    life.seen
}
