//! How much one account may ask, and that a family never notices.

use http::header;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{PASSWORD, Person, TestApp, bottle, create, session_cookie},
    devices::second_device,
};
use crate::{domain::id::UserId, server::config::DEFAULT_ACCOUNT_RATE};

/// Every call that a signed-in device makes by itself, and some that a person asks for.
async fn everything(person: &Person<'_>, baby: Uuid) -> Vec<(&'static str, super::app::Answer)> {
    let changes = json!([create(Uuid::now_v7(), "feed_log", bottle(90))]);
    let both = json!({"babyId": baby, "clientId": person.client_id(), "lastKnownServerVersion": 0, "changes": changes});
    vec![
        ("pull", person.pull(baby, 0).await),
        ("push", person.push(baby, vec![create(Uuid::now_v7(), "feed_log", bottle(90))]).await),
        ("v2", person.post("/api/sync/v2", both).await),
        ("snapshot", person.get(&format!("/api/sync/snapshot?babyId={baby}")).await),
        ("status", person.get(&format!("/api/sync/status?babyId={baby}")).await),
        ("hints", person.get("/api/sync/hints").await),
        ("lease", person.post("/api/sync/lease", json!({"babyId": baby, "kind": "import"})).await),
        ("history", person.get(&format!("/api/babies/history?babyId={baby}&entityId={baby}")).await),
        ("me", person.get("/api/auth/me").await),
        ("sessions", person.get("/api/account/sessions").await),
        ("caregivers", person.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await),
        ("invite", person.post("/api/babies/invites/create", json!({"babyId": baby, "level": "viewer"})).await),
        ("export", person.get("/api/account/export").await),
    ]
}

/// C46: an account that asks without end is told when to come back, at every call and from every device of
/// it, and nobody else is held up by it.
#[sqlx::test]
async fn c46_an_account_that_asked_too_much_waits_at_every_call(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let tablet = second_device(&app, &ada, "ada@example.org").await;
    tablet.me().await;
    let events = app.count("sync_events").await;
    app.app.rates().exhaust(UserId(ada.user_id));
    for device in [&ada, &tablet] {
        for (call, answer) in everything(device, baby).await {
            assert_eq!(answer.refusal(), (429, "rate_limited".into()), "{call}");
            let secs = answer.json()["retryAfterSecs"].as_u64().unwrap();
            assert_eq!(answer.headers[header::RETRY_AFTER], secs.to_string(), "{call}");
            assert!((3_500..=3_700).contains(&secs), "{call}: {secs}");
        }
    }
    assert_eq!(app.count("sync_events").await, events, "nothing was written");
    for (call, answer) in everything(&bob, baby).await {
        assert!(answer.status == 200 || call == "invite" && answer.status == 403, "{call}: {answer:?}");
    }
    let sign_in = json!({"email": "ada@example.org", "password": PASSWORD});
    assert_eq!(app.anonymous().post("/api/auth/sign-in", sign_in).await.status, 200, "strangers are others");
}

/// C46: every request is charged, also those that are refused for another reason.
#[sqlx::test]
async fn c46_asking_without_end_has_an_end(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.account_rate = 1).await;
    let ada = app.sign_up("ada").await;
    let nowhere = Uuid::now_v7();
    let mut refused = false;
    for _ in 0..10_000 {
        let status = ada.pull(nowhere, 0).await.status.as_u16();
        refused = status == 429;
        if refused {
            break;
        }
        assert_eq!(status, 403);
    }
    assert!(refused);
    app.app.rates().exhaust(UserId(ada.user_id));
    let signed_in =
        app.anonymous().post("/api/auth/sign-in", json!({"email": "ada@example.org", "password": PASSWORD})).await;
    let again = Person { cookie: session_cookie(&signed_in).unwrap(), ..ada.clone() };
    assert_eq!(again.pull(nowhere, 0).await.status, 403, "a new session is a stranger's, once");
    assert_eq!(again.pull(nowhere, 0).await.status, 429, "and from then on the account's");
}

/// Five devices come back after a week in which each logged a lot, and one of them is new.
#[sqlx::test]
async fn a_family_that_was_offline_for_a_week_is_not_held_up(pool: PgPool) {
    const A_WEEK: i64 = 300;
    let app = TestApp::with(pool, |config| config.account_rate = DEFAULT_ACCOUNT_RATE).await;
    let ada = app.sign_up("ada").await;
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    let mut devices = vec![ada.clone()];
    for _ in 0..4 {
        devices.push(second_device(&app, &ada, "ada@example.org").await);
    }
    for device in &devices {
        device.me().await;
        for baby in [mia, leo] {
            for _ in 0..A_WEEK / 100 {
                let notes = "x".repeat(150);
                let batch = (0..100)
                    .map(|ml| create(Uuid::now_v7(), "feed_log", super::app::with(bottle(ml), "notes", notes.clone())));
                device.push(baby, batch.collect()).await.ok();
            }
        }
    }
    for device in &devices {
        for baby in [mia, leo] {
            let mut since = 0;
            loop {
                let page = device.get(&format!("/api/sync/pull?babyId={baby}&since={since}&limit=100")).await.ok();
                since = page["nextCursor"].as_u64().unwrap();
                if page["hasMore"] == false {
                    break;
                }
            }
        }
    }
    devices[4].get("/api/account/export").await.ok();
}
