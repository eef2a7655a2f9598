//! Who gets what answer at which call, and that another family's ids are worth nothing.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, PASSWORD, Person, TestApp, bottle, create, delete, mutation, update};

/// A call and the statuses it gives to: nobody, an outsider, someone removed, a viewer, an editor,
/// an owner; last, any signed-in person about a baby that does not exist.
type Case = (Method, &'static str, fn(Uuid, Uuid) -> Value, [u16; 7]);

fn cases() -> Vec<Case> {
    let by_baby = |baby: Uuid, _: Uuid| json!({"babyId": baby});
    let push = |baby: Uuid, _: Uuid| {
        let feed = create(Uuid::now_v7(), "feed_log", bottle(90));
        json!({"babyId": baby, "clientId": Uuid::nil(), "mutations": [feed]})
    };
    vec![
        (Method::GET, "/api/sync/pull", by_baby, [401, 403, 403, 200, 200, 200, 403]),
        (Method::POST, "/api/sync/push", push, [401, 403, 403, 403, 200, 200, 403]),
        (
            Method::POST,
            "/api/sync/v2",
            |baby, _| {
                let feed = create(Uuid::now_v7(), "feed_log", bottle(90));
                json!({"babyId": baby, "clientId": Uuid::nil(), "lastKnownServerVersion": 0, "changes": [feed]})
            },
            [401, 403, 403, 403, 200, 200, 403],
        ),
        (Method::GET, "/api/sync/snapshot", by_baby, [401, 403, 403, 200, 200, 200, 403]),
        (Method::GET, "/api/sync/status", by_baby, [401, 403, 403, 200, 200, 200, 403]),
        (
            Method::POST,
            "/api/sync/lease",
            |baby, _| json!({"babyId": baby, "kind": "import"}),
            [401, 403, 403, 403, 200, 200, 403],
        ),
        (
            Method::GET,
            "/api/babies/history",
            |baby, _| json!({"babyId": baby, "entityId": Uuid::nil()}),
            [401, 403, 403, 200, 200, 200, 403],
        ),
        (Method::GET, "/api/babies/caregivers/list", by_baby, [401, 404, 404, 200, 200, 200, 404]),
        (Method::GET, "/api/babies/invites/list", by_baby, [401, 404, 404, 403, 403, 200, 404]),
        (
            Method::POST,
            "/api/babies/invites/create",
            |baby, _| json!({"babyId": baby, "level": "viewer"}),
            [401, 404, 404, 403, 403, 200, 404],
        ),
        (
            Method::POST,
            "/api/babies/invites/revoke",
            |baby, _| json!({"babyId": baby, "inviteId": Uuid::nil()}),
            [401, 404, 404, 403, 403, 404, 404],
        ),
        (
            Method::POST,
            "/api/babies/caregivers/set-level",
            |baby, viewer| json!({"babyId": baby, "userId": viewer, "level": "viewer"}),
            [401, 404, 404, 403, 403, 200, 404],
        ),
        (
            Method::POST,
            "/api/babies/caregivers/set-label",
            |baby, viewer| json!({"babyId": baby, "userId": viewer, "label": "Nanny"}),
            [401, 404, 404, 200, 403, 200, 404],
        ),
        (
            Method::POST,
            "/api/babies/caregivers/remove",
            |baby, _| json!({"babyId": baby, "userId": Uuid::nil()}),
            [401, 404, 404, 403, 403, 404, 404],
        ),
        (
            Method::POST,
            "/api/babies/caregivers/set-until",
            |baby, viewer| json!({"babyId": baby, "userId": viewer}),
            [401, 404, 404, 403, 403, 404, 404],
        ),
        (
            Method::POST,
            "/api/sync/tray",
            |baby, _| json!({"babyId": baby, "clientId": Uuid::nil(), "mutations": []}),
            [401, 403, 403, 403, 403, 403, 403],
        ),
        (Method::GET, "/api/babies/tray/list", by_baby, [401, 404, 404, 403, 403, 200, 404]),
        (
            Method::POST,
            "/api/babies/tray/settle",
            |baby, viewer| json!({"babyId": baby, "userId": viewer, "entityId": Uuid::nil(), "keep": true}),
            [401, 404, 404, 403, 403, 404, 404],
        ),
        // About all babies of the caller; which ones those are is shown by the tests of hints.
        (Method::GET, "/api/sync/hints", |_, _| json!({}), [401, 200, 200, 200, 200, 200, 200]),
        (Method::GET, "/api/account/sessions", |_, _| json!({}), [401, 200, 200, 200, 200, 200, 200]),
        (
            Method::POST,
            "/api/account/sessions/end",
            |_, _| json!({"sessionId": Uuid::nil()}),
            [401, 200, 200, 200, 200, 200, 200],
        ),
        (
            Method::POST,
            "/api/account/password",
            |_, _| json!({"password": PASSWORD, "newPassword": "short"}),
            [401, 422, 422, 422, 422, 422, 422],
        ),
        (
            Method::POST,
            "/api/account/delete",
            |_, _| json!({"password": "not the password"}),
            [401, 401, 401, 401, 401, 401, 401],
        ),
        (Method::GET, "/api/account/export", |_, _| json!({}), [401, 200, 200, 200, 200, 200, 200]),
        (Method::GET, "/api/auth/me", |_, _| json!({}), [401, 200, 200, 200, 200, 200, 200]),
        (Method::GET, "/api/account/passkeys", |_, _| json!({}), [401, 200, 200, 200, 200, 200, 200]),
        (
            Method::POST,
            "/api/account/passkeys/begin",
            |_, _| json!({"password": "not the password"}),
            [401, 401, 401, 401, 401, 401, 401],
        ),
        (
            Method::POST,
            "/api/account/passkeys/finish",
            |_, _| json!({"ceremonyId": Uuid::nil(), "credential": {}}),
            [401, 410, 410, 410, 410, 410, 410],
        ),
        (
            Method::POST,
            "/api/account/passkeys/remove",
            |_, _| json!({"passkeyId": Uuid::nil(), "password": "not the password"}),
            [401, 401, 401, 401, 401, 401, 401],
        ),
        (Method::POST, "/api/auth/passkey/begin", |_, _| json!({}), [200; 7]),
        (
            Method::POST,
            "/api/auth/passkey/finish",
            |_, _| json!({"ceremonyId": Uuid::nil(), "credential": {}}),
            [410; 7],
        ),
        (Method::POST, "/api/auth/sign-in", |_, _| json!({"email": "a@b", "password": "x"}), [401; 7]),
        (Method::GET, "/api/auth/sign-up/rules", |_, _| json!({}), [200; 7]),
        (Method::POST, "/api/auth/sign-up", |_, _| json!({"email": "", "password": "", "displayName": ""}), [422; 7]),
        (
            Method::POST,
            "/api/babies/invites/look",
            |_, _| json!({"token": "no token"}),
            [401, 404, 404, 404, 404, 404, 404],
        ),
        (
            Method::POST,
            "/api/babies/invites/ask",
            |_, _| json!({"token": "no token"}),
            [401, 404, 404, 404, 404, 404, 404],
        ),
        (
            Method::POST,
            "/api/babies/invites/approve",
            |baby, _| json!({"babyId": baby, "inviteId": Uuid::nil(), "level": "viewer"}),
            [401, 404, 404, 403, 403, 404, 404],
        ),
        (
            Method::POST,
            "/api/babies/invites/accept",
            |_, _| json!({"code": "no code"}),
            [401, 404, 404, 404, 404, 404, 404],
        ),
    ]
}

async fn call(person: &Person<'_>, method: &Method, path: &str, body: Value) -> Answer {
    if method == Method::POST {
        return person.post(path, body).await;
    }
    let query: Vec<String> =
        body.as_object().unwrap().iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
    person.get(&format!("{path}?{}", query.join("&"))).await
}

/// C41, A11, A32. Every call but sign-out, which anyone may make and which would end the session. Whoever
/// has deleted their account is nobody, with the cookie that they still have.
#[sqlx::test]
async fn a11_every_call_answers_each_kind_of_caller_as_it_should(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let owner = app.sign_up("owner").await;
    let baby = owner.baby("Mia").await;
    let (outsider, removed) = (app.sign_up("outsider").await, app.sign_up("removed").await);
    let (viewer, editor) = (app.sign_up("viewer").await, app.sign_up("editor").await);
    removed.join(&owner, baby, "editor").await;
    let gone = json!({"babyId": baby, "userId": removed.user_id});
    owner.post("/api/babies/caregivers/remove", gone).await.ok();
    viewer.join(&owner, baby, "viewer").await;
    editor.join(&owner, baby, "editor").await;
    outsider.baby("Leo").await;
    let foreign = app.sign_up("stranger").await.baby("Zoe").await;
    let deleted = app.sign_up("deleted").await;
    deleted.join(&owner, baby, "editor").await;
    deleted.post("/api/account/delete", json!({"password": PASSWORD})).await.ok();

    // A guest is an editor until their time is over, and then one who was removed, but for the tray.
    let (guest, late) = (app.sign_up("guest").await, app.sign_up("late").await);
    guest.visit(&owner, baby, 1).await;
    late.visit(&owner, baby, 1).await;
    late.time_is_over(baby).await;
    for (method, path, body, expect) in cases() {
        let ended = if path == "/api/sync/tray" { 200 } else { expect[2] };
        for (person, expect) in [(&guest, expect[4]), (&late, ended)] {
            let answer = call(person, &method, path, body(baby, viewer.user_id)).await;
            assert_eq!(answer.status.as_u16(), expect, "{path} by {}: {}", person.user_id, answer.text);
            sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
        }
    }

    let nobody = app.anonymous();
    let people = [&nobody, &outsider, &removed, &viewer, &editor, &owner, &deleted];
    for (method, path, body, expect) in cases() {
        let by_person = expect[..6].iter().chain([&expect[0]]).copied();
        for (person, expect) in people.iter().zip(by_person) {
            let answer = call(person, &method, path, body(baby, viewer.user_id)).await;
            assert_eq!(answer.status.as_u16(), expect, "{path} by {}: {}", person.user_id, answer.text);
            sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
        }
        // To a baby of others everybody is an outsider, whatever they are to their own.
        for (person, is_somebody) in people.iter().zip([false, true, true, true, true, true, false]) {
            for (what, other, expected) in [("foreign", foreign, expect[1]), ("unknown", Uuid::now_v7(), expect[6])] {
                let expected = if is_somebody { expected } else { expect[0] };
                let answer = call(person, &method, path, body(other, viewer.user_id)).await;
                let who = person.user_id;
                assert_eq!(answer.status.as_u16(), expected, "{path} by {who}, {what} baby: {}", answer.text);
                sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
            }
        }
    }
    let functions = server_fn::axum::server_fn_paths().map(|(path, _)| path);
    let served: BTreeSet<_> = functions.chain(["/api/sync/hints", "/api/account/export"]).collect();
    assert_eq!(without_row(&served), BTreeSet::<&str>::new(), "calls without a row in `cases`");
    assert!(cases().iter().all(|case| served.contains(case.1)), "rows of calls that are not served");
}

/// Those of `served` that nobody tries above. Which calls are served is asked of the registry of server
/// functions; the routes beside it are held to a list by `tidy`.
fn without_row<'a>(served: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let tried: BTreeSet<_> = cases().iter().map(|(_, path, _, _)| *path).chain(["/api/auth/sign-out"]).collect();
    served.difference(&tried).copied().collect()
}

