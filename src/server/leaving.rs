//! Deleting an account, and what becomes of its babies.
//!
//! What the person wrote in the logs of others stays there; whose it was is then told by no name. A baby
//! that would be left without an owner is in the way until it is handed over, or named to go with the
//! account: then its whole log is deleted for everyone.
//!
//! Invariant: all of it is one transaction. Whoever gives this account something new meanwhile waits for
//! it and then finds no account ([`access::grant`](super::access::grant)).

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Call, accounts, caregivers, caregivers::Circle, session};
use crate::{
    api::{ApiError, Done, ErrorCode, Level, MyBaby},
    domain::id::{BabyId, UserId},
};

/// Everything of a baby, its head last.
const OF_A_BABY: [&str; 9] = [
    "delete from invites where baby_id = $1",
    "delete from user_baby where baby_id = $1",
    "delete from baby_access where baby_id = $1",
    "delete from guest_tray where baby_id = $1",
    "delete from sync_client where baby_id = $1",
    "delete from sync_mutation where baby_id = $1",
    "delete from sync_events where baby_id = $1",
    "delete from entity where baby_id = $1",
    "delete from sync_head where baby_id = $1",
];

pub async fn delete_account(call: &Call, password: String, with_babies: Vec<BabyId>) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let proven = accounts::confirm(call, user, password).await?;
    let mut tx = call.pool().begin().await?;
    accounts::still_proven(&mut tx, user, &proven.hash).await?;
    let babies = delete(&mut tx, user, |baby| with_babies.contains(&baby)).await?;
    tx.commit().await?;
    babies.into_iter().for_each(|baby| call.app.announce(baby));
    session::end(call).await?;
    Ok(Done {})
}

/// Deletes everything of a baby, for good.
pub(super) async fn purge(conn: &mut PgConnection, baby: Uuid) -> Result<(), sqlx::Error> {
    for sql in OF_A_BABY {
        sqlx::query(sql).bind(baby).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Deletes the account `user`, and every baby that would be left without an owner and that `goes_along`
/// allows. Returns the babies that it was about.
///
/// # Errors
/// `last_owner` with the babies that are in the way; then nothing may be committed.
pub(super) async fn delete(
    conn: &mut PgConnection,
    user: UserId,
    goes_along: impl Fn(BabyId) -> bool,
) -> Result<Vec<BabyId>, ApiError> {
    let rows = sqlx::query(
        "select u.baby_id, coalesce(e.data ->> 'name', '') as name, e.deleted_at is not null as is_deleted
         from user_baby u
         left join entity e on e.baby_id = u.baby_id and e.id = u.baby_id
         where u.user_id = $1
         order by u.baby_id",
    )
    .bind(user.0)
    .fetch_all(&mut *conn)
    .await?;
    let (mut babies, mut in_the_way) = (Vec::new(), Vec::new());
    for row in rows {
        let baby_id = BabyId(row.try_get("baby_id")?);
        let circle = Circle::lock(conn, baby_id).await?;
        if circle.keeps_an_owner(user, None).is_ok() {
            caregivers::let_go(conn, baby_id, user).await?;
            sqlx::query("delete from sync_client where baby_id = $1 and user_id = $2")
                .bind(baby_id.0)
                .bind(user.0)
                .execute(&mut *conn)
                .await?;
        } else if row.try_get("is_deleted")? || goes_along(baby_id) {
            purge(conn, baby_id.0).await?;
        } else {
            in_the_way.push(MyBaby::new(baby_id, row.try_get("name")?, Level::Owner));
        }
        babies.push(baby_id);
    }
    if !in_the_way.is_empty() {
        let why = "you are the only owner of these babies: hand them over first, or delete them with the account";
        return Err(ApiError { babies: in_the_way.into(), ..ApiError::new(ErrorCode::LastOwner, why) });
    }
    sqlx::query("delete from users where id = $1").bind(user.0).execute(conn).await?;
    Ok(babies)
}
