//! Two questions of a machine that runs us: are you alive, and should callers come to you?

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};

use super::{App, db};

/// Alive: answered without touching anything.
pub(super) async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

/// Ready: the database answers, its schema is the one this build knows, and we are not on our way
/// out.
pub(super) async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let (status, text) = if app.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        match db::is_current(app.pool()).await {
            Ok(true) => (StatusCode::OK, "ready\n"),
            Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "migrations are missing\n"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
        }
    };
    (status, [(header::CACHE_CONTROL, "no-store")], text)
}
