//! One baby's copy on this device, and who else was here lately.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{self, Caregiver},
    domain::{id::BabyId, time::Timestamp},
    sync::status::{BabyStatus, SyncError},
    ui::{clock::Ticker, format::ago, layout::sync_words::progress_words, nursery::Nursery, words::tr},
};

/// `asked_at`: when the person last asked for a sync; then the others are asked about again.
#[component]
pub(super) fn BabyCard(baby_id: BabyId, asked_at: RwSignal<Option<Timestamp>>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let status = Memo::new(move |_| nursery.replica.status.with(|status| status.of(baby_id).cloned()));
    let told = move |words: fn(&BabyStatus) -> String| status.with(|status| status.as_ref().map(words));
    let last = move || {
        let last = status.with(|status| status.as_ref().and_then(|baby| baby.last_pull_at.max(baby.last_push_at)));
        last.map_or_else(|| tr!(sync.never).to_owned(), |at| ago(ticker.now(), at))
    };
    let error = move || status.with(|status| status.as_ref()?.error.as_ref().map(error_words));
    view! {
        <article class="card">
            <h2 class="card-title">{move || nursery.name_of(baby_id)}</h2>
            <dl class="facts">
                <dt>{tr!(sync.last)}</dt>
                <dd>{last}</dd>
                <dt>{tr!(sync.waiting)}</dt>
                <dd>{move || told(waiting_words)}</dd>
                <dt>{tr!(sync.failed)}</dt>
                <dd>{move || told(|baby| baby.failed.to_string())}</dd>
            </dl>
            {move || error().map(|words| view! { <p class="sync-error">{words}</p> })}
            <Presence baby_id=baby_id asked_at=asked_at/>
            <p class="card-small">{move || told(version_words)}</p>
        </article>
    }
    .into_any()
}

fn waiting_words(baby: &BabyStatus) -> String {
    match (baby.waiting, baby.bootstrapping) {
        (0, Some(progress)) => progress_words(progress),
        (0, None) => tr!(sync.nothing_waits).to_owned(),
        (waiting, _) => tr!(sync.entries, count = waiting),
    }
}

fn version_words(baby: &BabyStatus) -> String {
    if baby.is_new { tr!(sync.new).to_owned() } else { tr!(sync.cursor, cursor = baby.cursor) }
}

/// When each of the others was last here. Without an answer there is nothing to say: how the sync is
/// stands above.
#[component]
fn Presence(baby_id: BabyId, asked_at: RwSignal<Option<Timestamp>>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let people = RwSignal::new(Vec::<Caregiver>::new());
    let status = nursery.replica.status;
    let may_ask = Memo::new(move |_| {
        status.with(|status| {
            status.online && status.blocked.is_none() && status.of(baby_id).is_some_and(|baby| !baby.is_new)
        })
    });
    Effect::new(move |_| {
        asked_at.track();
        if may_ask.get() {
            spawn_local(async move {
                if let Ok(list) = api::list_caregivers(baby_id).await {
                    people.try_set(list);
                }
            });
        }
    });
    let lines = move || {
        let others = people.get().into_iter().filter(|person| !nursery.is_me(Some(person.user_id)));
        let words = |person: Caregiver| {
            let when = ago(ticker.now(), person.last_seen_at?);
            Some(tr!(sync.seen, name = person.display_name, when = when))
        };
        others.filter_map(words).map(|words| view! { <li>{words}</li> }).collect::<Vec<_>>()
    };
    view! { <ul class="presence">{lines}</ul> }
}

/// Each is retried by itself; the words say so.
pub(super) fn error_words(error: &SyncError) -> &'static str {
    match error {
        SyncError::Network => tr!(sync_error.network),
        SyncError::RateLimited => tr!(sync_error.rate_limited),
        SyncError::Server => tr!(sync_error.server),
        SyncError::Integrity { .. } => tr!(sync_error.integrity),
        SyncError::IntegrityUnknown { .. } => tr!(sync_error.integrity_unknown),
        SyncError::Storage { .. } => tr!(sync_error.storage),
    }
}
