//! Two people, one entry: who wins, and what the other is told.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Person, TestApp, bottle, delete, mutation, update, with};

async fn family(app: &TestApp) -> (Person<'_>, Person<'_>, Uuid) {
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    bob.join(&ada, baby, "editor").await;
    (ada, bob, baby)
}

fn hlc(at: &str, person: &Person<'_>) -> String {
    let ms = at.parse::<crate::domain::time::Timestamp>().unwrap().as_ms();
    format!("{ms:016x}-0000-{}", person.client_id())
}

/// C28, C30, A10, A15: an older `updatedAt` loses, nothing is written, the row comes back.
#[sqlx::test]
async fn a15_an_older_update_is_a_conflict(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let late = with(update(feed, "feed_log", json!({"amountMl": 100})), "updatedAt", "2026-01-01T10:00:00Z");
    let verdict = bob.push_one(baby, late).await;
    assert_eq!((&verdict["status"], &verdict["version"]), (&json!("conflict"), &Value::Null));
    assert_eq!((&verdict["serverData"]["amountMl"], &verdict["serverData"]["rowVersion"]), (&json!(90), &json!(2)));
    assert_eq!(ada.all(baby).await.len(), 2, "no event");
    assert_eq!(app.count("sync_mutation").await, 3, "but the verdict is remembered");
}

/// Trap 9: the very first edit can lose too.
#[sqlx::test]
async fn trap_09_the_first_edit_does_not_always_win(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = Uuid::now_v7();
    let create = with(super::app::create(feed, "feed_log", bottle(90)), "updatedAt", "2026-06-02T00:00:00Z");
    assert_eq!(ada.push_one(baby, create).await["status"], "applied");
    let older = with(update(feed, "feed_log", json!({"amountMl": 1})), "updatedAt", "2026-06-01T00:00:00Z");
    assert_eq!(bob.push_one(baby, older).await["status"], "conflict");
    let newer = with(update(feed, "feed_log", json!({"amountMl": 2})), "updatedAt", "2026-06-03T00:00:00Z");
    assert_eq!(bob.push_one(baby, newer).await["status"], "applied");
}

/// C28.
/// A36: different fields both survive; of the same field the later clock wins, on every machine,
/// and the loser gets the row.
#[sqlx::test]
async fn a36_concurrent_edits_of_different_fields_both_survive(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let edit = |person: &Person<'_>, payload: Value, at: &str| {
        with(with(update(feed, "feed_log", payload), "baseVersion", 2), "hlc", hlc(at, person))
    };
    let now = crate::domain::time::Timestamp::from_ms(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64,
    );
    let (early, late) = (now.plus_ms(1_000).to_string(), now.plus_ms(2_000).to_string());
    let notes = ada.push_one(baby, edit(&ada, json!({"notes": "sleepy"}), &late)).await;
    let amount = bob.push_one(baby, edit(&bob, json!({"amountMl": 120}), &early)).await;
    assert_eq!((&notes["status"], &amount["status"]), (&json!("applied"), &json!("applied")));

    let both = bob.push_one(baby, edit(&bob, json!({"notes": "awake", "method": "bottle"}), &early)).await;
    assert_eq!((&both["status"], &both["serverData"]["notes"]), (&json!("merged"), &json!("sleepy")));
    let lost = bob.push_one(baby, edit(&bob, json!({"notes": "awake"}), &early)).await;
    assert_eq!((&lost["status"], &lost["serverData"]["notes"]), (&json!("conflict"), &json!("sleepy")));

    let row = ada.all(baby).await.last().unwrap()["payload"].clone();
    assert_eq!((&row["notes"], &row["amountMl"]), (&json!("sleepy"), &json!(120)));
    assert_eq!(row["updatedBy"], bob.user_id.to_string());
}

/// X1.
/// An edit made in knowledge of the last change applies whatever the clocks say.
#[sqlx::test]
async fn causality_beats_the_clock(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let behind = hlc("2001-01-01T00:00:00Z", &bob);
    let edit = with(with(update(feed, "feed_log", json!({"amountMl": 95})), "baseVersion", 2), "hlc", behind);
    assert_eq!(bob.push_one(baby, edit).await["status"], "applied");
}

/// C29.
/// A phone whose clock runs a year ahead does not win every conflict for a year.
#[sqlx::test]
async fn a_clock_far_ahead_is_pulled_back(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let ahead = with(update(feed, "feed_log", json!({"amountMl": 1})), "hlc", hlc("2999-01-01T00:00:00Z", &bob));
    assert_eq!(bob.push_one(baby, ahead).await["status"], "applied");
    let stamps: Value =
        sqlx::query_scalar("select groups from entity where id = $1").bind(feed).fetch_one(&app.pool).await.unwrap();
    let ms = u64::from_str_radix(&stamps["amount"]["hlc"].as_str().unwrap()[..16], 16).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    assert!(ms <= now + 5 * 60_000, "{stamps}");
}

