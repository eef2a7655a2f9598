//! The demo family comes in by the ordinary doors and leaves a sound history.

use sqlx::PgPool;

use super::app::TestApp;
use crate::{
    domain::{checksum::Checksum, id::EntityId, registry::EntityType},
    server::{demo, inspect::verify},
};

#[sqlx::test]
async fn the_demo_family_is_whole(pool: PgPool) {
    let app = TestApp::new(pool).await;
    demo::fill(&app.app, "2026-11-20T18:00:00Z".parse().unwrap(), 90).await.unwrap();
    assert_eq!((app.count("users").await, app.count("baby").await, app.count("baby_access").await), (3, 2, 6));
    let days: i64 =
        sqlx::query_scalar("select count(distinct started_at::date) from entity where started_at is not null")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert!((90..=92).contains(&days), "{days}");
    for table in ["feed_log", "sleep_log", "nappy_log"] {
        assert!(app.count(table).await > 90 * 2 * 3, "{table}");
    }
    // Whoever registers a type shows how it is used; the one for tests is used by none.
    for entity_type in EntityType::all().filter(|known| known.name() != "dummy_log") {
        assert!(app.count(entity_type.name()).await >= 2, "{entity_type}");
    }
    let used: i64 = sqlx::query_scalar("select count(*) from milk_bag where used_by is not null")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(used > 5, "{used} bags of milk found their feed");
    assert_eq!(verify(&app.pool, None).await.unwrap().findings, []);
    let late: i64 = sqlx::query_scalar("select count(*) from entity where started_at > '2026-11-20T18:00:00Z'")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(late, 0);

    let heads: Vec<(uuid::Uuid, i64, i64)> =
        sqlx::query_as("select baby_id, checksum, live_rows from sync_head").fetch_all(&app.pool).await.unwrap();
    for (baby, checksum, live_rows) in heads {
        let rows: Vec<(uuid::Uuid, i64)> = sqlx::query_as("select id, row_version from entity where baby_id = $1")
            .bind(baby)
            .fetch_all(&app.pool)
            .await
            .unwrap();
        let mut sum = Checksum::default();
        for (id, version) in &rows {
            sum.add(EntityId(*id), version.unsigned_abs());
        }
        assert_eq!((sum.0.cast_signed(), rows.len() as i64), (checksum, live_rows));
    }
}
