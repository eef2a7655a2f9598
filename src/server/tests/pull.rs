//! What a pull answers: everything after the cursor, in order, and nothing of anyone else.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, create, ids};

/// A56, B33, A03, A05, A06, A07.
#[sqlx::test]
async fn a06_pages_follow_each_other_and_say_whether_more_is_there(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let batch = (0..4).map(|ml| create(Uuid::now_v7(), "feed_log", bottle(ml))).collect();
    ada.push(baby, batch).await.ok();
    let page = async |query: &str| ada.get(&format!("/api/sync/pull?babyId={baby}&{query}")).await.ok();
    let check = |body: &Value, expect: &[u64], cursor: u64, more: bool| {
        assert_eq!(ids(body["changes"].as_array().unwrap()), expect);
        assert_eq!((&body["nextCursor"], &body["newCursor"]), (&json!(cursor), &json!(cursor)));
        assert_eq!((&body["hasMore"], &body["head"]), (&json!(more), &json!(5)));
    };
    check(&page("").await, &[1, 2, 3, 4, 5], 5, false);
    check(&page("since=0&limit=2").await, &[1, 2], 2, true);
    check(&page("cursor=2&limit=2").await, &[3, 4], 4, true);
    check(&page("since=4&cursor=4&limit=2").await, &[5], 5, false);
    check(&page("since=3&limit=2").await, &[4, 5], 5, false);
    check(&page("since=5").await, &[], 5, false);
    check(&page("limit=0").await, &[1], 1, true);
    check(&page("limit=-9").await, &[1], 1, true);
    check(&page("limit=999999").await, &[1, 2, 3, 4, 5], 5, false);
}

/// A05: a page is never larger than 500, and 100 when nothing is said.
#[sqlx::test]
async fn a05_a_page_is_bounded(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for _ in 0..6 {
        let batch = (0..100).map(|ml| create(Uuid::now_v7(), "feed_log", bottle(ml))).collect();
        ada.push(baby, batch).await.ok();
    }
    let default = ada.pull(baby, 0).await.ok();
    assert_eq!(default["changes"].as_array().unwrap().len(), 100);
    let most = ada.get(&format!("/api/sync/pull?babyId={baby}&limit=100000")).await.ok();
    assert_eq!((most["changes"].as_array().unwrap().len(), &most["hasMore"]), (500, &json!(true)));
}

/// X4, A04.
#[sqlx::test]
async fn a04_a_query_that_cannot_be_read_is_refused_by_name(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for (query, field) in [
        (String::new(), "babyId"),
        ("babyId=".into(), "babyId"),
        ("babyId=7".into(), "babyId"),
        ("babyId=%00".into(), "babyId"),
        (format!("babyId={baby}&since=-1"), "since"),
        (format!("babyId={baby}&since=x"), "since"),
        (format!("babyId={baby}&since=1.5"), "since"),
        (format!("babyId={baby}&since=99999999999999999999"), "since"),
        (format!("babyId={baby}&cursor=-1"), "cursor"),
        (format!("babyId={baby}&limit=many"), "limit"),
        (format!("babyId={baby}&epoch=1"), "epoch"),
        (format!("babyId={baby}&clientId=1"), "clientId"),
        (format!("babyId={baby}&payload=xml"), "payload"),
    ] {
        let answer = ada.get(&format!("/api/sync/pull?{query}")).await;
        assert_eq!(answer.refusal(), (400, "malformed".into()), "{query}");
        assert_eq!(answer.json()["field"], field, "{query}");
    }
    let both = ada.get(&format!("/api/sync/pull?babyId={baby}&since=0&cursor=1")).await;
    assert_eq!(both.refusal(), (400, "cursor_ambiguous".into()));
    for query in ["babyId=1&babyId=2", "babyId[]=1", "since[a]=1", "%FF=%FE", "&&&=", "a=%ZZ"] {
        let answer = ada.get(&format!("/api/sync/pull?{query}")).await;
        assert_eq!(answer.refusal(), (400, "malformed".into()), "{query}");
    }
}

/// A12, X5: objects by default, strings for those who ask; the column holds JSON text.
#[sqlx::test]
async fn a12_payloads_are_objects_or_strings_of_the_same_row(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("M\u{ef}a \"x\"").await;
    ada.log(baby, "feed_log", bottle(90)).await;
    let objects = ada.get(&format!("/api/sync/pull?babyId={baby}&payload=object")).await.ok();
    let strings = ada.get(&format!("/api/sync/pull?babyId={baby}&payload=string")).await.ok();
    for (object, string) in objects["changes"].as_array().unwrap().iter().zip(strings["changes"].as_array().unwrap()) {
        let parsed: Value = serde_json::from_str(string["payload"].as_str().unwrap()).unwrap();
        assert_eq!(object["payload"], parsed);
    }
    let texts: Vec<String> = sqlx::query_scalar("select payload from sync_events").fetch_all(&app.pool).await.unwrap();
    assert!(texts.iter().all(|text| serde_json::from_str::<Value>(text).unwrap().is_object()));
}

