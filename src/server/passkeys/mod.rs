//! Passkeys: keys on a person's own devices that sign them in beside the password. See them, make one,
//! remove one; [`sign_in`] is what they are for.
//!
//! Making and removing ask for the password, as all that a borrowed phone must not do. A passkey goes
//! with its account and with nothing else: another password leaves it, and an account always keeps its
//! password, so removing the last passkey locks nobody out.

mod ceremony;
mod party;
pub mod sign_in;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::{Row, types::Json};
use uuid::Uuid;
use webauthn_rs::prelude::{PasskeyRegistration, RegisterPublicKeyCredential, WebauthnError};

pub(super) use ceremony::{LIFETIME, forget};
pub(super) use party::RelyingParty;

use super::{Call, accounts, agent::Agent, error::internal, session, text};
use crate::{
    api::{ApiError, Ceremony, Done, ErrorCode, MyPasskey},
    domain::time::Timestamp,
};

/// More than anybody has devices; what is listed and excluded stays short.
const MAX_PASSKEYS: usize = 20;

pub async fn list(call: &Call) -> Result<Vec<MyPasskey>, ApiError> {
    let user = session::authenticate(call).await?;
    let rows = sqlx::query(
        "select id, label,
           (extract(epoch from created_at) * 1000)::bigint as created_ms,
           (extract(epoch from last_used_at) * 1000)::bigint as used_ms
         from passkeys
         where user_id = $1
         order by created_at, id",
    )
    .bind(user.0)
    .fetch_all(call.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(MyPasskey {
                passkey_id: row.try_get("id")?,
                label: row.try_get("label")?,
                created_at: Timestamp::from_ms(row.try_get("created_ms")?),
                last_used_at: row.try_get::<Option<i64>, _>("used_ms")?.map(Timestamp::from_ms),
            })
        })
        .collect()
}

/// What is kept between the two calls that make a passkey.
#[derive(Serialize, Deserialize)]
struct Making {
    label: String,
    registration: PasskeyRegistration,
}

/// Asks the browser for a passkey. All that can be wrong with the request is told now: afterwards the
/// device has made a key that the person would have to delete there.
pub async fn begin(call: &Call, password: String, label: Option<String>) -> Result<Ceremony, ApiError> {
    let user = session::authenticate(call).await?;
    let party = party(call)?;
    let label = text::label(label)?.unwrap_or_else(|| named_after(Agent::of(call.agent.as_ref())));
    let proven = accounts::confirm(call, user, password).await?;
    let known: Vec<Vec<u8>> = sqlx::query_scalar("select credential_id from passkeys where user_id = $1")
        .bind(user.0)
        .fetch_all(call.pool())
        .await?;
    if known.len() >= MAX_PASSKEYS {
        return Err(ApiError::invalid("passkeys", format!("an account has at most {MAX_PASSKEYS} passkeys")));
    }
    let begun = party.webauthn().start_passkey_registration(user.0, &proven.email, &proven.email, Some(known));
    let (asked, registration) = begun.map_err(|error| internal(&error))?;
    let mut options = options(&asked)?;
    // The sign-in asks for no address, so the device must be able to find the passkey by itself.
    options["authenticatorSelection"]["residentKey"] = json!("required");
    options["authenticatorSelection"]["requireResidentKey"] = json!(true);
    let session = call.token.as_ref().map(session::SessionToken::hash);
    ceremony::open(call.pool(), session, &Making { label, registration }, options).await
}

/// Keeps the passkey that the browser made.
pub async fn finish(call: &Call, ceremony: Uuid, credential: Value) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let session = call.token.as_ref().map(session::SessionToken::hash);
    let Making { label, registration } = ceremony::close(call.pool(), ceremony, session).await?;
    let made: RegisterPublicKeyCredential = read(credential)?;
    let passkey = party(call)?.webauthn().finish_passkey_registration(&made, &registration).map_err(|why| {
        note(&why);
        ApiError::invalid("credential", "this is not the passkey that was asked for")
    })?;
    let mut tx = call.pool().begin().await?;
    // The session may have ended meanwhile, by another password for example: then it makes nothing.
    sqlx::query("select from users where id = $1 for key share").bind(user.0).execute(&mut *tx).await?;
    session::authenticate_on(&mut tx, call).await?;
    let kept = sqlx::query(
        "insert into passkeys (user_id, credential_id, credential, label)
         values ($1, $2, $3, $4)
         on conflict do nothing",
    )
    .bind(user.0)
    .bind(passkey.cred_id())
    .bind(Json(&passkey))
    .bind(label)
    .execute(&mut *tx)
    .await?;
    if kept.rows_affected() == 0 {
        return Err(ApiError::invalid("credential", "this passkey is kept already"));
    }
    tx.commit().await?;
    Ok(Done {})
}

/// One that is gone already, or somebody else's, is no matter: afterwards it is not among the caller's.
pub async fn remove(call: &Call, which: Uuid, password: String) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    accounts::confirm(call, user, password).await?;
    sqlx::query("delete from passkeys where id = $1 and user_id = $2")
        .bind(which)
        .bind(user.0)
        .execute(call.pool())
        .await?;
    Ok(Done {})
}

/// A name for a passkey that was given none: the device it was made on, in words of no language.
fn named_after(agent: Agent) -> String {
    let known: Vec<_> = [agent.browser, agent.system].into_iter().flatten().collect();
    if known.is_empty() { "Passkey".to_owned() } else { known.join(", ") }
}

fn party(call: &Call) -> Result<&RelyingParty, ApiError> {
    let why = "no passkeys here: they need a PUBLIC_URL with https and a name, or http://localhost";
    call.app.relying_party().ok_or_else(|| ApiError::new(ErrorCode::NotFound, why))
}

/// What the browser is asked, without the wrapping that its own reader of JSON does not take.
fn options(asked: &impl Serialize) -> Result<Value, ApiError> {
    let mut asked = serde_json::to_value(asked).map_err(|error| internal(&error))?;
    Ok(asked["publicKey"].take())
}

fn read<T: DeserializeOwned>(credential: Value) -> Result<T, ApiError> {
    serde_json::from_value(credential).map_err(|_| ApiError::malformed("credential", "not a credential as JSON"))
}

/// Why an answer was refused is for the log: it tells a caller too much.
fn note(why: &WebauthnError) {
    tracing::info!(%why, "passkey refused");
}
