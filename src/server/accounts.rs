//! Accounts: sign up, sign in, sign out, who am I.
//!
//! Invariant: whether an account exists cannot be told from a sign-in, neither by its words nor by
//! its status nor by its time.

use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::{
    Call,
    error::violates,
    password, session,
    text::{self, Email},
    throttle,
};
use crate::{
    api::{Account, ApiError, Done, ErrorCode, Level, Me, MyBaby},
    domain::id::{BabyId, UserId},
};

pub async fn sign_up(call: &Call, email: &str, password: String, display_name: &str) -> Result<Account, ApiError> {
    let email = Email::parse(email)?;
    let display_name = text::name("displayName", display_name)?;
    password::check(&password, email.as_str())?;
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
    session::begin(call, &mut tx, user_id).await?;
    tx.commit().await?;
    Ok(Account { user_id, display_name })
}

pub async fn sign_in(call: &Call, email: &str, password: String) -> Result<Account, ApiError> {
    // An address that could not have signed up is as unknown as one that has not.
    let email = Email::parse(email).map_err(|_| bad_credentials())?;
    let by_address = throttle::ADDRESS.attempt(call.pool(), &address_group(call)).await?;
    let by_account = throttle::ACCOUNT.attempt(call.pool(), email.as_str()).await?;

    let found = by_email(call.pool(), &email).await?;
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let right = call.app.passwords().matches(password, hash).await?;
    let Some((account, _)) = found.filter(|_| right) else {
        return Err(bad_credentials());
    };

    by_account.forget(call.pool()).await?;
    by_address.uncount(call.pool()).await?;
    session::begin(call, &mut *call.pool().acquire().await?, account.user_id).await?;
    Ok(account)
}

pub async fn sign_out(call: &Call) -> Result<Done, ApiError> {
    session::end(call).await?;
    Ok(Done {})
}

pub async fn me(call: &Call) -> Result<Me, ApiError> {
    let user = session::authenticate(call).await?;
    let display_name: String = sqlx::query_scalar("select display_name from users where id = $1")
        .bind(user.0)
        .fetch_optional(call.pool())
        .await?
        .ok_or_else(session::unauthenticated)?;
    let rows = sqlx::query(
        "select a.baby_id, a.level::text as level, coalesce(e.data ->> 'name', '') as name
         from user_baby u
         join baby_access a on a.baby_id = u.baby_id and a.user_id = u.user_id
         left join entity e on e.baby_id = u.baby_id and e.id = u.baby_id
         where u.user_id = $1
         order by a.granted_at, a.baby_id",
    )
    .bind(user.0)
    .fetch_all(call.pool())
    .await?;
    let babies = rows
        .iter()
        .map(|row| {
            Ok(MyBaby {
                baby_id: BabyId(row.try_get("baby_id")?),
                name: row.try_get("name")?,
                level: Level::from_sql(row.try_get("level")?)?,
            })
        })
        .collect::<Result<_, ApiError>>()?;
    Ok(Me { user_id: user, display_name, babies })
}

async fn by_email(pool: &PgPool, email: &Email) -> Result<Option<(Account, String)>, ApiError> {
    let found: Option<(Uuid, String, String)> = sqlx::query_as(
        "select id, display_name, password_hash
         from users
         where email = $1",
    )
    .bind(email.as_str())
    .fetch_optional(pool)
    .await?;
    Ok(found.map(|(id, display_name, hash)| (Account { user_id: UserId(id), display_name }, hash)))
}

/// An IPv6 caller owns a whole /64, so that is what is counted.
fn address_group(call: &Call) -> String {
    match call.address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("{:x}/64", v6.to_bits() >> 64),
    }
}

fn bad_credentials() -> ApiError {
    ApiError::new(ErrorCode::BadCredentials, "e-mail address or password is wrong")
}
