//! Guests: in for some hours, out by the clock, and what they could not send in time.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Answer, Person, TestApp, bottle, create, delete, statuses, update};
use crate::{
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
    server::{
        compact::{Gone, Retention, compact},
        guests::end,
    },
};

async fn set_until(by: &Person<'_>, baby: Uuid, whom: &Person<'_>, until: Option<Timestamp>) -> Answer {
    let body = json!({"babyId": baby, "userId": whom.user_id, "until": until});
    by.post("/api/babies/caregivers/set-until", body).await
}

async fn settle(by: &Person<'_>, baby: Uuid, guest: &Person<'_>, entity: Uuid, keep: bool) -> Answer {
    let body = json!({"babyId": baby, "userId": guest.user_id, "entityId": entity, "keep": keep});
    by.post("/api/babies/tray/settle", body).await
}

async fn tray(by: &Person<'_>, baby: Uuid) -> Vec<Value> {
    by.get(&format!("/api/babies/tray/list?babyId={baby}")).await.ok().as_array().unwrap().clone()
}

/// When the one stay that `person` is told of ends.
async fn until(person: &Person<'_>) -> Timestamp {
    person.me().await["babies"][0]["stays"][0]["until"].as_str().unwrap().parse().unwrap()
}

fn hours_from_now(hours: i64) -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_ms(i64::try_from(now.as_millis()).unwrap() + hours * 3_600_000)
}

fn is_about(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).abs() < 60_000
}

/// The hours run from the acceptance, and whoever is asked knows how many.
#[sqlx::test]
async fn a_guest_sees_for_how_long_and_then_may_log(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    let body = json!({"babyId": baby, "level": "editor", "kind": "link", "hours": 2});
    let link = ada.post("/api/babies/invites/create", body).await.ok()["link"].as_str().unwrap().to_owned();
    let token = json!({"token": link.split('#').next_back()});
    // It lay about for a day.
    sqlx::query("update invites set created_at = now() - interval '1 day'").execute(&app.pool).await.unwrap();
    assert_eq!(sam.post("/api/babies/invites/look", token.clone()).await.ok()["hours"], 2);
    assert_eq!(ada.get(&format!("/api/babies/invites/list?babyId={baby}")).await.ok()[0]["hours"], 2);
    sam.post("/api/babies/invites/accept", token.clone()).await.ok();
    assert!(is_about(until(&sam).await, hours_from_now(2)));
    assert_eq!(until(&ada).await, until(&sam).await, "an owner is told the same");
    let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
    assert_eq!((list[0].get("until"), &list[1]["until"]), (None, &json!(until(&sam).await)));
    sam.log(baby, "feed_log", bottle(90)).await;
    // A lost answer, asked for again, adds nothing.
    let before = until(&sam).await;
    sam.post("/api/babies/invites/accept", token).await.ok();
    assert_eq!(until(&sam).await, before);
}

#[sqlx::test]
async fn an_invitation_for_hours_has_bounds(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for (level, hours, status) in [("editor", 0, 422), ("editor", 13, 422), ("viewer", 2, 422), ("editor", 12, 200)] {
        let body = json!({"babyId": baby, "level": level, "hours": hours});
        let answer = ada.post("/api/babies/invites/create", body).await;
        assert_eq!(answer.status, status, "{level} for {hours}: {}", answer.text);
    }
}

/// The clock alone ends it: no job has run, and the row is still there. (What each call then answers is in
/// the table of `access.rs`.)
#[sqlx::test]
async fn a_stay_is_over_without_anybody_doing_anything(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    sam.log(baby, "feed_log", bottle(90)).await;
    sam.time_is_over(baby).await;
    assert_eq!(app.count("baby_access").await, 2);
    assert_eq!(sam.push(baby, vec![]).await.refusal(), (403, "access_revoked".into()));
    assert_eq!(sam.pull(baby, 0).await.refusal(), (403, "access_revoked".into()));
    assert_eq!(sam.me().await["babies"], json!([]));
    let list = ada.get(&format!("/api/babies/caregivers/list?babyId={baby}")).await.ok();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert!(!sam.get("/api/account/export").await.text.contains("amountMl"));
    // The owner hears who was here, and from when to when.
    let stay = ada.me().await["babies"][0]["stays"][0].clone();
    assert_eq!((&stay["displayName"], &stay["unsent"]), (&json!("sam"), &json!(0)));
    assert!(stay["from"].as_str() < stay["until"].as_str());
    sam.ended(baby, "8 days").await;
    assert_eq!(ada.me().await["babies"][0].get("stays"), None);
}

