//! What a push does: verdicts in order, rows and events together, each mutation once.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, create, delete, ids, statuses, update, with};

/// A56, C47, X9, A14, A24: what is pushed is what is pulled, whole.
#[sqlx::test]
async fn a14_a_created_feed_is_pulled_from_the_beginning(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let changes = ada.all(baby).await;
    assert_eq!(ids(&changes), [1, 2]);
    let change = &changes[1];
    assert_eq!((&change["entityType"], &change["op"]), (&json!("feed_log"), &json!("create")));
    assert_eq!(change["entityId"], feed.to_string());
    assert_eq!((&change["version"], &change["actorId"]), (&json!(2), &json!(ada.user_id)));
    assert_eq!(change["clientId"], ada.client_id().to_string());
    let row = &change["payload"];
    assert_eq!((&row["amountMl"], &row["content"]), (&json!(90), &json!("formula")));
    assert_eq!((&row["id"], &row["babyId"], &row["rowVersion"]), (&json!(feed), &json!(baby), &json!(2)));
    assert_eq!((&row["loggedBy"], &row["createdAt"]), (&json!(ada.user_id), &change["createdAt"]));
    assert_eq!(ada.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "owner"}]));
}

/// A08: one result per mutation, same order, whatever becomes of each; an empty batch is answered
/// with an empty list. A02: an unknown type is that mutation's own error.
#[sqlx::test]
async fn a08_each_mutation_gets_its_own_verdict_in_order(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let good = create(Uuid::now_v7(), "nappy_log", json!({"type": "wee", "startedAt": "2026-11-20T02:10:00Z"}));
    let batch = vec![
        create(Uuid::now_v7(), "spaceship", json!({})),
        json!({"mutationId": "first", "op": "create"}),
        json!(null),
        good.clone(),
        good.clone(),
        create(Uuid::now_v7(), "feed_log", json!({"method": "hose", "startedAt": "2026-11-20T02:10:00Z"})),
        delete(Uuid::now_v7(), "sleep_log"),
        create(Uuid::now_v7(), "sleep_log", json!({"startedAt": "2026-11-20T02:10:00Z"})),
    ];
    let answer = ada.push(baby, batch.clone()).await.ok();
    assert_eq!(
        statuses(&answer),
        ["rejected", "rejected", "rejected", "applied", "duplicate", "rejected", "noop", "applied"]
    );
    for (result, sent) in answer["results"].as_array().unwrap().iter().zip(&batch) {
        assert_eq!(result["mutationId"], *sent.get("mutationId").unwrap_or(&Value::Null));
    }
    assert_eq!(answer["results"][0]["error"]["code"], "unknown_entity_type");
    assert_eq!(
        answer["results"][5]["error"],
        json!({"code": "invalid_payload", "field": "method", "message": answer["results"][5]["error"]["message"]})
    );
    assert_eq!(ids(&ada.all(baby).await), [1, 2, 3]);
    assert_eq!(ada.push(baby, vec![]).await.ok()["results"], json!([]));
}

/// A push never tells a cursor: what it wrote is not all there is.
#[sqlx::test]
async fn trap_06_a_push_answer_holds_no_cursor(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mut body = json!({"babyId": baby, "clientId": ada.client_id(), "mutations": [], "syncOperationId": "abc"});
    body["ackedThrough"] = json!(7);
    let answer = ada.post("/api/sync/push", body).await.ok();
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["clockSkewMs", "epoch", "results", "serverTime", "syncOperationId"]);
    assert_eq!(answer["syncOperationId"], "abc");
}

