//! Compaction: less is stored, and every device arrives at the same rows.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use super::app::{Person, TestApp, bottle, create, delete, ids, mutation, update, with};
use crate::server::compact::{Gone, Retention, compact};

/// A device's live rows, by id, with their versions.
type Rows = BTreeMap<String, u64>;

fn fold<'c>(rows: &mut Rows, changes: impl IntoIterator<Item = &'c Value>) {
    for change in changes {
        let id = change["entityId"].as_str().unwrap().to_owned();
        match change["op"].as_str() {
            Some("delete") => rows.remove(&id),
            _ => rows.insert(id, change["version"].as_u64().unwrap()),
        };
    }
}

impl Person<'_> {
    /// Everything after `since`, or the status of the refusal.
    async fn follow(&self, baby: Uuid, mut since: u64) -> Result<Vec<Value>, u16> {
        let mut changes = Vec::new();
        loop {
            let answer = self.get(&format!("/api/sync/pull?babyId={baby}&since={since}&limit=7")).await;
            if answer.status != 200 {
                return Err(answer.status.as_u16());
            }
            let page = answer.json();
            changes.extend(page["changes"].as_array().unwrap().iter().cloned());
            since = page["nextCursor"].as_u64().unwrap();
            if page["hasMore"] == false {
                return Ok(changes);
            }
        }
    }

    /// A few months of a family that changes its mind, the same for the same seed: 14 entries, each
    /// created, then edited, deleted and restored at random.
    async fn muddle(&self, baby: Uuid, seed: u64, steps: usize) {
        let entries: Vec<Uuid> = (1..=14).map(|n| Uuid::from_u128(n + u128::from(seed) * 100)).collect();
        let mut state = seed;
        let mut chance = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for (n, id) in entries.iter().enumerate() {
            self.push_one(baby, create(*id, "feed_log", bottle(n as i64))).await;
        }
        for step in 0..steps {
            let id = entries[chance(entries.len())];
            let edit = match chance(4) {
                0 => delete(id, "feed_log"),
                1 => mutation("restore", id, "feed_log", Value::Null),
                _ => update(id, "feed_log", json!({"amountMl": step})),
            };
            self.push(baby, vec![with(edit, "baseVersion", 1_000_000)]).await.ok();
        }
    }
}

/// Makes event `id` as old as `step × (head - id)`, rows and verdicts with it.
async fn age(pool: &PgPool, step: &str) {
    for sql in [
        "update sync_events e set created_at = now() - (h.version - e.id) * $1::interval
         from sync_head h where h.baby_id = e.baby_id",
        "update entity r set updated_at = e.created_at, deleted_at = e.created_at + (r.deleted_at - r.deleted_at)
         from sync_events e where e.baby_id = r.baby_id and e.id = r.row_version and $1::interval is not null",
        "update sync_mutation m set created_at = now() - (h.version - m.event_id) * $1::interval
         from sync_head h where h.baby_id = m.baby_id and m.event_id is not null",
    ] {
        sqlx::query(sql).bind(step).execute(pool).await.unwrap();
    }
}

async fn run(pool: &PgPool) -> Gone {
    compact(pool, &Retention::default()).await.unwrap().unwrap()
}

