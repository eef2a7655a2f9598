//! The shape of the database itself: tables that can be split by baby, and one way to write events.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::app::{TestApp, bottle, create, delete};
use crate::{
    domain::{registry::EntityType, sample::one_of_each},
    server::{db, inspect::verify},
};

/// Tables of people, not of one baby, that mention a baby.
const BY_PERSON: [&str; 1] = ["user_baby"];

#[sqlx::test]
async fn every_key_of_a_babys_table_begins_with_the_baby(pool: PgPool) {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text
         from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'baby_id'
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
         order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(tables.len() >= 7, "{tables:?}");
    let keys: Vec<(String, String, String)> = sqlx::query_as(
        "select c.relname::text, i.relname::text, a.attname::text
         from pg_index x
         join pg_class c on c.oid = x.indrelid
         join pg_class i on i.oid = x.indexrelid
         join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0]
         where x.indisunique and c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for table in tables.iter().filter(|table| !BY_PERSON.contains(&table.as_str())) {
        let mut own = keys.iter().filter(|(of, _, _)| of == table).peekable();
        assert!(own.peek().is_some(), "{table} has no key");
        for (_, key, first) in own {
            assert_eq!(first, "baby_id", "{key} of {table}");
        }
    }
}

#[sqlx::test]
async fn no_sequence_and_no_reference_crosses_babies(pool: PgPool) {
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    let sequences = "select count(*) from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace";
    assert_eq!(count(sequences).await, 0);
    let references = "select count(*) from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attname = 'baby_id'
        where c.contype = 'f'";
    assert_eq!(count(references).await, 0);
}

#[sqlx::test]
async fn every_constraint_has_a_name_of_ours(pool: PgPool) {
    let generated: Vec<String> = sqlx::query_scalar(
        "select conname::text
         from pg_constraint
         where connamespace = 'public'::regnamespace and contype = 'c'
           and conname ~ '_check[0-9]*$' and conrelid <> '_sqlx_migrations'::regclass",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(generated, Vec::<String>::new());
}

/// A01.
#[sqlx::test]
async fn a01_an_events_op_is_one_of_three(pool: PgPool) {
    let ops: Vec<String> =
        sqlx::query_scalar("select unnest(enum_range(null::sync_op_enum))::text").fetch_all(&pool).await.unwrap();
    assert_eq!(ops, ["create", "update", "delete"]);
}

/// B82, C52.
/// People who query find one view per type, live rows only; making them again is harmless, and so
/// is making them over ones of an older shape.
#[sqlx::test]
async fn every_type_has_a_view(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    ada.log(baby, "feed_log", bottle(90)).await;
    let gone = ada.log(baby, "feed_log", bottle(91)).await;
    ada.push_one(baby, delete(gone, "feed_log")).await;
    let mut conn = app.pool.acquire().await.unwrap();
    db::create_views(&mut conn).await.unwrap();
    for entity_type in EntityType::all() {
        app.count(entity_type.name()).await;
    }
    let (amount, method): (i64, String) =
        sqlx::query_as("select amount_ml, method from feed_log where started_at < now() + interval '100 years'")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!((amount, method.as_str()), (90, "bottle"));
    let names: Vec<String> = sqlx::query_scalar("select name from baby").fetch_all(&app.pool).await.unwrap();
    assert_eq!(names, ["Mia"]);
    for sql in ["drop view feed_log", "create view feed_log as select 1 as other"] {
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
    }
    db::create_views(&mut conn).await.unwrap();
    assert_eq!(app.count("feed_log").await, 1);
}

/// B82.
/// Trap 8 for structures: whatever a type's definition allows comes back from the database as it
/// went in.
#[sqlx::test]
async fn structured_fields_survive_the_database(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let fields = json!({
        "method": "bottle", "startedAt": "2026-11-20T02:10:00.000Z", "amountMl": 74, "isEstimated": true,
        "typed": {"unit": "oz", "value": 2.5}, "zone": "Europe/Berlin", "notes": "half \"asleep\"",
    });
    let feed = ada.log(baby, "feed_log", fields.clone()).await;
    ada.push_one(baby, super::app::update(feed, "feed_log", json!({"notes": "awake"}))).await;
    let row = ada.all(baby).await.last().unwrap()["payload"].clone();
    for (key, value) in fields.as_object().unwrap().iter().filter(|(key, _)| *key != "notes") {
        assert_eq!(row[key], *value, "{key}");
    }
}

/// B82, C52: what is pushed of any registered type stands in the columns of its view, is in the export, and is
/// found sound, without any of them naming it.
#[sqlx::test]
async fn every_type_is_read_by_whoever_asks(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let all = one_of_each(7, "2026-11-20T02:10:00.000Z".parse().unwrap());
    let creates = all.iter().map(|(of, id, fields, _)| create(id.0, of.name(), json!(fields))).collect();
    ada.push(baby, creates).await.ok();
    for (entity_type, id, fields, _) in &all {
        let sql = format!("select to_jsonb(v) from {} v where baby_id = $1 and id = $2", entity_type.name());
        let sql = sqlx::AssertSqlSafe(sql);
        let row: Value = sqlx::query_scalar(sql).bind(baby).bind(id.0).fetch_one(&app.pool).await.unwrap();
        let filled = row.as_object().unwrap().values().filter(|value| !value.is_null()).count();
        // Beside the fields: baby, id, who and when twice, and the version.
        assert_eq!(filled, fields.len() + 7, "{entity_type}: {row}");
    }
    let export = ada.get("/api/account/export").await.ok();
    let entries = export["babies"][0]["entries"].as_array().unwrap();
    for (entity_type, id, fields, _) in &all {
        let entry = entries.iter().find(|entry| entry["entityId"] == json!(id)).unwrap();
        assert!(fields.iter().all(|(name, value)| entry["payload"][name] == *value), "{entity_type}: {entry}");
    }
    assert_eq!(verify(&app.pool, None).await.unwrap().findings, []);
}

/// A23, A29: one statement in one file inserts events; no other path can forget them or shape them
/// otherwise.
#[test]
fn a29_events_are_inserted_in_one_place() {
    fn sources(dir: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    sources(&path, found);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
                found.push(path);
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("migrations"), &mut files);
    for (statement, times) in
        [("insert into sync_events", 1), ("insert into entity", 1), ("update sync_events", 0), ("update entity", 0)]
    {
        let places: Vec<_> = files
            .iter()
            .flat_map(|path| {
                let text = std::fs::read_to_string(path).unwrap().to_lowercase();
                let here = text.matches(&format!("{statement} ")).count();
                std::iter::repeat_n(path.strip_prefix(root).unwrap().display().to_string(), here)
            })
            .collect();
        assert_eq!(places, vec!["src/server/journal.rs".to_owned(); times], "{statement}");
    }
}

/// C02, C47: an event says what happened to which entry of whom, who did it, on which device, by
/// which mutation and when.
#[sqlx::test]
async fn c02_an_event_holds_the_whole_story(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let id = Uuid::now_v7();
    let feed = create(id, "feed_log", bottle(90));
    ada.push_one(baby, feed.clone()).await;
    let told: (i64, Uuid, Uuid, String, Uuid, String, String) = sqlx::query_as(
        "select id, actor_id, client_id, entity_type, entity_id, op::text, mutation_id::text from sync_events
         where baby_id = $1 and id = 2 and created_at is not null and payload::jsonb ->> 'amountMl' = '90'",
    )
    .bind(baby)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    let mutation = feed["mutationId"].as_str().unwrap().to_owned();
    assert_eq!(told, (2, ada.user_id, ada.client_id(), "feed_log".into(), id, "create".into(), mutation));
}