/// C05: a device that follows another history is told so before anything is written: what that one lost
/// has to arrive before what was built on it.
#[sqlx::test]
async fn a_push_that_follows_another_history_is_refused_whole(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let followed: Uuid = ada.pull(baby, 0).await.ok()["epoch"].as_str().unwrap().parse().unwrap();
    let send = async |epoch: Uuid, of: Uuid| {
        let changes = vec![create(of, "baby", json!({"name": "Mia"}))];
        let body = json!({"babyId": of, "clientId": ada.client_id(), "epoch": epoch, "mutations": changes});
        let both = json!({"babyId": of, "clientId": ada.client_id(), "epoch": epoch, "changes": changes});
        (ada.post("/api/sync/push", body).await, ada.post("/api/sync/v2", both).await)
    };
    let unborn = Uuid::now_v7();
    for of in [baby, unborn] {
        let (push, both) = send(Uuid::now_v7(), of).await;
        assert_eq!(push.refusal(), (409, "epoch_changed".into()));
        assert_eq!(both.refusal(), (409, "epoch_changed".into()));
    }
    assert_eq!((app.count("sync_events").await, app.count("sync_head").await), (1, 1), "nothing was written");
    let (push, both) = send(followed, baby).await;
    assert_eq!((push.ok()["results"].as_array().unwrap().len(), both.status.as_u16()), (1, 200));
}

/// The answer was lost, the device sends again: same verdict, no second row, no second event.
#[sqlx::test]
async fn trap_04_a_repeated_push_applies_once(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let batch = vec![create(Uuid::now_v7(), "feed_log", bottle(90)), delete(Uuid::now_v7(), "feed_log")];
    let first = ada.push(baby, batch.clone()).await.ok();
    let again = ada.push(baby, batch).await.ok();
    assert_eq!(statuses(&first), ["applied", "noop"]);
    assert_eq!(statuses(&again), ["duplicate", "duplicate"]);
    assert_eq!(again["results"][0]["version"], first["results"][0]["version"]);
    assert_eq!((app.count("entity").await, app.count("sync_events").await), (2, 2));
}

/// C06, C32.
/// A lost verdict with data comes back with the same data.
#[sqlx::test]
async fn a_repeated_conflict_brings_the_same_row_again(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let stale = with(update(feed, "feed_log", json!({"amountMl": 10})), "updatedAt", "2020-01-01T00:00:00Z");
    let first = ada.push_one(baby, stale.clone()).await;
    let again = ada.push_one(baby, stale).await;
    assert_eq!((&first["status"], &again["status"]), (&json!("conflict"), &json!("duplicate")));
    assert_eq!(first["serverData"], again["serverData"]);
    assert_eq!(first["serverData"]["amountMl"], 90);
}

#[sqlx::test]
async fn the_same_id_with_another_body_is_refused(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mutation = create(Uuid::now_v7(), "feed_log", bottle(90));
    ada.push_one(baby, mutation.clone()).await;
    let other = ada.push_one(baby, with(mutation.clone(), "payload", bottle(91))).await;
    assert_eq!((&other["status"], &other["error"]["code"]), (&json!("rejected"), &json!("id_reused")));
    assert_eq!(ada.push_one(baby, mutation).await["status"], "duplicate");
    assert_eq!(ada.all(baby).await[1]["payload"]["amountMl"], 90);
}

/// B29, C52, X18.
/// A30, A37: every type can be created, changed and deleted, and the delete's event says enough to
/// apply it. Registered types are taken from the registry, so a new one is covered by being listed.
#[sqlx::test]
async fn a30_every_type_is_created_changed_deleted_and_restored(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let start = "2026-11-20T02:10:00.000Z";
    for (entity_type, fields, change) in [
        ("feed_log", json!({"method": "breast", "startedAt": start}), json!({"endedAt": "2026-11-20T02:30:00.000Z"})),
        ("sleep_log", json!({"startedAt": start}), json!({"endedAt": "2026-11-20T04:30:00.000Z"})),
        ("nappy_log", json!({"type": "wee", "startedAt": start}), json!({"type": "poo"})),
        ("dummy_log", json!({"wobble": 1, "startedAt": start}), json!({"wobble": 2})),
    ] {
        let id = ada.log(baby, entity_type, fields).await;
        let before = ada.all(baby).await.len() as u64;
        let steps = [update(id, entity_type, change.clone()), delete(id, entity_type)];
        for step in steps {
            let verdict = ada.push_one(baby, step).await;
            assert_eq!(verdict["status"], "applied", "{entity_type}: {verdict}");
        }
        let restore = super::app::mutation("restore", id, entity_type, Value::Null);
        assert_eq!(ada.push_one(baby, restore).await["status"], "applied", "{entity_type}");
        let changes = ada.pull(baby, before).await.ok()["changes"].as_array().unwrap().clone();
        let ops: Vec<_> = changes.iter().map(|change| change["op"].as_str().unwrap()).collect();
        assert_eq!(ops, ["update", "delete", "update"], "{entity_type}");
        let (key, value) = change.as_object().unwrap().iter().next().unwrap();
        assert!(changes.iter().all(|change| change["payload"][key] == *value), "{entity_type}: {changes:?}");
        assert!(changes[1]["payload"]["deletedAt"].is_string() && changes[2]["payload"].get("deletedAt").is_none());
    }
    let renamed = ada.push_one(baby, update(baby, "baby", json!({"name": "Mia Rose"}))).await;
    assert_eq!(renamed["status"], "applied");
    assert_eq!(ada.me().await["babies"][0]["name"], "Mia Rose");
}

