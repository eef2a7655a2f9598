//! Accounts: sign up, sign in, sign out, who am I, another password.
//!
//! Invariant: whether an account exists cannot be told from a sign-in, neither by its words nor by
//! its status nor by its time. A session is never older than the password it was opened with.

use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{
    Call,
    error::violates,
    guests, password, session,
    sign_up::{self, Ticket},
    text::{self, Email},
    throttle,
};
use crate::{
    api::{Account, ApiError, Done, ErrorCode, Level, Me, MyBaby},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
};

pub async fn sign_up(
    call: &Call,
    email: &str,
    password: String,
    display_name: &str,
    ticket: Ticket,
) -> Result<Account, ApiError> {
    let email = Email::parse(email)?;
    let display_name = text::name("displayName", display_name)?;
    password::check(&password, email.as_str())?;
    let admission = sign_up::admit(call, ticket).await?;
    let hash = call.app.passwords().hash(password).await?;

    let user_id = UserId(Uuid::now_v7());
    let mut tx = call.pool().begin().await?;
    sqlx::query(
        "insert into users (id, email, display_name, password_hash)
         values ($1, $2, $3, $4)",
    )
    .bind(user_id.0)
    .bind(email.as_str())
    .bind(&display_name)
    .bind(hash)
    .execute(&mut *tx)
    .await
    .map_err(|error| {
        if violates(&error, "users_email_key") {
            return ApiError {
                field: Some("email".into()),
                ..ApiError::new(ErrorCode::EmailTaken, "there is an account with this address")
            };
        }
        error.into()
    })?;
    sign_up::use_up(&mut tx, &admission).await?;
    session::begin(call, &mut tx, user_id).await?;
    tx.commit().await?;
    Ok(Account { user_id, display_name })
}

/// `new_password` replaces one that an operator made; any other is replaced by [`change_password`].
pub async fn sign_in(
    call: &Call,
    email: &str,
    password: String,
    new_password: Option<String>,
) -> Result<Account, ApiError> {
    // An address that could not have signed up is as unknown as one that has not.
    let email = Email::parse(email).map_err(|_| bad_credentials())?;
    let by_address = throttle::ADDRESS.attempt(call.pool(), &call.address_group()).await?;
    let by_account = throttle::ACCOUNT.attempt(call.pool(), email.as_str()).await?;

    let found = by_email(call.pool(), &email).await?;
    let hash = found.as_ref().map(|known| known.hash.clone());
    let right = call.app.passwords().matches(password.clone(), hash).await?;
    let Some(known) = found.filter(|known| right && known.reset != Some(Reset::RunOut)) else {
        return Err(bad_credentials());
    };

    by_account.forget(call.pool()).await?;
    by_address.uncount(call.pool()).await?;
    let user = known.account.user_id;
    let chosen = match known.reset {
        None => None,
        Some(_) => Some(replacement(call, &email, &password, new_password).await?),
    };
    let mut tx = call.pool().begin().await?;
    still_proven(&mut tx, user, &known.hash).await?;
    if let Some(hash) = chosen {
        set_password(&mut tx, user, &hash, Choice::Own).await?;
    }
    session::begin(call, &mut tx, user).await?;
    tx.commit().await?;
    Ok(known.account)
}

/// The hash of the password that somebody chooses in place of the operator's.
async fn replacement(call: &Call, email: &Email, old: &str, new: Option<String>) -> Result<String, ApiError> {
    let at_field = |error| ApiError { field: Some("newPassword".into()), ..error };
    let new = new.filter(|new| new != old).ok_or_else(|| {
        let why = "an operator knows this password: choose one of your own, as newPassword";
        at_field(ApiError::new(ErrorCode::NewPasswordNeeded, why))
    })?;
    password::check(&new, email.as_str()).map_err(at_field)?;
    call.app.passwords().hash(new).await
}

/// Another password: every session of the account ends, and this device begins a new one.
pub async fn change_password(call: &Call, password: String, new_password: String) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let proven = confirm(call, user, password).await?;
    password::check(&new_password, &proven.email)
        .map_err(|error| ApiError { field: Some("newPassword".into()), ..error })?;
    let hash = call.app.passwords().hash(new_password).await?;
    let mut tx = call.pool().begin().await?;
    still_proven(&mut tx, user, &proven.hash).await?;
    set_password(&mut tx, user, &hash, Choice::Own).await?;
    session::begin(call, &mut tx, user).await?;
    tx.commit().await?;
    Ok(Done {})
}

/// Who chose a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Own,
    /// An operator did, for somebody who chooses their own with it within a day.
    Operator,
}