#[test]
fn a_call_without_a_row_is_found() {
    let served = BTreeSet::from(["/api/sync/pull", "/api/sync/backdoor", "/api/auth/sign-out"]);
    assert_eq!(without_row(&served), BTreeSet::from(["/api/sync/backdoor"]));
}

/// C44.
/// An id must not be worth guessing: a stranger's baby and no baby at all look the same, to the byte.
#[sqlx::test]
async fn a_foreign_baby_looks_like_none(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let (theirs, none) = (ada.baby("Mia").await, Uuid::now_v7());
    let masked = |answer: Answer, baby: Uuid| {
        let mut body = answer.json();
        body["requestId"] = json!(null);
        (answer.status, body.to_string().replace(&baby.to_string(), "BABY"))
    };
    for (method, path, body, _) in cases()
        .into_iter()
        .filter(|case| case.3[1] >= 400 && (case.1.starts_with("/api/sync") || case.1.starts_with("/api/babies")))
    {
        let a = masked(call(&eve, &method, path, body(theirs, ada.user_id)).await, theirs);
        let b = masked(call(&eve, &method, path, body(none, ada.user_id)).await, none);
        assert_eq!(a, b, "{path}");
        sqlx::query("delete from throttle").execute(&app.pool).await.unwrap();
    }
}

