//! The snapshot: a baby's rows as they are, page by page, while others go on writing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{Person, TestApp, bottle, create, delete, ids, update, with};

/// A copy as a device keeps it: the last change of each entry, by the version guard.
type Copy = BTreeMap<String, Value>;

fn apply(copy: &mut Copy, changes: &[Value]) {
    for change in changes {
        let id = change["entityId"].as_str().unwrap().to_owned();
        let held = copy.get(&id).and_then(|held| held["version"].as_u64());
        if held < change["version"].as_u64() {
            copy.insert(id, change.clone());
        }
    }
}

impl Person<'_> {
    pub(super) async fn snapshot_page(&self, baby: Uuid, after: Option<&str>, limit: usize) -> Value {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        self.get(&format!("/api/sync/snapshot?babyId={baby}&limit={limit}{after}")).await.ok()
    }
}

fn rows(page: &Value) -> &[Value] {
    page["rows"].as_array().unwrap()
}

/// C14, X16.
/// Rows change, appear, go and come back between the pages; with the pull from the snapshot's
/// version the copy is the log's fold, exactly. A31.
#[sqlx::test]
async fn a31_a_snapshot_and_its_tail_are_the_fold_of_the_log(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let mut feeds = Vec::new();
    for ml in 0..12 {
        feeds.push(ada.log(baby, "feed_log", bottle(ml)).await);
    }
    ada.push_one(baby, delete(feeds[3], "feed_log")).await;
    for limit in [1, 2, 5, 500] {
        let (mut copy, mut next, mut round) = (Copy::new(), None::<String>, 0_usize);
        let version = loop {
            let page = ada.snapshot_page(baby, next.as_deref(), limit).await;
            apply(&mut copy, rows(&page));
            assert!(rows(&page).len() <= limit);
            let edit = update(feeds[round % 12], "feed_log", json!({"amountMl": 200 + round}));
            ada.push(baby, vec![with(edit, "baseVersion", 9_999)]).await.ok();
            let op = if round.is_multiple_of(2) { "delete" } else { "restore" };
            ada.push_one(baby, super::app::mutation(op, feeds[5], "feed_log", Value::Null)).await;
            // One before and one behind wherever the scan stands.
            let low = Uuid::from_u128(round as u128 + limit as u128 * 1_000 + 1);
            ada.push_one(baby, create(low, "feed_log", bottle(1))).await;
            ada.push_one(baby, create(Uuid::from_u128(u128::MAX - low.as_u128()), "feed_log", bottle(2))).await;
            round += 1;
            next = page["next"].as_str().map(str::to_owned);
            assert_eq!(page["hasMore"], json!(next.is_some()));
            // Each round writes behind the scan as well; without a bound it would chase them.
            if next.is_none() || round == 40 {
                break page["snapshotVersion"].as_u64().unwrap();
            }
        };
        if next.is_some() {
            while let Some(after) = next {
                let page = ada.snapshot_page(baby, Some(&after), limit).await;
                apply(&mut copy, rows(&page));
                assert_eq!(page["snapshotVersion"], version);
                next = page["next"].as_str().map(str::to_owned);
            }
        }
        let tail = ada.get(&format!("/api/sync/pull?babyId={baby}&since={version}&limit=500")).await.ok();
        apply(&mut copy, tail["changes"].as_array().unwrap());
        assert_eq!(tail["hasMore"], false);
        let mut fold = Copy::new();
        let mut since = 0;
        loop {
            let page = ada.get(&format!("/api/sync/pull?babyId={baby}&since={since}&limit=500")).await.ok();
            apply(&mut fold, page["changes"].as_array().unwrap());
            since = page["nextCursor"].as_u64().unwrap();
            if page["hasMore"] == false {
                break;
            }
        }
        assert_eq!(copy, fold, "pages of {limit}");
        let live = copy.values().filter(|row| row["payload"]["deletedAt"].is_null()).count();
        assert_eq!(tail["liveRows"], live);
    }
}

/// Every page of one bootstrap names the head as it was before the first; the rows come in the
/// order of their ids, deleted ones too, each as its last event.
#[sqlx::test]
async fn every_page_tells_the_version_of_the_first(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let gone = ada.log(baby, "feed_log", bottle(91)).await;
    ada.push_one(baby, delete(gone, "feed_log")).await;
    ada.push_one(baby, create(Uuid::nil(), "feed_log", bottle(92))).await;
    let first = ada.snapshot_page(baby, None, 2).await;
    assert_eq!((ids(rows(&first)), &first["snapshotVersion"]), (vec![5, 1], &json!(5)));
    ada.push_one(baby, update(feed, "feed_log", json!({"amountMl": 95}))).await;
    let second = ada.snapshot_page(baby, first["next"].as_str(), 2).await;
    assert_eq!((ids(rows(&second)), &second["snapshotVersion"]), (vec![6, 4], &json!(5)));
    assert_eq!((&second["next"], &second["hasMore"]), (&Value::Null, &json!(false)));
    assert_eq!((&rows(&second)[1]["op"], &second["liveRows"]), (&json!("delete"), &json!(3)));
    assert_eq!((&second["epoch"], rows(&second)[0]["payload"]["amountMl"].as_i64()), (&first["epoch"], Some(95)));
}

/// A row of a type that this build does not know travels as it is.
#[sqlx::test]
async fn a_row_of_an_unknown_type_is_sent_as_it_came(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    for sql in [
        "update entity set entity_type = 'hologram' where id = $1",
        "update sync_events set entity_type = 'hologram', payload = '{\"é\": [1.50, \"x\"]}' where entity_id = $1",
    ] {
        sqlx::query(sql).bind(feed).execute(&app.pool).await.unwrap();
    }
    let answer = ada.get(&format!("/api/sync/snapshot?babyId={baby}")).await;
    assert!(answer.text.contains(r#""entityType":"hologram""#), "{}", answer.text);
    assert!(answer.text.contains(r#""payload":{"é": [1.50, "x"]}"#), "spliced, not parsed: {}", answer.text);
}

/// A snapshot of another history, or one older than what may be gone, is not continued.
#[sqlx::test]
async fn a_snapshot_that_cannot_be_continued_says_so(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    ada.log(baby, "feed_log", bottle(90)).await;
    let page = ada.snapshot_page(baby, None, 1).await;
    let token = page["next"].as_str().unwrap().to_owned();
    let go_on = async |token: &str| ada.get(&format!("/api/sync/snapshot?babyId={baby}&after={token}")).await;
    assert_eq!(go_on(&token).await.status, 200);
    ada.log(baby, "feed_log", bottle(90)).await;
    sqlx::query("update sync_head set floor = 3").execute(&app.pool).await.unwrap();
    assert_eq!(go_on(&token).await.refusal(), (410, "cursor_expired".into()));
    sqlx::query("update sync_head set floor = 0, epoch = $1").bind(Uuid::nil()).execute(&app.pool).await.unwrap();
    assert_eq!(go_on(&token).await.refusal(), (409, "epoch_changed".into()));
    let from_the_future = token.replacen("2.", "9.", 1);
    assert_eq!(go_on(&from_the_future).await.refusal(), (409, "epoch_changed".into()));
    for odd in ["1", "x.y.z", "-1.0.0", &format!("{token}.1"), &token[..20], "%00"] {
        let answer = go_on(odd).await;
        assert_eq!((answer.refusal(), answer.json()["field"].as_str()), ((400, "malformed".into()), Some("after")));
    }
}