/// A38, trap 1: a delete needs no payload, and one of something unknown is nothing to do.
#[sqlx::test]
async fn trap_01_deletes_need_no_payload(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let bare = json!({"mutationId": Uuid::now_v7(), "op": "DELETED", "entityId": feed, "entityType": "feed_log"});
    assert_eq!(ada.push_one(baby, bare).await["status"], "applied");
    assert_eq!(ada.push_one(baby, delete(Uuid::now_v7(), "feed_log")).await["status"], "noop");
    let head = ada.pull(baby, 0).await.ok();
    assert_eq!((&head["head"], &head["liveRows"]), (&json!(3), &json!(1)));
}

/// C45, Trap 8: what the server has no room for is named, never dropped.
#[sqlx::test]
async fn trap_08_an_unknown_field_refuses_its_mutation(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let verdict = ada
        .push_one(
            baby,
            create(
                Uuid::now_v7(),
                "nappy_log",
                with(json!({"type": "wee", "startedAt": "2026-11-20T02:10:00Z"}), "smell", "roses"),
            ),
        )
        .await;
    assert_eq!((&verdict["status"], &verdict["error"]["field"]), (&json!("rejected"), &json!("smell")));
    assert_eq!(app.count("entity").await, 1);
}

/// B36, C06.
/// Author, versions and times are the server's: a payload that names them is not believed.
#[sqlx::test]
async fn a_payload_cannot_name_its_author_or_version(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mut fields = bottle(90);
    fields["loggedBy"] = json!(Uuid::nil());
    fields["rowVersion"] = json!(999);
    fields["babyId"] = json!(Uuid::nil());
    ada.log(baby, "feed_log", fields).await;
    let row = ada.all(baby).await[1]["payload"].clone();
    assert_eq!((&row["loggedBy"], &row["rowVersion"], &row["babyId"]), (&json!(ada.user_id), &json!(2), &json!(baby)));
}

