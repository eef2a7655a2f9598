//! The headers of every response: what a browser may do with what we send.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{App, gate};

/// No inline script or style, nothing from elsewhere, no frame around us. WebAssembly needs its one
/// word; photos and exports are blobs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// Of what a browser shows or runs. The camera is for scanning an invitation, and asks the person each time.
const PAGE: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(self), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=(), \
             publickey-credentials-create=(self), publickey-credentials-get=(self)",
        ),
    ),
];

/// Of an answer to a call, which a phone receives every few seconds and which is therefore short. It is
/// JSON and says so: a browser neither runs nor shows it as anything else (`nosniff`), so there is
/// nothing for a policy of content or of frames to forbid; and a page of another site gets no answer to
/// load, because the cookie that would open it is `SameSite=Strict`.
const DATA: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Two years, as browsers' preload lists ask.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Around everything that is no call.
pub(super) async fn page(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = gate::run(request, next).await;
    insert(&app, response.headers_mut(), PAGE);
    response
}

/// Marks the answer to a call.
pub(super) fn data(app: &App, headers: &mut HeaderMap) {
    insert(app, headers, DATA);
}

fn insert<const N: usize>(app: &App, headers: &mut HeaderMap, set: [(HeaderName, HeaderValue); N]) {
    headers.reserve(N);
    for (name, value) in set {
        headers.insert(name, value);
    }
    if app.config().is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}