/// X12.
/// A viewer reads; every kind of write is refused.
#[sqlx::test]
async fn a_viewer_reads_and_cannot_write(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, vic) = (app.sign_up("ada").await, app.sign_up("vic").await);
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    vic.join(&ada, baby, "viewer").await;
    assert_eq!(vic.all(baby).await.len(), 2);
    for mutation in [
        create(Uuid::now_v7(), "feed_log", bottle(1)),
        update(feed, "feed_log", json!({"amountMl": 1})),
        delete(feed, "feed_log"),
        update(baby, "baby", json!({"name": "Max"})),
    ] {
        assert_eq!(vic.push(baby, vec![mutation]).await.refusal(), (403, "read_only".into()));
    }
    assert_eq!(vic.push(baby, vec![]).await.refusal(), (403, "read_only".into()));
    assert_eq!(ada.all(baby).await.len(), 2);
}

/// C44, Trap 2: whoever knows an entry's id can still not touch it, under any baby they name.
#[sqlx::test]
async fn trap_02_another_familys_ids_change_nothing(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let (mia, leo) = (ada.baby("Mia").await, eve.baby("Leo").await);
    let feed = ada.log(mia, "feed_log", bottle(90)).await;
    let before = ada.all(mia).await;

    let attempts = || {
        [
            delete(feed, "feed_log"),
            update(feed, "feed_log", json!({"amountMl": 1})),
            update(mia, "baby", json!({"name": "x"})),
        ]
    };
    for attempt in attempts() {
        assert_eq!(eve.push(mia, vec![attempt]).await.refusal(), (403, "access_revoked".into()));
    }
    let under_own = eve.push(leo, attempts().into()).await.ok();
    assert_eq!(super::app::statuses(&under_own), ["noop", "rejected", "rejected"]);
    // The same id under her own baby is another entry, and so is the same mutation id.
    eve.push_one(leo, create(feed, "feed_log", bottle(5))).await;
    assert_eq!(eve.push_one(leo, delete(feed, "feed_log")).await["status"], "applied");
    let mut smuggled = bottle(7);
    smuggled["babyId"] = json!(mia);
    eve.log(leo, "feed_log", smuggled).await;

    assert_eq!(ada.all(mia).await, before);
    let theirs: i64 = sqlx::query_scalar("select count(*) from entity where baby_id = $1")
        .bind(mia)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(theirs, 2);
}

