//! The device's database in a real browser.

use std::{cell::RefCell, rc::Rc};

use js_sys::Reflect;
use serde_json::{Value, json};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use super::{
    schema,
    store::{IndexedDb, IndexedTx, Lost},
};
use crate::{
    domain::registry::EntityType,
    sync::{
        conformance,
        ports::{Database, Index, Mode, Scan, StoreError, Table, Tx},
        sim::memory_db::MemoryDb,
    },
};

wasm_bindgen_test_configure!(run_in_browser);

const FEEDS: Table = Table::Rows(EntityType::FEED_LOG);

/// B11, C09, C35, C38.
/// What the memory twin keeps, so that the simulator's proofs hold here too.
#[wasm_bindgen_test]
async fn indexeddb_keeps_every_claim_of_a_database() {
    conformance::every_claim(async |name| open(&format!("claim-{name}")).await).await;
}

/// The copy's own transactions, over both databases: one life, told the same.
#[wasm_bindgen_test]
async fn a_copy_in_indexeddb_lives_the_life_of_a_copy_in_memory() {
    let here = conformance::a_copy_lives_the_same_life(open("life").await).await;
    assert_eq!(here, conformance::a_copy_lives_the_same_life(MemoryDb::new()).await);
}

async fn open(name: &str) -> IndexedDb {
    IndexedDb::open(name, |_| ()).await.unwrap()
}

async fn write(db: &IndexedDb) -> IndexedTx {
    db.begin(&[FEEDS, Table::Outbox], Mode::StrictWrite).await.unwrap()
}

