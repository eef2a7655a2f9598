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

async fn set_label(by: &Person<'_>, baby: Uuid, whom: &Person<'_>, label: &str) -> Answer {
    let body = json!({"babyId": baby, "userId": whom.user_id, "label": label});
    by.post("/api/babies/caregivers/set-label", body).await
}

#[sqlx::test]
async fn a_caregiver_is_called_what_they_or_an_owner_say(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, vic) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("vic").await);
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    for baby in [mia, leo] {
        bob.join(&ada, baby, "editor").await;
        vic.join(&ada, baby, "viewer").await;
    }
    let labels = async |baby: Uuid| {
        let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
        let label = |c: &serde_json::Value| c["label"].as_str().map(str::to_owned);
        list.as_array().unwrap().iter().map(label).collect::<Vec<_>>()
    };
    set_label(&ada, mia, &bob, " Grandpa ").await.ok();
    set_label(&vic, mia, &vic, "Nanny").await.ok();
    assert_eq!(set_label(&bob, mia, &vic, "x").await.refusal(), (403, "forbidden".into()));
    assert_eq!(set_label(&ada, mia, &app.anonymous(), "x").await.refusal(), (404, "unknown_caregiver".into()));
    assert_eq!(set_label(&ada, mia, &bob, &"x".repeat(81)).await.refusal(), (422, "invalid_payload".into()));
    assert_eq!(labels(mia).await, [None, Some("Grandpa".into()), Some("Nanny".into())]);
    assert_eq!(labels(leo).await, [None, None, None], "to another baby one is something else");
    set_label(&bob, mia, &bob, "").await.ok();
    assert_eq!(labels(mia).await, [None, None, Some("Nanny".into())]);
}

async fn owners(app: &TestApp, baby: Uuid) -> i64 {
    sqlx::query_scalar("select count(*) from baby_access where baby_id = $1 and level = 'owner'")
        .bind(baby)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

/// Leaving, stepping down and both at once: of all ways in which two owners can go, one stays.
#[sqlx::test]
async fn two_owners_who_go_at_once_leave_one(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let go = async |who: &Person<'_>, baby: Uuid, leaves: bool| match leaves {
        true => remove(who, baby, who).await,
        false => set_level(who, baby, who, "viewer").await,
    };
    for (ada_leaves, bob_leaves) in [(true, true), (true, false), (false, true), (false, false)] {
        for _ in 0..3 {
            let baby = ada.baby("Mia").await;
            bob.join(&ada, baby, "editor").await;
            set_level(&ada, baby, &bob, "owner").await.ok();
            let (a, b) = tokio::join!(go(&ada, baby, ada_leaves), go(&bob, baby, bob_leaves));
            let refused = [a, b].into_iter().find(|answer| answer.status != 200).expect("one is refused");
            assert_eq!(refused.refusal(), (409, "last_owner".into()));
            assert_eq!(owners(&app, baby).await, 1);
        }
    }
}

#[sqlx::test]
async fn an_owner_hands_over_and_stays_or_goes(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    set_level(&ada, baby, &bob, "owner").await.ok();
    assert_eq!(owners(&app, baby).await, 2);
    set_level(&ada, baby, &ada, "editor").await.ok();
    assert_eq!(
        set_level(&ada, baby, &ada, "owner").await.refusal(),
        (403, "forbidden".into()),
        "no way back by oneself"
    );
    assert_eq!(remove(&bob, baby, &bob).await.refusal(), (409, "last_owner".into()));
    remove(&ada, baby, &ada).await.ok();
    assert_eq!(ada.pull(baby, 0).await.refusal(), (403, "access_revoked".into()));
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
        assert_eq!(owners(&app, baby).await, 1);
    }
}
