//! The app's own files: the same for everybody, so nothing here asks who is calling.
//!
//! Files under `/pkg` carry a hash of their content in the name and never change; a missing one is
//! 404, never HTML. Every other path is a route of the app, and is answered with its shell.

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderValue, header};
use tower_http::services::{ServeDir, ServeFile};

use super::App;

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn routes(app: &App) -> Router<App> {
    let site = &app.config().site_dir;
    let hashed = ServeDir::new(site.join("pkg")).precompressed_br();
    let shell = ServeFile::new(site.join("index.html")).precompressed_br();
    let rest = ServeDir::new(site).precompressed_br().append_index_html_on_directories(true).fallback(shell);
    let hashed = Router::new().fallback_service(hashed).layer(middleware::from_fn(keep_forever));
    let rest = Router::new().fallback_service(rest).layer(middleware::from_fn(ask_first));
    Router::new().nest("/pkg", hashed).fallback_service(rest)
}

async fn keep_forever(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let found = response.status().is_success() || response.status() == http::StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(header::CACHE_CONTROL, if found { FOREVER } else { ASK_FIRST });
    response
}

async fn ask_first(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, ASK_FIRST);
    response
}
