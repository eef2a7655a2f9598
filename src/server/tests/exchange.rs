//! Push and pull in one round trip: the same verdicts, the same changes, one request.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp, bottle, create, ids, statuses, update, with};

impl Person<'_> {
    async fn exchange(&self, baby: Uuid, since: u64, changes: Vec<Value>) -> Answer {
        let body = json!({"babyId": baby, "clientId": self.client_id(), "lastKnownServerVersion": since,
            "changes": changes});
        self.post("/api/sync/v2", body).await
    }
}

fn changes(answer: &Value) -> Vec<u64> {
    ids(answer["newChanges"].as_array().unwrap())
}

/// C07, C08, X3: one request applies what is new here and brings what is new there, its own writes
/// included; the next one goes on from where it ended.
#[sqlx::test]
async fn c07_one_round_trip_pushes_and_pulls(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = Uuid::now_v7();
    let born = ada.exchange(baby, 0, vec![create(baby, "baby", json!({"name": "Mia"}))]).await.ok();
    assert_eq!((statuses(&born), changes(&born)), (vec!["applied"], vec![1]));
    bob.join(&ada, baby, "editor").await;
    let feed = bob.log(baby, "feed_log", bottle(90)).await;

    let mine = create(Uuid::now_v7(), "feed_log", bottle(60));
    let answer = ada.exchange(baby, 1, vec![mine.clone()]).await.ok();
    assert_eq!((statuses(&answer), changes(&answer)), (vec!["applied"], vec![2, 3]));
    assert_eq!(answer["newChanges"][0]["entityId"], feed.to_string());
    assert_eq!((&answer["latestServerVersion"], &answer["hasMore"]), (&json!(3), &json!(false)));
    assert_eq!(answer["conflicts"], json!([]));
    let pulled = ada.pull(baby, 1).await.ok();
    for (ours, theirs) in [("newChanges", "changes"), ("checksum", "checksum"), ("epoch", "epoch"), ("head", "head")] {
        assert_eq!(answer[ours], pulled[theirs], "{ours}");
    }
    // C05: a lost answer, and the same request again.
    let again = ada.exchange(baby, 1, vec![mine]).await.ok();
    assert_eq!((statuses(&again), changes(&again)), (vec!["duplicate"], vec![2, 3]));
    assert_eq!(changes(&ada.exchange(baby, 3, vec![]).await.ok()), Vec::<u64>::new());
}

/// C30: whatever was not taken as it was sent is named, with its reason.
#[sqlx::test]
async fn c30_conflicts_are_told_in_short_and_in_full(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let late = with(update(feed, "feed_log", json!({"amountMl": 1})), "updatedAt", "2020-01-01T00:00:00.000Z");
    let odd = create(Uuid::now_v7(), "spaceship", json!({}));
    let good = update(feed, "feed_log", json!({"notes": "half asleep"}));
    let answer = ada
        .exchange(
            baby,
            2,
            vec![late.clone(), odd.clone(), json!({"mutationId": "seven"}), with(good, "baseVersion", 2)],
        )
        .await
        .ok();
    assert_eq!(statuses(&answer), ["conflict", "rejected", "rejected", "applied"]);
    assert_eq!(answer["results"][0]["serverData"]["amountMl"], 90);
    assert_eq!(
        answer["conflicts"],
        json!([
            {"changeId": late["mutationId"], "reason": "conflict"},
            {"changeId": odd["mutationId"], "reason": "unknown_entity_type"},
            {"changeId": "seven", "reason": "invalid_payload"},
        ])
    );
    assert_eq!(changes(&answer), [3]);
}

/// C17.
/// The names of the earlier design.
#[sqlx::test]
async fn changes_may_use_the_older_names(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let old = json!({"changeId": Uuid::now_v7(), "type": "CREATED", "entityType": "feed_log",
        "entityId": Uuid::now_v7(), "data": bottle(70).to_string(), "timestamp": "2026-11-20T02:10:00.000Z"});
    let answer = ada.exchange(baby, 1, vec![old]).await.ok();
    assert_eq!(statuses(&answer), ["applied"]);
    assert_eq!(answer["newChanges"][0]["payload"]["amountMl"], 70);
}