/// A32: a removal takes effect with the next request, of every kind.
#[sqlx::test]
async fn a32_someone_removed_is_out_at_once(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo) = (ada.baby("Mia").await, bob.baby("Leo").await);
    bob.join(&ada, mia, "editor").await;
    assert_eq!(bob.me().await["babies"].as_array().unwrap().len(), 2);
    ada.post("/api/babies/caregivers/remove", json!({"babyId": mia, "userId": bob.user_id})).await.ok();
    let pull = bob.pull(mia, 0).await;
    assert_eq!(pull.refusal(), (403, "access_revoked".into()));
    assert_eq!(pull.json()["babyId"], mia.to_string());
    let push = bob.push(mia, vec![create(mia, "baby", json!({"name": "Mine now"}))]).await;
    assert_eq!(push.refusal(), (403, "access_revoked".into()));
    assert_eq!(bob.me().await["babies"].as_array().unwrap().len(), 1);
    assert_eq!(bob.pull(leo, 0).await.status, 200, "their other baby is untouched");
}

/// An editor may change the baby's profile; taking the baby away is the owner's, and so is bringing it back.
/// Meanwhile nothing is written to it, and who logs is told why.
#[sqlx::test]
async fn only_an_owner_deletes_the_baby_and_restores_it(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let verdict = bob.push_one(baby, delete(baby, "baby")).await;
    assert_eq!((&verdict["status"], &verdict["error"]["code"]), (&json!("rejected"), &json!("forbidden")));
    assert_eq!(bob.push_one(baby, update(baby, "baby", json!({"sex": "female"}))).await["status"], "applied");
    assert_eq!(ada.push_one(baby, delete(baby, "baby")).await["status"], "applied");
    let orphan = bob.push_one(baby, create(Uuid::now_v7(), "feed_log", bottle(90))).await;
    assert_eq!((&orphan["error"]["code"], &orphan["error"]["field"]), (&json!("parent_missing"), &json!("babyId")));
    for person in [&ada, &bob] {
        assert!(person.me().await["babies"][0]["deletedAt"].is_string());
    }
    let restore = || mutation("restore", baby, "baby", json!({}));
    let verdict = bob.push_one(baby, restore()).await;
    assert_eq!((&verdict["status"], &verdict["error"]["code"]), (&json!("rejected"), &json!("forbidden")));
    assert_eq!(ada.push_one(baby, restore()).await["status"], "applied");
    assert_eq!(bob.me().await["babies"][0].get("deletedAt"), None);
    assert_eq!(bob.push_one(baby, create(Uuid::now_v7(), "feed_log", bottle(90))).await["status"], "applied");
}

