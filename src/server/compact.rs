//! Compaction: what no cursor needs any more is let go, so that a history grows with what a family
//! keeps and not with how often they corrected it.
//!
//! - An event goes when a later one of the same entry is 30 days old. Events are whole rows, so every
//!   cursor still arrives at the same rows.
//! - A deleted entry goes whole after 400 days. A device that has not heard of the deletion by then
//!   never could; so the `floor` rises with it, in the same transaction, under the lock of the head,
//!   and a cursor below it is told to start over.
//! - A baby that its owner deleted goes whole, for everyone, 30 days later: until then it can be restored.
//!   To its devices that is any access that ends.
//! - What is left of a guest's stay goes 30 days after its end, and so does what waited in the tray for as long.
//! - What let people in, or kept them out, goes soon after it has no effect any more ([`people`]).
//! - The memory of a verdict goes when the device said that it has kept the answer, else after 90 days.
//!
//! Invariant: the fold of the log is the same from every cursor at or above the floor, before and
//! after. Nothing here takes long: many small statements, and one process at a time.

mod people;

use std::{collections::BTreeSet, fmt, time::Duration};

use sqlx::{Connection, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{App, config::DatabaseConfig, db, guests, leaving, passkeys};
use crate::domain::{baby::KEPT_DAYS, registry::EntityType, relation::relations};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many ids, rows or verdicts are looked at in one statement.
const CHUNK: i64 = 5_000;
/// A server that has just started has better things to do.
const FIRST: Duration = Duration::from_secs(60);

/// How long what is no longer needed is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub superseded: Duration,
    pub tombstones: Duration,
    /// Deleted babies, with everything of theirs.
    pub babies: Duration,
    /// Verdicts that the device has: a delayed repetition of its request may still be on the way.
    pub acked_verdicts: Duration,
    pub verdicts: Duration,
    /// Stays of guests, and what of them waits in the tray.
    pub guests: Duration,
    /// Invitations that were used, taken back or, if by code, ran out.
    pub invitations: Duration,
    /// Links that ran out: one may be asked about for 30 days, and an owner gets as long to answer.
    pub links: Duration,
    /// Counters of failed attempts; all rules forget earlier.
    pub throttles: Duration,
    /// What browsers were asked about passkeys and have not answered.
    pub ceremonies: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            superseded: 30 * DAY,
            tombstones: 400 * DAY,
            babies: KEPT_DAYS as u32 * DAY,
            acked_verdicts: DAY,
            verdicts: 90 * DAY,
            guests: 30 * DAY,
            invitations: DAY,
            links: 60 * DAY,
            throttles: DAY,
            ceremonies: passkeys::LIFETIME,
        }
    }
}

/// What one run let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub events: u64,
    pub tombstones: u64,
    pub babies: u64,
    pub verdicts: u64,
    pub guests: u64,
    pub invitations: u64,
    /// Sessions that ran out, of people who have not signed in since.
    pub sessions: u64,
    pub throttles: u64,
    pub ceremonies: u64,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, tombstones, babies, verdicts, guests, .. } = self;
        let Self { invitations, sessions, throttles, ceremonies, .. } = self;
        write!(f, "superseded events: {events}, tombstones: {tombstones}, deleted babies: {babies}, ")?;
        write!(f, "remembered verdicts: {verdicts}, stays of guests: {guests}, invitations: {invitations}, ")?;
        write!(f, "sessions: {sessions}, counters of attempts: {throttles}, ")?;
        write!(f, "unanswered questions about passkeys: {ceremonies}")
    }
}

/// One run as an operator asks for it; returns what to tell.
///
/// # Errors
/// The database is not to be had.
pub async fn command(database: &DatabaseConfig) -> anyhow::Result<String> {
    let pool = db::connect(database).await?;
    let gone = compact(&pool, &Retention::default()).await?;
    pool.close().await;
    Ok(gone.map_or("Another process is compacting right now.".into(), |gone| format!("Let go: {gone}.")))
}

