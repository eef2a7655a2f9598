//! One line per request, and never a person's words in it: method, route, status, time, id.

use std::{io::IsTerminal, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};
use uuid::Uuid;

use super::config::{LogConfig, LogFormat};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is wrong with a passkey is told in a line of ours: the library would quote what was sent.
const DEFAULT_FILTER: &str = "info,sqlx::postgres::notice=warn,webauthn_rs=off,webauthn_rs_core=off";

/// The name of one request, in the log, in its answer's header and in error bodies. Always made
/// here: one that a caller chose could forge log lines.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Starts logging to standard error. `RUST_LOG` chooses the detail.
pub fn init(config: LogConfig) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    let layer =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => registry.with(layer.compact()).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).init(),
    }
}

pub(super) async fn request(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::now_v7().to_string().into());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    // The pattern, not the path: an address can hold an id.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("(static)", MatchedPath::as_str);
    let started = Instant::now();

    let span = tracing::info_span!("request", id = %id.0);
    let mut response = tracing::Instrument::instrument(next.run(request), span).await;

    let status = response.status().as_u16();
    let ms = started.elapsed().as_millis();
    // A device asks every few seconds; what went well and changed nothing is detail.
    if status >= 500 {
        tracing::warn!(id = %id.0, %method, route, status, ms, "answered");
    } else if status >= 400 || !method.is_safe() {
        tracing::info!(id = %id.0, %method, route, status, ms, "answered");
    } else {
        tracing::debug!(id = %id.0, %method, route, status, ms, "answered");
    }
    // The name of a request is asked for when it went wrong; elsewhere it would be a third of a poll's
    // headers.
    if !response.status().is_success()
        && let Ok(value) = HeaderValue::from_str(&id.0)
    {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
