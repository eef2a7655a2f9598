//! What surrounds every call: headers, limits, origin, methods, health.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use sqlx::PgPool;

use super::app::TestApp;
use crate::sync::protocol::MAX_BODY_BYTES;

/// What is shown or run in a browser; an answer of JSON is neither.
const ON_PAGES: [&str; 6] = [
    "content-security-policy",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

/// A directory with a built app in it.
fn site() -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("cradlelog-site-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(dir.join("pkg")).unwrap();
    std::fs::write(dir.join("index.html"), "<!doctype html><title>shell</title>").unwrap();
    std::fs::write(dir.join("sw.js"), "// worker").unwrap();
    std::fs::write(dir.join("pkg/app.0123.js"), "// app").unwrap();
    dir
}

#[sqlx::test]
async fn every_response_carries_the_security_headers(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.site_dir = site()).await;
    for uri in ["/", "/timeline", "/pkg/app.0123.js", "/pkg/gone.js", "/healthz", "/api/auth/me", "/api/none"] {
        let answer = app.anonymous().get(uri).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{uri}");
        assert_eq!(answer.headers.get(header::STRICT_TRANSPORT_SECURITY), None, "{uri}");
        assert_eq!(answer.headers.contains_key("x-request-id"), !answer.status.is_success(), "{uri}");
        if uri.starts_with("/api") {
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{uri}");
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{uri}");
            assert_eq!(answer.headers["sync-protocol"], "1", "{uri}");
        } else {
            for name in ON_PAGES {
                assert!(answer.headers.contains_key(name), "{uri} has no {name}");
            }
        }
    }
    let csp = app.anonymous().get("/").await.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(csp.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{csp}");
    assert!(!csp.contains("unsafe-inline") && !csp.contains("  "), "{csp}");
    let allowed = app.anonymous().get("/join").await.headers["permissions-policy"].to_str().unwrap().to_owned();
    assert!(allowed.starts_with("camera=(self), geolocation=(), microphone=(), "), "{allowed}");
}

#[sqlx::test]
async fn tls_is_kept_once_it_is_used(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.public_url = Some("https://b.example.org".parse().unwrap())).await;
    for uri in ["/healthz", "/api/auth/me"] {
        let answer = app.anonymous().get(uri).await;
        assert!(answer.headers[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().starts_with("max-age=63072000"));
    }
}

/// A device asks every few seconds on a phone's connection: what it is told each time is short.
#[sqlx::test]
async fn the_answer_to_an_idle_poll_is_short(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let answer = ada.get(&format!("/api/sync/pull?babyId={baby}&since=1")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len() + 4;
    let bytes = answer.headers.iter().map(line).sum::<usize>() + answer.text.len();
    // The status line, the date and the empty line, which come with the connection, are 56 more.
    assert!(bytes + 56 <= 400, "{bytes} bytes: {answer:?}");
}

/// C48: a large page is compressed for whoever can read it, and for nobody else; an idle poll is not worth it.
#[sqlx::test]
async fn c48_a_large_page_is_compressed(pool: PgPool) {
    use super::app::{bottle, create};
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let batch = (0..50).map(|ml| create(uuid::Uuid::now_v7(), "feed_log", bottle(ml))).collect();
    ada.push(baby, batch).await.ok();
    let plain = ada.pull(baby, 0).await;
    assert_eq!(plain.headers.get(header::CONTENT_ENCODING), None);
    let asked = async |since: u64| {
        let uri = format!("/api/sync/pull?babyId={baby}&since={since}");
        let request = ada.request(Method::GET, &uri).header(header::ACCEPT_ENCODING, "br");
        app.stream(request.body(Body::empty()).unwrap()).await
    };
    let packed = asked(0).await;
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "br");
    let bytes = axum::body::to_bytes(packed.into_body(), usize::MAX).await.unwrap();
    assert!(bytes.len() * 4 < plain.text.len(), "{} of {} bytes", bytes.len(), plain.text.len());
    assert_eq!(asked(51).await.headers().get(header::CONTENT_ENCODING), None);
}

#[sqlx::test]
async fn every_route_of_the_app_gets_the_shell_and_a_missing_asset_does_not(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.site_dir = site()).await;
    for uri in ["/", "/timeline", "/baby/7/settings", "/index.html"] {
        let answer = app.anonymous().get(uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}");
        assert!(answer.text.contains("shell"), "{uri}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache", "{uri}");
    }
    let worker = app.anonymous().get("/sw.js").await;
    assert_eq!(
        (worker.text.as_str(), &worker.headers[header::CACHE_CONTROL]),
        ("// worker", &"no-cache".parse().unwrap())
    );
    let asset = app.anonymous().get("/pkg/app.0123.js").await;
    assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let gone = app.anonymous().get("/pkg/app.9999.js").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(!gone.text.contains("shell"));
    assert_eq!(app.anonymous().get("/pkg/../../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[sqlx::test]
async fn what_is_not_a_call_is_refused_as_json(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let someone = app.anonymous();
    assert_eq!(someone.get("/api/none").await.refusal(), (404, "not_found".into()));
    assert_eq!(someone.get("/api").await.refusal(), (404, "not_found".into()));
    assert_eq!(someone.post("/api/auth/sign_in", json!({})).await.refusal(), (404, "not_found".into()));
    assert_eq!(someone.get("/api/auth/sign-in").await.refusal(), (405, "method_not_allowed".into()));
    assert_eq!(someone.post("/api/auth/me", json!({})).await.refusal(), (405, "method_not_allowed".into()));
    let put = someone.request(Method::PUT, "/api/auth/sign-in").body(Body::empty()).unwrap();
    assert_eq!(app.send(put).await.refusal(), (405, "method_not_allowed".into()));
}

#[sqlx::test]
async fn a_body_must_be_json_by_its_type_and_by_itself(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let typed = async |kind: Option<&str>, body: &'static str| {
        let mut request = Request::post("/api/auth/sign-in");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        app.send(request.body(Body::from(body)).unwrap()).await.refusal()
    };
    let good = r#"{"email":"a@b","password":"x"}"#;
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
        assert_eq!(typed(kind, good).await, (415, "unsupported_media_type".into()), "{kind:?}");
    }
    assert_eq!(typed(Some("application/json; charset=utf-8"), good).await, (401, "bad_credentials".into()));
    for body in ["", "{", "[]", "null", "7", r#"{"email":7,"password":"x"}"#, r#"{"email":"a@b"}"#, "\u{0}"] {
        assert_eq!(typed(Some("application/json"), body).await, (400, "malformed".into()), "{body}");
    }
}

#[sqlx::test]
async fn a_body_too_large_is_refused_whether_it_says_so_or_not(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let big = vec![b' '; MAX_BODY_BYTES + 1];
    let said = app.anonymous().post_raw("/api/auth/sign-in", big.clone()).await;
    assert_eq!(said.refusal(), (413, "batch_too_large".into()));
    let chunks = big.chunks(8_192).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let streamed = Body::from_stream(futures::stream::iter(chunks));
    let unsaid = app.anonymous().post_raw("/api/auth/sign-in", streamed).await;
    assert_eq!(unsaid.refusal(), (413, "batch_too_large".into()));
    let lied = Request::post("/api/auth/sign-in")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, "999999999")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(app.send(lied).await.refusal(), (413, "batch_too_large".into()));
}

