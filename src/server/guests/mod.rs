//! Guests: whose access ends by itself, and what is left of it for a while.
//!
//! No job ends anything. `access_now` is asked who may do what, and a guest whose time is over is not in
//! it; the regular look at all streams of hints tells a running device within seconds. The row itself
//! stays for [`Retention::guests`](super::compact::Retention), for the summary and the [`tray`].
//!
//! Invariant: this file, [`access`](super::access) and whatever deletes a whole baby are the only ones that
//! look behind `access_now`.

pub mod tray;

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgPool, Row};

use super::{
    Call,
    access::Action,
    caregivers::{Circle, unknown_caregiver},
    session,
};
use crate::{
    api::{ApiError, Done},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
    sync::status::{CaregiverName, Stay},
};

/// For so long after its end a stay is told to owners, and its tray takes in what comes late.
const AFTERWARDS_DAYS: i32 = 7;
/// The end of a stay can be put off by so much at most, from now.
const AHEAD_HOURS: i32 = 24;

/// Whether what `user` may do with the baby ends by itself.
pub(super) async fn is_guest(conn: &mut PgConnection, user: UserId, baby: BabyId) -> Result<bool, sqlx::Error> {
    let sql = "select exists (select from access_now where baby_id = $1 and user_id = $2 and until is not null)";
    sqlx::query_scalar(sql).bind(baby.0).bind(user.0).fetch_one(conn).await
}

/// Ends the time of a guest now; whether `whom` was one. All access rows of the baby are locked.
pub(super) async fn end(conn: &mut PgConnection, baby: BabyId, whom: UserId) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "update access_now
         set until = clock_timestamp()
         where baby_id = $1 and user_id = $2 and until is not null",
    )
    .bind(baby.0)
    .bind(whom.0)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Moves the end of a guest's time, or lets them stay for good. One that is over stays over: their device
/// may have let go of everything.
pub async fn set_until(call: &Call, baby: BabyId, whom: UserId, until: Option<Timestamp>) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    let circle = Circle::lock(&mut tx, baby).await?;
    Action::Manage.judge(baby, circle.level(user))?;
    let moved = sqlx::query(
        "update access_now
         set until = case when $3::bigint is not null then
           least(greatest(to_timestamp($3 / 1000.0), clock_timestamp()), clock_timestamp() + make_interval(hours => $4))
         end
         where baby_id = $1 and user_id = $2 and until is not null",
    )
    .bind(baby.0)
    .bind(whom.0)
    .bind(until.map(Timestamp::as_ms))
    .bind(AHEAD_HOURS)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(unknown_caregiver());
    }
    tx.commit().await?;
    call.app.announce(baby);
    Ok(Done {})
}

/// The stays that `user` is told of, by baby: a guest of their own, an owner of all that run, ended lately,
/// or left something in the tray.
pub(super) async fn stays(pool: &PgPool, user: UserId) -> Result<BTreeMap<BabyId, Vec<Stay>>, ApiError> {
    let rows = sqlx::query(
        "select a.baby_id, g.user_id, coalesce(u.display_name, '') as name, g.unsent,
           (extract(epoch from g.began_at) * 1000)::bigint as from_ms,
           (extract(epoch from g.until) * 1000)::bigint as until_ms
         from user_baby m
         join access_now a on a.baby_id = m.baby_id and a.user_id = m.user_id
         join lateral (
           select user_id, coalesce(s.granted_at, t.last_at) as began_at, coalesce(s.until, t.last_at) as until,
             coalesce(t.entries, 0)::int as unsent
           from (
             select user_id, granted_at, until
             from baby_access
             where baby_id = a.baby_id and until > now() - make_interval(days => $2)
               and (a.level = 'owner' or user_id = a.user_id)
           ) s
           full join (
             select user_id, count(distinct entity_id) as entries, max(received_at) as last_at
             from guest_tray
             where baby_id = a.baby_id and decided_at is null and a.level = 'owner'
             group by user_id
           ) t using (user_id)
         ) g on true
         left join users u on u.id = g.user_id
         where m.user_id = $1
         order by a.baby_id, g.until, g.user_id",
    )
    .bind(user.0)
    .bind(AFTERWARDS_DAYS)
    .fetch_all(pool)
    .await?;
    let mut stays: BTreeMap<BabyId, Vec<Stay>> = BTreeMap::new();
    for row in &rows {
        stays.entry(BabyId(row.try_get("baby_id")?)).or_default().push(Stay {
            user_id: UserId(row.try_get("user_id")?),
            display_name: row.try_get("name")?,
            from: Timestamp::from_ms(row.try_get("from_ms")?),
            until: Timestamp::from_ms(row.try_get("until_ms")?),
            unsent: row.try_get::<i32, _>("unsent")?.unsigned_abs(),
        });
    }
    Ok(stays)
}

/// Who was a guest of the babies of `user`, and is no more: what they logged keeps their name meanwhile.
pub(super) async fn gone(pool: &PgPool, user: UserId) -> Result<Vec<CaregiverName>, ApiError> {
    let rows = sqlx::query(
        "select g.baby_id, g.user_id, u.display_name
         from user_baby m
         join access_now a on a.baby_id = m.baby_id and a.user_id = m.user_id
         join baby_access g on g.baby_id = a.baby_id and g.until <= now()
         join users u on u.id = g.user_id
         where m.user_id = $1
         order by g.baby_id, g.user_id",
    )
    .bind(user.0)
    .fetch_all(pool)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        let (baby_id, user_id) = (BabyId(row.try_get("baby_id")?), UserId(row.try_get("user_id")?));
        Ok(CaregiverName { baby_id, user_id, display_name: row.try_get("display_name")? })
    };
    rows.iter().map(read).collect()
}

/// Lets go of stays that ended long ago, and of what their trays held by then. Returns how many stays.
pub(super) async fn forget(conn: &mut PgConnection, baby: uuid::Uuid, secs: f64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "with tray as (
           delete from guest_tray
           where baby_id = $1 and received_at <= now() - make_interval(secs => $2)
         ), gone as (
           delete from baby_access
           where baby_id = $1 and until <= now() - make_interval(secs => $2)
           returning user_id
         )
         delete from user_baby u
         using gone
         where u.baby_id = $1 and u.user_id = gone.user_id",
    )
    .bind(baby)
    .bind(secs)
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}
