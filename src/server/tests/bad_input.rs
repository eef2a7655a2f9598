//! Anything can arrive. Whatever it is, the answer is a clear refusal and nothing stored changes.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, create, with};

/// All of a database that a push could change, as text.
async fn picture(app: &TestApp) -> String {
    let sql = "select concat(
        (select json_agg(e order by baby_id, id) from entity e),
        (select json_agg(e order by baby_id, id) from sync_events e),
        (select json_agg(m order by baby_id, mutation_id) from sync_mutation m),
        (select json_agg(h order by baby_id) from sync_head h),
        (select json_agg(a order by baby_id, user_id) from baby_access a))";
    sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
}

/// C45.
/// Requests that cannot be read as a push at all.
#[sqlx::test]
async fn an_unreadable_push_is_refused_whole(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let before = picture(&app).await;
    let client = ada.client_id();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"\"push\"".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        json!({}).to_string().into(),
        json!({"babyId": 7, "clientId": client, "mutations": []}).to_string().into(),
        json!({"babyId": baby, "clientId": "phone", "mutations": []}).to_string().into(),
        json!({"babyId": baby, "clientId": client}).to_string().into(),
        json!({"babyId": baby, "clientId": client, "mutations": {}}).to_string().into(),
        json!({"babyId": baby, "clientId": client, "mutations": [], "ackedThrough": -1}).to_string().into(),
        json!({"babyId": baby, "clientId": client, "mutations": [], "syncOperationId": 5}).to_string().into(),
        format!(
            r#"{{"babyId":"{baby}","clientId":"{client}","mutations":{}1{}}}"#,
            "[".repeat(5_000),
            "]".repeat(5_000)
        )
        .into(),
        format!(r#"{{"babyId":"{baby}","clientId":"{client}","mutations":[],"ackedThrough":1e999}}"#).into(),
        [br#"{"babyId":""#.as_slice(), b"\xc3\x28\"}"].concat(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = ada.post_raw("/api/sync/push", body).await;
        assert_eq!(answer.refusal(), (400, "malformed".into()), "{shown}");
    }
    let huge = format!(r#"{{"babyId":"{baby}","x":"{}"}}"#, "x".repeat(300 * 1024));
    assert_eq!(ada.post_raw("/api/sync/push", huge).await.refusal(), (413, "batch_too_large".into()));
    assert_eq!(picture(&app).await, before);
}

/// C45, B68.
/// Mutations that cannot be right: each is refused by its own verdict, the good one among them goes
/// through.
#[sqlx::test]
async fn a_bad_mutation_is_refused_alone(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = |payload: Value| create(Uuid::now_v7(), "feed_log", payload);
    let mut nested = json!(1);
    for _ in 0..60 {
        nested = json!([nested]);
    }
    let bad: Vec<Value> = vec![
        json!(7),
        json!([]),
        json!({}),
        json!({"mutationId": "x".repeat(10_000)}),
        with(feed(bottle(1)), "mutationId", "not a uuid"),
        with(feed(bottle(1)), "entityId", 5),
        with(feed(bottle(1)), "op", "destroy"),
        with(feed(bottle(1)), "op", "\u{0}"),
        with(feed(bottle(1)), "payload", "not json"),
        with(feed(bottle(1)), "payload", nested.to_string()),
        with(feed(bottle(1)), "baseVersion", -1),
        with(feed(bottle(1)), "baseVersion", 1.5),
        with(feed(bottle(1)), "hlc", "yesterday"),
        with(feed(bottle(1)), "updatedAt", "yesterday"),
        with(feed(bottle(1)), "updatedAt", "99999-01-01T00:00:00Z"),
        with(feed(bottle(1)), "seq", "one"),
        feed(bottle(-1)),
        feed(bottle(i64::MAX)),
        feed(with(bottle(1), "amountMl", 1e300)),
        feed(with(bottle(1), "amountMl", "ninety")),
        feed(with(bottle(1), "amountMl", nested)),
        feed(with(bottle(1), "notes", "x".repeat(2_001))),
        feed(with(bottle(1), "notes", "x".repeat(60_000))),
        feed(with(bottle(1), "notes", "a\u{0}b")),
        feed(with(bottle(1), "zone", "Mars/Olympus\u{0}")),
        feed(with(bottle(1), "startedAt", "2026-13-45T99:99:99Z")),
        feed(with(bottle(1), "startedAt", Value::Null)),
        feed(with(bottle(1), "segments", json!([{"side": "middle"}]))),
        feed(with(bottle(1), "typed", json!({"value": "NaN", "unit": "ml"}))),
        feed(with(bottle(1), "\u{0}", 1)),
        feed(json!({})),
        create(Uuid::now_v7(), "baby", json!({"name": "Second"})),
        create(Uuid::now_v7(), "\u{0}", json!({})),
        create(Uuid::now_v7(), "sync_events", json!({})),
        create(Uuid::now_v7(), "feed_log; drop table entity", json!({})),
    ];
    let mut batch = bad.clone();
    batch.insert(10, feed(bottle(90)));
    let answer = ada.push(baby, batch).await.ok();
    for (index, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        if index == 10 {
            assert_eq!(result["status"], "applied");
            continue;
        }
        assert_eq!(result["status"], "rejected", "{index}: {result}");
        assert!(result["error"]["message"].is_string() && result["error"]["code"].is_string(), "{result}");
        assert!(result.to_string().len() < 600, "a refusal is short: {result}");
    }
    assert_eq!(ada.all(baby).await.len(), 2);
    let before = picture(&app).await;
    ada.push(baby, bad).await.ok();
    assert_eq!(picture(&app).await, before);
}

/// What is odd but possible is kept, to the letter.
#[sqlx::test]
async fn odd_but_possible_text_survives(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia'); drop table entity; --").await;
    for notes in [
        "'; drop table users; --",
        "<script>alert(1)</script>",
        "👶🏽\u{200d}🍼",
        "\\u0000 \\ \" \n\t",
        "\u{feff}\u{202e}abc",
    ] {
        ada.log(baby, "feed_log", with(bottle(1), "notes", notes)).await;
        assert_eq!(ada.all(baby).await.last().unwrap()["payload"]["notes"], notes);
    }
    let largest = format!("{}0000", "9".repeat(12));
    let told = with(create(Uuid::now_v7(), "feed_log", bottle(1)), "seq", u64::MAX);
    let told = with(told, "baseVersion", u64::MAX);
    assert_eq!(ada.push_one(baby, told).await["status"], "applied", "{largest}");
}

/// C45.
/// Every call, given nonsense, refuses with a client's error.
#[sqlx::test]
async fn no_call_breaks_on_nonsense(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let uuid = Uuid::now_v7().to_string();
    let long = "x".repeat(100_000);
    let values = [
        json!(null),
        json!(7),
        json!(-1.5e300),
        json!([]),
        json!({}),
        json!("\u{0}"),
        json!(long),
        json!(uuid),
        json!(true),
    ];
    let calls = [
        ("/api/auth/sign-up", &["email", "password", "displayName"][..]),
        ("/api/auth/sign-in", &["email", "password"]),
        ("/api/babies/invites/create", &["babyId", "level", "kind", "label"]),
        ("/api/babies/invites/look", &["code", "token"]),
        ("/api/babies/invites/accept", &["code", "token"]),
        ("/api/babies/invites/ask", &["token"]),
        ("/api/babies/invites/approve", &["babyId", "inviteId", "level"]),
        ("/api/babies/invites/revoke", &["babyId", "inviteId"]),
        ("/api/babies/caregivers/set-level", &["babyId", "userId", "level"]),
        ("/api/babies/caregivers/set-label", &["babyId", "userId", "label"]),
        ("/api/babies/caregivers/remove", &["babyId", "userId"]),
    ];
    for (path, fields) in calls {
        for value in &values {
            let body: serde_json::Map<_, _> = fields.iter().map(|field| (field.to_string(), value.clone())).collect();
            let answer = ada.post(path, Value::Object(body)).await;
            let (status, _) = answer.refusal();
            assert!((400..500).contains(&status), "{path} {value:.40}: {answer:?}");
        }
        sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
    }
    assert_eq!(app.count("users").await, 1);
}
