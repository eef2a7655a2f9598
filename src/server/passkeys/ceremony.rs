//! What the server asked of a browser and waits for, kept here and not with the client, who could
//! answer the same question twice. All servers of the database know it.
//!
//! Invariant: a question is taken out of the table before its answer is judged, so each has one answer,
//! right or wrong.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    api::{ApiError, Ceremony, ErrorCode},
    server::session,
};

/// As long as a browser is told to wait for the person.
pub(in crate::server) const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Keeps `state` for the answer to `options`. With a session, only that session may answer.
pub(super) async fn open(
    pool: &PgPool,
    session: Option<Vec<u8>>,
    state: &(impl Serialize + Sync),
    options: Value,
) -> Result<Ceremony, ApiError> {
    let opened: Result<Uuid, sqlx::Error> =
        sqlx::query_scalar("insert into passkey_ceremonies (session_hash, state) values ($1, $2) returning id")
            .bind(session)
            .bind(Json(state))
            .fetch_one(pool)
            .await;
    match opened {
        Ok(id) => Ok(json!({"ceremonyId": id, "options": options})),
        // The session has ended this moment.
        Err(error) if error.as_database_error().is_some_and(|db| db.is_foreign_key_violation()) => {
            Err(session::unauthenticated())
        }
        Err(error) => Err(error.into()),
    }
}

/// The state of a question that is being answered, once and in time. Without a session in the question
/// there must be none here: what was asked for a passkey to be made signs nobody in.
pub(super) async fn close<T>(pool: &PgPool, id: Uuid, session: Option<Vec<u8>>) -> Result<T, ApiError>
where
    T: DeserializeOwned + Send + Unpin + 'static,
{
    let state: Option<Json<T>> = sqlx::query_scalar(
        "delete from passkey_ceremonies
         where id = $1 and session_hash is not distinct from $2 and created_at > now() - make_interval(secs => $3)
         returning state",
    )
    .bind(id)
    .bind(session)
    .bind(LIFETIME.as_secs_f64())
    .fetch_optional(pool)
    .await?;
    let over = || ApiError::new(ErrorCode::CeremonyExpired, "this was answered already, or too late: begin again");
    state.map(|Json(state)| state).ok_or_else(over)
}

/// Lets go of the questions that nobody has answered for so long.
pub(in crate::server) async fn forget(conn: &mut PgConnection, after: Duration) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query("delete from passkey_ceremonies where created_at <= now() - make_interval(secs => $1)")
        .bind(after.as_secs_f64())
        .execute(conn)
        .await?;
    Ok(gone.rows_affected())
}
