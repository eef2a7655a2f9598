//! Codes: one use, fifteen minutes, five wrong tries. Links: one use, 48 hours, the same tries.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp};

const LOOK: &str = "/api/babies/invites/look";
const ACCEPT: &str = "/api/babies/invites/accept";

/// The token of a fresh link.
async fn link(owner: &Person<'_>, baby: Uuid, level: &str) -> String {
    let body = json!({"babyId": baby, "level": level, "kind": "link"});
    let invite = owner.post("/api/babies/invites/create", body).await.ok();
    let link = invite["link"].as_str().unwrap();
    link.strip_prefix("/join#").unwrap().to_owned()
}

async fn with_token(person: &Person<'_>, path: &str, token: &str) -> Answer {
    person.post(path, json!({"token": token})).await
}

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
    for turn in 0..10 {
        let baby = ada.baby("Mia").await;
        let body = match turn % 2 {
            0 => json!({"code": ada.invite(baby, "viewer").await}),
            _ => json!({"token": link(&ada, baby, "viewer").await}),
        };
        let (b, e) = tokio::join!(bob.post(ACCEPT, body.clone()), eve.post(ACCEPT, body));
        // Who came second guessed wrong, as far as the counter knows.
        sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
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
    assert_eq!(create("owner", "code").await, (422, "invalid_payload".into()));
    assert_eq!(create("king", "code").await, (400, "malformed".into()));
    assert_eq!(create("editor", "pigeon").await, (400, "malformed".into()));
    let accept = async |body| ada.post("/api/babies/invites/accept", body).await.refusal();
    assert_eq!(accept(json!({})).await, (422, "invalid_payload".into()));
    assert_eq!(accept(json!({"code": "a", "token": "b"})).await, (422, "invalid_payload".into()));
    assert_eq!(accept(json!({"token": "b"})).await, (404, "invite_invalid".into()));
}

#[sqlx::test]
async fn a_link_lets_one_person_in_and_leaves_no_token_behind(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.public_url = Some("https://baby.example.org".parse().unwrap())).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let baby = ada.baby("Mia").await;
    let body = json!({"babyId": baby, "level": "viewer", "kind": "link", "label": "Nanny"});
    let invite = ada.post("/api/babies/invites/create", body).await.ok();
    assert!(invite.get("code").is_none(), "{invite}");
    let token = invite["link"].as_str().unwrap().strip_prefix("https://baby.example.org/join#").unwrap();
    let stored: String =
        sqlx::query_scalar("select row_to_json(i)::text from invites i").fetch_one(&app.pool).await.unwrap();
    assert!(!stored.contains(&token[..8]), "{stored}");

    let open = ada.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok();
    assert_eq!(open[0]["kind"], "link");
    assert_eq!(open[0]["invitedBy"], "ada");
    assert_eq!(bob.accept(token).await.refusal(), (404, "invite_invalid".into()), "a token is no code");
    assert_eq!(with_token(&bob, ACCEPT, token).await.ok(), json!({"babyId": baby, "level": "viewer"}));
    assert_eq!(with_token(&bob, ACCEPT, token).await.status, 200, "a lost answer can be asked for again");
    assert_eq!(with_token(&eve, ACCEPT, token).await.refusal(), (404, "invite_invalid".into()));
    assert_eq!(with_token(&eve, LOOK, token).await.refusal(), (404, "invite_invalid".into()));
}

