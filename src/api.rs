//! The door between browser and server: every call at its fixed path, and the one error they share.
//!
//! The paths are a contract: an app installed a year ago still calls them, so none may depend on a
//! build. Each body is one call into `server`; what a call means is written there. `docs/api.md`
//! describes the same door for clients that are not this app.

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use leptos::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use server_fn::{
    Bytes, ContentType, Decodes, Encodes, Format, FormatType,
    codec::{GetUrl, Json, JsonEncoding, Post},
    error::{FromServerFnError, ServerFnErrorErr},
};

pub use crate::{domain::level::Level, sync::status::BabyAccess as MyBaby};

use crate::{
    domain::{
        field::Fields,
        id::{BabyId, ClientId, EntityId, UserId},
        mutation::Op,
        registry::EntityType,
    },
    sync::protocol::{
        HistoryResponse, Lease, LeaseKind, PROTOCOL_VERSION, PullResponse, PushRequest, PushResponse, RawMutations,
        SnapshotResponse, StatusResponse, SyncRequest, SyncResponse,
    },
};

/// JSON whose reader goes over the tree of its values. To read a type out of a tree is half the code that it
/// takes to read it out of text, and the app has many types; only what comes by the hundred is read directly.
pub struct TreeEncoding;
/// Like [`Json`] on the wire.
type Tree = Post<TreeEncoding>;

impl ContentType for TreeEncoding {
    const CONTENT_TYPE: &'static str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for TreeEncoding {
    const FORMAT_TYPE: Format = JsonEncoding::FORMAT_TYPE;
}

impl<T: Serialize> Encodes<T> for TreeEncoding {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        JsonEncoding::encode(output)
    }
}

impl<T: DeserializeOwned> Decodes<T> for TreeEncoding {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        serde_json::from_value(JsonEncoding::decode(bytes)?)
    }
}

/// What went wrong with a request, in the words of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request could not be read.
    Malformed,
    CursorAmbiguous,
    Unauthenticated,
    BadCredentials,
    /// The password is right, and an operator's: another one has to be chosen with it.
    NewPasswordNeeded,
    AccessRevoked,
    ReadOnly,
    /// Access is there, but the level does not reach: only owners invite and remove.
    Forbidden,
    CrossOrigin,
    UnknownBaby,
    UnknownCaregiver,
    InviteInvalid,
    NotFound,
    MethodNotAllowed,
    /// Who may make an account is this server's own rule.
    SignUpRefused,
    EmailTaken,
    LastOwner,
    EpochChanged,
    IdReused,
    CursorExpired,
    InviteExpired,
    /// A question about a passkey that was answered already, or too late.
    CeremonyExpired,
    BatchTooLarge,
    UnsupportedMediaType,
    InvalidPayload,
    ClientTooOld,
    RateLimited,
    Internal,
    Overloaded,
    ServerBehind,
    /// Never sent: made on the device when no answer of ours came back (offline, a captive portal).
    Network,
    /// A code of a newer server.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::CursorAmbiguous => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::BadCredentials => StatusCode::UNAUTHORIZED,
            Self::AccessRevoked | Self::ReadOnly | Self::Forbidden | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::SignUpRefused | Self::NewPasswordNeeded => StatusCode::FORBIDDEN,
            Self::UnknownBaby | Self::UnknownCaregiver | Self::InviteInvalid | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::EmailTaken | Self::LastOwner | Self::EpochChanged | Self::IdReused => StatusCode::CONFLICT,
            Self::CursorExpired | Self::InviteExpired | Self::CeremonyExpired => StatusCode::GONE,
            Self::BatchTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidPayload => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ClientTooOld => StatusCode::UPGRADE_REQUIRED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::ServerBehind => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal | Self::Network | Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct ApiError {
    pub code: ErrorCode,
    /// For a developer; people see words chosen by the code.
    pub message: String,
    /// Which field of the request is at fault, if one is.
    #[serde(default)]
    pub field: Option<String>,
    /// The name of this request in the server's log.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The `Retry-After` header again, in seconds: the app cannot see headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_secs: Option<u32>,
    /// With `access_revoked`: the baby that is closed to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baby_id: Option<BabyId>,
    /// With `last_owner`, of an account: the babies that would be left without one.
    #[serde(default, skip_serializing_if = "<[MyBaby]>::is_empty")]
    pub babies: Box<[MyBaby]>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, field: None, request_id: None, retry_after_secs: None, baby_id: None, babies: [].into() }
    }

    /// `field` of the request cannot be accepted.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ErrorCode::InvalidPayload, message) }
    }

    /// `field` of the request cannot be read.
    pub fn malformed(field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ErrorCode::Malformed, message) }
    }

    #[must_use]
    pub fn retry_after(self, secs: u32) -> Self {
        Self { retry_after_secs: Some(secs), ..self }
    }

    #[must_use]
    pub fn about(self, baby: BabyId) -> Self {
        Self { baby_id: Some(baby), ..self }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = TreeEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let in_browser = cfg!(target_arch = "wasm32");
        match error {
            ServerFnErrorErr::Request(why) => Self::new(ErrorCode::Network, why),
            // No answer, or one that is not ours: a proxy's or a captive portal's page.
            other if in_browser => Self::new(ErrorCode::Network, other.to_string()),
            ServerFnErrorErr::Args(why) | ServerFnErrorErr::Deserialization(why) => {
                Self::new(ErrorCode::Malformed, why)
            }
            ServerFnErrorErr::MissingArg(name) => Self::malformed(&name, format!("missing {name}")),
            other => Self::new(ErrorCode::Internal, other.to_string()),
        }
    }

    /// Runs once for each failed call, on the server: the place where the status is chosen.
    fn ser(&self) -> Bytes {
        let mut told = self.clone();
        if let Some(call) = use_context::<CallOutcome>() {
            told.request_id = Some(call.request_id.to_string());
            call.fail(self);
        }
        JsonEncoding::encode(&told).expect("plain text and numbers have a JSON form")
    }
}

