//! The claims that the simulator's server keeps, over HTTP and on Postgres.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp};
use crate::{
    domain::id::{BabyId, ClientId, UserId},
    server::{
        admin,
        compact::{Retention, compact},
    },
    sync::{
        conformance::far_end::{Host, every_claim},
        ports::{AccessList, ErrorCode, Transport, TransportError},
        protocol::{
            Lease, LeaseKind, PullResponse, PushRequest, PushResponse, SnapshotResponse, SyncRequest, SyncResponse,
        },
        status::{BabyAccess, CaregiverName, Level},
    },
};

/// What a disk holds of babies.
const TABLES: [&str; 7] =
    ["sync_head", "sync_events", "sync_mutation", "sync_client", "entity", "baby_access", "user_baby"];

/// The body of a success, or the refusal as a device understands it.
fn read<R: DeserializeOwned>(answer: Answer) -> Result<R, TransportError> {
    if answer.status == 200 {
        return Ok(serde_json::from_str(&answer.text).unwrap());
    }
    let (status, code) = answer.refusal();
    let code = match code.as_str() {
        "malformed" => ErrorCode::Malformed,
        "access_revoked" => ErrorCode::AccessRevoked,
        "unknown_baby" => ErrorCode::UnknownBaby,
        "forbidden" => ErrorCode::Other,
        "read_only" => ErrorCode::ReadOnly,
        "epoch_changed" => ErrorCode::EpochChanged,
        "cursor_expired" => ErrorCode::CursorExpired,
        "batch_too_large" => ErrorCode::BatchTooLarge,
        other => panic!("{status} {other}"),
    };
    Err(TransportError::Refused { status, code, retry_after_ms: None })
}

/// A request as the wire carries it.
fn written(request: impl Serialize) -> serde_json::Value {
    serde_json::to_value(request).unwrap()
}

impl Transport for Person<'_> {
    async fn push(&self, request: PushRequest) -> Result<PushResponse, TransportError> {
        read(self.post("/api/sync/push", written(request)).await)
    }

    async fn pull(&self, baby: BabyId, since: u64, limit: u32) -> Result<PullResponse, TransportError> {
        read(self.get(&format!("/api/sync/pull?babyId={baby}&since={since}&limit={limit}")).await)
    }

    async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, TransportError> {
        read(self.post("/api/sync/v2", written(request)).await)
    }

    async fn hand_in(
        &self,
        baby: BabyId,
        client: ClientId,
        mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError> {
        let body = json!({"babyId": baby, "clientId": client, "mutations": mutations});
        read(self.post("/api/sync/tray", body).await)
    }

    async fn snapshot(
        &self,
        baby: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError> {
        let after = after.map(|after| format!("&after={}", after.replace(' ', "%20"))).unwrap_or_default();
        read(self.get(&format!("/api/sync/snapshot?babyId={baby}&limit={limit}{after}")).await)
    }

    async fn lease(&self, kind: LeaseKind, baby: BabyId) -> Result<Lease, TransportError> {
        read(self.post("/api/sync/lease", json!({"kind": kind, "babyId": baby})).await)
    }

    async fn access(&self) -> Result<AccessList, TransportError> {
        let me = self.me().await;
        let babies: Vec<BabyAccess> = serde_json::from_value(me["babies"].clone()).unwrap();
        let mut caregivers = Vec::new();
        for BabyAccess { baby_id, .. } in &babies {
            let list = self.get(&format!("/api/babies/caregivers/list?babyId={baby_id}")).await.ok();
            caregivers.extend(list.as_array().unwrap().iter().map(|one| CaregiverName {
                baby_id: *baby_id,
                user_id: one["userId"].as_str().unwrap().parse().unwrap(),
                display_name: one["displayName"].as_str().unwrap().to_owned(),
            }));
        }
        Ok(AccessList { user_id: UserId(self.user_id), babies, caregivers, asked: me["asked"] == true })
    }
}

impl<'a> Host for &'a TestApp {
    type Door = Person<'a>;

    async fn person(&self) -> Person<'a> {
        self.sign_up(&format!("p{}", Uuid::now_v7().simple())).await
    }

    async fn set_level(&self, baby: BabyId, user: UserId, level: Option<Level>) {
        for table in ["baby_access", "user_baby"] {
            let sql = sqlx::AssertSqlSafe(format!("delete from {table} where baby_id = $1 and user_id = $2"));
            sqlx::query(sql).bind(baby.0).bind(user.0).execute(&self.pool).await.unwrap();
        }
        let Some(level) = level else { return };
        let mut conn = self.pool.acquire().await.unwrap();
        crate::server::access::grant(&mut conn, user, baby, level, None, None).await.unwrap();
    }

    async fn was_guest(&self, baby: BabyId, user: UserId) {
        let mut conn = self.pool.acquire().await.unwrap();
        crate::server::access::grant(&mut conn, user, baby, Level::Editor, None, Some(1)).await.unwrap();
        assert!(crate::server::guests::end(&mut conn, baby, user).await.unwrap());
    }

    async fn compact(&self, _: BabyId) {
        let at_once = Retention { superseded: Duration::ZERO, tombstones: Duration::ZERO, ..Retention::default() };
        compact(&self.pool, &at_once).await.unwrap().expect("nobody else is at it");
    }

    async fn back_up(&self) {
        back_up(&self.pool).await;
    }

    async fn restore(&self) {
        restore_rows(&self.pool).await;
        admin::restored(&self.pool).await.unwrap();
    }
}

pub(super) async fn back_up(pool: &PgPool) {
    for table in TABLES {
        let sql = sqlx::AssertSqlSafe(format!("create table kept_{table} as table {table}"));
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}

/// As the database's own tools do it.
pub(super) async fn restore_rows(pool: &PgPool) {
    let mut tx = pool.begin().await.unwrap();
    for table in TABLES {
        for sql in [format!("delete from {table}"), format!("insert into {table} select * from kept_{table}")] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

/// C05, C07, C14, C27.
#[sqlx::test]
async fn the_real_server_keeps_every_claim(pool: PgPool) {
    let app = TestApp::new(pool).await;
    every_claim(&&app).await;
}
