//! Who may make an account, and the first of a fresh server.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use sqlx::PgPool;

use super::app::{Answer, PASSWORD, TestApp};
use crate::{api::SignUpRule, server::sign_up};

const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn app(pool: PgPool, rule: SignUpRule) -> TestApp {
    TestApp::with(pool, |config| config.sign_up = rule).await
}

/// What a server that listens at `ip` says at its start.
async fn start(app: &TestApp, ip: IpAddr) -> Option<String> {
    sign_up::first_run(&app.pool, app.app.config(), ip).await.unwrap()
}

async fn sign_up(app: &TestApp, name: &str, more: Value) -> Answer {
    let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD, "displayName": name});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.anonymous().post("/api/auth/sign-up", body).await
}

fn refused_for(answer: &Answer) -> Value {
    assert_eq!(answer.refusal(), (403, "sign_up_refused".into()));
    answer.json()["field"].clone()
}

/// What is told about signing up; what else is told is of sign-ins.
async fn rules(app: &TestApp) -> Value {
    let told = app.anonymous().get("/api/auth/sign-up/rules").await.ok();
    json!({"signUp": told["signUp"], "setUp": told["setUp"]})
}

/// A fresh server that others can reach is not whoever's finds it first.
#[sqlx::test]
async fn the_first_account_needs_the_token_of_the_log(pool: PgPool) {
    let app = app(pool, SignUpRule::Open).await;
    let token = start(&app, ANYWHERE).await.expect("a token is told");
    assert_eq!(start(&app, ANYWHERE).await, Some(token.clone()), "every server tells the same one, at each start");
    assert_eq!(rules(&app).await, json!({"signUp": "open", "setUp": true}));
    for wrong in [json!({}), json!({"setUpToken": "0123456789abcdef"}), json!({"setUpToken": ""})] {
        assert_eq!(refused_for(&sign_up(&app, "eve", wrong).await), "setUpToken");
    }
    assert_eq!(app.count("users").await, 0);
    let typed = json!({"setUpToken": format!(" {token} ")});
    assert_eq!(sign_up(&app, "ada", typed).await.status, 200);
    assert_eq!(rules(&app).await, json!({"signUp": "open", "setUp": false}));
    assert_eq!(sign_up(&app, "bob", json!({})).await.status, 200, "the rule holds from the second on");
    assert_eq!(start(&app, ANYWHERE).await, None);
    assert_eq!(sign_up::reissue(&app.pool).await.unwrap(), None, "there are accounts");
}

#[sqlx::test]
async fn of_two_who_bring_the_token_at_once_one_is_the_first(pool: PgPool) {
    let app = app(pool, SignUpRule::Closed).await;
    let told = start(&app, ANYWHERE).await.unwrap();
    let token = sign_up::reissue(&app.pool).await.unwrap().unwrap();
    assert_ne!(told, token);
    assert_eq!(refused_for(&sign_up(&app, "eve", json!({"setUpToken": told})).await), "setUpToken");
    let brought = || json!({"setUpToken": token});
    let (ada, bob) = tokio::join!(sign_up(&app, "ada", brought()), sign_up(&app, "bob", brought()));
    let mut statuses = [ada.status.as_u16(), bob.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!((statuses, app.count("users").await), ([200, 403], 1));
}

/// Guessing the token is slowed down like guessing a password.
#[sqlx::test]
async fn guesses_of_the_token_are_counted(pool: PgPool) {
    let app = app(pool, SignUpRule::Open).await;
    let token = start(&app, ANYWHERE).await.unwrap();
    for _ in 0..2 {
        assert_eq!(sign_up(&app, "eve", json!({"setUpToken": "guess"})).await.status, 403);
    }
    let failures: i32 = sqlx::query_scalar("select failures from throttle").fetch_one(&app.pool).await.unwrap();
    assert_eq!(failures, 2);
    sqlx::query("update throttle set blocked_until = now() + interval '1 hour'").execute(&app.pool).await.unwrap();
    assert_eq!(sign_up(&app, "ada", json!({"setUpToken": token})).await.status, 429);
}

#[sqlx::test]
async fn a_server_that_only_this_machine_reaches_needs_no_token_while_it_is_open(pool: PgPool) {
    let open = app(pool.clone(), SignUpRule::Open).await;
    assert_eq!(start(&open, HERE).await, None);
    let closed = app(pool, SignUpRule::Closed).await;
    let token = start(&closed, HERE).await.expect("nobody could come in otherwise");
    assert_eq!(sign_up(&closed, "ada", json!({"setUpToken": token})).await.status, 200);
    assert_eq!(rules(&closed).await, json!({"signUp": "closed", "setUp": false}));
    assert_eq!(refused_for(&sign_up(&closed, "bob", json!({})).await), json!(null));
    assert_eq!(closed.count("users").await, 1);
}

#[sqlx::test]
async fn with_invitations_only_a_newcomer_brings_one_that_is_open(pool: PgPool) {
    let (open, invite) = (app(pool.clone(), SignUpRule::Open).await, app(pool, SignUpRule::Invite).await);
    let ada = open.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let code = ada.invite(baby, "editor").await;
    assert_eq!(rules(&invite).await, json!({"signUp": "invite", "setUp": false}));
    assert_eq!(refused_for(&sign_up(&invite, "bob", json!({})).await), "inviteCode");
    let wrong = sign_up(&invite, "bob", json!({"inviteCode": "0000-0000"})).await;
    assert_eq!((wrong.refusal(), &wrong.json()["field"]), ((404, "invite_invalid".into()), &json!("inviteCode")));
    assert_eq!(sign_up(&invite, "bob", json!({"inviteCode": code})).await.status, 200);
    // The code is still there to be accepted, and is then of no more use.
    let bob = super::devices::second_device(&invite, &ada, "bob@example.org").await;
    assert_eq!(bob.accept(&code).await.status, 200);
    assert_eq!(sign_up(&invite, "eve", json!({"inviteCode": code})).await.status, 404);
    sqlx::query("update invites set used_by = null, used_at = null, expires_at = now()")
        .execute(&open.pool)
        .await
        .unwrap();
    assert_eq!(sign_up(&invite, "eve", json!({"inviteCode": code})).await.refusal(), (410, "invite_expired".into()));
    let body = json!({"babyId": baby, "level": "viewer", "kind": "link"});
    let link = ada.post("/api/babies/invites/create", body).await.ok();
    let token = link["link"].as_str().unwrap().split('#').next_back().unwrap();
    assert_eq!(sign_up(&invite, "eve", json!({"inviteCode": token})).await.status, 200);
    assert_eq!(open.count("users").await, 3);
}
