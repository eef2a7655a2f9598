//! What every request under `/api` passes before a call sees it, and the form of every refusal.
//!
//! Invariant: whatever is wrong with a request, the answer is an [`ApiError`] as JSON.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use server_fn::error::FromServerFnError;
use tower_http_csrf::csrf::ProtectionError;

use super::logs::RequestId;
use crate::{
    api::{ApiError, ErrorCode},
    sync::protocol::{MAX_BODY_BYTES, PROTOCOL_VERSION},
};

pub(super) const SYNC_PROTOCOL: HeaderName = HeaderName::from_static("sync-protocol");
/// A body that trickles in slower than this is dropped.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Checks and prepares one request, and marks its answer.
pub(super) async fn pass(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = match prepare(request).await {
        Ok(request) => next.run(request).await,
        Err(error) => refuse(id.as_ref(), error),
    };
    if response.extensions().get::<ProtectionError>().is_some() {
        response = refuse(id.as_ref(), ApiError::new(ErrorCode::CrossOrigin, "a request from another site"));
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SYNC_PROTOCOL, HeaderValue::from(PROTOCOL_VERSION));
    response
}

async fn prepare(request: Request) -> Result<Request, ApiError> {
    check_protocol(request.headers())?;
    if request.method() == Method::POST && !is_json(request.headers()) {
        let why = "send the body as content-type: application/json";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, why));
    }
    let (mut parts, body) = request.into_parts();
    // Server functions answer a form's `Accept: text/html` with a redirect to its Referer. We have
    // no forms of that kind, and want no open redirect.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let body = read(&parts.headers, body).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// A caller may say which version it speaks; today there is one.
fn check_protocol(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(SYNC_PROTOCOL).map(|value| value.to_str().ok().and_then(|text| text.trim().parse().ok())) {
        None | Some(Some(PROTOCOL_VERSION)) => Ok(()),
        Some(_) => Err(ApiError::new(ErrorCode::ClientTooOld, "this server speaks Sync-Protocol 1")),
    }
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
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, MAX_BODY_BYTES)).await;
    let read = read.map_err(|_| ApiError::new(ErrorCode::Malformed, "the body did not arrive in time"))?;
    // The limit is the one reason of our own; a broken connection reads the same and sees neither.
    read.map_err(|_| too_large())
}

/// An error as an answer, outside of a server function.
pub(super) fn refuse(id: Option<&RequestId>, error: ApiError) -> Response {
    let error = ApiError { request_id: id.map(|id| id.0.to_string()), ..error };
    let retry_after = error.retry_after_secs;
    let mut response = (error.code.status(), [(header::CONTENT_TYPE, "application/json")], error.ser()).into_response();
    if let Some(secs) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    response
}

/// A bug met while answering: the caller gets an answer, the log its place.
pub(super) fn panicked(what: Box<dyn std::any::Any + Send>) -> Response {
    let place = what.downcast_ref::<&str>().copied().or(what.downcast_ref::<String>().map(String::as_str));
    tracing::error!(what = place.unwrap_or("not text"), "panic");
    refuse(None, ApiError::new(ErrorCode::Internal, "something went wrong on the server"))
}

pub(super) async fn not_found(request: Request) -> Response {
    refuse(request.extensions().get(), ApiError::new(ErrorCode::NotFound, "there is no such call"))
}

pub(super) async fn method_not_allowed(request: Request) -> Response {
    refuse(request.extensions().get(), ApiError::new(ErrorCode::MethodNotAllowed, "this call has another method"))
}
