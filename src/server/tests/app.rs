//! A server for one test, and people who use it.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    api::SignUpRule,
    server::{App, config::ServeConfig, db, router::router},
};

pub(super) const PASSWORD: &str = "a quiet night";

pub(super) struct TestApp {
    pub(super) pool: PgPool,
    pub(super) app: App,
    router: Router,
}

impl Drop for TestApp {
    /// Ends what runs beside the requests, so that the database can be dropped.
    fn drop(&mut self) {
        self.app.drain();
    }
}

/// One answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The body of a success.
    pub(super) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }

    /// Status and code of a refusal, whose body must have the one form.
    pub(super) fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["message"].is_string() && body.get("field").is_some(), "{self:?}");
        assert!(body.get("requestId").is_some(), "{self:?}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json", "{self:?}");
        (self.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl TestApp {
    pub(super) async fn new(pool: PgPool) -> Self {
        Self::with(pool, |_| {}).await
    }

    pub(super) async fn with(pool: PgPool, change: impl FnOnce(&mut ServeConfig)) -> Self {
        db::create_views(&mut pool.acquire().await.unwrap()).await.unwrap();
        let mut config = Self::config();
        change(&mut config);
        let app = App::new(pool.clone(), config);
        Self { pool, router: router(app.clone()), app }
    }

    pub(super) fn config() -> ServeConfig {
        ServeConfig {
            listen_addr: "127.0.0.1:0".parse().unwrap(),
            site_dir: std::env::temp_dir().join("cradlelog-no-site"),
            public_url: None,
            sign_up: SignUpRule::Open,
            client_ip_header: None,
            bulk_leases: 16,
            // Tests are in a hurry; what the rate does is shown by those of `rates`.
            account_rate: 1_000_000,
            connections: 64,
            silence_secs: 60,
            hint_check_secs: 3,
            compact_every_secs: 0,
            metrics_addr: None,
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.stream(request).await.into_parts();
        // A stream has no end to wait for.
        let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = if endless { Body::empty() } else { body };
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).expect("answers are text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The answer with its body yet to be read.
    pub(super) async fn stream(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Nobody in particular: no cookie.
    pub(super) fn anonymous(&self) -> Person<'_> {
        Person { app: self, cookie: String::new(), user_id: Uuid::nil() }
    }

    /// A new account `NAME@example.org`, signed in.
    pub(super) async fn sign_up(&self, name: &str) -> Person<'_> {
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD, "displayName": name});
        let answer = self.anonymous().post("/api/auth/sign-up", body).await;
        let cookie = session_cookie(&answer).expect("signing up starts a session");
        let user_id = answer.ok()["userId"].as_str().unwrap().parse().unwrap();
        Person { app: self, cookie, user_id }
    }

    pub(super) async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

/// `name=value` of the cookie that an answer sets.
pub(super) fn session_cookie(answer: &Answer) -> Option<String> {
    let set = answer.headers.get(header::SET_COOKIE)?.to_str().unwrap();
    set.split(';').next().map(str::to_owned)
}

/// Someone with a browser.
#[derive(Clone)]
pub(super) struct Person<'a> {
    pub(super) app: &'a TestApp,
    pub(super) cookie: String,
    pub(super) user_id: Uuid,
}

impl Person<'_> {
    pub(super) fn request(&self, method: Method, uri: &str) -> http::request::Builder {
        let builder = Request::builder().method(method).uri(uri);
        if self.cookie.is_empty() { builder } else { builder.header(header::COOKIE, &self.cookie) }
    }

    pub(super) async fn get(&self, uri: &str) -> Answer {
        self.app.send(self.request(Method::GET, uri).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.post_raw(uri, body.to_string()).await
    }

    pub(super) async fn post_raw(&self, uri: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(Method::POST, uri).header(header::CONTENT_TYPE, "application/json");
        self.app.send(request.body(body.into()).unwrap()).await
    }

    pub(super) async fn me(&self) -> Value {
        self.get("/api/auth/me").await.ok()
    }

    /// A fresh invitation's code.
    pub(super) async fn invite(&self, baby: Uuid, level: &str) -> String {
        let body = json!({"babyId": baby, "level": level, "kind": "code"});
        let invite = self.post("/api/babies/invites/create", body).await.ok();
        invite["code"].as_str().unwrap().to_owned()
    }

    pub(super) async fn accept(&self, code: &str) -> Answer {
        self.post("/api/babies/invites/accept", json!({"code": code})).await
    }
}