/// Replaces the password and ends every session that was opened with the one before.
pub(super) async fn set_password(
    conn: &mut PgConnection,
    user: UserId,
    hash: &str,
    choice: Choice,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with ended as (
           delete from sessions
           where user_id = $1
         )
         update users
         set password_hash = $2,
             password_reset_until = case when $3 then now() + interval '1 day' end
         where id = $1",
    )
    .bind(user.0)
    .bind(hash)
    .bind(choice == Choice::Operator)
    .execute(conn)
    .await?;
    Ok(())
}

/// Who the caller is, by their password.
pub(super) struct Proven {
    pub(super) email: String,
    pub(super) hash: String,
}

/// Asks for the caller's own password once more, before what a borrowed phone must not do. Wrong ones
/// count with the wrong ones of sign-ins.
pub(super) async fn confirm(call: &Call, user: UserId, password: String) -> Result<Proven, ApiError> {
    let found: Option<(String, String, bool)> = sqlx::query_as(
        "select email, password_hash, coalesce(password_reset_until <= now(), false)
         from users
         where id = $1",
    )
    .bind(user.0)
    .fetch_optional(call.pool())
    .await?;
    let (email, hash, has_run_out) = found.ok_or_else(session::unauthenticated)?;
    let attempt = throttle::ACCOUNT.attempt(call.pool(), &email).await?;
    if !call.app.passwords().matches(password, Some(hash.clone())).await? || has_run_out {
        return Err(ApiError { field: Some("password".into()), ..bad_credentials() });
    }
    attempt.forget(call.pool()).await?;
    Ok(Proven { email, hash })
}

/// Refuses a password that was replaced, or whose account was deleted, while it was being compared; and
/// keeps both from happening until the transaction ends.
pub(super) async fn still_proven(conn: &mut PgConnection, user: UserId, hash: &str) -> Result<(), ApiError> {
    let same: Option<bool> = sqlx::query_scalar("select password_hash = $2 from users where id = $1 for update")
        .bind(user.0)
        .bind(hash)
        .fetch_optional(conn)
        .await?;
    if same == Some(true) { Ok(()) } else { Err(bad_credentials()) }
}

pub async fn sign_out(call: &Call) -> Result<Done, ApiError> {
    session::end(call).await?;
    Ok(Done {})
}

pub async fn me(call: &Call) -> Result<Me, ApiError> {
    let user = session::authenticate(call).await?;
    let (display_name, asked) = sqlx::query_as(
        "select display_name, exists (
           select
           from invites
           where asked_by = users.id and used_at is null and revoked_at is null
         )
         from users
         where id = $1",
    )
    .bind(user.0)
    .fetch_optional(call.pool())
    .await?
    .ok_or_else(session::unauthenticated)?;
    let rows = sqlx::query(
        "select a.baby_id, a.level::text as level, coalesce(e.data ->> 'name', '') as name,
           (extract(epoch from e.deleted_at) * 1000)::bigint as deleted_ms
         from user_baby u
         join access_now a on a.baby_id = u.baby_id and a.user_id = u.user_id
         left join entity e on e.baby_id = u.baby_id and e.id = u.baby_id
         where u.user_id = $1
         order by a.granted_at, a.baby_id",
    )
    .bind(user.0)
    .fetch_all(call.pool())
    .await?;
    let mut stays = guests::stays(call.pool(), user).await?;
    let babies = rows
        .iter()
        .map(|row| {
            let baby_id = BabyId(row.try_get("baby_id")?);
            let level = Level::from_sql(row.try_get("level")?)?;
            let stays = stays.remove(&baby_id).unwrap_or_default();
            let deleted_at = row.try_get::<Option<i64>, _>("deleted_ms")?.map(Timestamp::from_ms);
            Ok(MyBaby { stays, deleted_at, ..MyBaby::new(baby_id, row.try_get("name")?, level) })
        })
        .collect::<Result<_, ApiError>>()?;
    let past_guests = guests::gone(call.pool(), user).await?;
    Ok(Me { user_id: user, display_name, babies, past_guests, asked })
}

struct Known {
    account: Account,
    hash: String,
    reset: Option<Reset>,
}

/// That the password is one that an operator made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    Open,
    RunOut,
}

async fn by_email(pool: &PgPool, email: &Email) -> Result<Option<Known>, ApiError> {
    let found: Option<(Uuid, String, String, Option<bool>)> = sqlx::query_as(
        "select id, display_name, password_hash, password_reset_until > now()
         from users
         where email = $1",
    )
    .bind(email.as_str())
    .fetch_optional(pool)
    .await?;
    Ok(found.map(|(id, display_name, hash, is_open)| Known {
        account: Account { user_id: UserId(id), display_name },
        hash,
        reset: is_open.map(|is_open| if is_open { Reset::Open } else { Reset::RunOut }),
    }))
}

fn bad_credentials() -> ApiError {
    ApiError::new(ErrorCode::BadCredentials, "e-mail address or password is wrong")
}
