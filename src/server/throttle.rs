//! Guessing made slow: counters in Postgres, shared by all processes, with a delay that doubles.
//! Never a hard lock-out: whoever waits may try again, and the wait has a ceiling.
//!
//! Invariant: an attempt is counted before it is judged, in one statement, so that a thousand
//! parallel guesses count as a thousand.

use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::api::{ApiError, ErrorCode};

/// How one kind of guessing is slowed down.
pub(super) struct Rule {
    /// The kind, as the table names it.
    scope: &'static str,
    /// Failures without any delay.
    free: i32,
    /// The delay after the first failure beyond those, in seconds; each further one doubles it.
    first_delay_secs: f64,
    max_delay_secs: f64,
    /// Failures are forgotten this long after the last, in seconds.
    memory_secs: f64,
}

/// Guessing one account's password, from anywhere.
pub(super) const ACCOUNT: Rule =
    Rule { scope: "account", free: 5, first_delay_secs: 1.0, max_delay_secs: 300.0, memory_secs: 3_600.0 };
/// Trying many accounts from one address; generous, because a household or an office shares one.
pub(super) const ADDRESS: Rule =
    Rule { scope: "address", free: 30, first_delay_secs: 1.0, max_delay_secs: 300.0, memory_secs: 3_600.0 };
/// Guessing invite codes: five wrong ones, then a pause as long as a code lives.
pub(super) const INVITE: Rule =
    Rule { scope: "invite", free: 5, first_delay_secs: 900.0, max_delay_secs: 900.0, memory_secs: 900.0 };

/// One counted attempt. Forgiven if it turns out to be right.
pub(super) struct Attempt {
    scope: &'static str,
    key: Vec<u8>,
}

impl Rule {
    /// Counts an attempt by `who`, or refuses it while a delay runs.
    pub(super) async fn attempt(&self, pool: &PgPool, who: &str) -> Result<Attempt, ApiError> {
        let key = self.key(who);
        let counted = sqlx::query(
            "insert into throttle as t (scope, key, failures, blocked_until)
             values ($1, $2, 1, now())
             on conflict (scope, key) do update
             set failures = case when t.updated_at < now() - make_interval(secs => $6) then 1 else t.failures + 1 end,
                 blocked_until = case
                   when t.failures + 1 < $3 or t.updated_at < now() - make_interval(secs => $6) then now()
                   else now() + make_interval(secs => least($5, $4 * power(2, least(30, t.failures + 1 - $3))))
                 end,
                 updated_at = now()
             where t.blocked_until <= now()",
        )
        .bind(self.scope)
        .bind(&key)
        .bind(self.free)
        .bind(self.first_delay_secs)
        .bind(self.max_delay_secs)
        .bind(self.memory_secs)
        .execute(pool)
        .await?;
        if counted.rows_affected() == 1 {
            return Ok(Attempt { scope: self.scope, key });
        }
        let wait: f64 = sqlx::query_scalar(
            "select extract(epoch from blocked_until - now())::double precision
             from throttle
             where scope = $1 and key = $2",
        )
        .bind(self.scope)
        .bind(&key)
        .fetch_optional(pool)
        .await?
        .unwrap_or_default();
        let secs = wait.ceil().clamp(1.0, self.max_delay_secs) as u32;
        Err(ApiError::new(ErrorCode::RateLimited, "too many attempts, wait and try again").retry_after(secs))
    }

    /// An attempt by `who` that an earlier call has counted and this one judges.
    pub(super) fn counted(&self, who: &str) -> Attempt {
        Attempt { scope: self.scope, key: self.key(who) }
    }

    fn key(&self, who: &str) -> Vec<u8> {
        Sha256::digest(format!("{}:{who}", self.scope)).to_vec()
    }
}

impl Attempt {
    /// The attempt was right: all failures of this key are forgotten.
    pub(super) async fn forget(self, pool: &PgPool) -> Result<(), ApiError> {
        sqlx::query("delete from throttle where scope = $1 and key = $2")
            .bind(self.scope)
            .bind(&self.key)
            .execute(pool)
            .await?;
        Ok(())
    }

    /// The attempt was right, but says nothing about the others of this key (a shared address).
    pub(super) async fn uncount(self, pool: &PgPool) -> Result<(), ApiError> {
        sqlx::query(
            "update throttle
             set failures = greatest(0, failures - 1),
                 blocked_until = now()
             where scope = $1 and key = $2",
        )
        .bind(self.scope)
        .bind(&self.key)
        .execute(pool)
        .await?;
        Ok(())
    }
}