/// Nothing is accepted once an end is committed, not even from a push that had begun and waited meanwhile.
#[sqlx::test]
async fn a_push_that_waited_through_the_end_is_refused(pool: PgPool) {
    let app = TestApp::new(pool.clone()).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    let mut ending = pool.begin().await.unwrap();
    let row = "select from baby_access where baby_id = $1 and user_id = $2 for update";
    sqlx::query(row).bind(baby).bind(sam.user_id).execute(&mut *ending).await.unwrap();
    let late = sam.push(baby, vec![create(Uuid::now_v7(), "feed_log", bottle(90))]);
    let ends = async {
        // The push waits for the row by now.
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            if waiting > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(end(&mut ending, BabyId(baby), UserId(sam.user_id)).await.unwrap(), "a guest");
        ending.commit().await.unwrap();
    };
    let (late, ()) = tokio::join!(late, ends);
    assert_eq!(late.refusal(), (403, "access_revoked".into()));
    assert_eq!(ada.all(baby).await.len(), 1);
}

#[sqlx::test]
async fn an_owner_puts_the_end_off_ends_it_or_lets_the_guest_stay(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam, bob) = (app.sign_up("ada").await, app.sign_up("sam").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    bob.join(&ada, baby, "editor").await;
    let more = until(&sam).await.plus_ms(3_600_000);
    for _ in 0..2 {
        set_until(&ada, baby, &sam, Some(more)).await.ok();
        assert_eq!(until(&sam).await, more, "said twice is said once");
    }
    set_until(&ada, baby, &sam, Some(hours_from_now(1_000))).await.ok();
    assert!(is_about(until(&sam).await, hours_from_now(24)), "a day at most");
    assert_eq!(set_until(&sam, baby, &sam, Some(more)).await.refusal(), (403, "forbidden".into()));
    assert_eq!(set_until(&ada, baby, &bob, Some(more)).await.refusal(), (404, "unknown_caregiver".into()));

    set_until(&ada, baby, &sam, Some(Timestamp::from_ms(0))).await.ok();
    assert_eq!(sam.push(baby, vec![]).await.refusal(), (403, "access_revoked".into()));
    assert_eq!(set_until(&ada, baby, &sam, Some(more)).await.refusal(), (404, "unknown_caregiver".into()));

    sam.visit(&ada, baby, 1).await;
    set_until(&ada, baby, &sam, None).await.ok();
    assert_eq!(sam.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "editor"}]));
}

/// Hours come from an owner and stay hours, whatever else is accepted.
#[sqlx::test]
async fn hours_become_lasting_by_an_owners_word_only(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam, vic) = (app.sign_up("ada").await, app.sign_up("sam").await, app.sign_up("vic").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 2).await;
    sam.visit(&ada, baby, 1).await;
    assert!(is_about(until(&sam).await, hours_from_now(2)), "less adds nothing");
    sam.visit(&ada, baby, 3).await;
    assert!(is_about(until(&sam).await, hours_from_now(3)));
    assert_eq!(sam.post("/api/babies/invites/create", json!({"babyId": baby, "level": "editor"})).await.status, 403);
    sam.join(&ada, baby, "viewer").await;
    assert_eq!(sam.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "viewer"}]));

    // Whoever may stay does not become somebody who must go, nor an editor for good.
    vic.join(&ada, baby, "viewer").await;
    vic.visit(&ada, baby, 1).await;
    assert_eq!(vic.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "viewer"}]));

    // An owner's time does not run out.
    let tim = app.sign_up("tim").await;
    tim.visit(&ada, baby, 1).await;
    let raise = json!({"babyId": baby, "userId": tim.user_id, "level": "owner"});
    ada.post("/api/babies/caregivers/set-level", raise).await.ok();
    let lasting: bool = sqlx::query_scalar("select until is null from baby_access where user_id = $1")
        .bind(tim.user_id)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(lasting);
}

/// Coming again begins a new stay, at the level of now.
#[sqlx::test]
async fn a_guest_may_come_again(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    sam.ended(baby, "2 days").await;
    sam.visit(&ada, baby, 1).await;
    let stay = sam.me().await["babies"][0]["stays"][0].clone();
    assert!(is_about(stay["from"].as_str().unwrap().parse().unwrap(), hours_from_now(0)), "{stay}");
    sam.ended(baby, "2 days").await;
    sam.join(&ada, baby, "viewer").await;
    assert_eq!(sam.me().await["babies"], json!([{"babyId": baby, "name": "Mia", "level": "viewer"}]));
}

/// Removing a guest, or leaving as one, ends the stay: the summary and the tray stay open.
#[sqlx::test]
async fn removing_a_guest_ends_the_stay_at_once(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    for by in [&ada, &sam] {
        sam.visit(&ada, baby, 1).await;
        by.post("/api/babies/caregivers/remove", json!({"babyId": baby, "userId": sam.user_id})).await.ok();
        assert_eq!(sam.push(baby, vec![]).await.refusal(), (403, "access_revoked".into()));
        assert!(is_about(until(&ada).await, hours_from_now(0)));
        assert_eq!(sam.hand_in(baby, vec![]).await.status, 200);
    }
}

