//! Admission for bulk work, as devices meet it.

use http::header;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp};

impl Person<'_> {
    async fn lease(&self, baby: Uuid, kind: &str) -> Answer {
        self.post("/api/sync/lease", json!({"kind": kind, "babyId": baby})).await
    }
}

/// B60: who finds no place is told to wait, and gets one when another is done.
#[sqlx::test]
async fn b60_bulk_work_waits_for_a_place(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.bulk_leases = 1).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let (mia, leo) = (ada.baby("Mia").await, eve.baby("Leo").await);
    let held = ada.lease(mia, "bootstrap").await.ok();
    assert_eq!(ada.lease(mia, "bootstrap").await.ok()["leaseId"], held["leaseId"]);
    let waits = eve.lease(leo, "bootstrap").await;
    assert_eq!(waits.refusal(), (503, "overloaded".into()));
    let secs: u64 = waits.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&secs), "{secs}");
    let page = ada.snapshot_page(mia, None, 100).await;
    assert_eq!(page["hasMore"], false);
    eve.lease(leo, "bootstrap").await.ok();
}

/// C46.
#[sqlx::test]
async fn one_persons_devices_do_not_take_every_place(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    for name in ["Mia", "Leo"] {
        let baby = ada.baby(name).await;
        ada.lease(baby, "import").await.ok();
    }
    let third = ada.baby("Ida").await;
    assert_eq!(ada.lease(third, "import").await.refusal(), (429, "rate_limited".into()));
    assert_eq!(ada.lease(third, "party").await.refusal(), (400, "malformed".into()));
}
