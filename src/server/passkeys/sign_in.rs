//! Signing in with a passkey: no address is typed, the device shows whose keys it has.
//!
//! The rules are those of a password's sign-in: tries are counted by where they come from, and a new
//! session takes the place of the one that the caller came with.

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PublicKeyCredential};

use super::{ceremony, note, options, party, read};
use crate::{
    api::{Account, ApiError, Ceremony, ErrorCode},
    domain::id::UserId,
    server::{Call, session, throttle},
};

/// Asks for any passkey of this server. Each question is a try, until its answer turns out to be right.
pub async fn begin(call: &Call) -> Result<Ceremony, ApiError> {
    let party = party(call)?;
    throttle::ADDRESS.attempt(call.pool(), &call.address_group()).await?;
    let (asked, state) =
        party.webauthn().start_discoverable_authentication().map_err(|error| crate::server::error::internal(&error))?;
    ceremony::open(call.pool(), None, &state, options(&asked)?).await
}

/// Begins a session for whoever the passkey proves.
pub async fn finish(call: &Call, ceremony: Uuid, credential: Value) -> Result<Account, ApiError> {
    let state: DiscoverableAuthentication = ceremony::close(call.pool(), ceremony, None).await?;
    let webauthn = party(call)?.webauthn();
    let answer: PublicKeyCredential = read(credential)?;
    let (user, credential_id) = webauthn.identify_discoverable_authentication(&answer).map_err(|_| unknown())?;

    let mut tx = call.pool().begin().await?;
    // The account first, as whoever changes or deletes it does: two that wait for each other end neither.
    let display_name: Option<String> = sqlx::query_scalar("select display_name from users where id = $1 for key share")
        .bind(user)
        .fetch_optional(&mut *tx)
        .await?;
    let found: Option<(Uuid, Json<Passkey>)> =
        sqlx::query_as("select id, credential from passkeys where credential_id = $1 and user_id = $2 for update")
            .bind(credential_id)
            .bind(user)
            .fetch_optional(&mut *tx)
            .await?;
    let (Some(display_name), Some((id, Json(mut passkey)))) = (display_name, found) else { return Err(unknown()) };
    let proven = webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey).map_err(|why| {
        note(&why);
        unknown()
    })?;
    passkey.update_credential(&proven);
    sqlx::query("update passkeys set credential = $2, last_used_at = now() where id = $1")
        .bind(id)
        .bind(Json(&passkey))
        .execute(&mut *tx)
        .await?;
    let user_id = UserId(user);
    session::begin(call, &mut tx, user_id).await?;
    tx.commit().await?;
    throttle::ADDRESS.counted(&call.address_group()).uncount(call.pool()).await?;
    Ok(Account { user_id, display_name })
}

/// One answer for a passkey that was removed, for one that is not the account's and for a wrong signature.
fn unknown() -> ApiError {
    let error = ApiError::new(ErrorCode::BadCredentials, "this passkey does not sign anybody in");
    ApiError { field: Some("passkey".into()), ..error }
}