/// Carries the status of a failed call from the server function out to the router, which alone can
/// set it. Provided as context around each call; absent in the browser.
#[derive(Clone)]
pub struct CallOutcome {
    request_id: Arc<str>,
    failure: Arc<OnceLock<(ErrorCode, Option<u32>)>>,
}

impl CallOutcome {
    pub fn new(request_id: &str) -> Self {
        Self { request_id: request_id.into(), failure: Arc::default() }
    }

    fn fail(&self, error: &ApiError) {
        // Only the first report counts; a call fails once.
        let _ = self.failure.set((error.code, error.retry_after_secs));
    }

    /// The code of a failed call and the seconds to wait, if any.
    pub fn failure(&self) -> Option<(ErrorCode, Option<u32>)> {
        self.failure.get().copied()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub user_id: UserId,
    pub display_name: String,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUpRule {
    #[default]
    Open,
    /// Whoever has an invitation to a baby.
    Invite,
    Closed,
}

/// What a sign-up needs at this server, and what a sign-in may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignUpRules {
    pub sign_up: SignUpRule,
    /// There is no account yet: the first one needs the set-up token, and nothing else.
    pub set_up: bool,
    /// The origin at which a browser makes and finds passkeys of this server, if there is one.
    #[serde(default)]
    pub passkeys_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub user_id: UserId,
    pub display_name: String,
    pub babies: Vec<MyBaby>,
    /// Of all these babies: whose time as a guest ended in the last thirty days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_guests: Vec<crate::sync::status::CaregiverName>,
    /// They asked to be let in, and no owner has answered yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

/// A device that is signed in to the account, by what its browser said of itself at the sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedInDevice {
    pub session_id: uuid::Uuid,
    /// "Firefox"; none for one that is not known by name.
    pub browser: Option<String>,
    /// "Android".
    pub system: Option<String>,
    pub signed_in_at: crate::domain::time::Timestamp,
    pub last_used_at: crate::domain::time::Timestamp,
    /// When a store of this device last pulled; none for a client that does not say which one it is.
    pub last_sync_at: Option<crate::domain::time::Timestamp>,
    /// The caller's own.
    pub is_this: bool,
}

/// What a browser is asked to do with a passkey: `{ceremonyId, options}`. The options are for the browser
/// alone, which has its own reader of them, so nothing here reads more than the id.
pub type Ceremony = serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyPasskey {
    pub passkey_id: uuid::Uuid,
    pub label: String,
    pub created_at: crate::domain::time::Timestamp,
    pub last_used_at: Option<crate::domain::time::Timestamp>,
}

/// An answer that has nothing to say beyond "done": `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteKind {
    #[default]
    Code,
    Link,
}

