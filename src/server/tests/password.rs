//! Another password, and what it ends.

use http::header;
use serde_json::json;
use sqlx::PgPool;

use super::{
    app::{Answer, PASSWORD, Person, TestApp, session_cookie},
    devices::second_device,
};
use crate::server::admin::{self, Act};

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

/// What `cradlelog admin reset-password` prints.
async fn reset(app: &TestApp) -> String {
    let act = Act::ResetPassword { email: "ada@example.org".into(), stdin: false };
    let told = admin::perform(&app.pool, act).await.unwrap();
    told.lines().next().unwrap().strip_prefix("password: ").unwrap().to_owned()
}

async fn sign_in_with(app: &TestApp, password: &str, new: &str) -> Answer {
    let body = json!({"email": "ada@example.org", "password": password, "newPassword": new});
    app.anonymous().post("/api/auth/sign-in", body).await
}

/// An operator's password opens nothing: its one use is to choose another one.
#[sqlx::test]
async fn a_reset_password_is_used_once_to_choose_another(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let told = reset(&app).await;
    assert_eq!(ada.get("/api/auth/me").await.status, 401);
    assert_eq!(sign_in(&app, PASSWORD).await.refusal(), (401, "bad_credentials".into()));
    let asked = sign_in(&app, &told).await;
    assert_eq!((asked.refusal(), &asked.json()["field"]), ((403, "new_password_needed".into()), &json!("newPassword")));
    for (bad, refusal) in [
        (told.as_str(), (403, "new_password_needed")),
        ("short", (422, "invalid_payload")),
        ("ada@example.org", (422, "invalid_payload")),
    ] {
        let answer = sign_in_with(&app, &told, bad).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.into()), "{bad}");
        assert_eq!((&answer.json()["field"], session_cookie(&answer)), (&json!("newPassword"), None), "{bad}");
    }
    assert_eq!(app.count("sessions").await, 0);
    let answer = sign_in_with(&app, &told, NEW).await;
    let after = Person { cookie: session_cookie(&answer).expect("a session"), ..ada.clone() };
    assert_eq!(after.me().await["displayName"], "ada");
    assert_eq!(sign_in(&app, &told).await.refusal(), (401, "bad_credentials".into()), "it is used up");
    assert_eq!(sign_in_with(&app, &told, "yet another night").await.status, 401);
    assert_eq!(sign_in(&app, NEW).await.status, 200);
    assert_eq!(sign_in_with(&app, NEW, "yet another night").await.status, 200);
    assert_eq!(sign_in(&app, NEW).await.status, 200, "one's own is not replaced in passing");
}

#[sqlx::test]
async fn a_reset_password_is_worth_nothing_after_a_day(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let told = reset(&app).await;
    let left: f64 = sqlx::query_scalar("select extract(epoch from password_reset_until - now())::float8 from users")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!((86_000.0..=86_400.0).contains(&left), "{left}");
    sqlx::query("update users set password_reset_until = now()").execute(&app.pool).await.unwrap();
    assert_eq!(sign_in(&app, &told).await.refusal(), (401, "bad_credentials".into()));
    assert_eq!(sign_in_with(&app, &told, NEW).await.refusal(), (401, "bad_credentials".into()));
}

/// Of two who choose at once, one has chosen.
#[sqlx::test]
async fn a_reset_password_is_used_by_one_of_two(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let told = reset(&app).await;
    let other = "another quiet night";
    let (a, b) = tokio::join!(sign_in_with(&app, &told, NEW), sign_in_with(&app, &told, other));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!((statuses, app.count("sessions").await), ([200, 401], 1));
}