/// Nobody writes under another name, at another version or at another time by saying so.
#[sqlx::test]
async fn what_the_server_decides_is_taken_from_no_request(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    let claims = json!({"actorId": ada.user_id, "userId": ada.user_id, "createdBy": ada.user_id, "updatedBy": ada.user_id,
        "loggedBy": ada.user_id, "level": "owner", "role": "owner", "id": 1, "version": 99, "rowVersion": 99,
        "createdAt": "2001-01-01T00:00:00.000Z", "receivedAt": "2001-01-01T00:00:00.000Z"});
    let mut mutation = create(Uuid::now_v7(), "feed_log", bottle(90));
    mutation.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let mut body = json!({"babyId": baby, "clientId": bob.client_id(), "mutations": [mutation]});
    body.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let verdict = bob.post("/api/sync/push", body).await.ok()["results"][0].clone();
    assert_eq!((&verdict["status"], &verdict["version"]), (&json!("applied"), &json!(2)));
    for (key, value) in claims.as_object().unwrap() {
        let payload = super::app::with(bottle(60), key, value.clone());
        bob.push_one(baby, create(Uuid::now_v7(), "feed_log", payload)).await;
    }
    let changes = ada.all(baby).await;
    assert!(changes.len() > 1);
    for (n, change) in changes.iter().enumerate().skip(1) {
        assert_eq!(
            (&change["actorId"], &change["id"], &change["version"]),
            (&json!(bob.user_id), &json!(n + 1), &json!(n + 1))
        );
        assert!(change["createdAt"].as_str().unwrap() > "2026", "{change}");
        let text = change["payload"].to_string();
        assert!(!text.contains(&ada.user_id.to_string()) && !text.contains("2001-01-01"), "{text}");
    }
    assert_eq!(bob.me().await["babies"][0]["level"], "editor");
}