/// C19.
/// An app of last year is told to update, one of next year to wait for us.
#[sqlx::test]
async fn only_the_protocol_we_speak_is_served(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let speaking = async |version: &str| {
        let request = Request::get("/api/auth/me").header("sync-protocol", version);
        app.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(speaking("1").await.refusal(), (401, "unauthenticated".into()));
    for version in ["0", "-1", "latest", ""] {
        let answer = speaking(version).await;
        assert_eq!(answer.refusal(), (426, "client_too_old".into()), "{version}");
        assert_eq!(answer.headers["sync-protocol"], "1");
    }
    for version in ["2", "4000000000"] {
        let answer = speaking(version).await;
        assert_eq!(answer.refusal(), (503, "server_behind".into()), "{version}");
        assert_eq!(answer.headers[header::RETRY_AFTER], "60");
    }
}

/// A browser's app cannot set the header on every kind of call.
#[sqlx::test]
async fn the_protocol_may_stand_in_the_query_or_in_the_body(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let pull = async |version: &str| {
        ada.get(&format!("/api/sync/pull?babyId={baby}&protocol={version}")).await.status.as_u16()
    };
    assert_eq!((pull("1").await, pull("0").await, pull("2").await), (200, 426, 503));
    let push = async |version: serde_json::Value| {
        let body = json!({"babyId": baby, "clientId": baby, "mutations": [], "protocol": version});
        ada.post("/api/sync/push", body).await.status.as_u16()
    };
    assert_eq!((push(json!(1)).await, push(json!(null)).await), (200, 200));
    assert_eq!((push(json!(0)).await, push(json!("x")).await, push(json!(2)).await), (426, 426, 503));
    // What stands inside a mutation is not the request's.
    let feed = json!({"mutationId": baby, "payload": {"protocol": 9}});
    let body = json!({"babyId": baby, "clientId": baby, "mutations": [feed]});
    assert_eq!(ada.post("/api/sync/push", body).await.status, 200);
}

#[sqlx::test]
async fn a_request_from_another_site_is_refused_and_one_without_a_browser_is_not(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.public_url = Some("https://b.example.org".parse().unwrap())).await;
    let from = async |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/auth/sign-in")
            .header(header::HOST, "127.0.0.1:3000")
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Body::from(r#"{"email":"a@b","password":"x"}"#);
        app.send(request.body(body).unwrap()).await.refusal()
    };
    let through = (401, "bad_credentials".to_owned());
    let refused = (403, "cross_origin".to_owned());
    assert_eq!(from(&[]).await, through);
    assert_eq!(from(&[("origin", "https://b.example.org")]).await, through);
    assert_eq!(from(&[("origin", "https://b.example.org"), ("sec-fetch-site", "same-origin")]).await, through);
    assert_eq!(from(&[("origin", "https://evil.example")]).await, refused);
    assert_eq!(from(&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]).await, refused);
    assert_eq!(from(&[("origin", "null")]).await, refused);
    assert_eq!(from(&[("sec-fetch-site", "same-site")]).await, refused);
}

