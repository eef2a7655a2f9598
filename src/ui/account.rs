//! Signing in and out on this device, and the server's refusals in words.

use leptos::prelude::*;

use super::{
    acts::store_words,
    format::length,
    replica::{Account, Device},
    words::tr,
};
use crate::api::{self, ApiError, ErrorCode};

/// The server knows this person now: opens their copy, or lets the open one sync again.
///
/// # Errors
/// In words: the device belongs to somebody else, or its storage does not open.
pub(crate) async fn arrive(device: Device, signed_in: api::Account) -> Result<(), String> {
    let account = Account { user_id: signed_in.user_id, display_name: signed_in.display_name };
    match device.account.get_untracked() {
        Some(known) if known.user_id == account.user_id => {
            if let Some(replica) = device.replica.get_untracked() {
                replica.port().signed_in();
            }
            Ok(())
        }
        Some(known) => {
            // Their work must not be sent under another name: the new session ends again.
            let refusal = tr!(account.other_person, name = known.display_name);
            api::sign_out().await.map_err(|err| api_words(&err))?;
            Err(refusal)
        }
        None => device.port().open(account).await.map_err(|err| store_words(&err).to_owned()),
    }
}

/// What the server, or the lack of one, means for a person.
pub(crate) fn api_words(err: &ApiError) -> String {
    let words = match err.code {
        ErrorCode::Network => tr!(wrong.network),
        ErrorCode::BadCredentials => tr!(wrong.credentials),
        ErrorCode::EmailTaken => tr!(wrong.email_taken),
        ErrorCode::InviteInvalid => tr!(wrong.invite_invalid),
        ErrorCode::InviteExpired => tr!(wrong.invite_expired),
        ErrorCode::Unauthenticated => tr!(wrong.unauthenticated),
        ErrorCode::Forbidden | ErrorCode::ReadOnly => tr!(wrong.forbidden),
        ErrorCode::AccessRevoked => tr!(wrong.no_access),
        // Also what the server says of a baby made here whose first push is still on its way.
        ErrorCode::UnknownBaby => tr!(wrong.unknown_baby),
        ErrorCode::LastOwner => tr!(wrong.last_owner),
        ErrorCode::UnknownCaregiver => tr!(wrong.unknown_caregiver),
        ErrorCode::RateLimited | ErrorCode::Overloaded => {
            let wait = i64::from(err.retry_after_secs.unwrap_or(60));
            return tr!(wrong.rate_limited, wait = length((wait * 1000).max(60_000)));
        }
        ErrorCode::InvalidPayload => match err.field.as_deref() {
            Some("email") => tr!(wrong.email),
            Some("password") => tr!(wrong.password),
            Some("displayName") => tr!(wrong.name),
            _ => tr!(wrong.something),
        },
        _ => tr!(wrong.server),
    };
    words.to_owned()
}

/// The words for the field that the server names, or for the whole form.
pub(crate) fn at_field(error: RwSignal<Option<ApiError>>, field: Option<&'static str>) -> Signal<Option<String>> {
    const PLACED: &[&str] = &["email", "password", "displayName"];
    Signal::derive(move || {
        let error = error.get()?;
        let named = match error.code {
            ErrorCode::EmailTaken => Some("email"),
            _ => error.field.as_deref().filter(|name| PLACED.contains(name)),
        };
        (named == field).then(|| api_words(&error))
    })
}
