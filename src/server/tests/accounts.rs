//! Signing up, in and out, and what the cookie is worth.

use http::{StatusCode, header};
use serde_json::json;
use sqlx::PgPool;

use super::app::{PASSWORD, TestApp, session_cookie};

#[sqlx::test]
async fn a_new_account_is_signed_in_and_knows_itself(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let me = ada.me().await;
    assert_eq!(me["displayName"], "ada");
    assert_eq!(me["userId"], ada.user_id.to_string());
    assert_eq!(me["babies"], json!([]));
    assert_eq!(app.anonymous().get("/api/auth/me").await.refusal(), (401, "unauthenticated".into()));
}

#[sqlx::test]
async fn an_address_has_one_account(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let again = json!({"email": " ADA@example.org", "password": PASSWORD, "displayName": "Ada"});
    let answer = app.anonymous().post("/api/auth/sign-up", again).await;
    assert_eq!(answer.refusal(), (409, "email_taken".into()));
    assert_eq!(answer.headers.get(header::SET_COOKIE), None);
    assert_eq!((app.count("users").await, app.count("sessions").await), (1, 1));
}

#[sqlx::test]
async fn a_form_that_cannot_be_right_names_its_field(pool: PgPool) {
    let app = TestApp::new(pool).await;
    for (field, value) in [
        ("email", "ada"),
        ("password", "short"),
        ("password", "password123"),
        ("displayName", " "),
        ("displayName", "a\u{0}b"),
        ("email", "a\u{0}@example.org"),
    ] {
        let mut body = json!({"email": "ada@example.org", "password": PASSWORD, "displayName": "Ada"});
        body[field] = value.into();
        let answer = app.anonymous().post("/api/auth/sign-up", body).await;
        assert_eq!(answer.refusal(), (422, "invalid_payload".into()), "{field}");
        assert_eq!(answer.json()["field"], field);
    }
    assert_eq!(app.count("users").await, 0);
}

#[sqlx::test]
async fn an_unknown_account_and_a_wrong_password_get_the_same_answer(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let sign_in = async |email: &str| {
        let body = json!({"email": email, "password": "not the password"});
        let answer = app.anonymous().post("/api/auth/sign-in", body).await;
        let mut told = answer.json();
        told["requestId"] = json!(null);
        (answer.refusal(), told)
    };
    let wrong = sign_in("ada@example.org").await;
    assert_eq!(wrong.0, (401, "bad_credentials".into()));
    assert_eq!(wrong, sign_in("nobody@example.org").await);
}

#[sqlx::test]
async fn a_sign_in_starts_a_new_session_and_ends_the_old_one(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let before = app.sign_up("ada").await;
    let body = json!({"email": "Ada@Example.org", "password": PASSWORD});
    let answer = before.post("/api/auth/sign-in", body).await;
    let after = super::app::Person { cookie: session_cookie(&answer).unwrap(), ..before.clone() };
    assert_eq!(answer.ok()["userId"], before.user_id.to_string());
    assert_ne!(after.cookie, before.cookie);
    assert_eq!(after.me().await["displayName"], "ada");
    assert_eq!(before.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn a_sign_out_ends_the_session_and_takes_the_cookie(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let answer = ada.post("/api/auth/sign-out", json!({})).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("session=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(ada.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.post("/api/auth/sign-out", json!({})).await.status, StatusCode::OK);
}

#[sqlx::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites(pool: PgPool) {
    let sign_up = json!({"email": "ada@example.org", "password": PASSWORD, "displayName": "Ada"});
    let app = TestApp::new(pool.clone()).await;
    let answer = app.anonymous().post("/api/auth/sign-up", sign_up).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");

    let app =
        TestApp::with(pool.clone(), |config| config.public_url = Some("https://b.example.org".parse().unwrap())).await;
    let sign_in = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = app.anonymous().post("/api/auth/sign-in", sign_in).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-session=") && cookie.contains("Secure"), "{cookie}");
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    let stored: bool = sqlx::query_scalar("select exists (select from sessions where encode(id_hash, 'escape') = $1)")
        .bind(token)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(!stored, "only a hash of the token is kept");
}

#[sqlx::test]
async fn sessions_end_after_ninety_idle_days_and_after_a_year(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let age = async |column: &str, days: i32| {
        let sql = format!("update sessions set {column} = now() - make_interval(days => $1)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(days).execute(&app.pool).await.unwrap();
        ada.get("/api/auth/me").await.status
    };
    assert_eq!(age("last_seen_at", 89).await, StatusCode::OK);
    let stale: bool = sqlx::query_scalar("select last_seen_at < now() - interval '1 hour' from sessions")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(!stale, "using a session keeps it alive");
    assert_eq!(age("last_seen_at", 91).await, StatusCode::UNAUTHORIZED);
    assert_eq!(age("last_seen_at", 0).await, StatusCode::OK);
    assert_eq!(age("created_at", 366).await, StatusCode::UNAUTHORIZED);
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    assert_eq!(app.anonymous().post("/api/auth/sign-in", body).await.status, StatusCode::OK);
    assert_eq!(app.count("sessions").await, 1, "what has run out is swept");
}

/// C46.
#[sqlx::test]
async fn guessing_a_password_gets_slower_and_the_right_one_works_again_after_the_wait(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let sign_in = async |password: &str| {
        let body = json!({"email": "ada@example.org", "password": password});
        app.anonymous().post("/api/auth/sign-in", body).await
    };
    let delay = async || -> f64 {
        let sql = "select extract(epoch from blocked_until - updated_at)::float8 from throttle where scope = 'account'";
        sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
    };
    let put_off = async |hours: i32| {
        let sql = "update throttle set blocked_until = now() + make_interval(hours => $1)";
        sqlx::query(sql).bind(hours).execute(&app.pool).await.unwrap();
    };
    for _ in 0..4 {
        assert_eq!(sign_in("wrong wrong wrong").await.refusal(), (401, "bad_credentials".into()));
    }
    assert_eq!(delay().await, 0.0);
    assert_eq!(sign_in("wrong wrong wrong").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(delay().await, 1.0);

    put_off(1).await;
    let slowed = sign_in(PASSWORD).await;
    assert_eq!(slowed.refusal(), (429, "rate_limited".into()));
    assert_eq!(slowed.json()["retryAfterSecs"].to_string(), slowed.headers[header::RETRY_AFTER].to_str().unwrap());

    put_off(-1).await;
    assert_eq!(sign_in("wrong wrong wrong").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(delay().await, 2.0, "the wait doubles");

    put_off(-1).await;
    assert_eq!(sign_in(PASSWORD).await.status, StatusCode::OK);
    let left: i64 =
        sqlx::query_scalar("select count(*) from throttle where scope = 'account'").fetch_one(&app.pool).await.unwrap();
    assert_eq!(left, 0, "success forgets");
}

#[sqlx::test]
async fn parallel_guesses_are_all_counted(pool: PgPool) {
    let app = TestApp::new(pool).await;
    app.sign_up("ada").await;
    let guess = || async {
        let body = json!({"email": "ada@example.org", "password": "wrong wrong wrong"});
        app.anonymous().post("/api/auth/sign-in", body).await.status
    };
    guess().await;
    // After twenty failures the next one starts a wait of minutes.
    sqlx::query("update throttle set failures = 20 where scope = 'account'").execute(&app.pool).await.unwrap();
    let guesses = tokio::join!(guess(), guess(), guess(), guess(), guess(), guess());
    let all = [guesses.0, guesses.1, guesses.2, guesses.3, guesses.4, guesses.5];
    let judged = all.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(judged, 1, "{all:?}");
}