/// Syncing, as a simple client does it.
impl Person<'_> {
    /// A new baby, made by its first mutation.
    pub(super) async fn baby(&self, name: &str) -> Uuid {
        let baby = Uuid::now_v7();
        let answer = self.push(baby, vec![create(baby, "baby", json!({"name": name}))]).await.ok();
        assert_eq!(statuses(&answer), ["applied"], "{answer}");
        baby
    }

    pub(super) async fn push(&self, baby: Uuid, mutations: Vec<Value>) -> Answer {
        let body = json!({"babyId": baby, "clientId": self.client_id(), "mutations": mutations});
        self.post("/api/sync/push", body).await
    }

    /// Pushes one mutation and returns its verdict.
    pub(super) async fn push_one(&self, baby: Uuid, mutation: Value) -> Value {
        self.push(baby, vec![mutation]).await.ok()["results"][0].clone()
    }

    /// Pushes a create and returns the new id.
    pub(super) async fn log(&self, baby: Uuid, entity_type: &str, payload: Value) -> Uuid {
        let id = Uuid::now_v7();
        let verdict = self.push_one(baby, create(id, entity_type, payload)).await;
        assert_eq!(verdict["status"], "applied", "{verdict}");
        id
    }

    pub(super) async fn pull(&self, baby: Uuid, since: u64) -> Answer {
        self.get(&format!("/api/sync/pull?babyId={baby}&since={since}")).await
    }

    /// Everything since the beginning, in one page.
    pub(super) async fn all(&self, baby: Uuid) -> Vec<Value> {
        let body = self.get(&format!("/api/sync/pull?babyId={baby}&limit=500")).await.ok();
        assert_eq!(body["hasMore"], false);
        body["changes"].as_array().unwrap().clone()
    }

    /// One store per person: derived from the account, so that it stays the same.
    pub(super) fn client_id(&self) -> Uuid {
        Uuid::from_u128(self.user_id.as_u128() ^ 1)
    }

    /// Joins `baby` by a code of `owner`.
    pub(super) async fn join(&self, owner: &Person<'_>, baby: Uuid, level: &str) {
        let code = owner.invite(baby, level).await;
        self.accept(&code).await.ok();
    }
}

/// Coming for some hours.
impl Person<'_> {
    /// Joins `baby` by a code of `owner` that is for so many hours.
    pub(super) async fn visit(&self, owner: &Person<'_>, baby: Uuid, hours: u8) {
        let body = json!({"babyId": baby, "level": "editor", "kind": "code", "hours": hours});
        let invite = owner.post("/api/babies/invites/create", body).await.ok();
        self.accept(invite["code"].as_str().unwrap()).await.ok();
    }

    /// The end of this guest's time has come, a moment ago.
    pub(super) async fn time_is_over(&self, baby: Uuid) {
        self.ended(baby, "1 second").await;
    }

    /// This guest came a day before, and their time ended so long ago.
    pub(super) async fn ended(&self, baby: Uuid, ago: &str) {
        let moved = sqlx::query(
            "update baby_access
             set granted_at = now() - $3::interval - interval '1 day', until = now() - $3::interval
             where baby_id = $1 and user_id = $2 and until is not null",
        )
        .bind(baby)
        .bind(self.user_id)
        .bind(ago)
        .execute(&self.app.pool)
        .await
        .unwrap();
        assert_eq!(moved.rows_affected(), 1, "a guest");
    }

    /// Offers mutations to the tray.
    pub(super) async fn hand_in(&self, baby: Uuid, mutations: Vec<Value>) -> Answer {
        let body = json!({"babyId": baby, "clientId": self.client_id(), "mutations": mutations});
        self.post("/api/sync/tray", body).await
    }
}

pub(super) fn mutation(op: &str, entity_id: Uuid, entity_type: &str, payload: Value) -> Value {
    json!({"mutationId": Uuid::now_v7(), "op": op, "entityId": entity_id, "entityType": entity_type, "payload": payload})
}

pub(super) fn create(entity_id: Uuid, entity_type: &str, payload: Value) -> Value {
    mutation("create", entity_id, entity_type, payload)
}

pub(super) fn update(entity_id: Uuid, entity_type: &str, payload: Value) -> Value {
    mutation("update", entity_id, entity_type, payload)
}

pub(super) fn delete(entity_id: Uuid, entity_type: &str) -> Value {
    mutation("delete", entity_id, entity_type, Value::Null)
}

/// `mutation` with one more key.
pub(super) fn with(mut mutation: Value, key: &str, value: impl Into<Value>) -> Value {
    mutation[key] = value.into();
    mutation
}

pub(super) fn bottle(ml: i64) -> Value {
    json!({"method": "bottle", "content": "formula", "amountMl": ml, "startedAt": "2026-11-20T02:10:00.000Z"})
}

pub(super) fn statuses(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

pub(super) fn ids(changes: &[Value]) -> Vec<u64> {
    changes.iter().map(|change| change["id"].as_u64().unwrap()).collect()
}
