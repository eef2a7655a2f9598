//! Figures for a machine that watches us, in Prometheus' text form, on an address of their own: what
//! they tell is nobody's business but the operator's.
//!
//! Invariant: no figure is about a person or a baby; paths are patterns. Without `METRICS_ADDR` nothing
//! is counted and no request passes through here.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use tokio::net::TcpListener;

use super::{App, config::ServeConfig, journal::status_word};
use crate::sync::protocol::WireVerdict;

/// The answers to one pattern with one status.
type Key = (Arc<str>, u16);

#[derive(Default)]
pub(super) struct Metrics {
    answers: Mutex<BTreeMap<Key, (u64, Duration)>>,
    verdicts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    pub(super) fn judged(&self, results: &[WireVerdict]) {
        let mut verdicts = lock(&self.verdicts);
        for result in results {
            let status = match result {
                WireVerdict::Verdict(verdict) => verdict.status,
                WireVerdict::Unreadable(refused) => refused.status,
            };
            *verdicts.entry(status_word(status)).or_default() += 1;
        }
    }
}

/// Counts one request. Files of the site have no pattern and share one line.
pub(super) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let path = matched.as_ref().map_or("(static)", MatchedPath::as_str).into();
    let started = Instant::now();
    let response = next.run(request).await;
    if let Some(metrics) = app.metrics() {
        let mut answers = lock(&metrics.answers);
        let (times, took) = answers.entry((path, response.status().as_u16())).or_default();
        *times += 1;
        *took += started.elapsed();
    }
    response
}

/// Takes the address, if there is one to take.
pub(super) async fn bind(config: &ServeConfig) -> std::io::Result<Option<TcpListener>> {
    let Some(address) = config.metrics_addr else { return Ok(None) };
    let listener = TcpListener::bind(address).await?;
    tracing::info!("metrics on http://{}/metrics", listener.local_addr()?);
    Ok(Some(listener))
}

/// Serves the figures for as long as the server runs.
pub(super) async fn serve(app: App, listener: Option<TcpListener>) {
    if let Some(listener) = listener
        && let Err(error) = axum::serve(listener, router(app)).await
    {
        tracing::error!(%error, "no metrics");
    }
}

pub(super) fn router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    let text = page(&app).await;
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn page(app: &App) -> String {
    let mut page = Page(String::new());
    if let Some(metrics) = app.metrics() {
        let answers = lock(&metrics.answers).clone();
        page.family("cradlelog_requests_total", "counter", "Requests answered.");
        for ((path, status), (times, _)) in &answers {
            page.line("cradlelog_requests_total", &[("path", path), ("status", &status.to_string())], times);
        }
        page.family("cradlelog_request_seconds_total", "counter", "Time spent on answering.");
        for ((path, status), (_, took)) in &answers {
            let labels = [("path", path.as_ref()), ("status", &status.to_string())];
            page.line("cradlelog_request_seconds_total", &labels, &took.as_secs_f64());
        }
        page.family("cradlelog_push_verdicts_total", "counter", "Mutations judged.");
        for (status, times) in lock(&metrics.verdicts).iter() {
            page.line("cradlelog_push_verdicts_total", &[("status", status)], times);
        }
    }
    page.family("cradlelog_hint_streams", "gauge", "Open streams of hints.");
    page.line("cradlelog_hint_streams", &[], &app.hub().len());
    let size = app.pool().size() as usize;
    let idle = app.pool().num_idle() + app.0.lanes.waiting();
    page.family("cradlelog_database_connections", "gauge", "Connections of the pool.");
    page.line("cradlelog_database_connections", &[("state", "idle")], &idle);
    page.line("cradlelog_database_connections", &[("state", "used")], &size.saturating_sub(idle));
    page.family("cradlelog_database_connections_max", "gauge", "Connections that the pool may hold.");
    page.line("cradlelog_database_connections_max", &[], &app.pool().options().get_max_connections());
    match totals(app).await {
        Ok((babies, events, live_rows)) => {
            page.family("cradlelog_babies", "gauge", "Babies with a history.");
            page.line("cradlelog_babies", &[], &babies);
            page.family("cradlelog_events_total", "counter", "Events ever written, of all servers.");
            page.line("cradlelog_events_total", &[], &events);
            page.family("cradlelog_live_rows", "gauge", "Entries that are not deleted.");
            page.line("cradlelog_live_rows", &[], &live_rows);
        }
        // The other figures are most worth having when the database is in trouble.
        Err(error) => tracing::debug!(%error, "metrics without the database's part"),
    }
    page.0
}

async fn totals(app: &App) -> Result<(i64, i64, i64), sqlx::Error> {
    sqlx::query_as(
        "select count(*), coalesce(sum(version), 0)::bigint, coalesce(sum(live_rows), 0)::bigint
         from sync_head",
    )
    .fetch_one(app.pool())
    .await
}

/// Labels are constants and patterns of ours, so nothing in them needs escaping.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: &dyn fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
