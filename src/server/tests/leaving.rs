//! Deleting an account: what goes, what stays, and what is in the way.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{Answer, PASSWORD, Person, TestApp, bottle, create, delete},
    devices::second_device,
};
use crate::server::inspect;

async fn leave(person: &Person<'_>, with_babies: &[Uuid]) -> Answer {
    person.post("/api/account/delete", json!({"password": PASSWORD, "withBabies": with_babies})).await
}

async fn is_well(app: &TestApp) {
    let report = inspect::verify(&app.pool, None).await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
}

/// How many rows of any table belong to `baby`.
pub(super) async fn traces(app: &TestApp, baby: Uuid) -> i64 {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text
         from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'baby_id'
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    let mut found = 0;
    for table in tables {
        found += app.count(&format!("{table} where baby_id = '{baby}'")).await;
    }
    found
}

#[sqlx::test]
async fn the_others_keep_what_a_deleted_account_wrote(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let feed = bob.log(baby, "feed_log", bottle(90)).await;
    let tablet = second_device(&app, &bob, "bob@example.org").await;
    let before = ada.all(baby).await;

    let wrong = bob.post("/api/account/delete", json!({"password": "not the password"})).await;
    assert_eq!((wrong.refusal(), &wrong.json()["field"]), ((401, "bad_credentials".into()), &json!("password")));
    let answer = leave(&bob, &[]).await;
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"), "{answer:?}");
    answer.ok();
    for device in [&bob, &tablet] {
        assert_eq!(device.pull(baby, 0).await.refusal(), (401, "unauthenticated".into()));
    }
    let sign_in = json!({"email": "bob@example.org", "password": PASSWORD});
    assert_eq!(app.anonymous().post("/api/auth/sign-in", sign_in).await.status, 401);
    assert_eq!(ada.all(baby).await, before);
    let history = ada.get(&format!("/api/babies/history?babyId={baby}&entityId={feed}")).await.ok();
    assert_eq!(history["changes"][0]["actorId"], bob.user_id.to_string());
    let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
    assert_eq!(list.as_array().unwrap().len(), 1);
    is_well(&app).await;
    // The address is free again, and who takes it now is somebody else.
    let again = app.sign_up("bob").await;
    assert_ne!(again.user_id, bob.user_id);
    assert_eq!(again.me().await["babies"], json!([]));
}

#[sqlx::test]
async fn babies_without_another_owner_are_in_the_way_and_are_named(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo, shared) = (ada.baby("Mia").await, ada.baby("Leo").await, ada.baby("Ida").await);
    bob.join(&ada, leo, "editor").await;
    bob.join(&ada, shared, "editor").await;
    let raise = json!({"babyId": shared, "userId": bob.user_id, "level": "owner"});
    ada.post("/api/babies/caregivers/set-level", raise).await.ok();
    ada.log(mia, "feed_log", bottle(90)).await;

    let named = |answer: &Answer| -> Vec<Value> {
        assert_eq!(answer.refusal(), (409, "last_owner".into()));
        answer.json()["babies"].as_array().unwrap().iter().map(|baby| baby["name"].clone()).collect()
    };
    assert_eq!(named(&leave(&ada, &[]).await), ["Mia", "Leo"]);
    assert_eq!(named(&leave(&ada, &[mia]).await), ["Leo"]);
    assert_eq!(ada.me().await["babies"].as_array().unwrap().len(), 3, "nothing was done");
    assert_eq!(ada.all(mia).await.len(), 2);

    let hand_over = json!({"babyId": leo, "userId": bob.user_id, "level": "owner"});
    ada.post("/api/babies/caregivers/set-level", hand_over).await.ok();
    // Naming a baby that somebody else owns too deletes nothing of it.
    leave(&ada, &[mia, shared]).await.ok();
    assert_eq!(traces(&app, mia).await, 0);
    assert_eq!(bob.me().await["babies"].as_array().unwrap().len(), 2);
    assert_eq!(bob.pull(mia, 0).await.refusal(), (403, "access_revoked".into()));
    is_well(&app).await;
}

/// A baby that its last owner takes along is gone for its other caregivers as any access that ends.
#[sqlx::test]
async fn a_baby_that_goes_along_is_closed_to_all(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    bob.join(&ada, mia, "editor").await;
    ada.push_one(leo, delete(leo, "baby")).await;
    leave(&ada, &[mia]).await.ok();
    assert_eq!((traces(&app, mia).await, traces(&app, leo).await), (0, 0), "one that was deleted before needs no word");
    assert_eq!(bob.me().await["babies"], json!([]));
    let push = bob.push(mia, vec![create(Uuid::now_v7(), "feed_log", bottle(1))]).await;
    assert_eq!(push.refusal(), (403, "access_revoked".into()));
    is_well(&app).await;
}

/// Whatever is given to an account while it is being deleted is not left behind with nobody.
#[sqlx::test]
async fn a_baby_that_is_made_meanwhile_belongs_to_somebody_or_is_not_made(pool: PgPool) {
    let app = TestApp::new(pool).await;
    for round in 0..5 {
        let ada = app.sign_up(&format!("ada{round}")).await;
        let baby = Uuid::now_v7();
        let push = ada.push(baby, vec![create(baby, "baby", json!({"name": "Mia"}))]);
        let (pushed, left) = tokio::join!(push, leave(&ada, &[]));
        match left.status.as_u16() {
            // The baby was first: it is in the way.
            409 => assert_eq!(pushed.status, 200),
            200 => assert_eq!((pushed.status.as_u16(), traces(&app, baby).await), (401, 0)),
            other => panic!("{other}: {left:?}"),
        }
        is_well(&app).await;
    }
}
