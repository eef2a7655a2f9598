//! One baby's copy on this device.

use leptos::prelude::*;

use crate::{
    sync::status::{BabyStatus, SyncError},
    ui::{clock::Ticker, format::ago, layout::sync_words::progress_words, nursery::Nursery, words::tr},
};

#[component]
pub(super) fn BabyCard(baby: BabyStatus) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let name = move || {
        nursery.replica.babies.with(|babies| {
            let known = babies.iter().find(|known| known.baby_id == baby.baby_id);
            known.map_or_else(|| tr!(entry.baby).to_owned(), |known| known.name.clone())
        })
    };
    let last = baby.last_pull_at.max(baby.last_push_at);
    let last = move || match last {
        Some(at) => ago(ticker.now(), at),
        None => tr!(sync.never).to_owned(),
    };
    let waiting = match (baby.waiting, baby.bootstrapping) {
        (0, Some(progress)) => progress_words(progress),
        (0, None) => tr!(sync.nothing_waits).to_owned(),
        (waiting, _) => tr!(sync.entries, count = waiting),
    };
    let error = baby.error.as_ref().map(error_words);
    view! {
        <article class="card">
            <h2 class="card-title">{name}</h2>
            <dl class="facts">
                <dt>{tr!(sync.last)}</dt>
                <dd>{last}</dd>
                <dt>{tr!(sync.waiting)}</dt>
                <dd>{waiting}</dd>
                <dt>{tr!(sync.failed)}</dt>
                <dd>{baby.failed.to_string()}</dd>
            </dl>
            {error.map(|words| view! { <p class="sync-error">{words}</p> })}
            <p class="card-small">{tr!(sync.cursor, cursor = baby.cursor)}</p>
        </article>
    }
    .into_any()
}

/// Each is retried by itself; the words say so.
fn error_words(error: &SyncError) -> &'static str {
    match error {
        SyncError::Network => tr!(sync_error.network),
        SyncError::RateLimited => tr!(sync_error.rate_limited),
        SyncError::Server => tr!(sync_error.server),
        SyncError::Integrity { .. } => tr!(sync_error.integrity),
        SyncError::IntegrityUnknown { .. } => tr!(sync_error.integrity_unknown),
        SyncError::Storage { .. } => tr!(sync_error.storage),
    }
}
