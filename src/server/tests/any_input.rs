//! Whatever arrives is answered, by a success or by a refusal that says why, and what is stored stays
//! sound. The inputs are other ones in every run; one that fails is in the message.

use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, TestApp, bottle, create, delete, update, with};
use crate::{
    server::inspect::verify,
    sync::any_json::{bent, noise, text},
};

/// Inputs of each kind.
const MANY: usize = 250;
/// What a query may be made of.
const NAMES: &[&str] = &["babyId", "since", "cursor", "limit", "epoch", "clientId", "payload", "after", "other"];

fn samples<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::default();
    (0..MANY).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn assert_answered(answer: &Answer, input: &str) {
    if answer.status == 200 {
        answer.json();
        return;
    }
    let (status, code) = answer.refusal();
    assert!((400..500).contains(&status) && !code.is_empty(), "{input}\n{answer:?}");
}

async fn assert_sound(app: &TestApp) {
    assert_eq!(verify(&app.pool, None).await.unwrap().findings, []);
}

/// A value of a query string.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// C45.
#[sqlx::test]
async fn any_push_is_answered_and_leaves_all_sound(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let stamp = format!("0001932a5f8c0000-0003-{}", ada.client_id());
    let made = with(with(create(Uuid::now_v7(), "feed_log", bottle(60)), "seq", 2), "hlc", stamp);
    let edit = with(update(feed, "feed_log", json!({"amountMl": 95, "notes": "more"})), "baseVersion", 2);
    let mutations = json!([made, with(edit, "updatedAt", "2026-11-20T02:10:00.000Z"), delete(feed, "feed_log")]);
    let push = json!({
        "babyId": baby, "clientId": ada.client_id(), "ackedThrough": 1, "syncOperationId": "ab", "mutations": mutations,
    });
    let both = json!({
        "babyId": baby, "clientId": ada.client_id(), "lastKnownServerVersion": 1, "limit": 3, "changes": mutations,
    });
    for (path, valid) in [("/api/sync/push", push), ("/api/sync/v2", both)] {
        ada.post(path, valid.clone()).await.ok();
        for body in samples(&prop_oneof![1 => noise(), 4 => bent(&valid)]) {
            let shown = String::from_utf8_lossy(&body).into_owned();
            assert_answered(&ada.post_raw(path, body).await, &shown);
        }
    }
    assert_sound(&app).await;
    ada.push(baby, vec![create(Uuid::now_v7(), "feed_log", bottle(1))]).await.ok();
}

/// C45.
#[sqlx::test]
async fn any_question_is_answered(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for ml in 0..3 {
        ada.log(baby, "feed_log", bottle(ml)).await;
    }
    let token = ada.snapshot_page(baby, None, 1).await["next"].as_str().unwrap().to_owned();
    let characters: Vec<char> = token.chars().collect();
    let bent_token = (0..characters.len(), any::<char>()).prop_map(move |(at, other)| {
        let mut bent = characters.clone();
        bent[at] = other;
        bent.into_iter().collect::<String>()
    });
    let value = prop_oneof![
        2 => text(),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => Just(token),
        2 => bent_token,
        1 => Just(baby.to_string()),
    ];
    let words = (any::<bool>(), vec((select(NAMES), value), 0..5));
    for (is_addressed, words) in samples(&words) {
        let mut query: Vec<String> = words.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if is_addressed {
            query.insert(0, format!("babyId={baby}"));
        }
        for path in ["pull", "snapshot", "status"] {
            let target = format!("/api/sync/{path}?{}", query.join("&"));
            assert_answered(&ada.get(&target).await, &target);
        }
    }
    assert_sound(&app).await;
}