/// Every call that is a POST asks where it comes from, the newest one included.
#[sqlx::test]
async fn no_post_from_another_site_passes(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let mut posts = 0;
    for (path, method) in server_fn::axum::server_fn_paths() {
        if method != Method::POST {
            continue;
        }
        let request = Request::post(path)
            .header(header::COOKIE, &ada.cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, "https://evil.example")
            .header("sec-fetch-site", "cross-site");
        let refusal = app.send(request.body(Body::from("{}")).unwrap()).await.refusal();
        assert_eq!(refusal, (403, "cross_origin".to_owned()), "{path}");
        posts += 1;
    }
    assert!(posts > 5, "the calls are registered");
}

#[sqlx::test]
async fn a_form_post_is_not_redirected_anywhere(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let request = Request::post("/api/auth/sign-out")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, "https://evil.example/")
        .body(Body::from("{}"))
        .unwrap();
    let answer = app.send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers.get(header::LOCATION), None);
}

/// C49.
#[sqlx::test]
async fn health_says_alive_and_ready(pool: PgPool) {
    let app = TestApp::new(pool).await;
    assert_eq!(app.anonymous().get("/healthz").await.status, StatusCode::OK);
    assert_eq!(app.anonymous().get("/readyz").await.text, "ready\n");
    sqlx::query("delete from _sqlx_migrations where version = 1").execute(&app.pool).await.unwrap();
    assert_eq!(app.anonymous().get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    app.app.drain();
    assert_eq!(app.anonymous().get("/readyz").await.text, "draining\n");
    app.pool.close().await;
    assert_eq!(app.anonymous().get("/healthz").await.status, StatusCode::OK, "alive does not need the database");
    assert_eq!(app.anonymous().get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn a_database_out_of_reach_is_answered_with_wait(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    app.pool.close().await;
    let answer = ada.get("/api/auth/me").await;
    assert_eq!(answer.refusal(), (503, "overloaded".into()));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
}

/// C46.
/// Everyone waits a moment for a connection, then is told when to come back.
#[sqlx::test]
async fn when_all_connections_are_taken_the_answer_is_wait(pool: PgPool) {
    let options = (*pool.connect_options()).clone();
    let narrow = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(std::time::Duration::from_millis(50))
        .connect_with(options)
        .await
        .unwrap();
    let app = TestApp::new(narrow.clone()).await;
    let ada = app.sign_up("ada").await;
    let taken = narrow.acquire().await.unwrap();
    let answer = ada.get("/api/auth/me").await;
    assert_eq!(answer.refusal(), (503, "overloaded".into()));
    assert_eq!(answer.headers[header::RETRY_AFTER], answer.json()["retryAfterSecs"].to_string());
    drop(taken);
}

/// A stuck transaction does not take the others with it: they give up, change nothing, and work
/// later.
#[sqlx::test]
async fn a_push_behind_a_stuck_lock_gives_up_cleanly(pool: PgPool) {
    use super::app::{bottle, create};
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let database: String = sqlx::query_scalar("select current_database()").fetch_one(&app.pool).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("alter database \"{database}\" set lock_timeout = '20ms'"));
    sqlx::query(sql).execute(&app.pool).await.unwrap();
    let fresh = sqlx::PgPool::connect_with((*app.pool.connect_options()).clone()).await.unwrap();
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::query("select * from sync_head for update").fetch_all(&mut *stuck).await.unwrap();

    let impatient = TestApp::new(fresh).await;
    let ada_again = super::app::Person { app: &impatient, ..ada.clone() };
    let feed = create(uuid::Uuid::now_v7(), "feed_log", bottle(90));
    assert_eq!(ada_again.push(baby, vec![feed.clone()]).await.refusal(), (503, "overloaded".into()));
    stuck.rollback().await.unwrap();
    assert_eq!(ada_again.push_one(baby, feed).await["status"], "applied");
    assert_eq!(app.count("sync_events").await, 2);
}

/// Postgres was restarted: every connection that waits in a lane or in the pool is dead, and neither
/// the next pull nor the next push fails for it.
#[sqlx::test]
async fn a_restart_of_postgres_costs_no_pull_and_no_push(pool: PgPool) {
    use super::app::{bottle, create};
    use sqlx::Connection;
    let options = (*pool.connect_options()).clone();
    let app = TestApp::new(sqlx::PgPool::connect_with(options.clone()).await.unwrap()).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mut admin = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let mut restart = async || {
        // Several lanes are kept at once.
        tokio::join!(ada.pull(baby, 0), ada.pull(baby, 0), ada.pull(baby, 0), ada.me());
        let end = "select pg_terminate_backend(pid, 5000)
            from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()";
        let ended = sqlx::query(end).execute(&mut admin).await.unwrap().rows_affected();
        assert!(ended >= 2, "{ended}");
    };
    restart().await;
    assert_eq!(ada.pull(baby, 0).await.status, StatusCode::OK);
    restart().await;
    let feed = create(uuid::Uuid::now_v7(), "feed_log", bottle(90));
    assert_eq!(ada.push_one(baby, feed.clone()).await["status"], "applied");
    assert_eq!(ada.push_one(baby, feed).await["status"], "duplicate");
    restart().await;
    assert_eq!(ada.pull(baby, 1).await.ok()["head"], 2);
}

/// Whatever the answer is, a browser learns from it what it may do with it: found, not found, not changed,
/// not allowed, too much, our fault.
#[sqlx::test]
async fn every_kind_of_answer_carries_the_headers_of_its_kind(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.site_dir = site()).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let shell = app.anonymous().get("/").await;
    let request = |method: &str, uri: &str| ada.request(method.parse().unwrap(), uri);
    let json = |method: &str, uri: &str| request(method, uri).header(header::CONTENT_TYPE, "application/json");
    let empty = || Body::empty();
    let gone = "alter table entity rename to entity_gone";
    let since = &shell.headers[header::LAST_MODIFIED];
    let cases = [
        (200, request("GET", "/timeline").body(empty())),
        (200, request("HEAD", "/").body(empty())),
        (304, request("GET", "/").header(header::IF_MODIFIED_SINCE, since).body(empty())),
        (405, request("POST", "/").body(empty())),
        (405, request("POST", "/timeline").body(empty())),
        (405, request("DELETE", "/healthz").body(empty())),
        (404, request("GET", "/pkg/none.js").body(empty())),
        (405, request("PUT", "/pkg/app.0123.js").body(empty())),
        (200, request("GET", "/api/account/sessions").body(empty())),
        (404, request("GET", "/api/none").body(empty())),
        (405, request("OPTIONS", "/api/sync/push").body(empty())),
        (405, json("DELETE", "/api/sync/push").body(empty())),
        (415, request("POST", "/api/sync/push").body(Body::from("{}"))),
        (400, json("POST", "/api/sync/push").body(Body::from("{"))),
        (413, json("POST", "/api/sync/push").body(Body::from(vec![b' '; MAX_BODY_BYTES + 1]))),
        (426, request("GET", "/api/auth/me").header("sync-protocol", "0").body(empty())),
        (403, json("POST", "/api/sync/push").header(header::ORIGIN, "https://evil.example").body(Body::from("{}"))),
        (500, request("GET", &format!("/api/sync/snapshot?babyId={baby}")).body(empty())),
    ];
    sqlx::query(gone).execute(&app.pool).await.unwrap();
    for (status, request) in cases {
        let request = request.unwrap();
        let what = format!("{} {}", request.method(), request.uri());
        let is_call = request.uri().path().starts_with("/api");
        let answer = app.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{what}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{what}");
        assert_eq!(answer.headers.get(header::SERVER), None, "{what}");
        if is_call {
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{what}");
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{what}");
            assert_eq!(answer.headers.get("access-control-allow-origin"), None, "{what}");
        } else {
            for name in ON_PAGES {
                assert!(answer.headers.contains_key(name), "{what} has no {name}");
            }
        }
    }
    app.app.rates().exhaust(crate::domain::id::UserId(ada.user_id));
    let waiting = ada.get("/api/auth/me").await;
    assert_eq!((waiting.status.as_u16(), &waiting.headers[header::CACHE_CONTROL]), (429, &"no-store".parse().unwrap()));
}