/// X16, A13: who has access is no part of a baby's history.
#[sqlx::test]
async fn a13_access_never_travels_in_events(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    bob.log(baby, "feed_log", bottle(90)).await;
    let changes = ada.all(baby).await;
    assert_eq!(ids(&changes), [1, 2], "joining is no event");
    let text = Value::from(changes).to_string();
    assert!(!text.contains("owner") && !text.contains("editor") && !text.contains("baby_access"), "{text}");
}

/// A03, C03, X6, X7, A25, A26: two babies of one person have histories of their own.
#[sqlx::test]
async fn a26_each_baby_counts_for_itself(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    ada.log(mia, "feed_log", bottle(90)).await;
    let feed = ada.log(leo, "feed_log", bottle(60)).await;
    ada.log(mia, "feed_log", bottle(91)).await;
    assert_eq!(ids(&ada.all(mia).await), [1, 2, 3]);
    let leos = ada.all(leo).await;
    assert_eq!(ids(&leos), [1, 2]);
    assert_eq!(leos[1]["entityId"], feed.to_string());
}

/// A28: a page is the same however often it is asked for.
#[sqlx::test]
async fn a28_the_same_page_twice_is_the_same_page(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    ada.log(baby, "feed_log", bottle(90)).await;
    let (once, twice) = (ada.pull(baby, 0).await.ok(), ada.pull(baby, 0).await.ok());
    assert_eq!((&once["changes"], &once["epoch"]), (&twice["changes"], &twice["epoch"]));
}

/// A43: a device behind the floor, ahead of the head or of another history is told, never given a
/// hole.
#[sqlx::test]
async fn a43_a_cursor_that_means_nothing_is_refused(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    ada.log(baby, "feed_log", bottle(90)).await;
    assert_eq!(ada.pull(baby, 3).await.refusal(), (409, "epoch_changed".into()));
    let epoch = ada.pull(baby, 2).await.ok()["epoch"].as_str().unwrap().to_owned();
    let with_epoch = async |epoch: &str| ada.get(&format!("/api/sync/pull?babyId={baby}&since=1&epoch={epoch}")).await;
    assert_eq!(ids(with_epoch(&epoch).await.ok()["changes"].as_array().unwrap()), [2]);
    assert_eq!(with_epoch(&Uuid::now_v7().to_string()).await.refusal(), (409, "epoch_changed".into()));
    sqlx::query("update sync_head set floor = 1").execute(&app.pool).await.unwrap();
    assert_eq!(ada.pull(baby, 0).await.refusal(), (410, "cursor_expired".into()));
    assert_eq!(ids(ada.pull(baby, 1).await.ok()["changes"].as_array().unwrap()), [2]);
}

/// Trap 23: calls live at fixed paths, whatever the build.
#[sqlx::test]
async fn trap_23_calls_have_fixed_paths(pool: PgPool) {
    use crate::api;
    use server_fn::ServerFn;
    assert_eq!(api::SyncPush::PATH, "/api/sync/push");
    assert_eq!(api::SyncPull::PATH, "/api/sync/pull");
    assert_eq!(api::SignUp::PATH, "/api/auth/sign-up");
    assert_eq!(api::SignIn::PATH, "/api/auth/sign-in");
    assert_eq!(api::SignOut::PATH, "/api/auth/sign-out");
    assert_eq!(api::GetMe::PATH, "/api/auth/me");
    assert_eq!(api::CreateInvite::PATH, "/api/babies/invites/create");
    assert_eq!(api::AcceptInvite::PATH, "/api/babies/invites/accept");
    assert_eq!(api::RevokeInvite::PATH, "/api/babies/invites/revoke");
    assert_eq!(api::ListInvites::PATH, "/api/babies/invites/list");
    assert_eq!(api::ListCaregivers::PATH, "/api/babies/caregivers/list");
    assert_eq!(api::SetLevel::PATH, "/api/babies/caregivers/set-level");
    assert_eq!(api::RemoveCaregiver::PATH, "/api/babies/caregivers/remove");
    let app = TestApp::new(pool).await;
    assert_eq!(app.anonymous().get("/api/sync/pull").await.refusal(), (401, "unauthenticated".into()));
}

/// B32, C48.
/// The other caregivers see when a device last asked, and an idle poll does not write each time.
#[sqlx::test]
async fn a_poll_that_names_its_device_is_seen(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "viewer").await;
    let poll = format!("/api/sync/pull?babyId={baby}&since=1&clientId={}", bob.client_id());
    let seen = async || {
        let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
        list[1]["lastSeenAt"].clone()
    };
    assert_eq!(seen().await, Value::Null);
    bob.get(&poll).await.ok();
    let first = seen().await;
    assert!(first.is_string());
    bob.get(&poll).await.ok();
    assert_eq!(seen().await, first, "within a minute nothing is written");
    sqlx::query("update sync_client set seen_at = seen_at - interval '1 hour'").execute(&app.pool).await.unwrap();
    bob.get(&poll).await.ok();
    assert!(seen().await.as_str() >= first.as_str());
    let cursor: i64 = sqlx::query_scalar("select cursor from sync_client where client_id = $1")
        .bind(bob.client_id())
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(cursor, 1);
}