async fn put_all(db: &IndexedDb, rows: &[(&str, Value)]) {
    let tx = write(db).await;
    for (key, value) in rows {
        tx.put(FEEDS, key, value).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn read(db: &IndexedDb, table: Table, key: &str) -> Option<Value> {
    let tx = db.begin(&[table], Mode::Read).await.unwrap();
    let found = tx.get(table, key).await.unwrap();
    tx.commit().await.unwrap();
    found
}

async fn keys(db: &IndexedDb, scan: Scan) -> Vec<String> {
    let tx = db.begin(&[scan.table], Mode::Read).await.unwrap();
    let rows = tx.scan(&scan).await.unwrap();
    for (key, value) in &rows {
        assert_eq!(value["key"], json!(key), "the value beside its own key");
    }
    rows.into_iter().map(|(key, _)| key).collect()
}

fn scan(index: Option<Index>, from: &str, to: &str) -> Scan {
    Scan { table: FEEDS, index, from: from.into(), to: to.into(), descending: false, limit: None }
}

/// C09.
#[wasm_bindgen_test]
async fn what_was_committed_is_read_back_after_reopening() {
    let value = json!({"notes": "naïve 🍼", "n": 1, "half": 0.5, "yes": true, "none": null, "list": [{"a": []}]});
    let db = open("reopen").await;
    put_all(&db, &[("b/1", value.clone())]).await;
    db.close();
    let db = open("reopen").await;
    assert_eq!(read(&db, FEEDS, "b/1").await, Some(value));
    assert_eq!(read(&db, FEEDS, "b/2").await, None);
}

#[wasm_bindgen_test]
async fn a_transaction_sees_its_own_writes_and_nobody_else_does_before_commit() {
    let db = open("own-writes").await;
    let tx = write(&db).await;
    tx.put(FEEDS, "b/1", &json!({"key": "b/1"})).await.unwrap();
    assert!(tx.get(FEEDS, "b/1").await.unwrap().is_some());
    tx.delete(FEEDS, "b/1").await.unwrap();
    assert_eq!(tx.get(FEEDS, "b/1").await.unwrap(), None);
    tx.put(FEEDS, "b/1", &json!({"key": "b/1"})).await.unwrap();
    tx.abort().await;
    assert_eq!(read(&db, FEEDS, "b/1").await, None);
}

#[wasm_bindgen_test]
async fn a_dropped_transaction_leaves_nothing() {
    let db = open("dropped").await;
    let tx = write(&db).await;
    tx.put(FEEDS, "b/1", &json!({})).await.unwrap();
    tx.put(Table::Outbox, "b/1", &json!({})).await.unwrap();
    drop(tx);
    assert_eq!(read(&db, FEEDS, "b/1").await, None);
    assert_eq!(read(&db, Table::Outbox, "b/1").await, None);
}

/// The second write fails, so the first one never happened.
#[wasm_bindgen_test]
async fn an_error_takes_the_whole_transaction_back() {
    let db = open("error").await;
    let tx = write(&db).await;
    tx.put(FEEDS, "b/1", &json!({})).await.unwrap();
    let outside = tx.put(Table::Kv, "clientId", &json!(1)).await;
    assert!(matches!(outside, Err(StoreError::Failed(_))), "{outside:?}");
    assert!(tx.commit().await.is_err(), "what failed cannot be committed");
    assert_eq!(read(&db, FEEDS, "b/1").await, None);
}

#[wasm_bindgen_test]
async fn scans_are_half_open_ordered_and_bounded() {
    let db = open("scans").await;
    let row = |key: &'static str, at: &str| (key, json!({"key": key, "at": at}));
    let rows = [
        row("a/9", "a/2"),
        row("b/1", "b/3"),
        row("b/2", "b/1"),
        row("b/3", "b/2"),
        row("b/4", "b/2"),
        row("c/1", "c/1"),
    ];
    put_all(&db, &rows).await;
    put_all(&db, &[("b/5", json!({"key": "b/5"}))]).await;

    let by_key = scan(None, "b/", "b0");
    assert_eq!(keys(&db, by_key.clone()).await, ["b/1", "b/2", "b/3", "b/4", "b/5"]);
    assert_eq!(keys(&db, scan(None, "b/2", "b/4")).await, ["b/2", "b/3"], "the end is outside");
    let by_time = scan(Some(Index::At), "b/", "b0");
    assert_eq!(keys(&db, by_time.clone()).await, ["b/2", "b/3", "b/4", "b/1"], "without the property: not in it");
    let newest = Scan { descending: true, ..by_time.clone() };
    assert_eq!(keys(&db, newest.clone()).await, ["b/1", "b/4", "b/3", "b/2"]);
    assert_eq!(keys(&db, Scan { limit: Some(3), ..newest.clone() }).await, ["b/1", "b/4", "b/3"]);
    assert_eq!(keys(&db, Scan { limit: Some(99), ..newest }).await, ["b/1", "b/4", "b/3", "b/2"]);
    assert_eq!(keys(&db, Scan { limit: Some(2), ..by_time.clone() }).await, ["b/2", "b/3"]);
    assert!(keys(&db, Scan { limit: Some(0), ..by_time }).await.is_empty());
    assert!(keys(&db, scan(None, "b/3", "b/3")).await.is_empty());
    assert!(keys(&db, scan(None, "b/3", "b/1")).await.is_empty());
}

#[wasm_bindgen_test]
async fn two_connections_see_each_others_commits() {
    let (one, two) = (open("two").await, open("two").await);
    put_all(&one, &[("b/1", json!({"by": 1}))]).await;
    assert_eq!(read(&two, FEEDS, "b/1").await, Some(json!({"by": 1})));
    let (first, second) = (write(&one).await, two.begin(&[FEEDS], Mode::RelaxedWrite).await.unwrap());
    first.put(FEEDS, "b/1", &json!({"by": "first"})).await.unwrap();
    second.put(FEEDS, "b/1", &json!({"by": "second"})).await.unwrap();
    first.commit().await.unwrap();
    second.commit().await.unwrap();
    assert_eq!(read(&one, FEEDS, "b/1").await, Some(json!({"by": "second"})), "one after the other, in order");
}

/// A person's words are flushed to disk before the tick; what the server has anyway need not be.
#[wasm_bindgen_test]
async fn a_persons_write_is_strictly_durable() {
    let db = open("durable").await;
    let durability = async |mode| {
        let tx = db.begin(&[FEEDS], mode).await.unwrap();
        let told = Reflect::get(tx.inner(), &"durability".into()).unwrap().as_string();
        tx.commit().await.unwrap();
        told.unwrap()
    };
    assert_eq!(durability(Mode::StrictWrite).await, "strict");
    assert_eq!(durability(Mode::RelaxedWrite).await, "relaxed");
}

/// B75, C15.
#[wasm_bindgen_test]
async fn an_older_database_is_upgraded_in_place_and_a_newer_one_is_left_alone() {
    let older = rexie::Rexie::builder("upgrade")
        .version(1)
        .add_object_store(rexie::ObjectStore::new(FEEDS.name()))
        .build()
        .await
        .unwrap();
    let tx = older.transaction(&[FEEDS.name()], rexie::TransactionMode::ReadWrite).unwrap();
    let value = js_sys::JSON::parse(r#"{"key":"b/1","at":"b/1"}"#).unwrap();
    tx.store(FEEDS.name()).unwrap().put(&value, Some(&"b/1".into())).await.unwrap();
    tx.commit().await.unwrap();

    // The old connection is still open: it lets go by itself.
    let db = open("upgrade").await;
    assert_eq!(keys(&db, scan(Some(Index::At), "b/", "b0")).await, ["b/1"], "kept, and found by the new index");
    db.close();

    let newer = rexie::Rexie::builder("upgrade").version(schema::version() + 1).build().await.unwrap();
    assert_eq!(IndexedDb::open("upgrade", |_| ()).await.err(), Some(StoreError::Closed));
    newer.close();
}

/// Signing out in one tab must not be blocked by another one.
#[wasm_bindgen_test]
async fn erasing_closes_other_connections_and_they_are_told() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let db = IndexedDb::open("erased", {
        let told = told.clone();
        move |lost| told.borrow_mut().push(lost)
    })
    .await
    .unwrap();
    put_all(&db, &[("b/1", json!({}))]).await;
    schema::erase("erased").await.unwrap();
    assert_eq!(*told.borrow(), [Lost::Deleted]);
    assert_eq!(db.begin(&[FEEDS], Mode::Read).await.err(), Some(StoreError::Closed));
    assert_eq!(read(&open("erased").await, FEEDS, "b/1").await, None);
}

#[wasm_bindgen_test]
fn the_browsers_errors_are_told_in_our_words() {
    let told = |name: &str| {
        let error = web_sys::DomException::new_with_message_and_name("why", name).unwrap();
        super::request::store_error(&error)
    };
    assert_eq!(told("QuotaExceededError"), StoreError::Quota);
    assert_eq!(told("InvalidStateError"), StoreError::Closed);
    assert_eq!(told("VersionError"), StoreError::Closed);
    assert_eq!(told("DataError"), StoreError::Failed("DataError: why".into()));
}
