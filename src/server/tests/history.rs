//! What happened to one entry.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, delete, ids, mutation, update};

/// C33, C47: who did what and when, newest first, through deletion and back.
#[sqlx::test]
async fn c33_an_entrys_history_is_told_newest_first(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    ada.log(baby, "feed_log", bottle(10)).await;
    bob.push_one(baby, update(feed, "feed_log", json!({"amountMl": 95}))).await;
    bob.push_one(baby, delete(feed, "feed_log")).await;
    ada.push_one(baby, mutation("restore", feed, "feed_log", Value::Null)).await;
    let ask =
        async |more: &str| ada.get(&format!("/api/babies/history?babyId={baby}&entityId={feed}{more}")).await.ok();
    let all = ask("").await;
    let changes = all["changes"].as_array().unwrap();
    assert_eq!(ids(changes), [6, 5, 4, 2]);
    let told: Vec<_> = changes.iter().map(|change| (&change["op"], &change["actorId"])).collect();
    let (a, b) = (json!(ada.user_id), json!(bob.user_id));
    let (create, edit, remove) = (json!("create"), json!("update"), json!("delete"));
    assert_eq!(told, [(&edit, &a), (&remove, &b), (&edit, &b), (&create, &a)]);
    assert_eq!((&changes[3]["payload"]["amountMl"], &changes[2]["payload"]["amountMl"]), (&json!(90), &json!(95)));
    let (first, rest) = (ask("&limit=3").await, ask("&limit=3&before=4").await);
    assert_eq!((ids(first["changes"].as_array().unwrap()), &first["hasMore"]), (vec![6, 5, 4], &json!(true)));
    assert_eq!((ids(rest["changes"].as_array().unwrap()), &rest["hasMore"]), (vec![2], &json!(false)));
}

/// Of another baby's entry, even of one's own other baby, there is nothing to tell.
#[sqlx::test]
async fn only_the_named_babys_entry_is_told(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    let feed = ada.log(mia, "feed_log", bottle(90)).await;
    let other = ada.get(&format!("/api/babies/history?babyId={leo}&entityId={feed}")).await.ok();
    assert_eq!(other, json!({"changes": [], "hasMore": false}));
    let none = Uuid::now_v7();
    for (query, field) in [
        (format!("entityId={feed}"), "babyId"),
        (format!("babyId={mia}"), "entityId"),
        (format!("babyId={mia}&entityId=7"), "entityId"),
        (format!("babyId={mia}&entityId={none}&before=-1"), "before"),
        (format!("babyId={mia}&entityId={none}&limit=all"), "limit"),
    ] {
        let answer = ada.get(&format!("/api/babies/history?{query}")).await;
        assert_eq!((answer.refusal(), &answer.json()["field"]), ((400, "malformed".into()), &json!(field)), "{query}");
    }
}