/// A baby whose own create is refused is not made, and nothing of the batch remains.
#[sqlx::test]
async fn a_refused_baby_leaves_nothing_behind(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = Uuid::now_v7();
    let batch = vec![
        create(baby, "baby", json!({"name": "  "})),
        create(Uuid::now_v7(), "feed_log", bottle(90)),
        delete(Uuid::now_v7(), "feed_log"),
    ];
    let answer = ada.push(baby, batch).await.ok();
    assert_eq!(statuses(&answer), ["rejected", "rejected", "noop"]);
    assert_eq!(answer["results"][1]["error"]["code"], "parent_missing");
    for table in ["sync_head", "baby_access", "user_baby", "entity", "sync_events", "sync_mutation", "sync_client"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert_eq!(ada.push_one(baby, create(baby, "baby", json!({"name": "Mia"}))).await["status"], "applied");
}

/// X10.
/// A baby and its first logs, made offline, arrive in one batch.
#[sqlx::test]
async fn a_baby_and_its_first_logs_come_in_one_push(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = Uuid::now_v7();
    let batch = vec![create(baby, "baby", json!({"name": "Mia"})), create(Uuid::now_v7(), "feed_log", bottle(90))];
    assert_eq!(statuses(&ada.push(baby, batch).await.ok()), ["applied", "applied"]);
    assert_eq!(ids(&ada.all(baby).await), [1, 2]);
}

/// A09: the row and its event are written together or not at all.
#[sqlx::test]
async fn a09_a_failing_write_leaves_neither_row_nor_event(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    // The event's place is taken, as a broken restore might leave it: the insert must fail.
    sqlx::query(
        "insert into sync_events (baby_id, id, entity_type, entity_id, op, payload, actor_id, client_id, mutation_id, created_at)
         values ($1, 2, 'feed_log', $1, 'create', '{}', $1, $1, $1, now())",
    )
    .bind(baby)
    .execute(&app.pool)
    .await
    .unwrap();
    let mutation = create(Uuid::now_v7(), "feed_log", bottle(90));
    let answer = ada.push(baby, vec![mutation.clone()]).await;
    assert_eq!(answer.refusal(), (500, "internal".into()));
    assert_eq!((app.count("entity").await, app.count("sync_mutation").await), (1, 1));
    sqlx::query("delete from sync_events where id = 2").execute(&app.pool).await.unwrap();
    assert_eq!(ada.push_one(baby, mutation).await["status"], "applied", "the same push works once the cause is gone");
}

/// Trap 16: a batch has a size.
#[sqlx::test]
async fn trap_16_a_batch_is_bounded(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let batch = |n: usize| (0..n).map(|_| create(Uuid::now_v7(), "feed_log", bottle(90))).collect::<Vec<_>>();
    assert_eq!(ada.push(baby, batch(101)).await.refusal(), (413, "batch_too_large".into()));
    assert_eq!(ada.all(baby).await.len(), 1);
    assert!(statuses(&ada.push(baby, batch(100)).await.ok()).iter().all(|status| *status == "applied"));
    assert_eq!(ada.all(baby).await.len(), 101);
}

/// A01, X19: earlier designs' words for operations are understood; others are refused.
#[sqlx::test]
async fn a01_an_operation_is_one_of_the_known(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let aliased = json!({"changeId": Uuid::now_v7(), "type": "CREATED", "entityId": Uuid::now_v7(),
        "entityType": "feed_log", "data": bottle(90).to_string(), "timestamp": "2026-11-20T02:10:00Z"});
    assert_eq!(ada.push_one(baby, aliased).await["status"], "applied");
    let upsert = ada.push_one(baby, super::app::mutation("upsert", Uuid::now_v7(), "feed_log", bottle(90))).await;
    assert_eq!((&upsert["status"], &upsert["error"]["field"]), (&json!("rejected"), &json!("op")));
    let bad = sqlx::query("update sync_events set op = 'upsert'::text::sync_op_enum").execute(&app.pool).await;
    assert!(bad.is_err());
}

/// Checksum and live rows are kept step by step; here they are counted anew.
#[sqlx::test]
async fn the_head_agrees_with_its_rows(pool: PgPool) {
    use crate::domain::{checksum::Checksum, id::EntityId};
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mut feeds = Vec::new();
    for ml in 1..=5 {
        feeds.push(ada.log(baby, "feed_log", bottle(ml)).await);
    }
    ada.push_one(baby, delete(feeds[0], "feed_log")).await;
    ada.push_one(baby, delete(feeds[1], "feed_log")).await;
    ada.push_one(baby, super::app::mutation("restore", feeds[1], "feed_log", Value::Null)).await;
    ada.push_one(baby, update(feeds[2], "feed_log", json!({"amountMl": 33}))).await;
    let rows: Vec<(Uuid, i64)> = sqlx::query_as("select id, row_version from entity where deleted_at is null")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    let mut expected = Checksum::default();
    for (id, version) in &rows {
        expected.add(EntityId(*id), version.unsigned_abs());
    }
    let head = ada.pull(baby, 0).await.ok();
    assert_eq!((&head["checksum"], &head["liveRows"]), (&json!(expected.to_hex()), &json!(rows.len())));
    assert_eq!(head["checksum"].as_str().unwrap().len(), 16);
}