/// A43, X15: compaction preserves the fold from every cursor at or above the floor, of every seed;
/// below it the answer is 410 and never a hole.
#[sqlx::test]
async fn a43_compaction_preserves_the_fold_from_every_cursor(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let mut raised = 0;
    for seed in 1..=6 {
        let baby = ada.baby("Mia").await;
        ada.muddle(baby, seed, 110).await;
        // 20 days between two events: some tombstones are past 400 days.
        age(&app.pool, "20 days").await;
        let log = ada.follow(baby, 0).await.unwrap();
        let before = ada.pull(baby, log.len() as u64).await.ok();
        let gone = run(&app.pool).await;
        assert!(gone.events > 30, "{gone:?}");
        assert_eq!(run(&app.pool).await, Gone::default(), "a second run finds nothing");

        let after = ada.pull(baby, log.len() as u64).await.ok();
        for key in ["head", "epoch", "checksum", "liveRows"] {
            assert_eq!(before[key], after[key], "{key}");
        }
        let status = ada.get(&format!("/api/sync/status?babyId={baby}")).await.ok();
        let floor = status["floor"].as_u64().unwrap();
        raised += u64::from(floor > 0);
        assert_eq!(gone.tombstones > 0, floor > 0);
        let mut expect = Rows::new();
        fold(&mut expect, &log);
        for cursor in 0..=log.len() {
            let tail = ada.follow(baby, cursor as u64).await;
            if (cursor as u64) < floor {
                assert_eq!(tail, Err(410), "seed {seed}, cursor {cursor}");
                continue;
            }
            let mut rows = Rows::new();
            fold(&mut rows, &log[..cursor]);
            fold(&mut rows, &tail.unwrap());
            assert_eq!(rows, expect, "seed {seed}, cursor {cursor}");
        }
        let snapshot = ada.snapshot_page(baby, None, 500).await;
        let mut rows = Rows::new();
        fold(&mut rows, snapshot["rows"].as_array().unwrap());
        assert_eq!(rows, expect, "seed {seed}");
    }
    assert!(raised >= 3, "the seeds reach past the 400 days: {raised}");
}

/// What is younger stays, and so does the last event of every entry, however old.
#[sqlx::test]
async fn nothing_goes_before_its_time(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let (feed, gone, quiet) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for id in [feed, gone, quiet] {
        ada.push_one(baby, create(id, "feed_log", bottle(1))).await;
    }
    ada.push_one(baby, update(feed, "feed_log", json!({"amountMl": 2}))).await;
    ada.push_one(baby, delete(gone, "feed_log")).await;
    let at = async |event: i64, days: i32| {
        for sql in [
            "update sync_events set created_at = now() - make_interval(days => $2) where id = $1",
            "update entity set deleted_at = now() - make_interval(days => $2)
             where row_version = $1 and deleted_at is not null",
        ] {
            sqlx::query(sql).bind(event).bind(days).execute(&app.pool).await.unwrap();
        }
    };
    for event in 1..=4 {
        at(event, 2_000).await;
    }
    // Superseded for 29 days only: the history screen still shows what it was.
    at(5, 29).await;
    at(6, 399).await;
    let left = async || {
        run(&app.pool).await;
        ids(&ada.follow(baby, ada.floor(baby).await).await.unwrap())
    };
    assert_eq!(left().await, [1, 2, 4, 5, 6], "only what the deletion superseded has gone");
    at(5, 30).await;
    assert_eq!(left().await, [1, 4, 5, 6]);
    at(6, 400).await;
    run(&app.pool).await;
    assert_eq!(ada.floor(baby).await, 6);
    assert_eq!(ada.pull(baby, 5).await.refusal(), (410, "cursor_expired".into()));
    let rows = ada.snapshot_page(baby, None, 9).await;
    let mut left = ids(rows["rows"].as_array().unwrap());
    left.sort_unstable();
    assert_eq!(left, [1, 4, 5], "the tombstone and its events are gone whole");
    assert_eq!(ada.push_one(baby, delete(gone, "feed_log")).await["status"], "noop");
}

impl Person<'_> {
    async fn floor(&self, baby: Uuid) -> u64 {
        self.get(&format!("/api/sync/status?babyId={baby}")).await.ok()["floor"].as_u64().unwrap()
    }
}

/// For thirty days a deleted baby can be had back, whole; then it is gone for all its caregivers, as any
/// access that ends.
#[sqlx::test]
async fn a_deleted_baby_can_be_restored_for_thirty_days_and_is_then_gone(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    bob.join(&ada, mia, "editor").await;
    ada.log(mia, "feed_log", bottle(90)).await;
    ada.log(leo, "feed_log", bottle(91)).await;
    let deleted = async |days: i32| {
        let sql = "update entity set deleted_at = now() - make_interval(days => $1) where deleted_at is not null";
        sqlx::query(sql).bind(days).execute(&app.pool).await.unwrap();
    };
    ada.push_one(mia, delete(mia, "baby")).await;
    deleted(29).await;
    assert_eq!(run(&app.pool).await.babies, 0);
    ada.push_one(mia, mutation("restore", mia, "baby", Value::Null)).await;
    assert_eq!((run(&app.pool).await.babies, bob.all(mia).await.len()), (0, 4));

    ada.push_one(mia, delete(mia, "baby")).await;
    deleted(30).await;
    assert_eq!(run(&app.pool).await.babies, 1);
    assert_eq!(super::leaving::traces(&app, mia).await, 0);
    for person in [&ada, &bob] {
        assert_eq!(person.pull(mia, 0).await.refusal(), (403, "access_revoked".into()));
    }
    assert_eq!(ada.all(leo).await.len(), 2, "the other baby is untouched");
    assert_eq!(run(&app.pool).await, Gone::default());
}

