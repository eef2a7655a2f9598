//! Connections: how many there may be, how long one may keep us waiting, and how they end.
//!
//! Invariant: a caller who says nothing, or says it a letter at a time, holds a bounded piece of memory
//! for a bounded time. What a request may weigh is [`gate`](super::gate)'s; this is about what has not
//! become a request yet.
//!
//! HTTP/1.1 alone: browsers speak HTTP/2 over TLS only, which is a proxy's, and a proxy speaks this to us.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt;

use super::config::ServeConfig;

/// The head of a request fits in there with room to spare; so does what waits to be sent.
const BUFFER_BYTES: usize = 32 * 1024;

pub(super) struct Limits {
    at_once: usize,
    silence: Duration,
}

impl Limits {
    pub(super) fn of(config: &ServeConfig) -> Self {
        Self { at_once: config.connections as usize, silence: Duration::from_secs(config.silence_secs) }
    }
}

/// Serves until `stop`, and then until what is being answered is answered.
pub(super) async fn serve(mut listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    // Laid out once, not for each request.
    let router: Router = router.with_state(());
    let places = Arc::new(Semaphore::new(limits.at_once));
    let open = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.silence).max_buf_size(BUFFER_BYTES);
    let take_all = async {
        // Callers for whom there is no place wait where the system keeps them. It is never closed.
        while let Ok(place) = places.clone().acquire_owned().await {
            let (stream, peer) = Listener::accept(&mut listener).await;
            let connection = open.watch(http.serve_connection(prepared(stream), answering(router.clone(), peer)));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke off");
                }
                drop(place);
            });
        }
    };
    tokio::select! {
        () = take_all => {}
        () = stop => {}
    }
    drop(listener);
    open.shutdown().await;
}

fn prepared(stream: TcpStream) -> TokioIo<TcpStream> {
    // Without it the second packet of an answer waits for the acknowledgement of the first.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    TokioIo::new(stream)
}

fn answering(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    http::Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    service_fn(move |request: http::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}
