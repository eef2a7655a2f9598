//! The devices that are signed in to an account: see them, and sign one or all others out.
//!
//! A session that was ended is nobody's from its next request on, at every server process; its open
//! streams of hints end with the next look at all streams, within `hint_check_secs`.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{
    Call,
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, Done, SignedInDevice},
    domain::time::Timestamp,
};

pub async fn list(call: &Call) -> Result<Vec<SignedInDevice>, ApiError> {
    let user = session::authenticate(call).await?;
    let this = call.token.as_ref().map(session::SessionToken::hash);
    // A device that syncs is written down every minute, a session once an hour.
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select s.id, s.browser, s.system, s.id_hash = $2 as is_this,
           (extract(epoch from s.created_at) * 1000)::bigint as created_ms,
           (extract(epoch from greatest(s.last_seen_at, c.synced_at)) * 1000)::bigint as used_ms,
           (extract(epoch from c.synced_at) * 1000)::bigint as synced_ms
         from sessions s
         left join lateral (
           select max(c.seen_at) as synced_at
           from user_baby u
           join sync_client c on c.baby_id = u.baby_id and c.user_id = u.user_id
           where u.user_id = s.user_id and c.session_id = s.id
         ) c on true
         where s.user_id = $1 and {ALIVE}
         order by is_this desc, used_ms desc, s.id"
    )))
    .bind(user.0)
    .bind(this)
    .fetch_all(call.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SignedInDevice {
                session_id: row.try_get("id")?,
                browser: row.try_get("browser")?,
                system: row.try_get("system")?,
                signed_in_at: Timestamp::from_ms(row.try_get("created_ms")?),
                last_used_at: Timestamp::from_ms(row.try_get("used_ms")?),
                last_sync_at: row.try_get::<Option<i64>, _>("synced_ms")?.map(Timestamp::from_ms),
                is_this: row.try_get("is_this")?,
            })
        })
        .collect()
}

/// Ends the session `which` of the caller's, or without one all but the caller's own. One that is
/// over already, or somebody else's, is no matter: afterwards it is not among the caller's.
pub async fn end(call: &Call, which: Option<Uuid>) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let this = call.token.as_ref().map(session::SessionToken::hash);
    sqlx::query(
        "delete from sessions
         where user_id = $1 and case when $2::uuid is null then id_hash <> $3 else id = $2 end",
    )
    .bind(user.0)
    .bind(which)
    .bind(this)
    .execute(call.pool())
    .await?;
    Ok(Done {})
}
