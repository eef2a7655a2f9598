//! Another password, and what it ends.

use http::header;
use serde_json::json;
use sqlx::PgPool;

use super::{
    app::{Answer, PASSWORD, Person, TestApp, session_cookie},
    devices::second_device,
};

const NEW: &str = "a quieter night";
const WRONG: &str = "not the password";

async fn change(by: &Person<'_>, password: &str, new_password: &str) -> Answer {
    by.post("/api/account/password", json!({"password": password, "newPassword": new_password})).await
}

async fn sign_in(app: &TestApp, password: &str) -> Answer {
    app.anonymous().post("/api/auth/sign-in", json!({"email": "ada@example.org", "password": password})).await
}

/// C41: whoever knew the old password is out, on every device; this one goes on under a new session.
#[sqlx::test]
async fn c41_a_new_password_ends_every_session_but_a_new_one_of_this_device(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let laptop = app.sign_up("ada").await;
    let phone = second_device(&app, &laptop, "ada@example.org").await;
    let answer = change(&laptop, PASSWORD, NEW).await;
    let after = Person { cookie: session_cookie(&answer).expect("a new session"), ..laptop.clone() };
    assert_eq!(answer.status, 200);
    assert_eq!(after.devices().await.len(), 1);
    for ended in [&laptop, &phone] {
        assert_eq!(ended.get("/api/auth/me").await.refusal(), (401, "unauthenticated".into()));
    }
    assert_eq!(sign_in(&app, PASSWORD).await.refusal(), (401, "bad_credentials".into()));
    assert_eq!(sign_in(&app, NEW).await.status, 200);
}

#[sqlx::test]
async fn a_password_changes_only_for_who_knows_it_and_only_into_a_good_one(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let wrong = change(&ada, WRONG, NEW).await;
    assert_eq!((wrong.refusal(), &wrong.json()["field"]), ((401, "bad_credentials".into()), &json!("password")));
    assert_eq!(wrong.headers.get(header::SET_COOKIE), None);
    for easy in ["short", "password123", "ada@example.org"] {
        let answer = change(&ada, PASSWORD, easy).await;
        assert_eq!(
            (answer.refusal(), &answer.json()["field"]),
            ((422, "invalid_payload".into()), &json!("newPassword"))
        );
    }
    assert_eq!(sign_in(&app, PASSWORD).await.status, 200);
    assert_eq!(ada.me().await["displayName"], "ada");
}

/// C46: who has a session guesses no faster than who has none, and no faster at two servers.
#[sqlx::test]
async fn c46_guesses_count_together_wherever_and_however_they_are_made(pool: PgPool) {
    let (here, there) = (TestApp::new(pool.clone()).await, TestApp::new(pool).await);
    let ada = here.sign_up("ada").await;
    let at_there = second_device(&there, &ada, "ada@example.org").await;
    for guess in [change(&ada, WRONG, NEW).await, change(&at_there, WRONG, NEW).await, sign_in(&there, WRONG).await] {
        assert_eq!(guess.refusal(), (401, "bad_credentials".into()));
    }
    let failures: i32 = sqlx::query_scalar("select failures from throttle where scope = 'account'")
        .fetch_one(&here.pool)
        .await
        .unwrap();
    assert_eq!(failures, 3);
    sqlx::query("update throttle set blocked_until = now() + interval '1 hour' where scope = 'account'")
        .execute(&here.pool)
        .await
        .unwrap();
    for waiting in [&ada, &at_there] {
        assert_eq!(change(waiting, PASSWORD, NEW).await.refusal(), (429, "rate_limited".into()));
    }
    assert_eq!(sign_in(&there, PASSWORD).await.refusal(), (429, "rate_limited".into()));
}

/// A sign-in with the old password that was under way does not outlive the change.
#[sqlx::test]
async fn no_session_of_the_old_password_survives_its_change(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let mut ada = app.sign_up("ada").await;
    let (mut old, mut new) = (PASSWORD, NEW);
    for _ in 0..4 {
        let (changed, raced) = tokio::join!(change(&ada, old, new), sign_in(&app, old));
        ada.cookie = session_cookie(&changed).expect("a new session");
        if let Some(cookie) = session_cookie(&raced) {
            let other = Person { cookie, ..ada.clone() };
            assert_eq!(other.get("/api/auth/me").await.status, 401);
        }
        (old, new) = (new, old);
    }
}