/// Compacts at regular times, for as long as the server runs.
pub(super) async fn regularly(app: App) {
    let every = Duration::from_secs(app.config().compact_every_secs);
    if every.is_zero() {
        return;
    }
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every.min(FIRST), every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match compact(app.pool(), &Retention::default()).await {
            Ok(Some(gone)) if gone == Gone::default() => tracing::debug!("nothing to let go"),
            Ok(Some(gone)) => tracing::info!(%gone, "compacted"),
            Ok(None) => tracing::debug!("another process is compacting"),
            Err(error) => tracing::warn!(error = super::error::describe(&error), "compaction was cut off"),
        }
    }
}

/// One run over all babies; `None` while another process is at it.
///
/// # Errors
/// The database failed. What was done until then stays done, and is right by itself.
pub async fn compact(pool: &PgPool, keep: &Retention) -> Result<Option<Gone>, sqlx::Error> {
    // Taken out of the pool: whatever cuts this run off ends the connection, and with it the lock.
    let mut conn = pool.acquire().await?.detach();
    let is_ours: bool =
        sqlx::query_scalar("select pg_try_advisory_lock(hashtext('cradlelog compact'))").fetch_one(&mut conn).await?;
    let mut gone = Gone::default();
    if is_ours {
        let mut last = Uuid::nil();
        while let Some(baby) = next_baby(&mut conn, last).await? {
            last = baby;
            if deleted_baby(&mut conn, baby, keep).await? {
                gone.babies += 1;
                continue;
            }
            gone.events += superseded(&mut conn, baby, keep).await?;
            gone.tombstones += tombstones(&mut conn, baby, keep).await?;
            gone.verdicts += verdicts(&mut conn, baby, keep).await?;
            gone.guests += guests::forget(&mut conn, baby, keep.guests.as_secs_f64()).await?;
            gone.invitations += people::invitations(&mut conn, baby, keep).await?;
        }
        gone.sessions = people::sessions(&mut conn).await?;
        gone.throttles = people::throttles(&mut conn, keep).await?;
        gone.ceremonies = passkeys::forget(&mut conn, keep.ceremonies).await?;
        sqlx::query("select pg_advisory_unlock(hashtext('cradlelog compact'))").execute(&mut conn).await?;
    }
    conn.close().await?;
    Ok(is_ours.then_some(gone))
}

async fn next_baby(conn: &mut PgConnection, last: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select baby_id from sync_head where baby_id > $1 order by baby_id limit 1")
        .bind(last)
        .fetch_optional(conn)
        .await
}

/// Whether the baby was deleted long ago, and is gone now.
async fn deleted_baby(conn: &mut PgConnection, baby: Uuid, keep: &Retention) -> Result<bool, sqlx::Error> {
    const IS_OLD: &str = "
        select exists (
          select
          from entity
          where baby_id = $1 and id = $1 and deleted_at <= now() - make_interval(secs => $2)
        )";
    let secs = keep.babies.as_secs_f64();
    if !sqlx::query_scalar(IS_OLD).bind(baby).bind(secs).fetch_one(&mut *conn).await? {
        return Ok(false);
    }
    let mut tx = conn.begin().await?;
    // Every push holds its access row: under all of them nobody restores the baby, or writes to it.
    sqlx::query("select from baby_access where baby_id = $1 order by user_id for update")
        .bind(baby)
        .execute(&mut *tx)
        .await?;
    let is_old = sqlx::query_scalar(IS_OLD).bind(baby).bind(secs).fetch_one(&mut *tx).await?;
    if is_old {
        leaving::purge(&mut tx, baby).await?;
    }
    tx.commit().await?;
    Ok(is_old)
}

/// Types that entries of other types must refer to. Their first events stay: a device that reads the
/// log from the beginning must meet the parent before the child. So do their tombstones.
fn parents() -> Vec<&'static str> {
    let required = EntityType::all().flat_map(relations).filter(|relation| relation.required);
    let names: BTreeSet<_> = required.map(|relation| relation.parent.name()).collect();
    names.into_iter().collect()
}

