//! What every device database must do, as claims that any implementation of the ports runs: the
//! memory twin here, IndexedDB in a browser. Without it the simulator would prove the model and
//! not the program.
//!
//! Each claim takes a database that is empty.

mod copy;
pub mod far_end;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use serde_json::{Value, json};

pub use self::copy::a_copy_lives_the_same_life;
use super::ports::{Database, Index, Mode, Scan, StoreError, Table, Tx};

/// Runs every claim about a database; `fresh` opens an empty one for the claim of that name.
pub async fn every_claim<D: Database>(mut fresh: impl AsyncFnMut(&str) -> D) {
    values_are_kept_by_key(&fresh("keys").await).await;
    values_of_any_size_and_script_come_back(&fresh("values").await).await;
    scans_are_half_open_and_ordered(&fresh("scans").await).await;
    an_index_orders_by_its_property_and_is_sparse(&fresh("index").await).await;
    a_range_is_deleted_as_a_whole(&fresh("range").await).await;
    a_transaction_sees_its_own_writes(&fresh("own").await).await;
    an_abort_leaves_nothing(&fresh("abort").await).await;
    a_failure_leaves_nothing(&fresh("failure").await).await;
    a_reader_cannot_write(&fresh("reader").await).await;
    writers_take_turns(&fresh("turns").await).await;
    readers_see_whole_commits(&fresh("whole").await).await;
}

