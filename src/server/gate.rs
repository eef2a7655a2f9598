//! What every request under `/api` passes before a call sees it, and the form of every refusal.
//!
//! Invariant: whatever is wrong with a request, the answer is an [`ApiError`] as JSON.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Deserialize;
use server_fn::error::FromServerFnError;
use tower_http_csrf::csrf::ProtectionError;

use super::{App, headers, logs::RequestId, rates::Asking};
use crate::{
    api::{ApiError, ErrorCode},
    sync::protocol::{MAX_BODY_BYTES, PROTOCOL_VERSION},
};

pub(super) const SYNC_PROTOCOL: HeaderName = HeaderName::from_static("sync-protocol");
/// The version before ours, if there was one.
const OLDEST_PROTOCOL: u32 = if PROTOCOL_VERSION > 1 { PROTOCOL_VERSION - 1 } else { PROTOCOL_VERSION };
/// A client of a newer version comes back after so many seconds: servers are updated one by one.
const BEHIND_RETRY_SECS: u32 = 60;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A body that trickles in slower than this is dropped.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Checks and prepares one request, and marks its answer.
pub(super) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let asking = Asking::of(&app, &request);
    let mut response = match app.rates().admit(&asking, Instant::now()) {
        Ok(paid) => {
            let response = match prepare(request).await {
                Ok(request) => run(request, next).await,
                Err(error) => refuse(id.as_ref(), error),
            };
            let is_nobody = response.status() == StatusCode::UNAUTHORIZED;
            app.rates().settle(&asking, paid, is_nobody, Instant::now());
            response
        }
        Err(error) => refuse(id.as_ref(), error),
    };
    if response.extensions().get::<ProtectionError>().is_some() {
        response = refuse(id.as_ref(), ApiError::new(ErrorCode::CrossOrigin, "a request from another site"));
    }
    headers::data(&app, response.headers_mut());
    response.headers_mut().insert(SYNC_PROTOCOL, HeaderValue::from(PROTOCOL_VERSION));
    response
}

/// Answers the request even if that panics.
pub(super) async fn run(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(what) => panicked(id.as_ref(), &*what),
    }
}

async fn prepare(request: Request) -> Result<Request, ApiError> {
    let told = request.headers().get(SYNC_PROTOCOL).map(|value| value.to_str().unwrap_or_default());
    check_protocol(told)?;
    check_protocol(protocol_in_query(request.uri()))?;
    if request.method() == Method::POST && !is_json(request.headers()) {
        let why = "send the body as content-type: application/json";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, why));
    }
    let (mut parts, body) = request.into_parts();
    // Server functions answer a form's `Accept: text/html` with a redirect to its Referer. We have
    // no forms of that kind, and want no open redirect.
    parts.headers.insert(header::ACCEPT, JSON);
    let body = read(&parts.headers, body).await?;
    check_protocol(protocol_in_body(&parts.uri, &body).as_deref())?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// A caller may say which version it speaks: in the header, or, where it cannot set one, as `protocol`
/// in the query or in the body. Whoever says nothing speaks the first.
fn check_protocol(told: Option<&str>) -> Result<(), ApiError> {
    let Some(told) = told else { return Ok(()) };
    match told.trim().parse::<u32>() {
        Ok(version) if version > PROTOCOL_VERSION => {
            let why = format!("this server speaks Sync-Protocol {PROTOCOL_VERSION} and will be updated");
            Err(ApiError::new(ErrorCode::ServerBehind, why).retry_after(BEHIND_RETRY_SECS))
        }
        Ok(version) if version >= OLDEST_PROTOCOL => Ok(()),
        _ => {
            let why = format!("this server speaks Sync-Protocol {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}");
            Err(ApiError::new(ErrorCode::ClientTooOld, why))
        }
    }
}

fn protocol_in_query(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("protocol="))
}

/// Only the calls of sync carry it; what cannot be read is for the call itself to refuse.
fn protocol_in_body(uri: &Uri, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Told {
        protocol: Option<serde_json::Value>,
    }
    // A body is read once more only if the word is in it.
    let text = std::str::from_utf8(body).ok()?;
    if !uri.path().starts_with("/api/sync/") || !text.contains("\"protocol\"") {
        return None;
    }
    let told: Told = serde_json::from_str(text).ok()?;
    told.protocol.map(|version| version.to_string())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The whole body, or why not: too large by what it says or by what it is, or too slow.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(ErrorCode::BatchTooLarge, "the body is larger than 256 KiB");
    let says = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if says.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, MAX_BODY_BYTES)).await;
    let read = read.map_err(|_| ApiError::new(ErrorCode::Malformed, "the body did not arrive in time"))?;
    // The limit is the one reason of our own; a broken connection reads the same and sees neither.
    read.map_err(|_| too_large())
}

/// An error as an answer, outside of a server function.
pub(super) fn refuse(id: Option<&RequestId>, error: ApiError) -> Response {
    let error = ApiError { request_id: id.map(|id| id.0.to_string()), ..error };
    let retry_after = error.retry_after_secs;
    let mut response = (error.code.status(), [(header::CONTENT_TYPE, JSON)], error.ser()).into_response();
    if let Some(secs) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    response
}

/// A bug met while answering: the caller gets an answer, the log its place.
fn panicked(id: Option<&RequestId>, what: &(dyn Any + Send)) -> Response {
    let place = what.downcast_ref::<&str>().copied().or(what.downcast_ref::<String>().map(String::as_str));
    tracing::error!(what = place.unwrap_or("not text"), "panic");
    refuse(id, ApiError::new(ErrorCode::Internal, "something went wrong on the server"))
}

pub(super) async fn not_found(request: Request) -> Response {
    refuse(request.extensions().get(), ApiError::new(ErrorCode::NotFound, "there is no such call"))
}

pub(super) async fn method_not_allowed(request: Request) -> Response {
    refuse(request.extensions().get(), ApiError::new(ErrorCode::MethodNotAllowed, "this call has another method"))
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    /// A body that comes a letter a second is given up after [`BODY_TIME`], whatever is left of it.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_dropped() {
        let letter = |_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>("x")
        };
        let body = Body::from_stream(stream::iter(0..100_000).then(letter));
        let started = tokio::time::Instant::now();
        let refusal = read(&HeaderMap::new(), body).await.unwrap_err();
        assert_eq!((refusal.code, started.elapsed()), (ErrorCode::Malformed, BODY_TIME));
    }
}
