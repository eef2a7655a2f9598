//! Who may make an account: the rule of this server, and the token of its first run.
//!
//! A fresh server that others can reach would belong to whoever finds it first. So its first account
//! needs a token that stands in its log; so does the first one of a server that takes no newcomers.
//! The token is one for all server processes, told again at each start, and gone with the first account.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};

use super::{Call, config::ServeConfig, error::internal, invites, secret::random_hex, throttle};
use crate::api::{ApiError, ErrorCode, SignUpRule, SignUpRules};

const TOKEN: &str = "set_up_token";

/// What a newcomer brings beside name and password.
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    pub invite_code: Option<String>,
    pub set_up_token: Option<String>,
}

/// What lets a newcomer in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    ByRule,
    /// Used up by the account that it makes.
    BySetUp(String),
}

/// What the sign-up screen has to ask for, and the sign-in screen can offer.
pub async fn rules(call: &Call) -> Result<SignUpRules, ApiError> {
    let set_up = set_up_token(call.pool()).await?.is_some();
    let passkeys_at = call.app.relying_party().map(|party| party.origin().to_owned());
    Ok(SignUpRules { sign_up: call.app.config().sign_up, set_up, passkeys_at })
}

/// Judges a newcomer before anything slow is done for them. Guesses are counted by where they come from.
pub(super) async fn admit(call: &Call, ticket: Ticket) -> Result<Admission, ApiError> {
    if let Some(token) = set_up_token(call.pool()).await? {
        let attempt = throttle::ADDRESS.attempt(call.pool(), &call.address_group()).await?;
        let brought = ticket.set_up_token.unwrap_or_default();
        // Hashes compare in a time that tells nothing about the token.
        if Sha256::digest(brought.trim()) != Sha256::digest(&token) {
            let why = "the first account needs the set-up token that stands in the server's log";
            return Err(refused("setUpToken", why));
        }
        attempt.uncount(call.pool()).await?;
        return Ok(Admission::BySetUp(token));
    }
    match call.app.config().sign_up {
        SignUpRule::Open => Ok(Admission::ByRule),
        SignUpRule::Closed => Err(ApiError::new(ErrorCode::SignUpRefused, "this server takes no new accounts")),
        SignUpRule::Invite => {
            let Some(code) = ticket.invite_code else {
                return Err(refused("inviteCode", "a new account needs an invitation"));
            };
            let open = invites::is_open(call, &code).await;
            open.map_err(|error| ApiError { field: Some("inviteCode".into()), ..error })?;
            Ok(Admission::ByRule)
        }
    }
}

/// Of two who bring the set-up token at once, one makes the first account.
pub(super) async fn use_up(conn: &mut PgConnection, admission: &Admission) -> Result<(), ApiError> {
    let Admission::BySetUp(token) = admission else { return Ok(()) };
    let used = sqlx::query("delete from server_secret where name = $1 and value = $2")
        .bind(TOKEN)
        .bind(token.as_bytes())
        .execute(conn)
        .await?;
    if used.rows_affected() == 1 { Ok(()) } else { Err(refused("setUpToken", "the first account is made already")) }
}

/// The token that the first account needs, to be told at the start of a server that listens at `ip`; none
/// if there are accounts, or if only this machine reaches a server that is open.
pub(super) async fn first_run(pool: &PgPool, config: &ServeConfig, ip: IpAddr) -> Result<Option<String>, ApiError> {
    if !ip.is_loopback() || config.sign_up != SignUpRule::Open {
        let fresh = random_hex::<16>()?;
        let sql = "insert into server_secret (name, value) values ($1, $2) on conflict do nothing";
        sqlx::query(sql).bind(TOKEN).bind(fresh.as_bytes()).execute(pool).await?;
    }
    set_up_token(pool).await
}

/// Another token in place of the one that was told; none if there are accounts.
pub(super) async fn reissue(pool: &PgPool) -> Result<Option<String>, ApiError> {
    let fresh = random_hex::<16>()?;
    let sql = "insert into server_secret (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value";
    sqlx::query(sql).bind(TOKEN).bind(fresh.as_bytes()).execute(pool).await?;
    set_up_token(pool).await
}

/// One that was made beside the first account means nothing.
async fn set_up_token(pool: &PgPool) -> Result<Option<String>, ApiError> {
    let sql = "select value from server_secret where name = $1 and not exists (select from users)";
    let value: Option<Vec<u8>> = sqlx::query_scalar(sql).bind(TOKEN).fetch_optional(pool).await?;
    value.map(|value| String::from_utf8(value).map_err(|error| internal(&error))).transpose()
}

fn refused(field: &str, why: &str) -> ApiError {
    ApiError { field: Some(field.to_owned()), ..ApiError::new(ErrorCode::SignUpRefused, why) }
}
