//! What the log tells: which request, how it went, how long it took. Never what a person typed.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::json;
use sqlx::PgPool;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt};

use super::app::{TestApp, bottle, create, with};

/// Everything that is logged, kept.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<u8>>>);

impl Write for Book {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Book {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// C43, C49.
#[sqlx::test]
async fn the_log_names_requests_and_no_private_word(pool: PgPool) {
    let book = Book::default();
    let layer = tracing_subscriber::fmt::layer().json().with_writer(book.clone());
    let subscriber = tracing_subscriber::registry().with(EnvFilter::new("debug")).with(layer);
    let guard = tracing::subscriber::set_default(subscriber);

    let app = TestApp::new(pool).await;
    let ada = app.sign_up("sentinelname").await;
    let baby = ada.baby("Sentinelbaby").await;
    let bob = app.sign_up("bob").await;
    let code = ada.invite(baby, "editor").await;
    bob.accept(&code).await.ok();
    bob.accept("SENTINEL").await;
    let secret = with(bottle(77_777), "notes", "sentinelnotes");
    let feed = ada.log(baby, "feed_log", secret.clone()).await;
    ada.push_one(baby, with(create(feed, "feed_log", secret.clone()), "entityType", "sentineltype")).await;
    ada.push_one(baby, create(feed, "feed_log", with(secret.clone(), "sentinelfield", "sentinelvalue"))).await;
    ada.post_raw("/api/sync/push", "{\"sentinelbroken\"").await;
    ada.get("/api/sync/pull?babyId=sentinelquery").await;
    ada.get("/sentinelpath?sentinelquery").await;
    ada.post("/api/auth/sign-in", json!({"email": "sentinelmail@x", "password": "sentinelpassword"})).await;
    let ceremony = app.anonymous().post("/api/auth/passkey/begin", json!({})).await.ok();
    let credential = json!({"id": "sentinelcredential", "response": {"clientDataJSON": "sentineldata"}});
    let body = json!({"ceremonyId": ceremony["ceremonyId"], "credential": credential});
    app.anonymous().post("/api/auth/passkey/finish", body).await;
    // The database itself refuses: its own words must not come through either.
    sqlx::query("alter table entity add constraint entity_never check (false) not valid")
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(ada.push(baby, vec![create(uuid::Uuid::now_v7(), "feed_log", secret)]).await.status, 500);
    drop(guard);

    let log = String::from_utf8(book.0.lock().unwrap().clone()).unwrap();
    let lower = log.to_lowercase();
    for word in [
        "sentinel",
        "77777",
        "77_777",
        super::app::PASSWORD,
        &code.to_lowercase(),
        &code.replace('-', "").to_lowercase(),
    ] {
        let line = lower.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{word}");
    }
    let token = ada.cookie.split('=').nth(1).unwrap();
    assert!(!log.contains(token), "no session in the log");
    assert!(log.contains("\"route\":\"/api/sync/push\"") && log.contains("\"status\":500"), "{log:.2000}");
    assert!(log.contains("entity_never"), "the cause is there for the operator");
}