/// A fresh invitation. Its code or link is shown once: the server keeps only a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewInvite {
    pub invite_id: uuid::Uuid,
    /// Eight Crockford characters, `XXXX-XXXX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The page that reads the token in its fragment; without a host where the server knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub expires_at: crate::domain::time::Timestamp,
}

/// What an invitation offers, told to whoever has its code or token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    pub baby_id: BabyId,
    pub baby_name: String,
    pub invited_by: String,
    pub level: Level,
    pub label: Option<String>,
    /// For so long from the acceptance; none for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u8>,
    pub expires_at: crate::domain::time::Timestamp,
}

/// An invitation that can still be accepted, or that somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    pub invite_id: uuid::Uuid,
    pub kind: InviteKind,
    pub level: Level,
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u8>,
    /// The name of the owner who made it.
    pub invited_by: String,
    /// Who asks to be let in, after a link has run out.
    #[serde(default)]
    pub asked_by: Option<String>,
    pub created_at: crate::domain::time::Timestamp,
    pub expires_at: crate::domain::time::Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    pub baby_id: BabyId,
    pub level: Level,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caregiver {
    pub user_id: UserId,
    pub display_name: String,
    pub level: Level,
    pub label: Option<String>,
    pub granted_at: crate::domain::time::Timestamp,
    /// When a guest's time ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<crate::domain::time::Timestamp>,
    /// When one of their devices last spoke to the server about this baby.
    pub last_seen_at: Option<crate::domain::time::Timestamp>,
}

/// An entry that a guest's device could not send in time, as it says it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Late {
    pub user_id: UserId,
    pub display_name: String,
    pub entity_id: EntityId,
    pub entity_type: EntityType,
    pub op: Op,
    /// What all mutations of the entry say together.
    pub payload: Fields,
}

#[server(name = SignUp, prefix = "/api", endpoint = "auth/sign-up", input = Json, output = Tree)]
pub async fn sign_up(
    email: String,
    password: String,
    #[server(rename = "displayName")] display_name: String,
    #[server(rename = "inviteCode")]
    #[server(default)]
    invite_code: Option<String>,
    #[server(rename = "setUpToken")]
    #[server(default)]
    set_up_token: Option<String>,
) -> Result<Account, ApiError> {
    let ticket = crate::server::sign_up::Ticket { invite_code, set_up_token };
    crate::server::accounts::sign_up(&crate::server::call(), &email, password, &display_name, ticket).await
}

#[server(name = GetSignUpRules, prefix = "/api", endpoint = "auth/sign-up/rules", input = GetUrl, output = Tree)]
pub async fn sign_up_rules() -> Result<SignUpRules, ApiError> {
    crate::server::sign_up::rules(&crate::server::call()).await
}

#[server(name = SignIn, prefix = "/api", endpoint = "auth/sign-in", input = Json, output = Tree)]
pub async fn sign_in(
    email: String,
    password: String,
    #[server(rename = "newPassword")]
    #[server(default)]
    new_password: Option<String>,
) -> Result<Account, ApiError> {
    crate::server::accounts::sign_in(&crate::server::call(), &email, password, new_password).await
}

#[server(name = BeginPasskeySignIn, prefix = "/api", endpoint = "auth/passkey/begin", input = Json, output = Tree)]
pub async fn begin_passkey_sign_in() -> Result<Ceremony, ApiError> {
    crate::server::passkeys::sign_in::begin(&crate::server::call()).await
}

#[server(name = FinishPasskeySignIn, prefix = "/api", endpoint = "auth/passkey/finish", input = Json, output = Tree)]
pub async fn finish_passkey_sign_in(
    #[server(rename = "ceremonyId")] ceremony_id: uuid::Uuid,
    credential: serde_json::Value,
) -> Result<Account, ApiError> {
    crate::server::passkeys::sign_in::finish(&crate::server::call(), ceremony_id, credential).await
}

