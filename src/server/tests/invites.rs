//! Codes: one use, fifteen minutes, five wrong tries.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::app::TestApp;

#[sqlx::test]
async fn a_code_lets_one_person_in_at_its_level(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let baby = ada.baby("Mia").await;
    let body = json!({"babyId": baby, "level": "editor", "kind": "code", "label": "Grandpa"});
    let invite = ada.post("/api/babies/invites/create", body).await.ok();
    let code = invite["code"].as_str().unwrap();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-', "{code}");
    let typed = code.to_lowercase().replace('-', " ");
    assert_eq!(bob.accept(&typed).await.ok(), json!({"babyId": baby, "level": "editor"}));
    assert_eq!(bob.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "editor"}]));
    assert_eq!(eve.accept(code).await.refusal(), (404, "invite_invalid".into()));
    assert_eq!(bob.accept(code).await.ok()["level"], "editor", "a lost answer can be asked for again");
    let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
    assert_eq!((&list[1]["displayName"], &list[1]["label"]), (&json!("bob"), &json!("Grandpa")));
    assert_eq!(ada.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok(), json!([]));
}

#[sqlx::test]
async fn of_two_who_accept_at_once_exactly_one_wins(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    for _ in 0..5 {
        let baby = ada.baby("Mia").await;
        let code = ada.invite(baby, "viewer").await;
        let (b, e) = tokio::join!(bob.accept(&code), eve.accept(&code));
        let mut statuses = [b.status.as_u16(), e.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404]);
        let caregivers = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
        assert_eq!(caregivers.as_array().unwrap().len(), 2);
    }
}

#[sqlx::test]
async fn a_code_dies_after_its_time_and_when_taken_back(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let late = ada.invite(baby, "viewer").await;
    sqlx::query("update invites set expires_at = now() - interval '1 second'").execute(&app.pool).await.unwrap();
    assert_eq!(bob.accept(&late).await.refusal(), (410, "invite_expired".into()));

    let code = ada.invite(baby, "viewer").await;
    let open = ada.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok();
    assert_eq!(open.as_array().unwrap().len(), 1);
    let revoke = json!({"babyId": baby, "inviteId": open[0]["inviteId"]});
    ada.post("/api/babies/invites/revoke", revoke.clone()).await.ok();
    assert_eq!(bob.accept(&code).await.refusal(), (404, "invite_invalid".into()));
    assert_eq!(ada.post("/api/babies/invites/revoke", revoke).await.status, 200, "twice is once");
    let other = json!({"babyId": baby, "inviteId": Uuid::now_v7()});
    assert_eq!(ada.post("/api/babies/invites/revoke", other).await.refusal(), (404, "invite_invalid".into()));
}

#[sqlx::test]
async fn an_invitation_dies_with_the_access_of_who_made_it(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let raise = json!({"babyId": baby, "userId": bob.user_id, "level": "owner"});
    ada.post("/api/babies/caregivers/set-level", raise).await.ok();
    let code = bob.invite(baby, "editor").await;
    ada.post("/api/babies/caregivers/remove", json!({"babyId": baby, "userId": bob.user_id})).await.ok();
    assert_eq!(eve.accept(&code).await.refusal(), (404, "invite_invalid".into()));
}

/// C46, Trap 21: codes are long, stored as a slow hash, and guessing them has an end.
#[sqlx::test]
async fn trap_21_codes_are_hashed_and_guessing_stops(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve, bob) = (app.sign_up("ada").await, app.sign_up("eve").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let code = ada.invite(baby, "editor").await;
    let stored: String =
        sqlx::query_scalar("select row_to_json(i)::text from invites i").fetch_one(&app.pool).await.unwrap();
    let bare = code.replace('-', "");
    assert!(!stored.contains(&code) && !stored.contains(&bare) && !stored.contains(&bare[..4]), "{stored}");

    for n in 0..5 {
        assert_eq!(eve.accept(&format!("0000-000{n}")).await.refusal(), (404, "invite_invalid".into()));
    }
    let stopped = eve.accept(&code).await;
    assert_eq!(stopped.refusal(), (429, "rate_limited".into()));
    assert!(stopped.json()["retryAfterSecs"].as_u64().unwrap() > 800);
    assert_eq!(bob.accept(&code).await.status, 200, "another account is not held up");
}

#[sqlx::test]
async fn a_code_never_lowers_and_may_raise(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let code = ada.invite(baby, "viewer").await;
    assert_eq!(ada.accept(&code).await.ok()["level"], "owner");
    assert_eq!(bob.accept(&code).await.ok()["level"], "viewer", "the owner's try did not use it up");
    bob.join(&ada, baby, "editor").await;
    assert_eq!(bob.me().await["babies"][0]["level"], "editor");
}

#[sqlx::test]
async fn what_cannot_be_an_invitation_is_refused(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let create = async |level: &str, kind: &str| {
        ada.post("/api/babies/invites/create", json!({"babyId": baby, "level": level, "kind": kind})).await.refusal()
    };
    assert_eq!(create("editor", "link").await, (422, "invalid_payload".into()));
    assert_eq!(create("owner", "code").await, (422, "invalid_payload".into()));
    assert_eq!(create("king", "code").await, (400, "malformed".into()));
    assert_eq!(create("editor", "pigeon").await, (400, "malformed".into()));
    let accept = async |body| ada.post("/api/babies/invites/accept", body).await.refusal();
    assert_eq!(accept(json!({})).await, (422, "invalid_payload".into()));
    assert_eq!(accept(json!({"code": "a", "token": "b"})).await, (422, "invalid_payload".into()));
    assert_eq!(accept(json!({"token": "b"})).await, (404, "invite_invalid".into()));
}
