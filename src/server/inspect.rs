//! What an operator asks about sync, from the command line: how much, what happened, what lost, and
//! whether everything is as it must be ([`verify`]).
//!
//! Invariant: it only reads, and it prints ids, times and kinds; never a name, a note or an amount.

mod verify;

use std::fmt::Write;

use clap::{Args, Subcommand};
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{config::DatabaseConfig, db};
pub use verify::verify;

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Question {
    /// How much there is: babies, events, rows, verdicts, devices, and the events of each day
    Stats {
        /// Of one baby only
        #[arg(long)]
        baby: Option<Uuid>,
    },
    /// What happened to a baby, or to one of its entries, newest first
    History {
        #[arg(long)]
        baby: Uuid,
        /// Of one entry only
        #[arg(long)]
        entity: Option<Uuid>,
        #[command(flatten)]
        page: Page,
    },
    /// Which edits lost, wholly or in part, newest first
    Conflicts {
        /// Of one baby only
        #[arg(long)]
        baby: Option<Uuid>,
        #[command(flatten)]
        page: Page,
    },
    /// Compute everything anew and say what is wrong; fails if anything is
    Verify {
        /// Of one baby only
        #[arg(long)]
        baby: Option<Uuid>,
    },
}

#[derive(Args, Clone, Copy, Debug)]
pub struct Page {
    /// How many lines at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
}

/// What to print, and whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    pub is_well: bool,
}

/// # Errors
/// The database is not to be had.
pub async fn command(database: &DatabaseConfig, question: Question) -> anyhow::Result<Told> {
    let pool = db::connect(database).await?;
    let told = answer(&pool, question).await?;
    pool.close().await;
    Ok(told)
}

/// # Errors
/// The database failed.
pub async fn answer(pool: &PgPool, question: Question) -> Result<Told, sqlx::Error> {
    let text = match question {
        Question::Stats { baby } => stats(pool, baby).await?,
        Question::History { baby, entity, page } => history(pool, baby, entity, page).await?,
        Question::Conflicts { baby, page } => conflicts(pool, baby, page).await?,
        Question::Verify { baby } => {
            let report = verify(pool, baby).await?;
            return Ok(Told { text: report.to_string(), is_well: report.findings.is_empty() });
        }
    };
    Ok(Told { text, is_well: true })
}

async fn stats(pool: &PgPool, baby: Option<Uuid>) -> Result<String, sqlx::Error> {
    const COUNTS: [(&str, &str); 9] = [
        ("babies", "from sync_head where true"),
        ("events", "from sync_events where true"),
        ("rows", "from entity where deleted_at is null"),
        ("tombstones", "from entity where deleted_at is not null"),
        ("devices", "from sync_client where true"),
        ("devices seen within a day", "from sync_client where seen_at > now() - interval '1 day'"),
        ("verdicts remembered", "from sync_mutation where true"),
        ("verdicts that lost", "from sync_mutation where status = 'conflict'"),
        ("verdicts that lost in part", "from sync_mutation where status = 'merged'"),
    ];
    let mut text = String::new();
    for (what, from) in COUNTS {
        let sql = format!("select count(*) {from} and ($1::uuid is null or baby_id = $1)");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(baby).fetch_one(pool).await?;
        let _ = writeln!(text, "{what}: {count}");
    }
    let days: Vec<(String, i64)> = sqlx::query_as(
        "select to_char(created_at at time zone 'utc', 'YYYY-MM-DD'), count(*)
         from sync_events
         where ($1::uuid is null or baby_id = $1) and created_at > now() - interval '30 days'
         group by 1
         order by 1",
    )
    .bind(baby)
    .fetch_all(pool)
    .await?;
    let _ = writeln!(text, "events of each day:");
    for (day, events) in days {
        let _ = writeln!(text, "  {day}  {events}");
    }
    Ok(text)
}

async fn history(pool: &PgPool, baby: Uuid, entity: Option<Uuid>, page: Page) -> Result<String, sqlx::Error> {
    let rows = sqlx::query(
        "select id::text, to_char(created_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') as at, op::text as op,
           entity_type, entity_id::text as entity, actor_id::text as actor, client_id::text as client,
           mutation_id::text as mutation
         from sync_events
         where baby_id = $1 and ($2::uuid is null or entity_id = $2)
         order by id desc
         limit $3",
    )
    .bind(baby)
    .bind(entity)
    .bind(i64::from(page.limit))
    .fetch_all(pool)
    .await?;
    table(&["id", "at", "op", "entity_type", "entity", "actor", "client", "mutation"], &rows)
}

async fn conflicts(pool: &PgPool, baby: Option<Uuid>, page: Page) -> Result<String, sqlx::Error> {
    let rows = sqlx::query(
        "select to_char(created_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') as at, baby_id::text as baby, status,
           coalesce(result::jsonb -> 'serverData' ->> 'id', '-') as entity, client_id::text as client,
           mutation_id::text as mutation
         from sync_mutation
         where status in ('conflict', 'merged') and ($1::uuid is null or baby_id = $1)
         order by created_at desc, mutation_id
         limit $2",
    )
    .bind(baby)
    .bind(i64::from(page.limit))
    .fetch_all(pool)
    .await?;
    table(&["at", "baby", "status", "entity", "client", "mutation"], &rows)
}

/// One line for each row, under the names of the columns, which are all text.
pub(super) fn table(columns: &[&str], rows: &[PgRow]) -> Result<String, sqlx::Error> {
    let mut text = columns.join("  ");
    text.push('\n');
    for row in rows {
        let cells: Vec<&str> = columns.iter().map(|column| row.try_get(*column)).collect::<Result<_, _>>()?;
        text.push_str(&cells.join("  "));
        text.push('\n');
    }
    Ok(text)
}
