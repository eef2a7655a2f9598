//! Who is asking. A session is 256 random bits in a cookie that scripts cannot read; the database
//! keeps their SHA-256, so neither a leaked table nor a log opens an account.

use cookie::{Cookie, SameSite};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{Call, agent::Agent, config::ServeConfig, secret::random_hex};
use crate::{
    api::{ApiError, ErrorCode},
    domain::id::UserId,
};

/// A session ends after so many days without a request, and after so many in all. `ALIVE` says the
/// same in SQL, for the table alias `s`.
const MAX_AGE_DAYS: i64 = 365;
pub(super) const ALIVE: &str =
    "s.last_seen_at > now() - interval '90 days' and s.created_at > now() - interval '365 days'";

/// The secret of the cookie, as hex.
#[derive(Clone)]
pub(super) struct SessionToken(String);

impl SessionToken {
    fn random() -> Result<Self, ApiError> {
        Ok(Self(random_hex::<32>()?))
    }

    /// What the database knows a session by.
    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// The token in a request's cookies, if one has the right form.
    pub(super) fn from_headers(headers: &HeaderMap, config: &ServeConfig) -> Option<Self> {
        let name = cookie_name(config);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| Cookie::split_parse(value.to_owned()).flatten())
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
            .filter(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(Self)
    }
}

/// `__Host-` binds a cookie to this very host and to TLS; on loopback HTTP browsers refuse it.
fn cookie_name(config: &ServeConfig) -> &'static str {
    if config.is_https() { "__Host-session" } else { "session" }
}

fn cookie(config: &ServeConfig, value: &str, max_age: cookie::time::Duration) -> String {
    Cookie::build((cookie_name(config), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(config.is_https())
        .max_age(max_age)
        .build()
        .to_string()
}

/// Begins a session for `user` and ends the one the caller came with: an id that was known before
/// the sign-in is worth nothing after it. Sessions of theirs that have run out go too.
pub(super) async fn begin(call: &Call, conn: &mut PgConnection, user: UserId) -> Result<(), ApiError> {
    let token = SessionToken::random()?;
    let old = call.token.as_ref().map(SessionToken::hash);
    let agent = Agent::of(call.agent.as_ref());
    sqlx::query(AssertSqlSafe(format!(
        "with ended as (
           delete from sessions s
           where s.id_hash = $3 or (s.user_id = $2 and not ({ALIVE}))
         )
         insert into sessions (id_hash, user_id, browser, system)
         values ($1, $2, $4, $5)"
    )))
    .bind(token.hash())
    .bind(user.0)
    .bind(old)
    .bind(agent.browser)
    .bind(agent.system)
    .execute(conn)
    .await?;
    let config = call.app.config();
    call.set_cookie(cookie(config, &token.0, cookie::time::Duration::days(MAX_AGE_DAYS)));
    Ok(())
}

/// Ends the caller's session, if there is one, and takes the cookie back.
pub(super) async fn end(call: &Call) -> Result<(), ApiError> {
    if let Some(token) = &call.token {
        sqlx::query("delete from sessions where id_hash = $1").bind(token.hash()).execute(call.pool()).await?;
    }
    call.set_cookie(cookie(call.app.config(), "", cookie::time::Duration::ZERO));
    Ok(())
}

/// The person behind the call.
///
/// # Errors
/// `unauthenticated` without a living session.
pub(super) async fn authenticate(call: &Call) -> Result<UserId, ApiError> {
    if call.token.is_none() {
        return Err(unauthenticated());
    }
    authenticate_on(&mut *call.pool().acquire().await?, call).await
}

/// The same on a connection that the caller already holds: waiting for a second one while holding
/// the first could starve everybody.
pub(super) async fn authenticate_on(conn: &mut PgConnection, call: &Call) -> Result<UserId, ApiError> {
    let hash = call.token.as_ref().ok_or_else(unauthenticated)?.hash();
    let found: Option<(Uuid, bool)> = sqlx::query_as(AssertSqlSafe(format!(
        "select s.user_id, s.last_seen_at < now() - interval '1 hour'
         from sessions s
         where s.id_hash = $1 and {ALIVE}"
    )))
    .bind(&hash)
    .fetch_optional(&mut *conn)
    .await?;
    let (user, stale) = found.ok_or_else(unauthenticated)?;
    call.proven(&hash, UserId(user));
    if stale {
        touch(conn, &hash).await?;
    }
    Ok(UserId(user))
}

/// What was read of a request, or why not. Whoever is not signed in learns that first, whatever else
/// is wrong.
pub(super) async fn or_refused<T>(call: &Call, read: Result<T, ApiError>) -> Result<T, ApiError> {
    match read {
        Ok(read) => Ok(read),
        Err(error) => authenticate(call).await.and(Err(error)),
    }
}

/// Notes that a session was used; called at most once an hour.
pub(super) async fn touch(conn: &mut PgConnection, hash: &[u8]) -> Result<(), ApiError> {
    sqlx::query("update sessions set last_seen_at = now() where id_hash = $1").bind(hash).execute(conn).await?;
    Ok(())
}

pub(super) fn unauthenticated() -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, "sign in first")
}
