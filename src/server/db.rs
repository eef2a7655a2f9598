//! The database: the pool, the migrations, and the views that people query.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::config::DatabaseConfig;
use crate::domain::{field::Kind, registry::EntityType};

/// Every step of the schema, compiled in.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// A request that cannot get a connection in this time is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(1);

/// Bounds on every statement, so that a stuck one frees its locks and its connection. And every
/// statement finds its rows by a key, so one plan fits all parameters: left to itself, Postgres plans
/// an idle poll anew each time once the tables have statistics, which takes longer than answering it.
const SETTINGS: [(&str, &str); 4] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "15s"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// # Errors
/// The URL is no Postgres URL, or nobody answers there.
pub async fn connect(config: &DatabaseConfig) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(&config.database_url)?.application_name("cradlelog").options(SETTINGS);
    PgPoolOptions::new()
        .max_connections(config.database_connections)
        .acquire_timeout(POOL_WAIT)
        // A ping before each use would be a round trip per request; a connection is checked when it
        // is given back, and a dead one is answered with 503.
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

/// Brings the schema up to date. Servers that start together wait for each other under a lock of
/// the database.
///
/// # Errors
/// The database does not answer, or holds a schema that is not ours.
pub async fn migrate(config: &DatabaseConfig) -> Result<(), MigrateError> {
    // A connection without our time limits: another server's migration may take its time.
    let mut conn = PgConnection::connect(&config.database_url).await?;
    MIGRATIONS.run(&mut conn).await?;
    create_views(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

/// Whether every migration that this build knows has been applied.
pub(super) async fn is_current(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let known: Vec<i64> = MIGRATIONS.iter().map(|step| step.version).collect();
    sqlx::query_scalar(
        "select count(*) = cardinality($1)
         from _sqlx_migrations
         where success and version = any($1)",
    )
    .bind(known)
    .fetch_one(pool)
    .await
}

/// One view per registered type: live rows, one column per field.
///
/// # Errors
/// The database does not answer, or someone's own objects stand on a view that has to change.
pub async fn create_views(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('cradlelog views'))").execute(&mut *tx).await?;
    for entity_type in EntityType::all() {
        let name = entity_type.name();
        let query = view_query(entity_type);
        // `replace` keeps what others built on the view; it is refused when columns go or move.
        let mut attempt = tx.begin().await?;
        let replaced = sqlx::query(AssertSqlSafe(format!("create or replace view {name} as {query}")))
            .execute(&mut *attempt)
            .await;
        if replaced.is_ok() {
            attempt.commit().await?;
            continue;
        }
        attempt.rollback().await?;
        sqlx::query(AssertSqlSafe(format!("drop view {name}"))).execute(&mut *tx).await?;
        sqlx::query(AssertSqlSafe(format!("create view {name} as {query}"))).execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Names come from the registry's constants alone, so no quoting is needed.
fn view_query(entity_type: EntityType) -> String {
    let columns: String = entity_type
        .fields()
        .map(|field| format!("{} as {},\n", column(field.name, field.kind), snake_case(field.name)))
        .collect();
    format!(
        "select baby_id, id, {columns} created_by as logged_by, created_at, updated_by, updated_at, row_version
         from entity
         where entity_type = '{}' and deleted_at is null",
        entity_type.name(),
    )
}

fn column(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Text { .. } | Kind::Zone | Kind::Choice(_) => format!("data ->> '{name}'"),
        Kind::Integer { .. } => format!("(data ->> '{name}')::bigint"),
        Kind::Bool => format!("(data ->> '{name}')::boolean"),
        Kind::Instant => format!("(data ->> '{name}')::timestamptz"),
        Kind::Date => format!("(data ->> '{name}')::date"),
        Kind::TimeOfDay => format!("(data ->> '{name}')::time"),
        Kind::Reference { .. } => format!("(data ->> '{name}')::uuid"),
        Kind::Decimal { .. } => format!("(data ->> '{name}')::numeric"),
        Kind::Typed { .. }
        | Kind::Segments { .. }
        | Kind::References { .. }
        | Kind::Ids
        | Kind::Words { .. }
        | Kind::Details { .. } => format!("data -> '{name}'"),
    }
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}