#[server(name = SignOut, prefix = "/api", endpoint = "auth/sign-out", input = Json, output = Tree)]
pub async fn sign_out() -> Result<Done, ApiError> {
    crate::server::accounts::sign_out(&crate::server::call()).await
}

#[server(name = GetMe, prefix = "/api", endpoint = "auth/me", input = GetUrl, output = Tree)]
pub async fn me() -> Result<Me, ApiError> {
    crate::server::accounts::me(&crate::server::call()).await
}

#[server(name = ListSessions, prefix = "/api", endpoint = "account/sessions", input = GetUrl, output = Tree)]
pub async fn list_sessions() -> Result<Vec<SignedInDevice>, ApiError> {
    crate::server::devices::list(&crate::server::call()).await
}

/// Signs one device out, or without an id all others.
#[server(name = EndSessions, prefix = "/api", endpoint = "account/sessions/end", input = Json, output = Tree)]
pub async fn end_sessions(
    #[server(rename = "sessionId")]
    #[server(default)]
    session_id: Option<uuid::Uuid>,
) -> Result<Done, ApiError> {
    crate::server::devices::end(&crate::server::call(), session_id).await
}

#[server(name = ChangePassword, prefix = "/api", endpoint = "account/password", input = Json, output = Tree)]
pub async fn change_password(
    password: String,
    #[server(rename = "newPassword")] new_password: String,
) -> Result<Done, ApiError> {
    crate::server::accounts::change_password(&crate::server::call(), password, new_password).await
}

#[server(name = ListPasskeys, prefix = "/api", endpoint = "account/passkeys", input = GetUrl, output = Tree)]
pub async fn list_passkeys() -> Result<Vec<MyPasskey>, ApiError> {
    crate::server::passkeys::list(&crate::server::call()).await
}

#[server(name = BeginPasskey, prefix = "/api", endpoint = "account/passkeys/begin", input = Json, output = Tree)]
pub async fn begin_passkey(password: String, #[server(default)] label: Option<String>) -> Result<Ceremony, ApiError> {
    crate::server::passkeys::begin(&crate::server::call(), password, label).await
}

#[server(name = FinishPasskey, prefix = "/api", endpoint = "account/passkeys/finish", input = Json, output = Tree)]
pub async fn finish_passkey(
    #[server(rename = "ceremonyId")] ceremony_id: uuid::Uuid,
    credential: serde_json::Value,
) -> Result<Done, ApiError> {
    crate::server::passkeys::finish(&crate::server::call(), ceremony_id, credential).await
}

#[server(name = RemovePasskey, prefix = "/api", endpoint = "account/passkeys/remove", input = Json, output = Tree)]
pub async fn remove_passkey(
    #[server(rename = "passkeyId")] passkey_id: uuid::Uuid,
    password: String,
) -> Result<Done, ApiError> {
    crate::server::passkeys::remove(&crate::server::call(), passkey_id, password).await
}

#[server(name = DeleteAccount, prefix = "/api", endpoint = "account/delete", input = Json, output = Tree)]
pub async fn delete_account(
    password: String,
    #[server(rename = "withBabies")]
    #[server(default)]
    with_babies: Vec<BabyId>,
) -> Result<Done, ApiError> {
    crate::server::leaving::delete_account(&crate::server::call(), password, with_babies).await
}

#[server(name = CreateInvite, prefix = "/api", endpoint = "babies/invites/create", input = Json, output = Tree)]
pub async fn create_invite(
    #[server(rename = "babyId")] baby_id: BabyId,
    level: Level,
    #[server(default)] kind: InviteKind,
    #[server(default)] label: Option<String>,
    #[server(default)] hours: Option<u8>,
) -> Result<NewInvite, ApiError> {
    crate::server::invites::create(&crate::server::call(), baby_id, level, kind, label, hours).await
}