async fn superseded(conn: &mut PgConnection, baby: Uuid, keep: &Retention) -> Result<u64, sqlx::Error> {
    // Ids follow time, so nothing above the youngest event of that age can be superseded by one.
    let through: Option<i64> = sqlx::query_scalar(
        "select id
         from sync_events
         where baby_id = $1 and created_at <= now() - make_interval(secs => $2)
         order by id desc
         limit 1",
    )
    .bind(baby)
    .bind(keep.superseded.as_secs_f64())
    .fetch_optional(&mut *conn)
    .await?;
    let through = through.unwrap_or_default();
    let mut gone = 0;
    for after in (0..through).step_by(CHUNK.unsigned_abs() as usize) {
        gone += sqlx::query(
            "delete from sync_events e
             where e.baby_id = $1 and e.id > $2 and e.id <= least($3, $4) and e.entity_type <> all($5)
               and exists (
                 select
                 from sync_events later
                 where later.baby_id = $1 and later.entity_id = e.entity_id and later.id > e.id
                   and later.created_at <= now() - make_interval(secs => $6)
               )",
        )
        .bind(baby)
        .bind(after)
        .bind(after + CHUNK)
        .bind(through)
        .bind(parents())
        .bind(keep.superseded.as_secs_f64())
        .execute(&mut *conn)
        .await?
        .rows_affected();
    }
    Ok(gone)
}

/// The baby's own tombstone stays until all of it goes: without it the rest of its history would belong to nobody.
async fn tombstones(conn: &mut PgConnection, baby: Uuid, keep: &Retention) -> Result<u64, sqlx::Error> {
    const OLD: &str = "
        select id
        from entity
        where baby_id = $1 and id <> $1 and deleted_at <= now() - make_interval(secs => $2)
          and entity_type <> all($3)
        limit $4";
    let mut gone = 0;
    loop {
        // Looked for without the lock: most babies have none, and a push should not wait for that.
        let old: Vec<Uuid> = sqlx::query_scalar(OLD)
            .bind(baby)
            .bind(keep.tombstones.as_secs_f64())
            .bind(parents())
            .bind(CHUNK)
            .fetch_all(&mut *conn)
            .await?;
        if old.is_empty() {
            return Ok(gone);
        }
        let mut tx = conn.begin().await?;
        sqlx::query("select from sync_head where baby_id = $1 for update").bind(baby).execute(&mut *tx).await?;
        // Under the lock they are asked again: one may have been restored meanwhile.
        let taken: i64 = sqlx::query(
            "with gone as (
               delete from entity
               where baby_id = $1 and id = any($2) and deleted_at <= now() - make_interval(secs => $3)
               returning id, row_version
             ), events as (
               delete from sync_events e
               using gone
               where e.baby_id = $1 and e.entity_id = gone.id
             ), head as (
               update sync_head
               set floor = greatest(floor, (select max(row_version) from gone))
               where baby_id = $1 and exists (select from gone)
             )
             select count(*) as taken from gone",
        )
        .bind(baby)
        .bind(old)
        .bind(keep.tombstones.as_secs_f64())
        .fetch_one(&mut *tx)
        .await?
        .try_get("taken")?;
        tx.commit().await?;
        gone += taken.unsigned_abs();
    }
}

async fn verdicts(conn: &mut PgConnection, baby: Uuid, keep: &Retention) -> Result<u64, sqlx::Error> {
    let mut gone = 0;
    loop {
        let some = sqlx::query(
            "delete from sync_mutation
             where baby_id = $1 and mutation_id in (
               select m.mutation_id
               from sync_mutation m
               left join sync_client c on c.baby_id = m.baby_id and c.client_id = m.client_id
               where m.baby_id = $1
                 and (m.created_at <= now() - make_interval(secs => $2)
                   or (m.seq <= c.acked_seq and m.created_at <= now() - make_interval(secs => $3)))
               limit $4
             )",
        )
        .bind(baby)
        .bind(keep.verdicts.as_secs_f64())
        .bind(keep.acked_verdicts.as_secs_f64())
        .bind(CHUNK)
        .execute(&mut *conn)
        .await?
        .rows_affected();
        gone += some;
        if some < CHUNK.unsigned_abs() {
            return Ok(gone);
        }
    }
}
