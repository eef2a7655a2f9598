//! Signing in with a passkey: what it opens, and all that opens nothing.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{Answer, PASSWORD, Person, TestApp, session_cookie},
    authenticator::Authenticator,
};
use crate::server::{
    compact::{Retention, compact},
    config::ServeConfig,
    passkeys::RelyingParty,
};

const ORIGIN: &str = "https://baby.example.org";
const COOKIE: &str = "__Host-session";

fn by_name(config: &mut ServeConfig) {
    config.public_url = Some(ORIGIN.parse().unwrap());
}

/// A server with a name, and somebody signed in there.
async fn app(pool: PgPool) -> TestApp {
    TestApp::with(pool, by_name).await
}

async fn begin(by: &Person<'_>, label: &str) -> Value {
    by.post("/api/account/passkeys/begin", json!({"password": PASSWORD, "label": label})).await.ok()
}

async fn finish(by: &Person<'_>, asked: &Value, credential: &Value) -> Answer {
    let body = json!({"ceremonyId": asked["ceremonyId"], "credential": credential});
    by.post("/api/account/passkeys/finish", body).await
}

async fn begin_sign_in(by: &Person<'_>) -> Value {
    by.post("/api/auth/passkey/begin", json!({})).await.ok()
}

async fn finish_sign_in(by: &Person<'_>, asked: &Value, credential: &Value) -> Answer {
    let body = json!({"ceremonyId": asked["ceremonyId"], "credential": credential});
    by.post("/api/auth/passkey/finish", body).await
}

/// A whole sign-in by somebody who is nobody yet.
async fn sign_in(app: &TestApp, device: &mut Authenticator) -> Answer {
    let asked = begin_sign_in(&app.anonymous()).await;
    finish_sign_in(&app.anonymous(), &asked, &device.sign(&asked["options"])).await
}

/// A passkey of `owner` on a device of its own.
async fn passkey(owner: &Person<'_>, seed: u8, label: &str) -> Authenticator {
    let mut device = Authenticator::new(seed, ORIGIN);
    let asked = begin(owner, label).await;
    let made = device.make(&asked["options"]);
    finish(owner, &asked, &made).await.ok();
    device
}

async fn labels(of: &Person<'_>) -> Vec<String> {
    let list = of.get("/api/account/passkeys").await.ok();
    let labels = list.as_array().unwrap().iter().map(|passkey| passkey["label"].as_str().unwrap());
    labels.map(str::to_owned).collect()
}

fn unknown() -> (u16, String) {
    (401, "bad_credentials".into())
}

fn over() -> (u16, String) {
    (410, "ceremony_expired".into())
}

#[sqlx::test]
async fn a_passkey_signs_in_without_an_address(pool: PgPool) {
    let app = app(pool).await;
    let laptop = app.sign_up("ada").await;
    assert!(laptop.cookie.starts_with(COOKIE), "{}", laptop.cookie);
    let mut phone = passkey(&laptop, 1, "My phone").await;
    let answer = sign_in(&app, &mut phone).await;
    let cookie = session_cookie(&answer).expect("a session begins");
    assert_eq!(answer.ok(), json!({"userId": laptop.user_id, "displayName": "ada"}));
    let signed_in = Person { cookie, ..laptop.clone() };
    assert_eq!(signed_in.me().await["userId"], laptop.user_id.to_string());
    // It is a device as any other: listed, and signed out from there.
    let devices = laptop.devices().await;
    assert_eq!(devices.len(), 2);
    laptop.end_sessions(Some(&devices[1]["sessionId"])).await;
    assert_eq!(signed_in.get("/api/auth/me").await.status, 401);
    let list = laptop.get("/api/account/passkeys").await.ok();
    assert_eq!(list[0]["label"], "My phone");
    assert!(list[0]["lastUsedAt"].is_string(), "{list}");
}

