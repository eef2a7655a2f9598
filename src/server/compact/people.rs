//! What is no part of a history: how people came in, and what kept them out.

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::Retention;
use crate::server::session::ALIVE;

/// Invitations that let nobody in any more. They are kept a while, so that whoever comes late is told why.
pub(super) async fn invitations(conn: &mut PgConnection, baby: Uuid, keep: &Retention) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(
        "delete from invites
         where baby_id = $1
           and (least(used_at, revoked_at) <= now() - make_interval(secs => $2)
             or expires_at <= now() - make_interval(secs => case kind when 'link' then $3 else $2 end))",
    )
    .bind(baby)
    .bind(keep.invitations.as_secs_f64())
    .bind(keep.links.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(swept.rows_affected())
}

pub(super) async fn sessions(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(AssertSqlSafe(format!("delete from sessions s where not ({ALIVE})"))).execute(conn).await?;
    Ok(swept.rows_affected())
}

pub(super) async fn throttles(conn: &mut PgConnection, keep: &Retention) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(
        "delete from throttle
         where updated_at <= now() - make_interval(secs => $1) and blocked_until <= now()",
    )
    .bind(keep.throttles.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(swept.rows_affected())
}
