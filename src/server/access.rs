//! Who may do what with a baby: the one place that answers.
//!
//! Invariant: the answer is read in the transaction of the write it allows, with the access row
//! locked for share; a removal takes the same rows for update, so nothing is accepted after it
//! commits. The baby comes from the path or the stored row, never from a payload.

use sqlx::PgConnection;

use super::{error::internal, session};
use crate::{
    api::{ApiError, ErrorCode, Level},
    domain::id::{BabyId, UserId},
};

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// See who cares for the baby.
    SeeCaregivers,
    /// Invite, change levels, remove.
    Manage,
    /// Pull.
    Read,
    /// Push.
    Write,
}

impl Action {
    fn needs(self) -> Level {
        match self {
            Self::SeeCaregivers | Self::Read => Level::Viewer,
            Self::Write => Level::Editor,
            Self::Manage => Level::Owner,
        }
    }

    /// The answer to someone without any access. It is the same for a baby that exists and for one
    /// that does not: an id must not be worth guessing.
    fn closed(self, baby: BabyId) -> ApiError {
        match self {
            Self::Read | Self::Write => ApiError::new(ErrorCode::AccessRevoked, "no access to this baby").about(baby),
            Self::SeeCaregivers | Self::Manage => ApiError::new(ErrorCode::UnknownBaby, "no such baby"),
        }
    }

    /// Judges a level that was read under lock in the caller's transaction.
    pub(super) fn judge(self, baby: BabyId, level: Option<Level>) -> Result<Level, ApiError> {
        let level = level.ok_or_else(|| self.closed(baby))?;
        if level >= self.needs() {
            return Ok(level);
        }
        Err(match self {
            Self::Write => ApiError::new(ErrorCode::ReadOnly, "your access to this baby is for reading"),
            _ => ApiError::new(ErrorCode::Forbidden, "only an owner may do this"),
        })
    }
}

/// Locks the caller's access row for the rest of the transaction and judges it.
pub(super) async fn authorize(
    conn: &mut PgConnection,
    user: UserId,
    baby: BabyId,
    action: Action,
) -> Result<Level, ApiError> {
    action.judge(baby, level_of(conn, user, baby).await?)
}

/// The caller's level, locked for the rest of the transaction.
pub(super) async fn level_of(conn: &mut PgConnection, user: UserId, baby: BabyId) -> Result<Option<Level>, ApiError> {
    let level: Option<String> = sqlx::query_scalar(
        "select level::text
         from access_now
         where baby_id = $1 and user_id = $2
         for share",
    )
    .bind(baby.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    level.as_deref().map(Level::from_sql).transpose()
}

/// Gives `user` access, for good or for some hours. What lasts is kept unless the new level is higher and
/// lasts, too; hours add to hours. An account that is being deleted gets nothing more: its row is locked.
pub(super) async fn grant(
    conn: &mut PgConnection,
    user: UserId,
    baby: BabyId,
    level: Level,
    label: Option<&str>,
    hours: Option<i16>,
) -> Result<(), ApiError> {
    let granted = sqlx::query(
        "with someone as (
           select id
           from users
           where id = $2
           for key share
         ), projected as (
           insert into user_baby (user_id, baby_id)
           select id, $1
           from someone
           on conflict do nothing
         )
         insert into baby_access as a (baby_id, user_id, level, label, until)
         select $1, id, $3::text::access_level, $4, clock_timestamp() + make_interval(hours => $5)
         from someone
         on conflict (baby_id, user_id) do update
         set level = case
               when a.until is not null then excluded.level
               when excluded.until is not null then a.level
               else greatest(a.level, excluded.level)
             end,
             label = coalesce(excluded.label, a.label),
             granted_at = case when a.until <= clock_timestamp() then now() else a.granted_at end,
             until = case
               when a.until is null or excluded.until is null then null
               else greatest(a.until, excluded.until)
             end",
    )
    .bind(baby.0)
    .bind(user.0)
    .bind(level.as_sql())
    .bind(label)
    .bind(hours.map(i32::from))
    .execute(conn)
    .await?;
    if granted.rows_affected() == 1 { Ok(()) } else { Err(session::unauthenticated()) }
}

impl Level {
    pub(super) fn as_sql(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }

    pub(super) fn from_sql(text: &str) -> Result<Self, ApiError> {
        [Self::Viewer, Self::Editor, Self::Owner]
            .into_iter()
            .find(|level| level.as_sql() == text)
            .ok_or_else(|| internal(&format_args!("unknown access level {text:?}")))
    }
}