#[server(name = LookAtInvite, prefix = "/api", endpoint = "babies/invites/look", input = Json, output = Tree)]
pub async fn look_at_invite(
    #[server(default)] code: Option<String>,
    #[server(default)] token: Option<String>,
) -> Result<Invitation, ApiError> {
    crate::server::invites::look(&crate::server::call(), code, token).await
}

#[server(name = AcceptInvite, prefix = "/api", endpoint = "babies/invites/accept", input = Json, output = Tree)]
pub async fn accept_invite(
    #[server(default)] code: Option<String>,
    #[server(default)] token: Option<String>,
) -> Result<Joined, ApiError> {
    crate::server::invites::accept(&crate::server::call(), code, token).await
}

#[server(name = AskToJoin, prefix = "/api", endpoint = "babies/invites/ask", input = Json, output = Tree)]
pub async fn ask_to_join(token: String) -> Result<Done, ApiError> {
    crate::server::invites::ask(&crate::server::call(), token).await
}

#[server(name = ApproveInvite, prefix = "/api", endpoint = "babies/invites/approve", input = Json, output = Tree)]
pub async fn approve_invite(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "inviteId")] invite_id: uuid::Uuid,
    level: Level,
) -> Result<Done, ApiError> {
    crate::server::invites::approve(&crate::server::call(), baby_id, invite_id, level).await
}

#[server(name = RevokeInvite, prefix = "/api", endpoint = "babies/invites/revoke", input = Json, output = Tree)]
pub async fn revoke_invite(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "inviteId")] invite_id: uuid::Uuid,
) -> Result<Done, ApiError> {
    crate::server::invites::revoke(&crate::server::call(), baby_id, invite_id).await
}

#[server(name = ListInvites, prefix = "/api", endpoint = "babies/invites/list", input = GetUrl, output = Tree)]
pub async fn list_invites(#[server(rename = "babyId")] baby_id: BabyId) -> Result<Vec<Invite>, ApiError> {
    crate::server::invites::list(&crate::server::call(), baby_id).await
}

#[server(name = ListCaregivers, prefix = "/api", endpoint = "babies/caregivers/list", input = GetUrl, output = Tree)]
pub async fn list_caregivers(#[server(rename = "babyId")] baby_id: BabyId) -> Result<Vec<Caregiver>, ApiError> {
    crate::server::caregivers::list(&crate::server::call(), baby_id).await
}

#[server(name = SetLevel, prefix = "/api", endpoint = "babies/caregivers/set-level", input = Json, output = Tree)]
pub async fn set_level(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "userId")] user_id: UserId,
    level: Level,
) -> Result<Done, ApiError> {
    crate::server::caregivers::set_level(&crate::server::call(), baby_id, user_id, level).await
}

#[server(name = SetLabel, prefix = "/api", endpoint = "babies/caregivers/set-label", input = Json, output = Tree)]
pub async fn set_label(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "userId")] user_id: UserId,
    #[server(default)] label: Option<String>,
) -> Result<Done, ApiError> {
    crate::server::caregivers::set_label(&crate::server::call(), baby_id, user_id, label).await
}

#[server(name = RemoveCaregiver, prefix = "/api", endpoint = "babies/caregivers/remove", input = Json, output = Tree)]
pub async fn remove_caregiver(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "userId")] user_id: UserId,
) -> Result<Done, ApiError> {
    crate::server::caregivers::remove(&crate::server::call(), baby_id, user_id).await
}

/// Moves the end of a guest's time; none makes a caregiver of them.
#[server(name = SetUntil, prefix = "/api", endpoint = "babies/caregivers/set-until", input = Json, output = Tree)]
pub async fn set_until(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "userId")] user_id: UserId,
    #[server(default)] until: Option<crate::domain::time::Timestamp>,
) -> Result<Done, ApiError> {
    crate::server::guests::set_until(&crate::server::call(), baby_id, user_id, until).await
}

