//! What an operator does, from the command line: help someone who forgot their password, end what should
//! not go on, let the first person in, and tell all devices that a backup was restored.
//!
//! Invariant: a password is read or printed, and written nowhere but as its hash.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::Subcommand;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::{
    accounts, config::DatabaseConfig, db, inspect::table, leaving, password, secret::random_hex, session::ALIVE,
    sign_up, text::Email,
};
use crate::{api::ErrorCode, domain::id::UserId};

#[derive(Clone, Debug, Subcommand)]
pub enum Act {
    /// List the accounts, with their signed-in devices and babies
    Accounts,
    /// Give an account a password for its next sign-in, at which another one is chosen, and end its sessions;
    /// prints a random one
    ResetPassword {
        email: String,
        /// Read the password from standard input, one line, in place of making one
        #[arg(long)]
        stdin: bool,
    },
    /// Sign an account out on all its devices
    EndSessions { email: String },
    /// Delete an account; what it wrote in the logs of others stays
    DeleteAccount {
        email: String,
        /// Delete the babies too that would be left without an owner, with everything that was logged
        #[arg(long)]
        with_babies: bool,
    },
    /// Make another set-up token for the first account of a fresh server
    SetUpToken,
    /// After a backup was restored, before a server starts: tell all devices, so that they send what it lacks
    Restored,
}

/// Does it and returns what to tell.
///
/// # Errors
/// The database is not to be had, or there is no such account.
pub async fn command(database: &DatabaseConfig, act: Act) -> anyhow::Result<String> {
    let pool = db::connect(database).await?;
    let told = perform(&pool, act).await?;
    pool.close().await;
    Ok(told)
}

pub(super) async fn perform(pool: &PgPool, act: Act) -> anyhow::Result<String> {
    Ok(match act {
        Act::Accounts => accounts(pool).await?,
        Act::ResetPassword { email, stdin } => reset_password(pool, &email, stdin).await?,
        Act::EndSessions { email } => {
            let (user, _) = find(pool, &email).await?;
            let ended = sqlx::query("delete from sessions where user_id = $1").bind(user.0).execute(pool).await?;
            format!("sessions ended: {}\n", ended.rows_affected())
        }
        Act::DeleteAccount { email, with_babies } => delete_account(pool, &email, with_babies).await?,
        Act::SetUpToken => {
            let token = sign_up::reissue(pool).await?;
            format!("{}\n", token.context("there are accounts already: the first one is made")?)
        }
        Act::Restored => restored(pool).await?,
    })
}

async fn accounts(pool: &PgPool) -> Result<String, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select u.id::text as id, to_char(u.created_at at time zone 'utc', 'YYYY-MM-DD') as since,
           coalesce(to_char(max(s.last_seen_at) at time zone 'utc', 'YYYY-MM-DD'), '-') as used,
           count(s.id)::text as devices,
           (select count(*) from user_baby b join access_now a using (user_id, baby_id) where b.user_id = u.id)::text as babies,
           u.email
         from users u
         left join sessions s on s.user_id = u.id and {ALIVE}
         group by u.id
         order by u.created_at, u.id"
    )))
    .fetch_all(pool)
    .await?;
    table(&["id", "since", "used", "devices", "babies", "email"], &rows)
}

async fn reset_password(pool: &PgPool, email: &str, stdin: bool) -> anyhow::Result<String> {
    let (user, email) = find(pool, email).await?;
    let (password, told) = if stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        (line.trim_end_matches(['\r', '\n']).to_owned(), String::new())
    } else {
        // Eighty random bits.
        let password = random_hex::<10>()?;
        let told = format!("password: {password}\n");
        (password, told)
    };
    password::check(&password, email.as_str())?;
    let hash = password::Passwords::new().hash(password).await?;
    let mut tx = pool.begin().await?;
    accounts::set_password(&mut tx, user, &hash, accounts::Choice::Operator).await?;
    tx.commit().await?;
    Ok(format!(
        "{told}For a day whoever signs in with it chooses another password, and is then signed in. \
         Every device of the account is signed out.\n"
    ))
}

async fn delete_account(pool: &PgPool, email: &str, with_babies: bool) -> anyhow::Result<String> {
    let (user, _) = find(pool, email).await?;
    let mut tx = pool.begin().await?;
    match leaving::delete(&mut tx, user, |_| with_babies).await {
        Ok(babies) => {
            tx.commit().await?;
            Ok(format!("The account is deleted. Babies it had access to: {}\n", babies.len()))
        }
        Err(error) if error.code == ErrorCode::LastOwner => {
            let ids: Vec<String> = error.babies.iter().map(|baby| baby.baby_id.to_string()).collect();
            bail!("the account is the only owner of {}: see --with-babies", ids.join(", "))
        }
        Err(error) => Err(error.into()),
    }
}

/// Every history becomes another one. A server that runs meanwhile is no reason to refuse: what does harm is
/// each answer that it gave before this.
pub(super) async fn restored(pool: &PgPool) -> Result<String, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let babies = sqlx::query("update sync_head set epoch = gen_random_uuid()").execute(&mut *tx).await?.rows_affected();
    let last: Option<String> = sqlx::query_scalar(
        "select to_char(max(e.created_at) at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS')
         from sync_head h
         join sync_events e on e.baby_id = h.baby_id and e.id = h.version",
    )
    .fetch_one(&mut *tx)
    .await?;
    let others: i64 = sqlx::query_scalar(
        "select count(*)
         from pg_stat_activity
         where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()",
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut told = format!("histories begun anew: {babies}\n");
    if let Some(last) = last {
        told += &format!("The last change that is here: {last} UTC. What came after it is in the devices alone.\n");
    }
    if others > 0 {
        told += &format!("Warning: {others} other connections to this database are open. Was a server running? ");
        told += "What it answered before this may have cost devices some of what the backup lacks.\n";
    }
    Ok(told)
}

async fn find(pool: &PgPool, email: &str) -> anyhow::Result<(UserId, Email)> {
    let email = Email::parse(email)?;
    let found: Option<Uuid> =
        sqlx::query_scalar("select id from users where email = $1").bind(email.as_str()).fetch_optional(pool).await?;
    match found {
        Some(id) => Ok((UserId(id), email)),
        None => bail!("there is no account {}", email.as_str()),
    }
}
