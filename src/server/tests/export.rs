//! Everything of an account as one document.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::app::{Person, TestApp, bottle, create, delete};

async fn export(of: &Person<'_>) -> Value {
    let answer = of.get("/api/account/export").await;
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"cradlelog.json\"");
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.ok()
}

#[sqlx::test]
async fn an_export_holds_all_that_the_account_reads_and_nothing_else(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    assert_eq!(export(&ada).await["babies"], json!([]));
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    let theirs = eve.baby("Ida \"quoted\"").await;
    ada.join(&eve, theirs, "viewer").await;
    let secret = eve.baby("Secret").await;
    let gone = ada.log(mia, "feed_log", bottle(90)).await;
    ada.push_one(mia, delete(gone, "feed_log")).await;
    eve.log(theirs, "feed_log", bottle(77)).await;

    let document = export(&ada).await;
    assert_eq!((&document["format"], &document["version"]), (&json!("cradlelog-account"), &json!(1)));
    assert_eq!(document["account"]["email"], "ada@example.org");
    let babies = document["babies"].as_array().unwrap();
    let ids: Vec<_> = babies.iter().map(|baby| baby["babyId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [mia, leo, theirs].map(|id| id.to_string()));
    assert_eq!((&babies[2]["name"], &babies[2]["level"]), (&json!("Ida \"quoted\""), &json!("viewer")));
    assert_eq!(babies[2]["caregivers"].as_array().unwrap().len(), 2);
    let amounts = |baby: &Value| -> Vec<Value> {
        let entries = baby["entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["payload"]["amountMl"].clone()).collect()
    };
    assert_eq!(amounts(&babies[2]).iter().filter(|amount| **amount == json!(77)).count(), 1);
    let entries = babies[0]["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["op"] == "delete" && entry["payload"]["deletedAt"].is_string()));
    assert!(!document.to_string().contains(&secret.to_string()));
}

/// A long log comes in pages, and whole.
#[sqlx::test]
async fn an_export_of_many_pages_is_complete(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    for _ in 0..11 {
        let batch = (0..100).map(|ml| create(uuid::Uuid::now_v7(), "feed_log", bottle(ml))).collect();
        ada.push(mia, batch).await.ok();
    }
    let document = export(&ada).await;
    let count = |baby: usize| document["babies"][baby]["entries"].as_array().unwrap().len();
    assert_eq!((count(0), count(1)), (1_101, 1));
    assert_eq!(document["babies"][1]["babyId"], leo.to_string());
}