/// Its arguments are the fields of a [`PushRequest`], one by one: flattened, each mutation would be read
/// into two trees, one after the other. [`push`] is the way in.
#[server(name = SyncPush, prefix = "/api", endpoint = "sync/push", input = Json, output = Json)]
pub async fn sync_push(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "clientId")] client_id: ClientId,
    #[server(rename = "syncOperationId")] sync_operation_id: Option<String>,
    #[server(rename = "ackedThrough")] acked_through: Option<u64>,
    epoch: Option<uuid::Uuid>,
    mutations: RawMutations,
) -> Result<PushResponse, ApiError> {
    let mutations = mutations.0;
    let request = PushRequest { baby_id, client_id, sync_operation_id, acked_through, epoch, mutations };
    let call = crate::server::call();
    // On the heap: the layers around a call move its future about, and this one is large.
    Box::pin(crate::server::push::push(&call, request)).await
}

/// # Errors
/// What the server answers, or `network`.
pub async fn push(request: PushRequest) -> Result<PushResponse, ApiError> {
    let PushRequest { baby_id, client_id, sync_operation_id, acked_through, epoch, mutations } = request;
    sync_push(baby_id, client_id, sync_operation_id, acked_through, epoch, RawMutations(mutations)).await
}

/// What a guest's device could not send in time, for an owner to look at.
#[server(name = SyncTray, prefix = "/api", endpoint = "sync/tray", input = Json, output = Json)]
pub async fn sync_tray(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "clientId")] client_id: ClientId,
    mutations: RawMutations,
) -> Result<PushResponse, ApiError> {
    crate::server::guests::tray::receive(&crate::server::call(), baby_id, client_id, mutations.0).await
}

#[server(name = ListTray, prefix = "/api", endpoint = "babies/tray/list", input = GetUrl, output = Tree)]
pub async fn list_tray(#[server(rename = "babyId")] baby_id: BabyId) -> Result<Vec<Late>, ApiError> {
    crate::server::guests::tray::list(&crate::server::call(), baby_id).await
}

/// Takes one entry out of the tray: into the log, or not.
#[server(name = SettleTray, prefix = "/api", endpoint = "babies/tray/settle", input = Json, output = Tree)]
pub async fn settle_tray(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "userId")] user_id: UserId,
    #[server(rename = "entityId")] entity_id: EntityId,
    keep: bool,
) -> Result<Done, ApiError> {
    crate::server::guests::tray::settle(&crate::server::call(), baby_id, user_id, entity_id, keep).await
}

/// Numbers come as text, so that a wrong one is refused by its name; [`pull`] is the typed way in.
#[server(name = SyncPull, prefix = "/api", endpoint = "sync/pull", input = GetUrl, output = Json)]
pub async fn sync_pull(
    #[server(rename = "babyId")] baby_id: Option<String>,
    since: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
    epoch: Option<String>,
    #[server(rename = "clientId")] client_id: Option<String>,
    payload: Option<String>,
    protocol: Option<String>,
) -> Result<PullResponse, ApiError> {
    // Judged before any call, with the header of the same meaning; the app cannot set headers.
    drop(protocol);
    let asked = crate::server::pull::Asked { baby_id, since, cursor, limit, epoch, client_id, payload };
    let call = crate::server::call();
    Box::pin(crate::server::pull::pull(&call, asked)).await
}

/// What a device asks in a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullQuery {
    pub baby_id: BabyId,
    /// The version that this device has applied.
    pub since: u64,
    pub limit: Option<u32>,
    /// The epoch that `since` belongs to; `None` before the first pull.
    pub epoch: Option<uuid::Uuid>,
    /// Lets the other caregivers see that this device is up to date.
    pub client_id: Option<ClientId>,
}

/// # Errors
/// What the server answers, or `network`.
pub async fn pull(query: PullQuery) -> Result<PullResponse, ApiError> {
    let PullQuery { baby_id, since, limit, epoch, client_id } = query;
    sync_pull(
        Some(baby_id.to_string()),
        Some(since.to_string()),
        None,
        limit.map(|limit| limit.to_string()),
        epoch.map(|epoch| epoch.to_string()),
        client_id.map(|id| id.to_string()),
        None,
        Some(PROTOCOL_VERSION.to_string()),
    )
    .await
}