#[sqlx::test]
async fn the_browser_is_asked_for_a_key_it_can_find_by_itself_and_only_from_its_own_person(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    let device = passkey(&ada, 1, "").await;
    let asked = begin(&ada, "").await["options"].clone();
    assert_eq!(asked["rp"], json!({"id": "baby.example.org", "name": "Cradlelog"}));
    assert_eq!((&asked["user"]["name"], &asked["timeout"]), (&json!("ada@example.org"), &json!(300_000)));
    let selection = &asked["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["requireResidentKey"]), (&json!("required"), &json!(true)));
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(asked["user"]["id"], device.user);
    let excluded = asked["excludeCredentials"].as_array().unwrap();
    assert_eq!(excluded.len(), 1, "a device that has one is not given a second");
    let asked = begin_sign_in(&app.anonymous()).await["options"].clone();
    assert_eq!((&asked["userVerification"], &asked["allowCredentials"]), (&json!("required"), &json!([])));
}

#[sqlx::test]
async fn a_sign_in_by_passkey_ends_the_session_it_came_with(pool: PgPool) {
    let app = app(pool).await;
    let before = app.sign_up("ada").await;
    let mut phone = passkey(&before, 1, "").await;
    let asked = begin_sign_in(&before).await;
    let answer = finish_sign_in(&before, &asked, &phone.sign(&asked["options"])).await;
    let after = Person { cookie: session_cookie(&answer).unwrap(), ..before.clone() };
    assert_ne!(after.cookie, before.cookie);
    assert_eq!(before.get("/api/auth/me").await.status, 401);
    assert_eq!(after.devices().await.len(), 1);
}

#[sqlx::test]
async fn a_question_is_answered_once_at_any_server_and_in_time(pool: PgPool) {
    let (here, there) = (app(pool.clone()).await, app(pool).await);
    let ada = here.sign_up("ada").await;
    let mut phone = passkey(&ada, 1, "").await;
    let asked = begin_sign_in(&here.anonymous()).await;
    let answer = phone.sign(&asked["options"]);
    finish_sign_in(&there.anonymous(), &asked, &answer).await.ok();
    assert_eq!(finish_sign_in(&here.anonymous(), &asked, &answer).await.refusal(), over());
    // A wrong answer uses it up as well.
    let asked = begin_sign_in(&here.anonymous()).await;
    let wrong = Authenticator { origin: "https://evil.example".into(), ..phone.clone() }.sign(&asked["options"]);
    assert_eq!(finish_sign_in(&here.anonymous(), &asked, &wrong).await.refusal(), unknown());
    assert_eq!(finish_sign_in(&here.anonymous(), &asked, &phone.sign(&asked["options"])).await.refusal(), over());

    let asked = begin_sign_in(&here.anonymous()).await;
    let late = "update passkey_ceremonies set created_at = now() - interval '301 seconds'";
    sqlx::query(late).execute(&here.pool).await.unwrap();
    assert_eq!(finish_sign_in(&here.anonymous(), &asked, &phone.sign(&asked["options"])).await.refusal(), over());
    let none = json!({"ceremonyId": Uuid::now_v7()});
    assert_eq!(finish_sign_in(&here.anonymous(), &none, &answer).await.refusal(), over());
    assert_eq!(finish(&ada, &none, &answer).await.refusal(), over());
}

#[sqlx::test]
async fn questions_without_an_answer_are_let_go(pool: PgPool) {
    let app = app(pool).await;
    begin_sign_in(&app.anonymous()).await;
    let run = async || compact(&app.pool, &Retention::default()).await.unwrap().unwrap().ceremonies;
    assert_eq!(run().await, 0);
    let late = "update passkey_ceremonies set created_at = now() - interval '301 seconds'";
    sqlx::query(late).execute(&app.pool).await.unwrap();
    assert_eq!(run().await, 1);
    assert_eq!(app.count("passkey_ceremonies").await, 0);
}

/// What was asked of one session is answered by no other, not even of the same account; and what was asked
/// for a passkey to be made signs nobody in.
#[sqlx::test]
async fn only_the_session_that_began_a_passkey_finishes_it(pool: PgPool) {
    let app = app(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let mut phone = passkey(&ada, 1, "first").await;
    let tablet = Person { cookie: session_cookie(&sign_in(&app, &mut phone).await).unwrap(), ..ada.clone() };
    let asked = begin(&ada, "second").await;
    let made = Authenticator::new(2, ORIGIN).make(&asked["options"]);
    for other in [&eve, &tablet] {
        assert_eq!(finish(other, &asked, &made).await.refusal(), over());
    }
    assert_eq!(finish_sign_in(&app.anonymous(), &asked, &made).await.refusal(), over());
    let sign_in = begin_sign_in(&ada).await;
    assert_eq!(finish(&ada, &sign_in, &made).await.refusal(), over());
    finish(&ada, &asked, &made).await.ok();
    assert_eq!(labels(&ada).await, ["first", "second"]);
    assert_eq!(labels(&eve).await, Vec::<String>::new());

    let asked = begin(&ada, "third").await;
    let made = Authenticator::new(3, ORIGIN).make(&asked["options"]);
    tablet.end_sessions(None).await;
    assert_eq!(finish(&ada, &asked, &made).await.refusal(), (401, "unauthenticated".into()));
    assert_eq!(app.count("passkey_ceremonies where session_hash is not null").await, 0);
}

#[sqlx::test]
async fn what_no_passkey_of_this_server_signed_is_refused(pool: PgPool) {
    let app = app(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let phone = passkey(&ada, 1, "").await;
    let eves = passkey(&eve, 2, "").await;
    let wrong = [
        ("another page", Authenticator { origin: "https://evil.example".into(), ..phone.clone() }),
        ("another port", Authenticator { origin: format!("{ORIGIN}:8443"), ..phone.clone() }),
        ("nobody there", Authenticator { is_verified: false, ..phone.clone() }),
        ("another key", Authenticator { id: phone.id.clone(), user: phone.user.clone(), ..eves.clone() }),
        ("another account", Authenticator { user: eves.user.clone(), ..phone.clone() }),
        ("no account", Authenticator { user: Value::Null, ..phone.clone() }),
        ("unknown", Authenticator::new(9, ORIGIN)),
    ];
    for (what, mut device) in wrong {
        let answer = sign_in(&app, &mut device).await;
        assert_eq!(answer.refusal(), unknown(), "{what}");
        assert_eq!((&answer.json()["field"], session_cookie(&answer)), (&json!("passkey"), None), "{what}");
    }
    // The answer to another question.
    let (old, asked) = (begin_sign_in(&app.anonymous()).await, begin_sign_in(&app.anonymous()).await);
    let answer = phone.clone().sign(&old["options"]);
    assert_eq!(finish_sign_in(&app.anonymous(), &asked, &answer).await.refusal(), unknown());
    let asked = begin_sign_in(&app.anonymous()).await;
    let nonsense = json!({"id": [], "response": "x"});
    assert_eq!(finish_sign_in(&app.anonymous(), &asked, &nonsense).await.refusal(), (400, "malformed".into()));
    assert_eq!(sign_in(&app, &mut phone.clone()).await.status, 200);
}

#[sqlx::test]
async fn a_key_that_was_copied_is_noticed_by_its_counter(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    let mut phone = passkey(&ada, 1, "").await;
    let mut copy = phone.clone();
    sign_in(&app, &mut phone).await.ok();
    sign_in(&app, &mut phone).await.ok();
    assert_eq!(sign_in(&app, &mut copy).await.refusal(), unknown());
    sign_in(&app, &mut phone).await.ok();
}

#[sqlx::test]
async fn a_passkey_that_was_made_elsewhere_or_for_nobody_is_not_kept(pool: PgPool) {
    let app = app(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    passkey(&ada, 1, "").await;
    let phone = Authenticator::new(2, ORIGIN);
    for mut device in [
        Authenticator { origin: "https://evil.example".into(), ..phone.clone() },
        Authenticator { is_verified: false, ..phone.clone() },
        // Somebody's already.
        Authenticator::new(1, ORIGIN),
    ] {
        let asked = begin(&eve, "").await;
        let answer = finish(&eve, &asked, &device.make(&asked["options"])).await;
        assert_eq!(answer.refusal(), (422, "invalid_payload".into()));
        assert_eq!(answer.json()["field"], "credential");
    }
    assert_eq!(app.count("passkeys").await, 1);
}

/// What a borrowed phone must not do asks for the password: neither a way in for later nor taking one away.
#[sqlx::test]
async fn making_and_removing_ask_for_the_password(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    let mut phone = passkey(&ada, 1, "phone").await;
    let id = ada.get("/api/account/passkeys").await.ok()[0]["passkeyId"].clone();
    let wrong = "not the password";
    for answer in [
        ada.post("/api/account/passkeys/begin", json!({"password": wrong})).await,
        ada.post("/api/account/passkeys/remove", json!({"password": wrong, "passkeyId": id})).await,
    ] {
        assert_eq!((answer.refusal(), &answer.json()["field"]), (unknown(), &json!("password")));
    }
    assert_eq!(labels(&ada).await, ["phone"]);
    let failures: i32 =
        sqlx::query_scalar("select failures from throttle where scope = 'account'").fetch_one(&app.pool).await.unwrap();
    assert_eq!(failures, 2, "they count with those of sign-ins");

    let eve = app.sign_up("eve").await;
    let remove = json!({"password": PASSWORD, "passkeyId": id});
    eve.post("/api/account/passkeys/remove", remove.clone()).await.ok();
    assert_eq!(labels(&ada).await, ["phone"], "nobody removes somebody else's");
    ada.post("/api/account/passkeys/remove", remove.clone()).await.ok();
    ada.post("/api/account/passkeys/remove", remove).await.ok();
    assert_eq!(sign_in(&app, &mut phone).await.refusal(), unknown());
    assert_eq!(ada.me().await["displayName"], "ada", "who is signed in stays so");
}

#[sqlx::test]
async fn another_password_leaves_the_passkeys_and_the_account_takes_them_along(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    let mut phone = passkey(&ada, 1, "My \"phone\"").await;
    let change = json!({"password": PASSWORD, "newPassword": "a quieter night"});
    ada.post("/api/account/password", change).await.ok();
    let answer = sign_in(&app, &mut phone).await;
    let ada = Person { cookie: session_cookie(&answer).unwrap(), ..ada };
    let export = ada.get("/api/account/export").await;
    assert_eq!(export.json()["account"]["passkeys"], json!(["My \"phone\""]));
    assert!(!export.text.contains("credential"), "by name only: {}", export.text);
    ada.post("/api/account/delete", json!({"password": "a quieter night"})).await.ok();
    assert_eq!((app.count("passkeys").await, app.count("passkey_ceremonies").await), (0, 0));
    assert_eq!(sign_in(&app, &mut phone).await.refusal(), unknown());
}

#[sqlx::test]
async fn a_passkey_without_a_name_is_named_after_its_device(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    passkey(&ada, 1, "  ").await;
    let too_long = json!({"password": PASSWORD, "label": "x".repeat(81)});
    let answer = ada.post("/api/account/passkeys/begin", too_long).await;
    assert_eq!((answer.refusal().0, &answer.json()["field"]), (422, &json!("label")));
    assert_eq!(labels(&ada).await, ["Passkey"]);
}

#[sqlx::test]
async fn an_account_has_at_most_twenty(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    sqlx::query(
        "insert into passkeys (user_id, credential_id, credential, label)
         select $1, int4send(n), '{}', 'one of many' from generate_series(1, 20) n",
    )
    .bind(ada.user_id)
    .execute(&app.pool)
    .await
    .unwrap();
    let answer = ada.post("/api/account/passkeys/begin", json!({"password": PASSWORD})).await;
    assert_eq!((answer.refusal().0, &answer.json()["field"]), (422, &json!("passkeys")));
}

/// C46: sign-ins by passkey count with those by password from the same place, and the right ones do not.
#[sqlx::test]
async fn c46_questions_without_a_right_answer_count_as_failures(pool: PgPool) {
    let app = app(pool).await;
    let ada = app.sign_up("ada").await;
    let mut phone = passkey(&ada, 1, "").await;
    let failures = async || -> i32 {
        let sql = "select coalesce(max(failures), 0) from throttle where scope = 'address'";
        sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
    };
    sign_in(&app, &mut phone).await.ok();
    assert_eq!(failures().await, 0);
    begin_sign_in(&app.anonymous()).await;
    sign_in(&app, &mut Authenticator::new(9, ORIGIN)).await;
    assert_eq!(failures().await, 2);
    sqlx::query("update throttle set blocked_until = now() + interval '1 hour'").execute(&app.pool).await.unwrap();
    let waiting = app.anonymous().post("/api/auth/passkey/begin", json!({})).await;
    assert_eq!(waiting.refusal(), (429, "rate_limited".into()));
    assert_eq!(app.count("passkey_ceremonies").await, 1);
}

/// A passkey belongs to a host's name that browsers trust: elsewhere the app is told that there are none.
#[sqlx::test]
async fn a_server_tells_where_its_passkeys_work_and_has_none_at_an_address_of_numbers(pool: PgPool) {
    let check = |public_url: Option<&str>, listen: &str, expect: Option<&str>| {
        let config = ServeConfig {
            public_url: public_url.map(|url| url.parse().unwrap()),
            listen_addr: listen.parse().unwrap(),
            ..TestApp::config()
        };
        assert_eq!(RelyingParty::of(&config).as_ref().map(RelyingParty::origin), expect, "{public_url:?} {listen}");
    };
    check(None, "127.0.0.1:3000", Some("http://localhost:3000"));
    check(Some("https://Baby.example.org:8443"), "0.0.0.0:80", Some("https://baby.example.org:8443"));
    check(Some("http://localhost:3000"), "0.0.0.0:80", Some("http://localhost:3000"));
    for nowhere in ["http://127.0.0.1:3000", "https://192.168.1.7", "https://[::1]:3000", "http://baby.example.org"] {
        check(Some(nowhere), "127.0.0.1:3000", None);
    }

    let app = TestApp::with(pool, |config| config.public_url = Some("http://127.0.0.1:3000".parse().unwrap())).await;
    let ada = app.sign_up("ada").await;
    assert_eq!(ada.get("/api/auth/sign-up/rules").await.ok()["passkeysAt"], json!(null));
    for path in ["/api/auth/passkey/begin", "/api/account/passkeys/begin"] {
        let answer = ada.post(path, json!({"password": PASSWORD})).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{path}");
        assert!(answer.text.contains("PUBLIC_URL"), "{path}: {}", answer.text);
    }
}