#[sqlx::test]
async fn the_tray_takes_only_what_an_ended_guest_brings_within_a_week(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam, eve) = (app.sign_up("ada").await, app.sign_up("sam").await, app.sign_up("eve").await);
    let (mia, leo) = (ada.baby("Mia").await, eve.baby("Leo").await);
    let feed = || create(Uuid::now_v7(), "feed_log", bottle(90));
    sam.visit(&ada, mia, 1).await;
    assert_eq!(sam.hand_in(mia, vec![feed()]).await.refusal(), (403, "forbidden".into()), "push, while there is time");
    sam.time_is_over(mia).await;
    assert_eq!(sam.hand_in(mia, vec![feed()]).await.status, 200);
    for baby in [leo, Uuid::now_v7()] {
        assert_eq!(sam.hand_in(baby, vec![feed()]).await.refusal(), (403, "access_revoked".into()));
    }
    sam.ended(mia, "8 days").await;
    assert_eq!(sam.hand_in(mia, vec![feed()]).await.refusal(), (403, "access_revoked".into()));
    assert_eq!(eve.hand_in(mia, vec![feed()]).await.refusal(), (403, "access_revoked".into()));
    assert_eq!(app.count("guest_tray").await, 1);
    assert_eq!(ada.all(mia).await.len(), 1, "nothing of it is in the log");
}

