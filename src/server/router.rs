//! Which request goes where, and what it passes on the way.
//!
//! From the outside in: a request id and a log line; compression; security headers and a panic that
//! becomes 500; and for `/api` the [`gate`], the origin check of what changes anything, and one server
//! function. Every layer clones and boxes all that lies within it, for each request: an idle poll
//! spends its time there, so there are few of them, and a layer that only some calls need is theirs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::{HeaderValue, header};
use leptos::prelude::provide_context;
use server_fn::{ServerFn, axum::register_explicit};
use tower::ServiceBuilder;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, DefaultPredicate,
        predicate::{And, Predicate, SizeAbove},
    },
};
use tower_http_csrf::csrf::CsrfLayer;

use super::{
    App, Call, export, gate, headers, health, hints,
    logs::{self, RequestId},
    metrics, site,
};
use crate::api::{self, ApiError, CallOutcome};

/// The whole server as one service.
pub fn router(app: App) -> Router {
    let mut router = Router::new().merge(calls(&app)).merge(pages(&app));
    if app.metrics().is_some() {
        router = router.layer(middleware::from_fn_with_state(app.clone(), metrics::count));
    }
    router.layer(ServiceBuilder::new().layer(middleware::from_fn(logs::request)).layer(compression())).with_state(app)
}

fn pages(app: &App) -> Router<App> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(site::routes(app))
        .layer(middleware::from_fn_with_state(app.clone(), headers::page))
}

/// Compression of what pays for it. The answer to an idle poll fits one packet either way, and setting
/// up an encoder takes longer than answering; the site's own large files are compressed beforehand,
/// so what is left (pages of changes) is compressed quickly rather than well.
fn compression() -> CompressionLayer<And<SizeAbove, DefaultPredicate>> {
    const WORTH_BYTES: u16 = 1024;
    let pays = SizeAbove::new(WORTH_BYTES).and(DefaultPredicate::new());
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(pays)
}

/// Every call at its exact path.
fn calls(app: &App) -> Router<App> {
    writes(app)
        .merge(reads())
        .route("/api", any(gate::not_found))
        .route("/api/{*rest}", any(gate::not_found))
        .method_not_allowed_fallback(gate::method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), gate::pass))
}

/// What may change something, and therefore asks where the request comes from.
fn writes(app: &App) -> Router<App> {
    let mut csrf = CsrfLayer::new();
    if let Some(url) = &app.config().public_url {
        csrf = csrf.add_trusted_origin(url.origin()).expect("a PublicUrl was parsed as an origin");
    }
    let router = Router::new();
    let router = on_post::<api::SignUp>(router);
    let router = on_post::<api::SignIn>(router);
    let router = on_post::<api::SignOut>(router);
    let router = on_post::<api::BeginPasskeySignIn>(router);
    let router = on_post::<api::FinishPasskeySignIn>(router);
    let router = on_post::<api::ChangePassword>(router);
    let router = on_post::<api::DeleteAccount>(router);
    let router = on_post::<api::EndSessions>(router);
    let router = on_post::<api::BeginPasskey>(router);
    let router = on_post::<api::FinishPasskey>(router);
    let router = on_post::<api::RemovePasskey>(router);
    let router = on_post::<api::CreateInvite>(router);
    let router = on_post::<api::LookAtInvite>(router);
    let router = on_post::<api::AcceptInvite>(router);
    let router = on_post::<api::AskToJoin>(router);
    let router = on_post::<api::ApproveInvite>(router);
    let router = on_post::<api::RevokeInvite>(router);
    let router = on_post::<api::SetLevel>(router);
    let router = on_post::<api::SetLabel>(router);
    let router = on_post::<api::RemoveCaregiver>(router);
    let router = on_post::<api::SetUntil>(router);
    let router = on_post::<api::SyncPush>(router);
    let router = on_post::<api::SyncTray>(router);
    let router = on_post::<api::SettleTray>(router);
    let router = on_post::<api::SyncV2>(router);
    let router = on_post::<api::SyncLease>(router);
    router.route_layer(csrf)
}

fn reads() -> Router<App> {
    let router = Router::new();
    let router = on_get::<api::GetMe>(router);
    let router = on_get::<api::GetSignUpRules>(router);
    let router = on_get::<api::ListSessions>(router);
    let router = on_get::<api::ListPasskeys>(router);
    let router = on_get::<api::ListInvites>(router);
    let router = on_get::<api::ListCaregivers>(router);
    let router = on_get::<api::ListTray>(router);
    let router = on_get::<api::SyncPull>(router);
    let router = on_get::<api::SyncSnapshot>(router);
    let router = on_get::<api::SyncStatus>(router);
    let router = on_get::<api::BabyHistory>(router);
    router.route("/api/sync/hints", get(hints::hints)).route("/api/account/export", get(export::export))
}

fn on_post<F: AxumCall>(router: Router<App>) -> Router<App> {
    F::register();
    router.route(F::PATH, post(answer))
}

fn on_get<F: AxumCall>(router: Router<App>) -> Router<App> {
    F::register();
    router.route(F::PATH, get(answer))
}

/// A server function of ours. Each is registered by name, because the linker may drop the
/// registrations that nothing refers to.
trait AxumCall {
    const PATH: &'static str;
    fn register();
}

impl<F> AxumCall for F
where
    F: ServerFn<Error = ApiError, InputStreamError = ApiError, OutputStreamError = ApiError> + 'static,
    F: ServerFn<
        Server: server_fn::server::Server<
            ApiError,
            ApiError,
            ApiError,
            Request = Request,
            Response = http::Response<Body>,
        >,
    >,
{
    const PATH: &'static str = F::PATH;

    fn register() {
        register_explicit::<F>();
    }
}

/// Runs the server function at the request's path, and gives its answer the status it asked for.
async fn answer(State(app): State<App>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let outcome = CallOutcome::new(id.as_ref().map_or("", |id| &id.0));
    let call = Call::of(&app, &request);
    let context = {
        let (outcome, call) = (outcome.clone(), call.clone());
        move || {
            provide_context(outcome.clone());
            provide_context(call.clone());
        }
    };
    let mut response = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if let Some((code, retry_after)) = outcome.failure() {
        *response.status_mut() = code.status();
        if let Some(secs) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
    }
    if let Some(Ok(cookie)) = call.take_cookie().map(|cookie| HeaderValue::from_str(&cookie)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Where the caller is, for counting guesses: the connection's end, or what our own proxy says.
pub(super) fn address(app: &App, request: &Request) -> IpAddr {
    let told = app.config().client_ip_header.as_ref().and_then(|name| request.headers().get(name));
    let told = told.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    told.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
