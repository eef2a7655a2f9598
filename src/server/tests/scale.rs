//! Small exchanges stay small, and large histories cost no more than small ones.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, create, ids, statuses};

/// C01, C20: what a typical exchange carries: one feed, there and back, with a mutation as our app sends
/// it. Bodies, in bytes, without compression.
#[sqlx::test]
async fn c01_a_typical_exchange_is_small(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    for ml in 0..50 {
        ada.log(baby, "feed_log", bottle(ml)).await;
    }
    let mut feed = create(Uuid::now_v7(), "feed_log", bottle(90));
    feed["hlc"] = json!(format!("{:016x}-0000-{}", 1, ada.client_id()));
    feed["updatedAt"] = json!("2026-11-20T02:10:00.000Z");
    let sent = json!({"babyId": baby, "clientId": ada.client_id(), "mutations": [&feed]}).to_string().len();
    let answer = ada.push(baby, vec![feed]).await.text.len();
    let page = ada.pull(baby, 51).await;
    assert_eq!(page.json()["changes"].as_array().map(Vec::len), Some(1), "the delta, not the state");
    let idle = ada.pull(baby, 52).await.text.len();
    assert!(sent + answer + page.text.len() + idle < 5_000, "{sent} + {answer} + {} + {idle}", page.text.len());
}

/// C40: a thousand changes that waited go out in their batches and are pulled page by page, each
/// once and in order.
#[sqlx::test]
async fn c40_a_thousand_changes_arrive_in_order(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let made: Vec<Uuid> = (0..1_000).map(|_| Uuid::now_v7()).collect();
    for batch in made.chunks(100) {
        let batch: Vec<Value> = batch.iter().map(|id| create(*id, "feed_log", bottle(60))).collect();
        assert_eq!(statuses(&ada.push(baby, batch).await.ok()), ["applied"; 100]);
    }
    let (mut seen, mut since) = (Vec::new(), 1);
    loop {
        let page = ada.pull(baby, since).await.ok();
        let changes = page["changes"].as_array().unwrap();
        seen.extend(changes.iter().map(|change| change["entityId"].as_str().unwrap().parse::<Uuid>().unwrap()));
        since = page["nextCursor"].as_u64().unwrap();
        if page["hasMore"] == json!(false) {
            break;
        }
    }
    assert_eq!((seen, since), (made, 1_001));
}

/// C51: with a million events in the table and 100,000 of them in one stream, a pull reads its page
/// and not the history, and a push goes on where the stream ends. Counted in pages that Postgres
/// touched, which no busy machine changes.
#[sqlx::test]
async fn c51_a_million_events_cost_a_pull_nothing(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    // The stream grows to 100,000, and nine others hold as many.
    for (stream, from) in std::iter::once((baby, 2)).chain((0..9).map(|_| (Uuid::now_v7(), 1))) {
        sqlx::query(
            "insert into sync_events (baby_id, id, entity_type, entity_id, op, payload, actor_id, client_id,
                mutation_id, created_at)
             select $1, n, 'nappy_log', $2, 'create', '{}', $2, $2, $2, now()
             from generate_series($3::bigint, 100000) n",
        )
        .bind(stream)
        .bind(Uuid::nil())
        .bind(from)
        .execute(&app.pool)
        .await
        .unwrap();
    }
    sqlx::query("update sync_head set version = 100000 where baby_id = $1")
        .bind(baby)
        .execute(&app.pool)
        .await
        .unwrap();
    sqlx::query("analyze sync_events").execute(&app.pool).await.unwrap();
    assert_eq!(app.count("sync_events").await, 1_000_000);
    let feed = ada.log(baby, "feed_log", bottle(90)).await;
    let page = ada.pull(baby, 99_990).await.ok();
    let changes = page["changes"].as_array().unwrap();
    assert_eq!(ids(changes), (99_991..=100_001).collect::<Vec<_>>());
    assert_eq!(changes.last().unwrap()["entityId"], json!(feed));
    let plan: Value = sqlx::query_scalar(
        "explain (analyze, buffers, format json)
         select * from sync_events where baby_id = $1 and id > 50000 order by id limit 101",
    )
    .bind(baby)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    let plan = &plan[0]["Plan"];
    let touched = plan["Shared Hit Blocks"].as_u64().unwrap() + plan["Shared Read Blocks"].as_u64().unwrap();
    assert!(touched < 40, "{touched} pages for one page of 101 events: {plan}");
}