/// A push and a pull in one round trip; field by field like [`sync_push`], and [`exchange`] is the way in.
#[server(name = SyncV2, prefix = "/api", endpoint = "sync/v2", input = Json, output = Json)]
pub async fn sync_v2(
    #[server(rename = "babyId")] baby_id: BabyId,
    #[server(rename = "clientId")] client_id: ClientId,
    #[server(rename = "lastKnownServerVersion")] since: Option<u64>,
    epoch: Option<uuid::Uuid>,
    #[server(default)] changes: RawMutations,
    limit: Option<u32>,
    #[server(rename = "syncOperationId")] sync_operation_id: Option<String>,
    #[server(rename = "ackedThrough")] acked_through: Option<u64>,
) -> Result<SyncResponse, ApiError> {
    let request = SyncRequest {
        baby_id,
        client_id,
        last_known_server_version: since.unwrap_or(0),
        epoch,
        changes: changes.0,
        limit,
        sync_operation_id,
        acked_through,
    };
    let call = crate::server::call();
    Box::pin(crate::server::exchange::exchange(&call, request)).await
}

/// # Errors
/// What the server answers, or `network`.
pub async fn exchange(request: SyncRequest) -> Result<SyncResponse, ApiError> {
    let SyncRequest { baby_id, client_id, changes, limit, sync_operation_id, acked_through, .. } = request;
    let (since, epoch) = (request.last_known_server_version, request.epoch);
    let changes = RawMutations(changes);
    sync_v2(baby_id, client_id, Some(since), epoch, changes, limit, sync_operation_id, acked_through).await
}

/// Everything as text, like [`sync_pull`]; [`snapshot`] is the typed way in.
#[server(name = SyncSnapshot, prefix = "/api", endpoint = "sync/snapshot", input = GetUrl, output = Json)]
pub async fn sync_snapshot(
    #[server(rename = "babyId")] baby_id: Option<String>,
    after: Option<String>,
    limit: Option<String>,
) -> Result<SnapshotResponse, ApiError> {
    let asked = crate::server::snapshot::Asked { baby_id, after, limit };
    crate::server::snapshot::snapshot(&crate::server::call(), asked).await
}

/// One page of a baby's rows as they are; `after` is the `next` of the page before.
///
/// # Errors
/// What the server answers, or `network`.
pub async fn snapshot(baby: BabyId, after: Option<String>, limit: Option<u32>) -> Result<SnapshotResponse, ApiError> {
    sync_snapshot(Some(baby.to_string()), after, limit.map(|limit| limit.to_string())).await
}

/// Everything as text, like [`sync_pull`].
#[server(name = SyncStatus, prefix = "/api", endpoint = "sync/status", input = GetUrl, output = Tree)]
pub async fn sync_status(
    #[server(rename = "babyId")] baby_id: Option<String>,
    #[server(rename = "clientId")] client_id: Option<String>,
) -> Result<StatusResponse, ApiError> {
    crate::server::status::status(&crate::server::call(), crate::server::status::Asked { baby_id, client_id }).await
}

#[server(name = SyncLease, prefix = "/api", endpoint = "sync/lease", input = Json, output = Tree)]
pub async fn sync_lease(kind: LeaseKind, #[server(rename = "babyId")] baby_id: BabyId) -> Result<Lease, ApiError> {
    crate::server::leases::lease(&crate::server::call(), kind, baby_id).await
}

/// Everything as text, like [`sync_pull`]; [`history`] is the typed way in.
#[server(name = BabyHistory, prefix = "/api", endpoint = "babies/history", input = GetUrl, output = Json)]
pub async fn baby_history(
    #[server(rename = "babyId")] baby_id: Option<String>,
    #[server(rename = "entityId")] entity_id: Option<String>,
    before: Option<String>,
    limit: Option<String>,
) -> Result<HistoryResponse, ApiError> {
    let asked = crate::server::history::Asked { baby_id, entity_id, before, limit };
    crate::server::history::history(&crate::server::call(), asked).await
}

/// What happened to one entry, newest first; `before` goes on from the last version of a page.
///
/// # Errors
/// What the server answers, or `network`.
pub async fn history(baby: BabyId, entity: EntityId, before: Option<u64>) -> Result<HistoryResponse, ApiError> {
    let before = before.map(|version| version.to_string());
    baby_history(Some(baby.to_string()), Some(entity.to_string()), before, None).await
}