/// Without changes it is a pull: a viewer may, and nothing is written or locked.
#[sqlx::test]
async fn without_changes_it_only_reads(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, vic) = (app.sign_up("ada").await, app.sign_up("vic").await);
    let baby = ada.baby("Mia").await;
    vic.join(&ada, baby, "viewer").await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query("select * from sync_head for update").fetch_all(&mut *other).await.unwrap();
    let answer = vic.exchange(baby, 0, vec![]).await.ok();
    assert_eq!((changes(&answer), &answer["results"]), (vec![1], &json!([])));
    other.rollback().await.unwrap();
    let feed = create(Uuid::now_v7(), "feed_log", bottle(1));
    assert_eq!(vic.exchange(baby, 0, vec![feed]).await.refusal(), (403, "read_only".into()));
    assert_eq!(app.count("sync_events").await, 1);
}

/// A page that is too small says so, and the rest follows.
#[sqlx::test]
async fn what_does_not_fit_follows(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let body = |since: u64, changes: Value| {
        json!({"babyId": baby, "clientId": ada.client_id(), "lastKnownServerVersion": since, "changes": changes,
            "limit": 2})
    };
    let new: Vec<Value> = (0..3).map(|ml| create(Uuid::now_v7(), "feed_log", bottle(ml))).collect();
    let first = ada.post("/api/sync/v2", body(0, json!(new))).await.ok();
    assert_eq!((changes(&first), &first["hasMore"], &first["head"]), (vec![1, 2], &json!(true), &json!(4)));
    assert_eq!(first["latestServerVersion"], 2);
    let rest = ada.post("/api/sync/v2", body(2, json!([]))).await.ok();
    assert_eq!(
        (changes(&rest), &rest["hasMore"], &rest["latestServerVersion"]),
        (vec![3, 4], &json!(false), &json!(4))
    );
}

/// What a push or a pull would refuse is refused here in the same words.
#[sqlx::test]
async fn it_refuses_what_its_halves_refuse(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    assert_eq!(ada.exchange(baby, 99, vec![]).await.refusal(), (409, "epoch_changed".into()));
    assert_eq!(ada.exchange(baby, u64::MAX, vec![]).await.refusal(), (400, "malformed".into()));
    sqlx::query("update sync_head set floor = 1").execute(&app.pool).await.unwrap();
    assert_eq!(ada.exchange(baby, 0, vec![]).await.refusal(), (410, "cursor_expired".into()));
    let many = vec![json!({}); 101];
    assert_eq!(ada.exchange(baby, 1, many).await.refusal(), (413, "batch_too_large".into()));
    let other_epoch = json!({"babyId": baby, "clientId": ada.client_id(), "lastKnownServerVersion": 1,
        "epoch": Uuid::nil(), "changes": []});
    assert_eq!(ada.post("/api/sync/v2", other_epoch).await.refusal(), (409, "epoch_changed".into()));
}

/// Whatever cannot be read is refused whole, and nothing stored changes.
#[sqlx::test]
async fn what_cannot_be_read_is_refused(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let good = json!({"babyId": baby, "clientId": baby, "lastKnownServerVersion": 0, "changes": []});
    for (key, value) in [
        ("babyId", json!(7)),
        ("clientId", json!("phone")),
        ("lastKnownServerVersion", json!(-1)),
        ("lastKnownServerVersion", json!("1")),
        ("lastKnownServerVersion", json!(1e30)),
        ("epoch", json!("1")),
        ("changes", json!({})),
        ("changes", json!("[]")),
        ("limit", json!(-1)),
        ("ackedThrough", json!(0.5)),
    ] {
        let body = with(good.clone(), key, value);
        assert_eq!(ada.post("/api/sync/v2", body.clone()).await.refusal(), (400, "malformed".into()), "{body}");
    }
    for body in ["", "{", "[]", "null", "\u{0}"] {
        assert_eq!(ada.post_raw("/api/sync/v2", body).await.refusal(), (400, "malformed".into()), "{body}");
    }
    let deep =
        format!(r#"{{"babyId":"{baby}","clientId":"{baby}","changes":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(ada.post_raw("/api/sync/v2", deep).await.refusal(), (400, "malformed".into()));
    assert_eq!(app.count("sync_events").await, 1);
    ada.post("/api/sync/v2", good).await.ok();
}