async fn put_all(db: &impl Database, table: Table, values: &[(&str, Value)]) {
    let tx = db.begin(&[table], Mode::StrictWrite).await.unwrap();
    for (key, value) in values {
        tx.put(table, key, value).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn get(db: &impl Database, table: Table, key: &str) -> Option<Value> {
    let tx = db.begin(&[table], Mode::Read).await.unwrap();
    let value = tx.get(table, key).await.unwrap();
    tx.commit().await.unwrap();
    value
}

async fn keys(db: &impl Database, scan: &Scan) -> Vec<String> {
    let tx = db.begin(&[scan.table], Mode::Read).await.unwrap();
    let found = tx.scan(scan).await.unwrap();
    tx.commit().await.unwrap();
    found.into_iter().map(|(key, _)| key).collect()
}

fn scan(table: Table, from: &str, to: &str) -> Scan {
    Scan { table, index: None, from: from.into(), to: to.into(), descending: false, limit: None }
}

/// Both at once, as two tabs do.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(done) = a.as_mut().poll(cx)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = b.as_mut().poll(cx)
        {
            second = Some(done);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

pub async fn values_are_kept_by_key(db: &impl Database) {
    for mode in [Mode::StrictWrite, Mode::RelaxedWrite] {
        assert_eq!(get(db, Table::Kv, "a").await, None);
        put_all(db, Table::Kv, &[("a", json!(1)), ("a", json!({"n": 2})), ("b", json!(null))]).await;
        assert_eq!(get(db, Table::Kv, "a").await, Some(json!({"n": 2})), "the last one holds");
        assert_eq!(get(db, Table::Kv, "b").await, Some(Value::Null), "null is a value");
        let tx = db.begin(&[Table::Kv], mode).await.unwrap();
        for key in ["a", "b", "nobody"] {
            tx.delete(Table::Kv, key).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(get(db, Table::Kv, "b").await, None);
    }
    put_all(db, Table::Kv, &[("a", json!("kv"))]).await;
    assert_eq!(get(db, Table::Journal, "a").await, None, "tables do not share keys");
}

pub async fn values_of_any_size_and_script_come_back(db: &impl Database) {
    let big = json!({"notes": "ä".repeat(300_000), "list": vec![json!({"n": 1.5}); 1_000]});
    let odd = json!({
        "": "", "nested": {"deep": [[[{"x": null}]]]}, "emoji": "👶🏽", "rtl": "שלום", "float": 0.1,
        "large": 9_007_199_254_740_991_u64, "negative": -1, "bool": false, "quote": "\"\\\u{1}",
    });
    let values = [("big", big), ("ключ/👶", odd.clone()), ("list", json!([1, "a", null, true])), ("text", json!("t"))];
    put_all(db, Table::Kv, &values).await;
    for (key, value) in &values {
        assert_eq!(get(db, Table::Kv, key).await.as_ref(), Some(value), "{key}");
    }
}

pub async fn scans_are_half_open_and_ordered(db: &impl Database) {
    let stored = ["a/1", "a/2", "a/3", "a0", "b/1", "B/1", "a", "é/1"];
    put_all(db, Table::Shadow, &stored.map(|key| (key, json!(key)))).await;
    let all = scan(Table::Shadow, "a/", "a0");
    assert_eq!(keys(db, &all).await, ["a/1", "a/2", "a/3"]);
    assert_eq!(keys(db, &Scan { descending: true, ..all.clone() }).await, ["a/3", "a/2", "a/1"]);
    assert_eq!(keys(db, &Scan { limit: Some(2), ..all.clone() }).await, ["a/1", "a/2"]);
    assert_eq!(keys(db, &Scan { limit: Some(2), descending: true, ..all.clone() }).await, ["a/3", "a/2"]);
    assert_eq!(keys(db, &Scan { limit: Some(0), ..all }).await, [""; 0]);
    assert_eq!(keys(db, &scan(Table::Shadow, "a/2", "a/3")).await, ["a/2"], "from is in, to is out");
    assert_eq!(keys(db, &scan(Table::Shadow, "x", "y")).await, [""; 0]);
    assert_eq!(keys(db, &scan(Table::Shadow, "", "~")).await, ["B/1", "a", "a/1", "a/2", "a/3", "a0", "b/1"]);
    let tx = db.begin(&[Table::Shadow], Mode::Read).await.unwrap();
    let found = tx.scan(&scan(Table::Shadow, "b", "c")).await.unwrap();
    assert_eq!(found, [("b/1".to_owned(), json!("b/1"))], "values come along");
    tx.commit().await.unwrap();
}

pub async fn an_index_orders_by_its_property_and_is_sparse(db: &impl Database) {
    let table = Table::Rows(crate::domain::registry::EntityType::SLEEP_LOG);
    let values = [
        ("b/1", json!({"at": "b/3", "running": "b/3"})),
        ("b/2", json!({"at": "b/1"})),
        ("b/3", json!({"at": "b/2"})),
        ("b/4", json!({"at": "b/2"})),
        ("b/5", json!({"other": "b/2"})),
        ("c/1", json!({"at": "c/1"})),
    ];
    put_all(db, table, &values).await;
    let by = |index| Scan { index: Some(index), ..scan(table, "b/", "b0") };
    assert_eq!(keys(db, &by(Index::At)).await, ["b/2", "b/3", "b/4", "b/1"], "equal ones by key");
    assert_eq!(
        keys(db, &Scan { descending: true, limit: Some(3), ..by(Index::At) }).await,
        ["b/1", "b/4", "b/3"],
        "and the other way round"
    );
    assert_eq!(keys(db, &by(Index::Running)).await, ["b/1"], "what lacks the property is not in the index");
    assert_eq!(keys(db, &Scan { to: "b/2".into(), ..by(Index::At) }).await, ["b/2"]);
    put_all(db, table, &[("b/1", json!({"at": "b/0"})), ("b/2", json!({}))]).await;
    assert_eq!(keys(db, &by(Index::At)).await, ["b/1", "b/3", "b/4"], "the index follows the value");
    assert_eq!(keys(db, &by(Index::Running)).await, [""; 0]);
    let entity = Scan { table: Table::Outbox, index: Some(Index::Entity), ..scan(table, "b/x", "b/x\0") };
    put_all(db, Table::Outbox, &[("b/2", json!({"entity": "b/x"})), ("b/1", json!({"entity": "b/x"}))]).await;
    put_all(db, Table::Outbox, &[("b/3", json!({"entity": "b/xy"}))]).await;
    assert_eq!(keys(db, &entity).await, ["b/1", "b/2"], "exactly one entity");
}

pub async fn a_range_is_deleted_as_a_whole(db: &impl Database) {
    put_all(db, Table::Shadow, &["a/1", "a/2", "a0", "b/1"].map(|key| (key, json!(key)))).await;
    let tx = db.begin(&[Table::Shadow], Mode::RelaxedWrite).await.unwrap();
    tx.put(Table::Shadow, "a/3", &json!("just now")).await.unwrap();
    tx.delete_range(Table::Shadow, "a/", "a0").await.unwrap();
    tx.delete_range(Table::Shadow, "b0", "b/").await.unwrap();
    tx.put(Table::Shadow, "a/4", &json!("after it")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(keys(db, &scan(Table::Shadow, "", "~")).await, ["a/4", "a0", "b/1"]);
}

pub async fn a_transaction_sees_its_own_writes(db: &impl Database) {
    put_all(db, Table::Outbox, &[("a/1", json!({"entity": "a/e"})), ("a/2", json!({"entity": "a/e"}))]).await;
    let tx = db.begin(&[Table::Outbox, Table::Kv], Mode::StrictWrite).await.unwrap();
    tx.delete(Table::Outbox, "a/1").await.unwrap();
    tx.put(Table::Outbox, "a/3", &json!({"entity": "a/e"})).await.unwrap();
    tx.put(Table::Outbox, "a/2", &json!({"entity": "a/f"})).await.unwrap();
    tx.put(Table::Kv, "k", &json!(1)).await.unwrap();
    assert_eq!(tx.get(Table::Kv, "k").await, Ok(Some(json!(1))));
    assert_eq!(tx.get(Table::Outbox, "a/1").await, Ok(None));
    let names = |found: Vec<(String, Value)>| found.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let by_key = tx.scan(&scan(Table::Outbox, "a/", "a0")).await.unwrap();
    assert_eq!(names(by_key), ["a/2", "a/3"]);
    let by_entity = Scan { index: Some(Index::Entity), ..scan(Table::Outbox, "a/e", "a/e\0") };
    assert_eq!(names(tx.scan(&by_entity).await.unwrap()), ["a/3"]);
    tx.commit().await.unwrap();
    assert_eq!(keys(db, &scan(Table::Outbox, "a/", "a0")).await, ["a/2", "a/3"]);
}

pub async fn an_abort_leaves_nothing(db: &impl Database) {
    put_all(db, Table::Kv, &[("a", json!(1)), ("b", json!(1))]).await;
    let tx = db.begin(&[Table::Kv], Mode::StrictWrite).await.unwrap();
    tx.put(Table::Kv, "a", &json!(2)).await.unwrap();
    tx.delete(Table::Kv, "b").await.unwrap();
    tx.put(Table::Kv, "c", &json!(2)).await.unwrap();
    tx.abort().await;
    assert_eq!(keys(db, &scan(Table::Kv, "", "~")).await, ["a", "b"]);
    assert_eq!(get(db, Table::Kv, "a").await, Some(json!(1)));
}

pub async fn a_failure_leaves_nothing(db: &impl Database) {
    let tx = db.begin(&[Table::Kv], Mode::StrictWrite).await.unwrap();
    tx.put(Table::Kv, "a", &json!(1)).await.unwrap();
    let outside = tx.put(Table::Journal, "a", &json!(1)).await;
    assert!(matches!(outside, Err(StoreError::Failed(_))), "a table that was not asked for: {outside:?}");
    assert!(tx.commit().await.is_err(), "what failed cannot be committed");
    assert_eq!(get(db, Table::Kv, "a").await, None);
}

pub async fn a_reader_cannot_write(db: &impl Database) {
    let tx = db.begin(&[Table::Kv], Mode::Read).await.unwrap();
    assert!(matches!(tx.put(Table::Kv, "a", &json!(1)).await, Err(StoreError::Failed(_))));
    tx.abort().await;
    assert_eq!(get(db, Table::Kv, "a").await, None);
}

async fn count_up(db: &impl Database, times: usize) {
    for _ in 0..times {
        let tx = db.begin(&[Table::Kv], Mode::RelaxedWrite).await.unwrap();
        let count = tx.get(Table::Kv, "count").await.unwrap().and_then(|count| count.as_u64()).unwrap_or(0);
        tx.put(Table::Kv, "count", &json!(count + 1)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

pub async fn writers_take_turns(db: &impl Database) {
    both(count_up(db, 20), count_up(db, 20)).await;
    assert_eq!(get(db, Table::Kv, "count").await, Some(json!(40)), "no count is lost");
}

pub async fn readers_see_whole_commits(db: &impl Database) {
    let write = async {
        for n in 0..20 {
            put_all(db, Table::Kv, &[("x", json!(n)), ("y", json!(n))]).await;
        }
    };
    let read = async {
        for _ in 0..20 {
            let tx = db.begin(&[Table::Kv], Mode::Read).await.unwrap();
            let x = tx.get(Table::Kv, "x").await.unwrap();
            assert_eq!(x, tx.get(Table::Kv, "y").await.unwrap(), "half of a commit");
            tx.commit().await.unwrap();
        }
    };
    both(write, read).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::sim::{memory_db::MemoryDb, run};

    /// B11, B16, C35.
    #[test]
    fn the_memory_twin_keeps_every_claim() {
        for yields in [false, true] {
            run(every_claim(async |_| {
                let db = MemoryDb::new();
                db.set_yields(yields);
                db
            }));
        }
    }

    /// B77, B78.
    #[test]
    fn a_copy_in_memory_lives_the_same_life_twice() {
        let life = || run(a_copy_lives_the_same_life(MemoryDb::new()));
        assert_eq!(life(), life());
    }
}
