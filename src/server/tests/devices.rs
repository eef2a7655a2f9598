//! The devices of one account: seen from each, and signed out from another.

use axum::body::Body;
use futures::StreamExt;
use http::{Method, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{PASSWORD, Person, TestApp, session_cookie},
    hints::PATIENCE,
};

const FIREFOX: &str = "Mozilla/5.0 (Android 16; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0";

/// Another device of the same person, at `app`.
pub(super) async fn second_device<'a>(app: &'a TestApp, of: &Person<'_>, email: &str) -> Person<'a> {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let request = app
        .anonymous()
        .request(Method::POST, "/api/auth/sign-in")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, FIREFOX);
    let answer = app.send(request.body(Body::from(body)).unwrap()).await;
    let cookie = session_cookie(&answer).expect("signing in starts a session");
    answer.ok();
    Person { app, cookie, user_id: of.user_id }
}

impl Person<'_> {
    pub(super) async fn devices(&self) -> Vec<Value> {
        self.get("/api/account/sessions").await.ok().as_array().unwrap().clone()
    }

    pub(super) async fn end_sessions(&self, which: Option<&Value>) {
        self.post("/api/account/sessions/end", json!({"sessionId": which})).await.ok();
    }
}

#[sqlx::test]
async fn each_device_sees_all_and_knows_itself(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (laptop, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let phone = second_device(&app, &laptop, "ada@example.org").await;
    let (at_laptop, at_phone) = (laptop.devices().await, phone.devices().await);
    assert_eq!((at_laptop.len(), at_phone.len()), (2, 2));
    // One's own comes first.
    assert_eq!((&at_laptop[0]["isThis"], &at_laptop[1]["isThis"]), (&json!(true), &json!(false)));
    assert_eq!(at_laptop[0]["sessionId"], at_phone[1]["sessionId"]);
    assert_eq!((&at_phone[0]["browser"], &at_phone[0]["system"]), (&json!("Firefox"), &json!("Android")));
    assert_eq!((&at_phone[1]["browser"], &at_phone[1]["lastSyncAt"]), (&json!(null), &json!(null)));
    assert!(at_phone.iter().all(|device| device["signedInAt"].is_string() && device["lastUsedAt"].is_string()));
    assert_eq!(eve.devices().await.len(), 1, "nobody else's");
}

/// The list says when a device synced last, also between two hourly marks of its session.
#[sqlx::test]
async fn a_device_that_syncs_was_used_just_now(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let laptop = app.sign_up("ada").await;
    let baby = laptop.baby("Mia").await;
    let phone = second_device(&app, &laptop, "ada@example.org").await;
    sqlx::query("update sessions set last_seen_at = now() - interval '50 minutes'").execute(&app.pool).await.unwrap();
    phone.get(&format!("/api/sync/pull?babyId={baby}&clientId={}", Uuid::now_v7())).await.ok();
    let devices = laptop.devices().await;
    assert!(devices[1]["lastSyncAt"].is_string(), "{devices:?}");
    assert_eq!(devices[1]["lastUsedAt"], devices[1]["lastSyncAt"]);
    assert_eq!(devices[0]["lastSyncAt"], json!(null));
}

/// C41: signed out from another device, its next request is refused, at every server.
#[sqlx::test]
async fn c41_a_device_is_signed_out_from_another(pool: PgPool) {
    let (here, there) = (TestApp::new(pool.clone()).await, TestApp::new(pool).await);
    let laptop = here.sign_up("ada").await;
    let baby = laptop.baby("Mia").await;
    let (phone, tablet) = (
        second_device(&there, &laptop, "ada@example.org").await,
        second_device(&there, &laptop, "ada@example.org").await,
    );
    let phones = phone.devices().await[0]["sessionId"].clone();
    laptop.end_sessions(Some(&phones)).await;
    for path in ["/api/auth/me".to_owned(), format!("/api/sync/pull?babyId={baby}"), "/api/sync/hints".to_owned()] {
        assert_eq!(phone.get(&path).await.refusal(), (401, "unauthenticated".into()), "{path}");
    }
    assert_eq!(phone.push(baby, vec![]).await.refusal(), (401, "unauthenticated".into()));
    assert_eq!(tablet.devices().await.len(), 2);
    laptop.end_sessions(Some(&phones)).await;
    laptop.end_sessions(None).await;
    assert_eq!(tablet.get("/api/auth/me").await.status, 401);
    assert_eq!(laptop.devices().await.len(), 1);
}

#[sqlx::test]
async fn nobody_signs_out_somebody_elses_device(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let adas = ada.devices().await[0]["sessionId"].clone();
    // The answer is that of a session that is over: an id tells nothing.
    eve.end_sessions(Some(&adas)).await;
    eve.end_sessions(Some(&json!(Uuid::now_v7()))).await;
    eve.end_sessions(None).await;
    assert_eq!(ada.devices().await.len(), 1);
}

/// The open stream of a device that was signed out ends with the next look at all streams, which comes
/// at most every four seconds: also at the server that did not hear of it otherwise.
#[sqlx::test]
async fn a_stream_ends_when_its_device_is_signed_out_from_another_server(pool: PgPool) {
    let (here, there) = (TestApp::new(pool.clone()).await, TestApp::new(pool).await);
    let laptop = here.sign_up("ada").await;
    let phone = second_device(&there, &laptop, "ada@example.org").await;
    let request = phone.request(Method::GET, "/api/sync/hints").body(Body::empty()).unwrap();
    let response = there.stream(request).await;
    assert_eq!(response.status(), 200);
    let mut stream = response.into_body().into_data_stream();
    laptop.end_sessions(None).await;
    let end = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the stream ends");
    assert_eq!(laptop.get("/api/sync/hints").await.status, 200);
}
