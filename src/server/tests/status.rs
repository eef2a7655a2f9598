//! Where a baby's history stands.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle};

/// C37: the volume of each day; and the same head, checksum and count as a pull tells.
#[sqlx::test]
async fn c37_status_tells_head_floor_and_the_volume_of_each_day(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for ml in 0..4 {
        ada.log(baby, "feed_log", bottle(ml)).await;
    }
    let days = "update sync_events set created_at = timestamptz '2026-11-01 23:59Z' + interval '2 min' * (id / 3)";
    sqlx::query(days).execute(&app.pool).await.unwrap();
    sqlx::query("update sync_head set floor = 1").execute(&app.pool).await.unwrap();
    let status = async |more: String| ada.get(&format!("/api/sync/status?babyId={baby}{more}")).await.ok();
    let told = status(String::new()).await;
    let pulled = ada.pull(baby, 5).await.ok();
    for key in ["head", "epoch", "checksum", "liveRows"] {
        assert_eq!(told[key], pulled[key], "{key}");
    }
    let volume = json!([{"day": "2026-11-01", "events": 2}, {"day": "2026-11-02", "events": 3}]);
    assert_eq!((&told["floor"], &told["eventsPerDay"]), (&json!(1), &volume));
    assert_eq!(told["lastSeenAt"], json!(null));
    assert!(status(format!("&clientId={}", ada.client_id())).await["lastSeenAt"].is_string());
    assert_eq!(status(format!("&clientId={}", Uuid::now_v7())).await["lastSeenAt"], json!(null));
}
