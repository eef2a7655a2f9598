//! Raising, lowering, removing, leaving: and there is always an owner.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp};

async fn set_level(by: &Person<'_>, baby: Uuid, whom: &Person<'_>, level: &str) -> Answer {
    let body = json!({"babyId": baby, "userId": whom.user_id, "level": level});
    by.post("/api/babies/caregivers/set-level", body).await
}

async fn remove(by: &Person<'_>, baby: Uuid, whom: &Person<'_>) -> Answer {
    by.post("/api/babies/caregivers/remove", json!({"babyId": baby, "userId": whom.user_id})).await
}

#[sqlx::test]
async fn everyone_with_access_sees_who_else_has_it(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "viewer").await;
    let list = bob.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
    let seen: Vec<_> =
        list.as_array().unwrap().iter().map(|c| (c["displayName"].as_str(), c["level"].as_str())).collect();
    assert_eq!(seen, [(Some("ada"), Some("owner")), (Some("bob"), Some("viewer"))]);
    assert!(list[0]["lastSeenAt"].is_string() && list[0]["grantedAt"].is_string(), "{list}");
}

#[sqlx::test]
async fn a_level_takes_effect_at_once(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "viewer").await;
    assert_eq!(bob.push(baby, vec![]).await.refusal(), (403, "read_only".into()));
    set_level(&ada, baby, &bob, "editor").await.ok();
    assert_eq!(bob.push(baby, vec![]).await.status, 200);
    set_level(&ada, baby, &bob, "viewer").await.ok();
    assert_eq!(bob.push(baby, vec![]).await.refusal(), (403, "read_only".into()));
}

#[sqlx::test]
async fn the_last_owner_stays(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    assert_eq!(remove(&ada, baby, &ada).await.refusal(), (409, "last_owner".into()));
    assert_eq!(set_level(&ada, baby, &ada, "editor").await.refusal(), (409, "last_owner".into()));
    assert_eq!(set_level(&ada, baby, &ada, "owner").await.status, 200);
    set_level(&ada, baby, &bob, "owner").await.ok();
    assert_eq!(remove(&ada, baby, &ada).await.status, 200);
    assert_eq!(bob.me().await["babies"][0]["level"], "owner");
    assert_eq!(ada.me().await["babies"], json!([]));
}

#[sqlx::test]
async fn anyone_may_leave_and_only_owners_remove(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, vic) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("vic").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    vic.join(&ada, baby, "viewer").await;
    assert_eq!(remove(&bob, baby, &vic).await.refusal(), (403, "forbidden".into()));
    assert_eq!(remove(&vic, baby, &vic).await.status, 200);
    assert_eq!(remove(&ada, baby, &vic).await.refusal(), (404, "unknown_caregiver".into()));
    assert_eq!(remove(&ada, baby, &bob).await.status, 200);
    assert_eq!(app.count("user_baby").await, 1);
}

#[sqlx::test]
async fn two_owners_who_remove_each_other_leave_one(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    for _ in 0..5 {
        let baby = ada.baby("Mia").await;
        bob.join(&ada, baby, "editor").await;
        set_level(&ada, baby, &bob, "owner").await.ok();
        let (a, b) = tokio::join!(remove(&ada, baby, &bob), remove(&bob, baby, &ada));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404]);
        let owners: i64 = sqlx::query_scalar("select count(*) from baby_access where baby_id = $1 and level = 'owner'")
            .bind(baby)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(owners, 1);
    }
}
