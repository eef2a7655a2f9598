//! The far end, over the server functions of [`crate::api`].
//!
//! Invariant: only an answer in our server's own form is believed. A captive portal's page, a
//! proxy's error and a lost connection are all the same: nothing is known, nothing is concluded.

use futures::future::join_all;
use serde_json::Value;

use crate::{
    api::{self, ApiError},
    domain::id::{BabyId, ClientId},
    sync::{
        ports::{AccessList, ErrorCode, Transport, TransportError},
        protocol::{
            Lease, LeaseKind, PullResponse, PushRequest, PushResponse, RawMutations, SnapshotResponse, SyncRequest,
            SyncResponse,
        },
        status::CaregiverName,
    },
};

/// The server this page came from. To drop a call aborts its request: who loses patience (the
/// driver does, see [`crate::sync::driver`]) leaves nothing behind.
#[derive(Clone, Copy, Debug)]
pub struct HttpTransport {
    /// Sent with pulls, so that the other caregivers see that this device is up to date.
    pub client_id: ClientId,
}

impl Transport for HttpTransport {
    async fn push(&self, request: PushRequest) -> Result<PushResponse, TransportError> {
        api::push(request).await.map_err(judge)
    }

    async fn pull(&self, baby_id: BabyId, since: u64, limit: u32) -> Result<PullResponse, TransportError> {
        let client_id = Some(self.client_id);
        let query = api::PullQuery { baby_id, since, limit: Some(limit), epoch: None, client_id };
        api::pull(query).await.map_err(judge)
    }

    async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, TransportError> {
        api::exchange(request).await.map_err(judge)
    }

    async fn hand_in(
        &self,
        baby_id: BabyId,
        client_id: ClientId,
        mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError> {
        api::sync_tray(baby_id, client_id, RawMutations(mutations)).await.map_err(judge)
    }

    async fn snapshot(
        &self,
        baby_id: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError> {
        api::snapshot(baby_id, after, Some(limit)).await.map_err(judge)
    }

    async fn lease(&self, kind: LeaseKind, baby_id: BabyId) -> Result<Lease, TransportError> {
        api::sync_lease(kind, baby_id).await.map_err(judge)
    }

    async fn access(&self) -> Result<AccessList, TransportError> {
        let me = api::me().await.map_err(judge)?;
        let lists = join_all(me.babies.iter().map(|baby| caregivers(baby.baby_id))).await;
        let mut caregivers = lists.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        // They are in no list, and what they logged is theirs.
        caregivers.extend(me.past_guests);
        Ok(AccessList { user_id: me.user_id, babies: me.babies, caregivers, asked: me.asked })
    }
}

async fn caregivers(baby_id: BabyId) -> Result<Vec<CaregiverName>, TransportError> {
    match api::list_caregivers(baby_id).await.map_err(judge) {
        Ok(list) => Ok(list
            .into_iter()
            .map(|one| CaregiverName { baby_id, user_id: one.user_id, display_name: one.display_name })
            .collect()),
        // Access ended between the two requests; the next list will not have the baby.
        Err(TransportError::Refused { code: ErrorCode::AccessRevoked | ErrorCode::UnknownBaby, .. }) => Ok(Vec::new()),
        Err(err) => Err(err),
    }
}

/// Whether a failed call was refused by our server, and how.
fn judge(error: ApiError) -> TransportError {
    use api::ErrorCode as Told;
    let code = match error.code {
        // `Unknown` may be a newer server's word, or a stranger's JSON: not acted on either way.
        Told::Network | Told::Unknown => return TransportError::Network { message: error.message },
        Told::Malformed | Told::CursorAmbiguous | Told::InvalidPayload => ErrorCode::Malformed,
        Told::Unauthenticated | Told::BadCredentials => ErrorCode::Unauthenticated,
        Told::AccessRevoked => ErrorCode::AccessRevoked,
        Told::ReadOnly => ErrorCode::ReadOnly,
        Told::UnknownBaby => ErrorCode::UnknownBaby,
        Told::EpochChanged => ErrorCode::EpochChanged,
        Told::CursorExpired => ErrorCode::CursorExpired,
        Told::BatchTooLarge => ErrorCode::BatchTooLarge,
        Told::ClientTooOld => ErrorCode::ClientTooOld,
        Told::RateLimited => ErrorCode::RateLimited,
        Told::Overloaded => ErrorCode::Overloaded,
        Told::ServerBehind => ErrorCode::ServerBehind,
        Told::Internal => ErrorCode::Internal,
        Told::NotFound => ErrorCode::NotFound,
        Told::Forbidden
        | Told::CrossOrigin
        | Told::NewPasswordNeeded
        | Told::UnknownCaregiver
        | Told::InviteInvalid
        | Told::InviteExpired
        | Told::CeremonyExpired
        | Told::MethodNotAllowed
        | Told::SignUpRefused
        | Told::EmailTaken
        | Told::LastOwner
        | Told::IdReused
        | Told::UnsupportedMediaType => ErrorCode::Other,
    };
    let retry_after_ms = error.retry_after_secs.map(|secs| i64::from(secs) * 1000);
    TransportError::Refused { status: error.code.status().as_u16(), code, retry_after_ms }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use server_fn::error::FromServerFnError;
    use uuid::Uuid;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// What a server function makes of the body of a failed answer.
    fn told(body: &'static str) -> TransportError {
        judge(ApiError::de(body.into()))
    }

    fn refused(status: u16, code: ErrorCode, retry_after_ms: Option<i64>) -> TransportError {
        TransportError::Refused { status, code, retry_after_ms }
    }

    /// B65, C38.
    /// A hotel's sign-in page must not wipe a baby, sign a person out or count as a server's error.
    #[wasm_bindgen_test]
    fn trap_24_only_our_servers_own_words_are_believed() {
        let strangers = [
            "",
            "<!doctype html><title>Hotel Wi-Fi</title>",
            "403 Forbidden",
            "{}",
            "null",
            r#"{"error":"login required"}"#,
            r#"{"code":403,"message":"blocked by policy"}"#,
            r#"{"code":"portal_login_required","message":"sign in to the network"}"#,
            r#"{"code":"access_revoked"#,
        ];
        for body in strangers {
            assert!(matches!(told(body), TransportError::Network { .. }), "{body:?} became {:?}", told(body));
        }
        let ours = r#"{"code":"access_revoked","message":"…","field":null,"requestId":"r","babyId":null}"#;
        assert_eq!(told(ours), refused(403, ErrorCode::AccessRevoked, None));
    }

    #[wasm_bindgen_test]
    fn the_servers_wait_is_read_from_the_body() {
        let busy = r#"{"code":"rate_limited","message":"slow down","retryAfterSecs":7}"#;
        assert_eq!(told(busy), refused(429, ErrorCode::RateLimited, Some(7000)));
    }

    /// C38.
    /// The test page's own server knows none of our calls: it is a stranger too.
    #[wasm_bindgen_test]
    async fn trap_24_a_page_of_another_server_is_no_answer() {
        let transport = HttpTransport { client_id: ClientId(Uuid::nil()) };
        let answer = transport.pull(BabyId(Uuid::nil()), 0, 1).await;
        assert!(matches!(answer, Err(TransportError::Network { .. })), "{answer:?}");
        let answer = transport.access().await;
        assert!(matches!(answer, Err(TransportError::Network { .. })), "{answer:?}");
    }
}