/// Delete beats a concurrent edit; the edit's author gets the tombstone and may restore with it.
#[sqlx::test]
async fn a_delete_beats_an_edit_and_restore_brings_both_back(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    ada.push_one(baby, delete(feed, "feed_log")).await;
    let edit = bob.push_one(baby, with(update(feed, "feed_log", json!({"amountMl": 95})), "baseVersion", 2)).await;
    assert_eq!(edit["status"], "conflict");
    assert!(edit["serverData"]["deletedAt"].is_string());
    let restore = mutation("restore", feed, "feed_log", json!({"amountMl": 95}));
    assert_eq!(bob.push_one(baby, restore).await["status"], "applied");
    let row = ada.all(baby).await.last().unwrap()["payload"].clone();
    assert_eq!((&row["amountMl"], row.get("deletedAt")), (&json!(95), None));
    assert_eq!(ada.push_one(baby, delete(feed, "feed_log")).await["status"], "applied");
    assert_eq!(bob.push_one(baby, delete(feed, "feed_log")).await["status"], "noop");
}

/// T18, trap 18: the second caregiver's entry of the same feed is kept, and every reader is told which one it
/// resembles, in the log, in a snapshot and after an edit; a caregiver's word that it is another one travels too.
#[sqlx::test]
async fn trap_18_a_twin_is_kept_and_pointed_out_to_everyone(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let bottle = |minute: u32| json!({"method": "bottle", "amountMl": 90, "startedAt": format!("2026-11-20T02:{minute:02}:00.000Z")});
    let first = ada.log(baby, "feed_log", bottle(10)).await;
    let far = ada.log(baby, "feed_log", bottle(40)).await;
    let claimed = with(super::app::create(Uuid::now_v7(), "feed_log", bottle(41)), "payload", {
        let mut own = bottle(41);
        own["possibleDuplicateOf"] = json!(far);
        own
    });
    assert_eq!(ada.push_one(baby, claimed).await["status"], "applied");
    let twin = bob.log(baby, "feed_log", bottle(14)).await;
    let twins = |rows: &[Value]| -> Vec<Value> {
        rows.iter().map(|change| change["payload"]["possibleDuplicateOf"].clone()).collect()
    };
    let none = Value::Null;
    let expected = [none.clone(), none.clone(), none.clone(), none.clone(), json!(first)];
    assert_eq!(twins(&ada.all(baby).await), expected, "a payload cannot claim it");

    let edit = with(update(twin, "feed_log", json!({"isDistinct": true})), "baseVersion", 5);
    assert_eq!(ada.push_one(baby, edit).await["status"], "applied");
    let row = bob.all(baby).await.last().unwrap()["payload"].clone();
    assert_eq!((&row["possibleDuplicateOf"], &row["isDistinct"]), (&json!(first), &json!(true)));
    let snapshot = bob.get(&format!("/api/sync/snapshot?babyId={baby}")).await.json();
    let rows = snapshot["rows"].as_array().unwrap();
    assert!(twins(rows).contains(&json!(first)), "{snapshot}");
}

/// T18, trap 18: a sleep inside another one's, two that run at the same time, a start in the future and a device
/// whose clock is years ahead are logged as they are told: who was there knows better than we do.
#[sqlx::test]
async fn trap_18_an_overlap_and_a_clock_running_ahead_are_logged(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let at = |hour: u32| format!("2026-11-20T{hour:02}:00:00.000Z");
    let told = [
        (&ada, json!({"startedAt": at(2), "endedAt": at(5)})),
        (&bob, json!({"startedAt": at(3), "endedAt": at(4)})),
        (&ada, json!({"startedAt": at(4), "endedAt": at(6)})),
        (&ada, json!({"startedAt": at(7)})),
        (&bob, json!({"startedAt": at(8)})),
        (&ada, json!({"startedAt": "2031-01-01T00:00:00.000Z"})),
    ];
    for (person, sleep) in &told {
        let ahead = hlc("2999-01-01T00:00:00Z", person);
        let create = with(super::app::create(Uuid::now_v7(), "sleep_log", sleep.clone()), "hlc", ahead);
        assert_eq!(person.push_one(baby, create).await["status"], "applied", "{sleep}");
    }
    let log = ada.all(baby).await;
    for (change, (_, sleep)) in log[1..].iter().zip(&told) {
        assert_eq!(
            (&change["payload"]["startedAt"], &change["payload"]["endedAt"]),
            (&sleep["startedAt"], &sleep["endedAt"])
        );
    }
}

/// Trap 20: an odd time is logged, and stopping a stopped timer is not an error.
#[sqlx::test]
async fn trap_20_a_timer_stopped_twice_is_settled(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob, baby) = family(&app).await;
    let sleep = ada.log(baby, "sleep_log", json!({"startedAt": "2026-11-20T02:10:00.000Z"})).await;
    let stop = |at: &str| {
        with(
            update(sleep, "sleep_log", json!({"startedAt": "2026-11-20T02:10:00.000Z", "endedAt": at})),
            "baseVersion",
            2,
        )
    };
    let first = ada.push_one(baby, stop("2026-11-20T03:00:00.000Z")).await;
    let second = bob.push_one(baby, stop("2026-11-20T03:00:05.000Z")).await;
    assert_eq!(first["status"], "applied");
    assert_eq!(second["status"], "noop", "it was over already");
    assert_eq!(ada.all(baby).await.last().unwrap()["payload"]["endedAt"], "2026-11-20T03:00:00.000Z");
    let future = json!({"startedAt": "2031-01-01T00:00:00.000Z"});
    ada.log(baby, "sleep_log", future).await;
}
