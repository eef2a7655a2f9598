//! Push and pull in one round trip: the same push, then, after it has committed, the same pull.
//!
//! Invariant: what this request wrote is among the changes it answers with, or after them where
//! `has_more` says so. A push that is refused refuses the whole; a pull that is refused leaves the
//! push done, and sending it again is as safe as ever.

use serde_json::json;

use super::{Call, pull, push};
use crate::{
    api::ApiError,
    domain::mutation::Status,
    sync::protocol::{ConflictNote, PushRequest, PushResponse, SyncRequest, SyncResponse, WireVerdict},
};

pub async fn exchange(call: &Call, request: SyncRequest) -> Result<SyncResponse, ApiError> {
    let SyncRequest { baby_id, client_id, sync_operation_id, acked_through, .. } = request;
    let since = i64::try_from(request.last_known_server_version)
        .map_err(|_| ApiError::malformed("lastKnownServerVersion", "no version is that large"))?;
    let pushed = if request.changes.is_empty() {
        None
    } else {
        let mutations = request.changes;
        let push =
            PushRequest { baby_id, client_id, sync_operation_id: sync_operation_id.clone(), acked_through, mutations };
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
    });
    Ok(SyncResponse {
        conflicts: pushed.results.iter().filter_map(note).collect(),
        pushed,
        new_changes: page.changes,
        latest_server_version: page.next_cursor,
        has_more: page.has_more,
        head: page.head,
        epoch: page.epoch,
        checksum: page.checksum,
        live_rows: page.live_rows,
    })
}

/// A verdict that did not go the device's way, in short.
fn note(verdict: &WireVerdict) -> Option<ConflictNote> {
    let (change_id, status, error) = match verdict {
        WireVerdict::Verdict(verdict) => (json!(verdict.mutation_id), verdict.status, verdict.error.as_ref()),
        WireVerdict::Unreadable(refused) => (refused.mutation_id.clone(), refused.status, Some(&refused.error)),
    };
    let word = match (status, error) {
        (Status::Rejected, Some(error)) => json!(error.code),
        (Status::Conflict | Status::Merged, _) => json!(status),
        _ => return None,
    };
    Some(ConflictNote { change_id, reason: word.as_str().map(str::to_owned).unwrap_or_default() })
}