#[sqlx::test]
async fn a_link_dies_after_48_hours_and_when_taken_back(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let token = link(&ada, baby, "viewer").await;
    let lives: bool = sqlx::query_scalar(
        "select expires_at between now() + interval '47 hours 59 minutes' and now() + interval '48 hours' from invites",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!(lives);
    sqlx::query("update invites set expires_at = now() - interval '1 second'").execute(&app.pool).await.unwrap();
    assert_eq!(with_token(&bob, ACCEPT, &token).await.refusal(), (410, "invite_expired".into()));
    assert_eq!(with_token(&bob, LOOK, &token).await.refusal(), (410, "invite_expired".into()));

    let token = link(&ada, baby, "viewer").await;
    let open = ada.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok();
    let revoke = json!({"babyId": baby, "inviteId": open[0]["inviteId"]});
    ada.post("/api/babies/invites/revoke", revoke).await.ok();
    assert_eq!(with_token(&bob, ACCEPT, &token).await.refusal(), (404, "invite_invalid".into()));
    assert_eq!(bob.me().await["babies"], json!([]));
}

#[sqlx::test]
async fn who_invites_to_what_is_told_before_accepting_and_nothing_is_used_up(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let body = json!({"babyId": baby, "level": "viewer", "label": "Grandpa"});
    let code = ada.post("/api/babies/invites/create", body).await.ok()["code"].clone();
    let bodies = [json!({"code": code}), json!({"token": link(&ada, baby, "viewer").await})];
    for body in &bodies {
        for _ in 0..6 {
            let seen = bob.post(LOOK, body.clone()).await.ok();
            assert_eq!(
                (&seen["babyId"], &seen["babyName"], &seen["invitedBy"], &seen["level"]),
                (&json!(baby), &json!("Mia"), &json!("ada"), &json!("viewer"))
            );
        }
    }
    assert_eq!(bob.post(LOOK, bodies[0].clone()).await.ok()["label"], "Grandpa");
    assert_eq!(bob.me().await["babies"], json!([]), "looking joins nobody");
    bob.post(ACCEPT, bodies[0].clone()).await.ok();
    assert_eq!(bob.post(LOOK, bodies[1].clone()).await.status, 200);
}

/// C46, Trap 21: an invitation of one's own does not buy further guesses at the others'.
#[sqlx::test]
async fn trap_21_right_secrets_do_not_make_wrong_ones_forgotten(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let code = ada.invite(ada.baby("Mia").await, "editor").await;
    let own = eve.invite(eve.baby("Leo").await, "editor").await;
    for n in 0..5 {
        eve.post(LOOK, json!({"code": own})).await.ok();
        eve.accept(&own).await.ok();
        let guess = if n % 2 == 0 { LOOK } else { ACCEPT };
        assert_eq!(eve.post(guess, json!({"code": format!("0000-000{n}")})).await.refusal().0, 404);
    }
    for body in [json!({"code": code}), json!({"code": own}), json!({"token": "x"})] {
        assert_eq!(eve.post(LOOK, body).await.refusal(), (429, "rate_limited".into()));
    }
}

#[sqlx::test]
async fn an_invitation_dies_when_its_maker_is_no_owner_any_more(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let set = async |level: &str| {
        let body = json!({"babyId": baby, "userId": bob.user_id, "level": level});
        ada.post("/api/babies/caregivers/set-level", body).await.ok();
    };
    set("owner").await;
    let token = link(&bob, baby, "editor").await;
    set("editor").await;
    assert_eq!(with_token(&eve, ACCEPT, &token).await.refusal(), (404, "invite_invalid".into()));
}

const ASK: &str = "/api/babies/invites/ask";

/// The last link of all has run out, so many days ago.
async fn run_out(app: &TestApp, days: i32) {
    sqlx::query("update invites set expires_at = now() - make_interval(days => $1, secs => 1)")
        .bind(days)
        .execute(&app.pool)
        .await
        .unwrap();
}

async fn approve(owner: &Person<'_>, baby: Uuid, invite: &Value, level: &str) -> Answer {
    let body = json!({"babyId": baby, "inviteId": invite["inviteId"], "level": level});
    owner.post("/api/babies/invites/approve", body).await
}

async fn open(owner: &Person<'_>, baby: Uuid) -> Vec<Value> {
    let list = owner.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok();
    list.as_array().unwrap().clone()
}

#[sqlx::test]
async fn whoever_holds_a_link_that_ran_out_asks_and_an_owner_lets_them_in(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let baby = ada.baby("Mia").await;
    let token = link(&ada, baby, "editor").await;
    assert_eq!(with_token(&bob, ASK, &token).await.refusal(), (422, "invalid_payload".into()), "still open");
    run_out(&app, 0).await;
    assert_eq!(open(&ada, baby).await, [json!(null); 0]);
    for _ in 0..2 {
        with_token(&bob, ASK, &token).await.ok();
    }
    assert_eq!(bob.me().await["babies"], json!([]), "a question lets nobody in");
    assert_eq!((&bob.me().await["asked"], eve.me().await.get("asked")), (&json!(true), None));
    assert_eq!(with_token(&eve, ASK, &token).await.refusal(), (404, "invite_invalid".into()), "one question each");
    let list = open(&ada, baby).await;
    assert_eq!((list.len(), &list[0]["askedBy"]), (1, &json!("bob")));
    assert_eq!(approve(&ada, baby, &list[0], "owner").await.refusal(), (422, "invalid_payload".into()));
    approve(&ada, baby, &list[0], "viewer").await.ok();
    assert_eq!(bob.me().await["babies"][0]["level"], "viewer");
    assert_eq!(bob.me().await.get("asked"), None);
    assert_eq!(open(&ada, baby).await, [json!(null); 0]);
    assert_eq!(approve(&ada, baby, &list[0], "editor").await.refusal(), (404, "invite_invalid".into()), "once");
    assert_eq!(with_token(&eve, ASK, &token).await.refusal(), (404, "invite_invalid".into()));
}

#[sqlx::test]
async fn a_question_that_was_declined_or_came_too_late_is_none(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let token = link(&ada, baby, "editor").await;
    run_out(&app, 30).await;
    assert_eq!(with_token(&bob, ASK, &token).await.refusal(), (404, "invite_invalid".into()));
    run_out(&app, 29).await;
    with_token(&bob, ASK, &token).await.ok();
    let list = open(&ada, baby).await;
    assert_eq!(bob.me().await["asked"], true);
    ada.post("/api/babies/invites/revoke", json!({"babyId": baby, "inviteId": list[0]["inviteId"]})).await.ok();
    assert_eq!(bob.me().await.get("asked"), None, "no is an answer");
    assert_eq!(approve(&ada, baby, &list[0], "viewer").await.refusal(), (404, "invite_invalid".into()));
    assert_eq!(with_token(&bob, ASK, &token).await.refusal(), (404, "invite_invalid".into()));
    let code = ada.invite(baby, "viewer").await;
    assert_eq!(with_token(&bob, ASK, &code).await.refusal(), (404, "invite_invalid".into()), "codes are not for that");
}