/// Writers, readers and compaction at once: a reader that is behind gets everything or is told to
/// start over.
#[sqlx::test]
async fn a_reader_in_the_middle_of_it_meets_no_hole(pool: PgPool) {
    let options = (*pool.connect_options()).clone();
    let wide = PgPoolOptions::new().max_connections(12).connect_with(options).await.unwrap();
    let app = TestApp::new(wide).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let nothing_is_kept = Retention {
        superseded: Duration::ZERO,
        tombstones: Duration::ZERO,
        babies: Duration::ZERO,
        acked_verdicts: Duration::ZERO,
        verdicts: Duration::ZERO,
        guests: Duration::ZERO,
        invitations: Duration::ZERO,
        links: Duration::ZERO,
        throttles: Duration::ZERO,
        ceremonies: Duration::ZERO,
    };
    let done = AtomicBool::new(false);
    let write = async {
        for seed in 1..=3 {
            ada.muddle(baby, seed, 40).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let clean = async {
        let mut total = 0;
        while !done.load(Ordering::SeqCst) {
            let gone = compact(&app.pool, &nothing_is_kept).await.unwrap().unwrap();
            total += gone.events + gone.tombstones;
        }
        total
    };
    let read = async {
        let (mut rows, mut cursor) = (Rows::new(), 0);
        loop {
            let over = done.load(Ordering::SeqCst);
            let answer = ada.get(&format!("/api/sync/pull?babyId={baby}&since={cursor}&limit=5")).await;
            if answer.status == 410 {
                let snapshot = ada.snapshot_page(baby, None, 500).await;
                rows.clear();
                fold(&mut rows, snapshot["rows"].as_array().unwrap());
                cursor = snapshot["snapshotVersion"].as_u64().unwrap();
                continue;
            }
            let page = answer.ok();
            fold(&mut rows, page["changes"].as_array().unwrap());
            cursor = page["nextCursor"].as_u64().unwrap();
            if over && page["hasMore"] == false {
                break (rows, page);
            }
        }
    };
    let ((), total, (rows, page)) = tokio::join!(write, clean, read);
    assert!(total > 0);
    let mut expect = Rows::new();
    let live = "select id::text, row_version from entity where deleted_at is null";
    let live: Vec<(String, i64)> = sqlx::query_as(live).fetch_all(&app.pool).await.unwrap();
    expect.extend(live.into_iter().map(|(id, version)| (id, version.unsigned_abs())));
    assert_eq!((&rows, &page["liveRows"]), (&expect, &json!(expect.len())));
}

/// A verdict is remembered until the device has kept it; then a day longer; at most 90 days.
#[sqlx::test]
async fn verdicts_go_once_acknowledged_or_after_90_days(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let push = async |seq: u64, acked: u64| {
        let feed = with(create(Uuid::now_v7(), "feed_log", bottle(1)), "seq", seq);
        let body =
            json!({"babyId": baby, "clientId": ada.client_id(), "ackedThrough": acked, "mutations": [feed.clone()]});
        ada.post("/api/sync/push", body).await.ok();
        feed
    };
    let (first, second, third) = (push(1, 0).await, push(2, 0).await, push(3, 1).await);
    assert_eq!(run(&app.pool).await.verdicts, 0, "a repetition may be on its way");
    let age = async |days: i32| {
        let sql = "update sync_mutation set created_at = now() - make_interval(days => $1)";
        sqlx::query(sql).bind(days).execute(&app.pool).await.unwrap();
    };
    age(2).await;
    assert_eq!(run(&app.pool).await.verdicts, 1);
    let remembered = async |mutation| ada.push_one(baby, mutation).await["status"] == "duplicate";
    assert!(!remembered(first).await && remembered(second).await && remembered(third).await);
    age(90).await;
    run(&app.pool).await;
    assert_eq!(app.count("sync_mutation").await, 0);
    assert_eq!(app.count("entity").await, 4);
}

#[sqlx::test]
async fn one_process_compacts_at_a_time(pool: PgPool) {
    let mut other = pool.acquire().await.unwrap();
    let lock = "select pg_advisory_lock(hashtext('cradlelog compact'))";
    sqlx::query(lock).execute(&mut *other).await.unwrap();
    assert_eq!(compact(&pool, &Retention::default()).await.unwrap(), None);
    other.close().await.unwrap();
    // The server notices that the connection is gone a moment later.
    while compact(&pool, &Retention::default()).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

/// Old counters of attempts go, and those that still hold someone back stay.
#[sqlx::test]
async fn counters_of_attempts_are_swept(pool: PgPool) {
    let app = TestApp::new(pool).await;
    for name in ["a", "b"] {
        let wrong = json!({"email": format!("{name}@example.org"), "password": "wrong wrong"});
        app.anonymous().post("/api/auth/sign-in", wrong).await;
    }
    let before = app.count("throttle").await;
    let age = "update throttle set updated_at = now() - interval '2 days'
        where ctid = any(array(select ctid from throttle where scope = 'account' limit 1))";
    sqlx::query(age).execute(&app.pool).await.unwrap();
    assert_eq!(run(&app.pool).await.throttles, 1);
    assert_eq!(app.count("throttle").await, before - 1);
    let held = "update throttle set updated_at = now() - interval '2 days', blocked_until = now() + interval '1 min'";
    sqlx::query(held).execute(&app.pool).await.unwrap();
    assert_eq!(run(&app.pool).await.throttles, 0);
}

/// What let people in goes when it lets nobody in any more, a day later; a link can be asked about meanwhile.
#[sqlx::test]
async fn invitations_and_sessions_that_are_over_are_let_go(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    let mut made = Vec::new();
    for (kind, ends) in [
        ("code", "used_by = created_by, used_at = now() - interval '25 hours'"),
        ("code", "used_by = created_by, used_at = now() - interval '23 hours'"),
        ("link", "revoked_at = now() - interval '25 hours'"),
        ("link", "revoked_at = now() - interval '23 hours'"),
        ("code", "expires_at = now() - interval '25 hours'"),
        ("code", "expires_at = now() - interval '23 hours'"),
        ("link", "expires_at = now() - interval '61 days'"),
        ("link", "expires_at = now() - interval '59 days'"),
        ("code", "label = 'open'"),
        ("link", "label = 'open'"),
    ] {
        let body = json!({"babyId": baby, "level": "viewer", "kind": kind});
        let invite = ada.post("/api/babies/invites/create", body).await.ok();
        let id: Uuid = invite["inviteId"].as_str().unwrap().parse().unwrap();
        let sql = sqlx::AssertSqlSafe(format!("update invites set {ends} where id = $1"));
        sqlx::query(sql).bind(id).execute(&app.pool).await.unwrap();
        made.push(id);
    }
    sqlx::query("update sessions set last_seen_at = now() - interval '91 days' where user_id = $1")
        .bind(bob.user_id)
        .execute(&app.pool)
        .await
        .unwrap();
    let gone = run(&app.pool).await;
    assert_eq!((gone.invitations, gone.sessions), (4, 1));
    let left: Vec<Uuid> = sqlx::query_scalar("select id from invites order by id").fetch_all(&app.pool).await.unwrap();
    let expect: Vec<Uuid> = [1, 3, 5, 7, 8, 9].map(|index: usize| made[index]).into();
    assert_eq!(left.len(), expect.len());
    assert!(expect.iter().all(|id| left.contains(id)));
    assert_eq!(ada.me().await["displayName"], "ada");
    assert_eq!(run(&app.pool).await, Gone::default());
}
