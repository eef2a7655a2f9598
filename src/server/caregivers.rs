//! Who cares for a baby: see, raise or lower, remove, leave.
//!
//! Invariant: a baby always has an owner. Each change locks all access rows of the baby first, in
//! one order, so that two owners removing each other cannot both succeed.

use sqlx::{PgConnection, Row};

use super::{
    Call,
    access::{self, Action},
    guests, invites, session, text,
};
use crate::{
    api::{ApiError, Caregiver, Done, ErrorCode, Level},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
};

pub async fn list(call: &Call, baby: BabyId) -> Result<Vec<Caregiver>, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::SeeCaregivers).await?;
    let rows = sqlx::query(
        "select a.user_id, u.display_name, a.level::text as level, a.label,
           (extract(epoch from a.granted_at) * 1000)::bigint as granted_ms,
           (extract(epoch from a.until) * 1000)::bigint as until_ms,
           (select (extract(epoch from max(c.seen_at)) * 1000)::bigint
            from sync_client c
            where c.baby_id = a.baby_id and c.user_id = a.user_id) as seen_ms
         from access_now a
         join users u on u.id = a.user_id
         where a.baby_id = $1
         order by a.granted_at, a.user_id",
    )
    .bind(baby.0)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(Caregiver {
                user_id: UserId(row.try_get("user_id")?),
                display_name: row.try_get("display_name")?,
                level: Level::from_sql(row.try_get("level")?)?,
                label: row.try_get("label")?,
                granted_at: Timestamp::from_ms(row.try_get("granted_ms")?),
                until: row.try_get::<Option<i64>, _>("until_ms")?.map(Timestamp::from_ms),
                last_seen_at: row.try_get::<Option<i64>, _>("seen_ms")?.map(Timestamp::from_ms),
            })
        })
        .collect()
}

pub async fn set_level(call: &Call, baby: BabyId, whom: UserId, level: Level) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    let circle = Circle::lock(&mut tx, baby).await?;
    Action::Manage.judge(baby, circle.level(user))?;
    circle.level(whom).ok_or_else(unknown_caregiver)?;
    circle.keeps_an_owner(whom, Some(level))?;
    sqlx::query(
        "update access_now
         set level = $3::text::access_level,
             until = case when $3 = 'owner' then null else until end
         where baby_id = $1 and user_id = $2",
    )
    .bind(baby.0)
    .bind(whom.0)
    .bind(level.as_sql())
    .execute(&mut *tx)
    .await?;
    if level < Level::Owner {
        invites::withdraw(&mut tx, baby, whom).await?;
    }
    tx.commit().await?;
    call.app.announce(baby);
    Ok(Done {})
}

/// Says what `whom` is to the baby: an owner of anyone, anyone of themselves.
pub async fn set_label(call: &Call, baby: BabyId, whom: UserId, label: Option<String>) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let label = text::label(label)?;
    let mut tx = call.pool().begin().await?;
    let circle = Circle::lock(&mut tx, baby).await?;
    circle.judge(baby, user, whom)?;
    sqlx::query(
        "update access_now
         set label = $3
         where baby_id = $1 and user_id = $2",
    )
    .bind(baby.0)
    .bind(whom.0)
    .bind(label)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Done {})
}

/// Removes `whom`: an owner anyone, anyone themselves. A guest's time ends as if it had run out.
pub async fn remove(call: &Call, baby: BabyId, whom: UserId) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    let circle = Circle::lock(&mut tx, baby).await?;
    circle.judge(baby, user, whom)?;
    circle.keeps_an_owner(whom, None)?;
    if !guests::end(&mut tx, baby, whom).await? {
        let_go(&mut tx, baby, whom).await?;
    }
    tx.commit().await?;
    call.app.announce(baby);
    Ok(Done {})
}

/// Takes the access of `whom` away, and their open invitations: nobody should come in by the word of
/// someone who is out.
pub(super) async fn let_go(conn: &mut PgConnection, baby: BabyId, whom: UserId) -> Result<(), sqlx::Error> {
    invites::withdraw(&mut *conn, baby, whom).await?;
    sqlx::query(
        "with projected as (
           delete from user_baby
           where user_id = $2 and baby_id = $1
         )
         delete from baby_access
         where baby_id = $1 and user_id = $2",
    )
    .bind(baby.0)
    .bind(whom.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// All caregivers of one baby, locked until the transaction ends.
pub(super) struct Circle(Vec<(UserId, Level)>);

impl Circle {
    pub(super) async fn lock(conn: &mut PgConnection, baby: BabyId) -> Result<Self, ApiError> {
        let rows: Vec<(uuid::Uuid, String)> = sqlx::query_as(
            "select user_id, level::text
             from access_now
             where baby_id = $1
             order by user_id
             for update",
        )
        .bind(baby.0)
        .fetch_all(conn)
        .await?;
        let all = rows.into_iter().map(|(user, level)| Ok((UserId(user), Level::from_sql(&level)?)));
        Ok(Self(all.collect::<Result<_, ApiError>>()?))
    }

    pub(super) fn level(&self, user: UserId) -> Option<Level> {
        self.0.iter().find(|(id, _)| *id == user).map(|(_, level)| *level)
    }

    /// What everyone may do about themselves, only an owner may about others.
    fn judge(&self, baby: BabyId, user: UserId, whom: UserId) -> Result<(), ApiError> {
        let action = if user == whom { Action::SeeCaregivers } else { Action::Manage };
        action.judge(baby, self.level(user))?;
        self.level(whom).map(drop).ok_or_else(unknown_caregiver)
    }

    /// Refuses to make `whom` the last owner who is none any more.
    pub(super) fn keeps_an_owner(&self, whom: UserId, becomes: Option<Level>) -> Result<(), ApiError> {
        let others = self.0.iter().any(|(id, level)| *id != whom && *level == Level::Owner);
        if others || becomes == Some(Level::Owner) || self.level(whom) != Some(Level::Owner) {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::LastOwner, "a baby needs an owner: make someone else owner first"))
    }
}

pub(super) fn unknown_caregiver() -> ApiError {
    ApiError::new(ErrorCode::UnknownCaregiver, "not a caregiver of this baby")
}
