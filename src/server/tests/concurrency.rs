//! Many at once, over a real pool: nothing lost, nothing twice.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use super::app::{TestApp, bottle, create, ids, statuses};

/// The test's own pool is small; this one lets everyone in at once.
pub(super) async fn wide(pool: &PgPool) -> PgPool {
    let options = (*pool.connect_options()).clone();
    PgPoolOptions::new().max_connections(24).connect_with(options).await.unwrap()
}

/// C40, X6.
/// A27, trap 7: eight writers and a fast reader. The reader follows its cursor while they write; at
/// the end it has seen every event, once, in order, without a gap. A serial cursor fails this.
#[sqlx::test]
async fn trap_07_eight_writers_and_a_fast_reader_lose_no_event(pool: PgPool) {
    const WRITERS: u64 = 8;
    const PUSHES: u64 = 15;
    let app = TestApp::new(wide(&pool).await).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let done = AtomicBool::new(false);
    let write = async || {
        for n in 0..PUSHES {
            let batch = (0..=n % 3).map(|ml| create(Uuid::now_v7(), "feed_log", bottle(ml as i64))).collect();
            assert_eq!(ada.push(baby, batch).await.status, 200);
        }
    };
    let writers = async {
        tokio::join!(write(), write(), write(), write(), write(), write(), write(), write());
        done.store(true, Ordering::SeqCst);
    };
    let reader = async {
        let mut seen: Vec<u64> = Vec::new();
        loop {
            let over = done.load(Ordering::SeqCst);
            let page = ada.pull(baby, seen.last().copied().unwrap_or_default()).await.ok();
            seen.extend(ids(page["changes"].as_array().unwrap()));
            assert_eq!(page["nextCursor"].as_u64(), seen.last().copied());
            // Written before this pull began, so this pull must have had the rest.
            if over && page["hasMore"] == json!(false) {
                break seen;
            }
        }
    };
    let ((), seen) = tokio::join!(writers, reader);
    let total = 1 + WRITERS * (0..PUSHES).map(|n| n % 3 + 1).sum::<u64>();
    assert_eq!(seen, (1..=total).collect::<Vec<_>>());
    let rows: i64 =
        sqlx::query_scalar("select count(distinct row_version) from entity").fetch_one(&pool).await.unwrap();
    assert_eq!(rows.unsigned_abs(), total, "each event has its row");
}

/// The same push from two tabs at once is applied by one of them.
#[sqlx::test]
async fn a_racing_push_applies_once(pool: PgPool) {
    let app = TestApp::new(wide(&pool).await).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for _ in 0..10 {
        let batch: Vec<Value> = (0..3).map(|ml| create(Uuid::now_v7(), "feed_log", bottle(ml))).collect();
        let push = async || ada.push(baby, batch.clone()).await.ok();
        let (a, b, c) = tokio::join!(push(), push(), push());
        let mut all = [statuses(&a), statuses(&b), statuses(&c)];
        all.sort();
        assert_eq!(all, [["applied"; 3], ["duplicate"; 3], ["duplicate"; 3]]);
    }
    assert_eq!(app.count("sync_events").await, 31);
}

/// The first push of a new baby, raced with itself: one baby, one owner.
#[sqlx::test]
async fn a_racing_first_push_makes_one_baby(pool: PgPool) {
    let app = TestApp::new(wide(&pool).await).await;
    let ada = app.sign_up("ada").await;
    for _ in 0..10 {
        let baby = Uuid::now_v7();
        let batch = vec![create(baby, "baby", json!({"name": "Mia"}))];
        let push = async || ada.push(baby, batch.clone()).await.ok();
        let (a, b) = tokio::join!(push(), push());
        let mut all = [statuses(&a), statuses(&b)].concat();
        all.sort_unstable();
        assert_eq!(all, ["applied", "duplicate"]);
        assert_eq!(ids(&ada.all(baby).await), [1]);
    }
}

/// Two families invent the same id for their baby at the same time: one gets it, the other is
/// refused and sees nothing.
#[sqlx::test]
async fn one_id_makes_one_baby_even_between_strangers(pool: PgPool) {
    let app = TestApp::new(wide(&pool).await).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    for _ in 0..10 {
        let baby = Uuid::now_v7();
        let push = async |person: &super::app::Person<'_>| {
            person.push(baby, vec![create(baby, "baby", json!({"name": "Mia"}))]).await
        };
        let (a, b) = tokio::join!(push(&ada), push(&eve));
        let statuses: BTreeSet<u16> = [a.status.as_u16(), b.status.as_u16()].into();
        assert_eq!(statuses, [200, 403].into());
    }
    assert_eq!(app.count("baby_access").await, 10);
}

/// A removal that races with pushes: whatever is accepted was accepted before it.
#[sqlx::test]
async fn nothing_is_accepted_after_a_removal(pool: PgPool) {
    let app = TestApp::new(wide(&pool).await).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let baby = ada.baby("Mia").await;
    for round in 0..10 {
        bob.join(&ada, baby, "editor").await;
        let remove = async {
            let body = json!({"babyId": baby, "userId": bob.user_id});
            ada.post("/api/babies/caregivers/remove", body).await.ok();
            ada.pull(baby, 0).await.ok()["head"].as_u64().unwrap()
        };
        let push =
            async || bob.push(baby, vec![create(Uuid::now_v7(), "feed_log", bottle(round))]).await.status.as_u16();
        let (head, a, b, c) = tokio::join!(remove, push(), push(), push());
        assert!([a, b, c].iter().all(|status| matches!(status, 200 | 403)), "{a} {b} {c}");
        assert_eq!(ada.pull(baby, 0).await.ok()["head"].as_u64(), Some(head), "the head stands still after it");
        assert_eq!(bob.pull(baby, 0).await.refusal(), (403, "access_revoked".into()));
    }
}
