//! Connections for the two calls that come all the time, push and pull.
//!
//! The pool asks Postgres for a sign of life whenever a connection is given back, in a task of its
//! own: a second round trip and a wake-up for each poll. A lane skips that when its user says that
//! the connection is clean. It comes from the pool, counts against the pool's bound, and goes back
//! through the pool's check in every other case: after an error, and when a caller went away in the
//! middle, so that an open transaction never waits in a lane with its locks.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection};

pub(super) struct Lanes {
    pool: PgPool,
    /// `None` once the server stops: then all connections belong back in the pool.
    idle: Mutex<Option<Vec<PoolConnection<Postgres>>>>,
    /// At most this many wait here, so that some of the pool is always left to all other calls.
    keep: usize,
}

impl Lanes {
    pub(super) fn new(pool: PgPool) -> Self {
        let keep = pool.options().get_max_connections() as usize / 2;
        Self { pool, idle: Mutex::new(Some(Vec::new())), keep }
    }

    /// A connection to be used now.
    pub(super) async fn take(&self) -> Result<Lane<'_>, sqlx::Error> {
        let waiting = self.idle().as_mut().and_then(Vec::pop);
        let connection = match waiting {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Lane { connection, lanes: self })
    }

    /// A connection that has just answered, after a lane's was found to be gone. Postgres has probably
    /// restarted, so what waits here is gone too, and so may be what waits in the pool.
    pub(super) async fn fresh(&self) -> Result<Lane<'_>, sqlx::Error> {
        // Taken out first: a connection that goes back to the pool is no business of this lock.
        let stale = self.idle().as_mut().map(std::mem::take);
        drop(stale);
        for _ in 0..self.pool.size() {
            let mut connection = self.pool.acquire().await?;
            match connection.ping().await {
                Ok(()) => return Ok(Lane { connection, lanes: self }),
                Err(error) => tracing::debug!(%error, "a connection is gone"),
            }
        }
        Ok(Lane { connection: self.pool.acquire().await?, lanes: self })
    }

    /// How many connections wait here.
    pub(super) fn waiting(&self) -> usize {
        self.idle().as_ref().map_or(0, Vec::len)
    }

    /// Gives all back, for good: closing the pool waits for them.
    pub(super) fn close(&self) {
        *self.idle() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<PoolConnection<Postgres>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `error` says that the connection is gone, so that what was asked may be asked on another
/// one: Postgres was stopped or crashed, or the network let go.
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    const GONE: [&str; 3] = ["57P01", "57P02", "57P03"];
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(db) => db.code().is_some_and(|code| GONE.contains(&code.as_ref())),
        _ => false,
    }
}

/// One connection in use. Dropped, it goes back to the pool.
pub(super) struct Lane<'l> {
    connection: PoolConnection<Postgres>,
    lanes: &'l Lanes,
}

impl Lane<'_> {
    /// Keeps the connection for the next call. Only for one that has answered everything it was
    /// asked and is in no transaction.
    pub(super) fn keep(self) {
        if let Some(idle) = self.lanes.idle().as_mut()
            && idle.len() < self.lanes.keep
        {
            idle.push(self.connection);
        }
    }
}

impl Deref for Lane<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lane<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[sqlx::test(migrations = false)]
    async fn a_kept_connection_is_the_next_ones_and_a_dropped_one_is_not(pool: PgPool) {
        async fn backend(conn: &mut PgConnection) -> i32 {
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(conn).await.unwrap()
        }
        let lanes = Lanes::new(pool.clone());
        let mut lane = lanes.take().await.unwrap();
        let first = backend(&mut lane).await;
        lane.keep();
        let mut lane = lanes.take().await.unwrap();
        assert_eq!(backend(&mut lane).await, first);
        drop(lane);
        assert_eq!(lanes.idle().as_ref().map(Vec::len), Some(0));
    }

    /// After a restart neither what waits in a lane nor what waits in the pool is handed out.
    #[sqlx::test(migrations = false)]
    async fn a_fresh_connection_is_one_that_answers(pool: PgPool) {
        let others = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()";
        let lanes = Lanes::new(pool.clone());
        let kept = [lanes.take().await.unwrap(), lanes.take().await.unwrap()];
        let pooled = [lanes.take().await.unwrap(), lanes.take().await.unwrap()];
        kept.into_iter().for_each(Lane::keep);
        drop(pooled);
        let mut admin = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
        sqlx::query(others).execute(&mut admin).await.unwrap();
        let mut lane = lanes.take().await.unwrap();
        let error = sqlx::query("select 1").execute(&mut *lane).await.unwrap_err();
        assert!(is_gone(&error), "{error}");
        for _ in 0..5 {
            let mut lane = lanes.fresh().await.unwrap();
            sqlx::query("select 1").execute(&mut *lane).await.unwrap();
            drop(lane);
        }
    }

    #[sqlx::test(migrations = false)]
    async fn what_a_caller_left_open_is_undone(pool: PgPool) {
        const LOCK: &str = "select pg_advisory_xact_lock(7)";
        let lanes = Lanes::new(pool.clone());
        let mut lane = lanes.take().await.unwrap();
        let mut abandoned = lane.begin().await.unwrap();
        sqlx::query(LOCK).execute(&mut *abandoned).await.unwrap();
        drop(abandoned);
        drop(lane);
        sqlx::query("set lock_timeout = '5s'").execute(&pool).await.unwrap();
        sqlx::query(LOCK).execute(&pool).await.unwrap();
    }

    #[sqlx::test(migrations = false)]
    async fn a_closed_server_holds_no_connection(pool: PgPool) {
        let lanes = Lanes::new(pool.clone());
        let late = lanes.take().await.unwrap();
        lanes.take().await.unwrap().keep();
        lanes.close();
        late.keep();
        // Closing waits for every connection.
        pool.close().await;
        assert_eq!(pool.size(), 0);
    }

    #[sqlx::test(migrations = false)]
    async fn half_of_the_pool_is_left_to_all_other_calls(pool: PgPool) {
        let lanes = Lanes::new(pool.clone());
        let mut taken = Vec::new();
        for _ in 0..=lanes.keep {
            taken.push(lanes.take().await.unwrap());
        }
        taken.into_iter().for_each(Lane::keep);
        assert_eq!(lanes.idle().as_ref().map(Vec::len), Some(lanes.keep));
    }
}
