//! How the server does it: axum in front, Postgres behind; the only room with SQL.
//!
//! A request passes [`router`] (headers, limits, origin), enters a server function of
//! [`crate::api`], and lands in one of the verbs here with a [`Call`]: who is asking, from where.
//! What a batch of mutations does is decided by `domain`; this room loads, asks and writes.
//!
//! Invariants: access is read, under a lock, in the same transaction as the write it allows; every
//! event is inserted by one helper; no log line holds what a person typed.

pub mod accounts;
pub mod admin;
pub mod caregivers;
pub mod compact;
pub mod config;
pub mod db;
pub mod demo;
pub mod devices;
pub mod exchange;
pub mod guests;
pub mod history;
pub mod inspect;
pub mod invites;
pub mod leases;
pub mod leaving;
pub mod passkeys;
pub mod pull;
pub mod push;
pub mod router;
pub mod sign_up;
pub mod snapshot;
pub mod status;

mod access;
mod agent;
mod connections;
mod error;
mod export;
mod gate;
mod headers;
mod health;
mod hints;
mod journal;
mod lanes;
mod logs;
mod metrics;
mod password;
mod rates;
mod secret;
mod serve;
mod session;
mod site;
mod text;
mod throttle;

#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::extract::Request;
use http::{HeaderValue, header};
use leptos::prelude::expect_context;
use sqlx::PgPool;

pub use logs::init as init_logs;
pub use serve::serve;

use crate::domain::id::UserId;
use config::ServeConfig;
use hints::Hub;
use lanes::{Lane, Lanes};
use leases::Leases;
use metrics::Metrics;
use passkeys::RelyingParty;
use password::Passwords;
use rates::Rates;
use session::SessionToken;

/// What all requests share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    pool: PgPool,
    lanes: Lanes,
    leases: Leases,
    rates: Rates,
    hub: Arc<Hub>,
    /// Only where somebody asks for them.
    metrics: Option<Metrics>,
    config: ServeConfig,
    passwords: Passwords,
    /// Only where browsers make passkeys.
    relying_party: Option<RelyingParty>,
    draining: AtomicBool,
}

impl App {
    pub fn new(pool: PgPool, config: ServeConfig) -> Self {
        Self(Arc::new(Shared {
            lanes: Lanes::new(pool.clone()),
            leases: Leases::new(config.bulk_leases),
            rates: Rates::new(config.account_rate),
            hub: Arc::new(Hub::new()),
            metrics: config.metrics_addr.map(|_| Metrics::default()),
            relying_party: RelyingParty::of(&config),
            pool,
            config,
            passwords: Passwords::new(),
            draining: AtomicBool::new(false),
        }))
    }

    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub fn config(&self) -> &ServeConfig {
        &self.0.config
    }

    fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    fn relying_party(&self) -> Option<&RelyingParty> {
        self.0.relying_party.as_ref()
    }

    fn leases(&self) -> &Leases {
        &self.0.leases
    }

    fn rates(&self) -> &Rates {
        &self.0.rates
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.0.metrics.as_ref()
    }

    /// From here on `/readyz` says no, so that a proxy sends new requests elsewhere, and the streams
    /// of hints, which would last for ever, are over.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.hub.close();
    }

    /// Gives the connections of the busiest calls back to the pool, so that it can be closed.
    fn close_lanes(&self) {
        self.0.lanes.close();
    }

    fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }
}

/// One request as the verbs of this room see it.
#[derive(Clone)]
pub struct Call {
    app: App,
    /// What the cookie claims; nothing is proven until [`session::authenticate`] has seen it.
    token: Option<SessionToken>,
    address: IpAddr,
    /// What the caller's program says of itself.
    agent: Option<HeaderValue>,
    set_cookie: Arc<Mutex<Option<String>>>,
}

impl Call {
    fn new(app: App, token: Option<SessionToken>, address: IpAddr) -> Self {
        Self { app, token, address, agent: None, set_cookie: Arc::default() }
    }

    fn of(app: &App, request: &Request) -> Self {
        let token = SessionToken::from_headers(request.headers(), app.config());
        let agent = request.headers().get(header::USER_AGENT).cloned();
        Self { agent, ..Self::new(app.clone(), token, router::address(app, request)) }
    }

    fn pool(&self) -> &PgPool {
        self.app.pool()
    }

    /// A connection for one of the busiest calls.
    async fn lane(&self) -> Result<Lane<'_>, sqlx::Error> {
        self.app.0.lanes.take().await
    }

    /// One after a lane whose connection was gone.
    async fn fresh_lane(&self) -> Result<Lane<'_>, sqlx::Error> {
        self.app.0.lanes.fresh().await
    }

    /// Whose guesses are counted together.
    fn address_group(&self) -> String {
        rates::network(self.address).to_string()
    }

    /// The session has proved to be `user`'s, who is charged for it from now on.
    fn proven(&self, session: &[u8], user: UserId) {
        self.app.rates().know(session, user);
    }

    /// Sends `cookie` with the answer.
    fn set_cookie(&self, cookie: String) {
        *self.set_cookie.lock().unwrap_or_else(PoisonError::into_inner) = Some(cookie);
    }

    fn take_cookie(&self) -> Option<String> {
        self.set_cookie.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The call that the current server function answers.
pub fn call() -> Call {
    expect_context::<Call>()
}