#[sqlx::test]
async fn the_tray_is_bounded_and_says_what_it_holds(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    let sent = create(Uuid::now_v7(), "feed_log", bottle(80));
    sam.push_one(baby, sent.clone()).await;
    sam.time_is_over(baby).await;
    let feed = create(Uuid::now_v7(), "feed_log", bottle(90));
    let mut other = feed.clone();
    other["payload"]["amountMl"] = json!(10);
    let told = async |mutations| {
        let answer = sam.hand_in(baby, mutations).await.ok();
        statuses(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let batch = vec![sent.clone(), feed.clone(), json!({"mutationId": "odd"}), delete(baby, "baby")];
    for _ in 0..2 {
        assert_eq!(told(batch.clone()).await, ["noop", "noop", "rejected", "rejected"], "however often it is sent");
        assert_eq!(app.count("guest_tray").await, 1, "what the log has is not in the tray");
    }
    assert_eq!(told(vec![other]).await, ["rejected"], "an id stands for one body");
    let many = |n: usize| (0..n).map(|_| create(Uuid::now_v7(), "feed_log", bottle(90))).collect::<Vec<_>>();
    assert_eq!(sam.hand_in(baby, many(101)).await.refusal(), (413, "batch_too_large".into()));
    for _ in 0..4 {
        assert_eq!(told(many(100)).await, ["noop"; 100]);
    }
    assert_eq!(sam.hand_in(baby, many(100)).await.refusal(), (413, "batch_too_large".into()));
}

/// Kept: in the log as the guest's own, by the judge of every push. Left out: nowhere, and still there for a
/// change of mind.
#[sqlx::test]
async fn an_owner_keeps_or_leaves_out_what_came_late(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam, bob) = (app.sign_up("ada").await, app.sign_up("sam").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    sam.visit(&ada, baby, 1).await;
    sam.time_is_over(baby).await;
    let (feed, nappy) = (Uuid::now_v7(), Uuid::now_v7());
    let mut changed = update(feed, "feed_log", json!({"amountMl": 120}));
    changed["seq"] = json!(2);
    let wee = json!({"type": "wee", "startedAt": "2026-11-20T03:00:00.000Z"});
    let late = vec![create(feed, "feed_log", bottle(90)), changed, create(nappy, "nappy_log", wee)];
    assert_eq!(statuses(&sam.hand_in(baby, late.clone()).await.ok()), ["noop"; 3]);
    assert_eq!(ada.me().await["babies"][0]["stays"][0]["unsent"], 2, "two entries");
    let name = json!([{"babyId": baby, "userId": sam.user_id, "displayName": "sam"}]);
    assert_eq!((&ada.me().await["pastGuests"], &bob.me().await["pastGuests"]), (&name, &name), "whoever reads the log");
    assert!(sam.me().await.get("pastGuests").is_none(), "not a guest who is gone");
    let waiting = tray(&ada, baby).await;
    assert_eq!(waiting.len(), 2);
    assert_eq!((&waiting[0]["displayName"], &waiting[0]["op"]), (&json!("sam"), &json!("create")));
    assert_eq!(waiting[0]["payload"]["amountMl"], 120, "as it was at last");
    assert_eq!(bob.get(&format!("/api/babies/tray/list?babyId={baby}")).await.refusal(), (403, "forbidden".into()));
    assert_eq!(settle(&bob, baby, &sam, feed, true).await.refusal(), (403, "forbidden".into()));
    assert_eq!(settle(&sam, baby, &sam, feed, true).await.refusal(), (404, "unknown_baby".into()));
    assert_eq!(settle(&ada, baby, &bob, feed, true).await.refusal(), (404, "not_found".into()));

    settle(&ada, baby, &sam, nappy, false).await.ok();
    assert_eq!((tray(&ada, baby).await.len(), ada.all(baby).await.len()), (1, 1));
    for _ in 0..2 {
        settle(&ada, baby, &sam, feed, true).await.ok();
        let log = ada.all(baby).await;
        assert_eq!(log.len(), 3, "its create and its update, once");
        assert_eq!(log[2]["payload"]["amountMl"], 120);
        for event in &log[1..] {
            assert_eq!((&event["actorId"], &event["payload"]["loggedBy"]), (&json!(sam.user_id), &json!(sam.user_id)));
        }
    }
    assert_eq!(ada.me().await["babies"][0]["stays"][0]["unsent"], 0);
    // A push that was on its way all the time, and arrives when the guest is here again.
    sam.visit(&ada, baby, 1).await;
    assert_eq!(statuses(&sam.push(baby, late[..2].to_vec()).await.ok()), ["duplicate", "duplicate"]);
    settle(&ada, baby, &sam, nappy, true).await.ok();
    assert_eq!(ada.all(baby).await.len(), 4, "a no became a yes");
    let decided: i64 = sqlx::query_scalar("select count(*) from guest_tray where decided_by = $1")
        .bind(ada.user_id)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(decided, 3, "who decided is on record");
}

/// What no longer fits is refused in words, stays in the tray and changes nothing.
#[sqlx::test]
async fn what_does_not_fit_stays_in_the_tray(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    let feed = sam.log(baby, "feed_log", bottle(90)).await;
    sam.time_is_over(baby).await;
    let never = Uuid::now_v7();
    let edits = [feed, never].map(|id| update(id, "feed_log", json!({"amountMl": 120})));
    sam.hand_in(baby, edits.to_vec()).await.ok();
    ada.push_one(baby, delete(feed, "feed_log")).await;
    let before = ada.all(baby).await;
    for entity in [feed, never] {
        assert_eq!(settle(&ada, baby, &sam, entity, true).await.refusal(), (422, "invalid_payload".into()));
    }
    assert_eq!((tray(&ada, baby).await.len(), ada.all(baby).await), (2, before));
}

#[sqlx::test]
async fn what_is_left_of_a_stay_goes_after_thirty_days(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let baby = ada.baby("Mia").await;
    sam.visit(&ada, baby, 1).await;
    sam.time_is_over(baby).await;
    sam.hand_in(baby, vec![create(Uuid::now_v7(), "feed_log", bottle(90))]).await.ok();
    let run = async || compact(&app.pool, &Retention::default()).await.unwrap().unwrap();
    for (ago, guests, left) in [("29 days", 0, (2, 2, 1)), ("30 days", 1, (1, 1, 0))] {
        sam.ended(baby, ago).await;
        let sql = "update guest_tray set received_at = now() - $1::interval";
        sqlx::query(sql).bind(ago).execute(&app.pool).await.unwrap();
        assert_eq!(run().await, Gone { guests, ..Gone::default() });
        let counts = (app.count("baby_access").await, app.count("user_baby").await, app.count("guest_tray").await);
        assert_eq!(counts, left);
    }
}

/// Who may do what is asked of the view that knows the time. These look behind it, each for a reason.
#[test]
fn nobody_else_looks_behind_the_view_that_knows_the_time() {
    fn walk(dir: &std::path::Path, found: &mut Vec<(String, usize)>) {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    walk(&path, found);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let times = code.filter(|line| line.contains("baby_access")).count();
            if times > 0 {
                let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/server"));
                found.push((path.strip_prefix(root).unwrap().display().to_string(), times));
            }
        }
    }
    let mut found = Vec::new();
    walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/server")), &mut found);
    found.sort();
    let known = [
        // Gives access.
        ("access.rs", 1),
        // Takes it away.
        ("caregivers.rs", 1),
        // Lock and delete whole babies.
        ("compact.rs", 1),
        // What is left of a stay: told, taken in from, let go.
        ("guests/mod.rs", 3),
        ("guests/tray.rs", 1),
        // Looks for what must not be, at both sides of each row.
        ("inspect/verify.rs", 3),
        ("leaving.rs", 1),
    ];
    assert_eq!(found, known.map(|(name, times)| (name.to_owned(), times)));
}
