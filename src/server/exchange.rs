//! Push and pull in one round trip: the same push, then, after it has committed, the same pull.
//!
//! Invariant: what this request wrote is among the changes it answers with, or after them where
//! `has_more` says so. A push that is refused refuses the whole; a pull that is refused leaves the
//! push done, and sending it again is as safe as ever.

use super::{Call, pull, push};
use crate::{
    api::ApiError,
    sync::protocol::{PushRequest, PushResponse, SyncRequest, SyncResponse},
};

pub async fn exchange(call: &Call, request: SyncRequest) -> Result<SyncResponse, ApiError> {
    let SyncRequest { baby_id, client_id, sync_operation_id, acked_through, .. } = request;
    let since = i64::try_from(request.last_known_server_version)
        .map_err(|_| ApiError::malformed("lastKnownServerVersion", "no version is that large"))?;
    let pushed = if request.changes.is_empty() {
        None
    } else {
        let mutations = request.changes;
        let push = PushRequest {
            baby_id,
            client_id,
            sync_operation_id: sync_operation_id.clone(),
            acked_through,
            epoch: request.epoch,
            mutations,
        };
        Some(push::push(call, push).await?)
    };
    let query = pull::Query {
        baby: baby_id,
        since,
        limit: pull::clamped(request.limit.map(i64::from)),
        epoch: request.epoch,
        client: Some(client_id),
        payload_as_text: false,
    };
    let page = pull::page(call, &query).await?;
    // With nothing to push nothing is written or locked, and someone who may only read may ask.
    let pushed = pushed.unwrap_or_else(|| PushResponse {
        results: Vec::new(),
        sync_operation_id,
        server_time: page.server_time,
        clock_skew_ms: None,
        epoch: None,
    });
    Ok(SyncResponse::new(pushed, page))
}
