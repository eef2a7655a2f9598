//! Signing in and out on this device, the forms that ask the server, and its refusals in words.

use futures::future::LocalBoxFuture;
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use serde_json::Value;
use uuid::Uuid;

use super::{
    acts::store_words,
    format::length,
    replica::{Account, Device, PasskeyAct, PasskeyStop},
    words::tr,
};
use crate::api::{self, ApiError, Ceremony, ErrorCode};

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

/// Lets the browser make a passkey or sign with one; its answer goes to the server under the id beside it.
///
/// # Errors
/// In words: it did not.
pub(crate) async fn passkey(device: Device, act: PasskeyAct, mut asked: Ceremony) -> Result<(Uuid, Value), String> {
    let words = |stop| match (stop, act) {
        (PasskeyStop::Known, _) => tr!(passkeys.known),
        (PasskeyStop::Failed, _) => tr!(passkeys.failed),
        (PasskeyStop::Declined, PasskeyAct::Make) => tr!(passkeys.not_made),
        (PasskeyStop::Declined, PasskeyAct::SignIn) => tr!(passkeys.not_used),
    };
    let id = asked["ceremonyId"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
    let answer = device.port().passkey(act, asked["options"].take()).await;
    answer.map(|answer| (id, answer)).map_err(|stop| words(stop).to_owned())
}

/// What the server, or the lack of one, means for a person.
pub(crate) fn api_words(err: &ApiError) -> String {
    let words = match err.code {
        ErrorCode::Network => tr!(wrong.network),
        ErrorCode::BadCredentials if err.field.as_deref() == Some("passkey") => tr!(passkeys.unknown),
        ErrorCode::BadCredentials if err.field.is_some() => tr!(wrong.current_password),
        ErrorCode::BadCredentials => tr!(wrong.credentials),
        ErrorCode::NewPasswordNeeded => tr!(wrong.new_password),
        ErrorCode::EmailTaken => tr!(wrong.email_taken),
        ErrorCode::SignUpRefused => match err.field.as_deref() {
            Some("setUpToken") => tr!(wrong.set_up_token),
            Some("inviteCode") => tr!(sign_up.invite),
            _ => tr!(sign_up.closed),
        },
        ErrorCode::InviteInvalid => tr!(wrong.invite_invalid),
        ErrorCode::InviteExpired => tr!(wrong.invite_expired),
        ErrorCode::CeremonyExpired => tr!(passkeys.expired),
        ErrorCode::Unauthenticated => tr!(wrong.unauthenticated),
        ErrorCode::Forbidden | ErrorCode::ReadOnly => tr!(wrong.forbidden),
        ErrorCode::AccessRevoked => tr!(wrong.no_access),
        ErrorCode::UnknownBaby => tr!(wrong.unknown_baby),
        ErrorCode::LastOwner if !err.babies.is_empty() => {
            let babies: Vec<_> = err.babies.iter().map(|baby| baby.name.as_str()).collect();
            return tr!(leave.alone, babies = babies.join(", "));
        }
        ErrorCode::LastOwner => tr!(wrong.last_owner),
        ErrorCode::UnknownCaregiver => tr!(wrong.unknown_caregiver),
        ErrorCode::RateLimited | ErrorCode::Overloaded => {
            let wait = i64::from(err.retry_after_secs.unwrap_or(60));
            return tr!(wrong.rate_limited, wait = length((wait * 1000).max(60_000)));
        }
        ErrorCode::InvalidPayload => match err.field.as_deref() {
            Some("email") => tr!(wrong.email),
            Some("password" | "newPassword") => tr!(wrong.password),
            Some("displayName" | "label") => tr!(wrong.name),
            Some("passkeys") => tr!(passkeys.too_many),
            Some("credential") => tr!(passkeys.failed),
            _ => tr!(wrong.something),
        },
        _ => tr!(wrong.server),
    };
    words.to_owned()
}

/// Why a form was not taken: the server's refusal, or this device's, in words.
pub(crate) enum Refused {
    Server(ApiError),
    Here(String),
}

impl From<ApiError> for Refused {
    fn from(err: ApiError) -> Self {
        Self::Server(err)
    }
}

impl From<String> for Refused {
    fn from(words: String) -> Self {
        Self::Here(words)
    }
}

impl Refused {
    fn words(&self) -> String {
        match self {
            Self::Server(err) => api_words(err),
            Self::Here(words) => words.clone(),
        }
    }

    /// The field of the form that it is about.
    fn field(&self) -> Option<&str> {
        const PLACED: &[&str] = &["email", "password", "newPassword", "displayName", "setUpToken", "inviteCode"];
        match self {
            Self::Server(err) if err.code == ErrorCode::EmailTaken => Some("email"),
            Self::Server(err) => err.field.as_deref().filter(|name| PLACED.contains(name)),
            Self::Here(_) => None,
        }
    }
}

/// A form that asks the server something: one question at a time, and what came of the last one.
#[derive(Clone, Copy)]
pub(crate) struct Asking {
    busy: RwSignal<bool>,
    refused: RwSignal<Option<Refused>>,
}

impl Asking {
    pub(crate) fn new() -> Self {
        Self { busy: RwSignal::new(false), refused: RwSignal::new(None) }
    }

    pub(crate) fn ask(self, question: LocalBoxFuture<'static, Result<(), Refused>>) {
        self.busy.set(true);
        self.refused.set(None);
        spawn_local(async move {
            let answer = question.await;
            // An answer that leads elsewhere leaves no form behind.
            self.refused.try_set(answer.err());
            self.busy.try_set(false);
        });
    }

    /// The words for the field that the refusal is about, or with `None` for the whole form.
    pub(crate) fn at_field(self, field: Option<&'static str>) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.refused.with(|refused| refused.as_ref().filter(|refused| refused.field() == field).map(Refused::words))
        })
    }
}

/// The form around its fields, with the button that asks; `error` is what no field has a place for.
#[component]
pub(crate) fn AskForm(
    asking: Asking,
    words: &'static str,
    on_submit: Callback<()>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// For a second form of a screen.
    #[prop(optional)]
    is_other_way: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        on_submit.run(());
    };
    view! {
        <form class="form" novalidate=true on:submit=submit>
            {children.map(|children| children())}
            <p class="field-error" role="alert">{move || error.get()}</p>
            <button type="submit" class="button button-wide" class:button-primary=!is_other_way prop:disabled=move || asking.busy.get()>{words}</button>
        </form>
    }
    .into_any()
}
