//! The operator's questions, above all: is everything as it must be? Each way to damage a database
//! is found and named.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::app::{TestApp, bottle, create, delete, update, with};
use crate::server::inspect::{Page, Question, answer, verify};

/// A baby with a live, an edited and a deleted entry, and a second one that stays whole.
async fn family(app: &TestApp) -> (Uuid, Uuid) {
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    ada.log(leo, "feed_log", bottle(1)).await;
    let feed = ada.log(mia, "feed_log", bottle(90)).await;
    let gone = ada.log(mia, "feed_log", bottle(91)).await;
    ada.push_one(mia, update(feed, "feed_log", json!({"amountMl": 95, "notes": "sentinel"}))).await;
    ada.push_one(mia, delete(gone, "feed_log")).await;
    bob.join(&ada, mia, "viewer").await;
    ada.get(&format!("/api/sync/pull?babyId={mia}&since=5&clientId={}", ada.client_id())).await.ok();
    (mia, feed)
}

async fn findings(app: &TestApp) -> Vec<(Uuid, String)> {
    let report = verify(&app.pool, None).await.unwrap();
    report.findings.into_iter().map(|finding| (finding.baby, finding.what)).collect()
}

/// C49: what is damaged is found, and only that.
#[sqlx::test]
async fn c49_every_kind_of_damage_is_found_and_named(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (mia, feed) = family(&app).await;
    assert_eq!(findings(&app).await, []);
    // $1 is the baby, $2 an entry of hers; each damage, what is said of it, and how it is undone.
    let saved = ["sync_head", "entity", "sync_events", "baby_access", "user_baby", "sync_client", "sync_mutation"];
    for table in saved {
        let sql = format!("create table saved_{table} as table {table}");
        sqlx::query(AssertSqlSafe(sql)).execute(&app.pool).await.unwrap();
    }
    for (damage, expect) in [
        ("update sync_head set checksum = checksum + 1 where baby_id = $1", vec!["the head says 2 rows"]),
        ("update sync_head set live_rows = 9 where baby_id = $1", vec!["the head says 9 rows"]),
        ("update sync_head set version = 6 where baby_id = $1", vec!["gaps: versions without an event: 6"]),
        ("delete from sync_events where baby_id = $1 and id = 2", vec!["gaps: versions without an event: 2"]),
        (
            "delete from sync_events where baby_id = $1 and id = 4",
            vec!["rows without their event", "gaps: versions without an event: 4"],
        ),
        (
            "delete from entity where baby_id = $1 and id = $2",
            vec!["the head says 2 rows", "events without a row: 2, 4"],
        ),
        (
            "delete from entity where baby_id = $1 and id = $1",
            vec!["orphaned: the baby's own row", "the head says", "events without a row: 1"],
        ),
        (
            "update entity set row_version = 2 where baby_id = $1 and id = $2",
            vec!["the head says", "rows that an event has overtaken"],
        ),
        (
            "update sync_events set payload = '{' where baby_id = $1 and id = 4",
            vec!["rows whose event says something else"],
        ),
        (
            "update entity set deleted_at = null where baby_id = $1 and row_version = 5",
            vec!["rows whose event says something else", "the head says 2 rows"],
        ),
        (
            "update sync_head set version = 4 where baby_id = $1",
            vec!["events above the head: 5", "devices ahead", "verdicts about"],
        ),
        ("delete from sync_head where baby_id = $1", vec!["there is no head"]),
        ("delete from user_baby where baby_id = $1", vec!["people whose access is written on one side only"]),
        ("update baby_access set level = 'editor' where baby_id = $1", vec!["a baby without an owner"]),
    ] {
        // A statement that names one parameter must still be given both.
        let sql = format!("{damage} and $2::uuid is not null");
        sqlx::query(AssertSqlSafe(sql)).bind(mia).bind(feed).execute(&app.pool).await.unwrap();
        let found = findings(&app).await;
        assert!(found.iter().all(|(baby, _)| *baby == mia), "{damage}: {found:?}");
        let heads: Vec<bool> = found.iter().zip(&expect).map(|((_, what), begin)| what.starts_with(begin)).collect();
        assert!(found.len() == expect.len() && heads.iter().all(|same| *same), "{damage}: {found:?}");
        for table in saved {
            for sql in [format!("delete from {table}"), format!("insert into {table} table saved_{table}")] {
                sqlx::query(AssertSqlSafe(sql)).execute(&app.pool).await.unwrap();
            }
        }
        assert_eq!(findings(&app).await, [], "{damage} was undone");
    }
}

/// What compaction leaves is whole.
#[sqlx::test]
async fn a_compacted_history_is_well(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (mia, _) = family(&app).await;
    for sql in [
        "update sync_events set created_at = now() - interval '40 days' where id <= 4",
        "update entity set deleted_at = now() - interval '500 days' where deleted_at is not null",
    ] {
        sqlx::query(sql).execute(&app.pool).await.unwrap();
    }
    let gone = crate::server::compact::compact(&app.pool, &crate::server::compact::Retention::default()).await;
    let gone = gone.unwrap().unwrap();
    assert_eq!((gone.events, gone.tombstones), (1, 1));
    assert_eq!(findings(&app).await, []);
    let one = verify(&app.pool, Some(mia)).await.unwrap();
    assert_eq!(one.to_string(), "babies checked: 1, findings: 0\n");
}

/// C37: history, conflicts and volume, without a word that a person typed.
#[sqlx::test]
async fn c37_an_operator_sees_what_happened_and_nothing_private(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (mia, feed) = family(&app).await;
    let ada = app.sign_up("cleo").await;
    let own = ada.baby("Ida").await;
    let lost = ada.log(own, "feed_log", bottle(1)).await;
    let stale = with(update(lost, "feed_log", json!({"notes": "sentinel"})), "updatedAt", "2020-01-01T00:00:00Z");
    assert_eq!(ada.push_one(own, stale.clone()).await["status"], "conflict");
    ada.push_one(own, create(Uuid::now_v7(), "feed_log", bottle(2))).await;

    let ask = async |question| answer(&app.pool, question).await.unwrap().text;
    let page = Page { limit: 3 };
    let history = ask(Question::History { baby: mia, entity: None, page }).await;
    let first: Vec<&str> = history.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(first, ["id", "5", "4", "3"]);
    let of_one = ask(Question::History { baby: mia, entity: Some(feed), page }).await;
    assert_eq!(of_one.lines().count(), 3, "{of_one}");
    let conflicts = ask(Question::Conflicts { baby: None, page }).await;
    assert_eq!(conflicts.lines().count(), 2, "{conflicts}");
    for id in [own.to_string(), lost.to_string(), Value::as_str(&stale["mutationId"]).unwrap().to_owned()] {
        assert!(conflicts.contains(&id), "{conflicts}");
    }
    let stats = ask(Question::Stats { baby: Some(own) }).await;
    for line in ["babies: 1", "events: 3", "rows: 3", "tombstones: 0", "verdicts that lost: 1"] {
        assert!(stats.lines().any(|told| told == line), "{line} in {stats}");
    }
    assert!(stats.lines().last().unwrap().ends_with("  3"), "{stats}");
    let all = ask(Question::Stats { baby: None }).await;
    // Words that no id, being hexadecimal, has in it.
    for private in ["sentinel", "Mia", "cleo", "example.org"] {
        assert!(![&history, &conflicts, &stats, &all].iter().any(|text| text.contains(private)), "{private}");
    }
}
