//! This device's own part: its clock, and the record of what its sync did.

use leptos::{prelude::*, task::spawn_local};

use crate::ui::{
    acts::store_words,
    download::save_as,
    format::length,
    nursery::Nursery,
    toast::{Toasts, Tone},
    words::tr,
};

/// A clock that is off by less than a minute misleads nobody.
const CLOCK_OFF_MS: i64 = 60_000;

#[component]
pub(super) fn DeviceCard() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let toasts = expect_context::<Toasts>();
    let save = move |_| {
        spawn_local(async move {
            match replica.port().record().await {
                Ok(text) => save_as("cradlelog-sync.json", &text),
                Err(err) => toasts.say(Tone::Bad, store_words(&err)),
            }
        });
    };
    let skew_ms = Memo::new(move |_| replica.status.with(|status| status.clock_skew_ms));
    let clock = move || match skew_ms.get()? {
        ahead if ahead > CLOCK_OFF_MS => Some(tr!(sync.clock_ahead, length = length(ahead))),
        behind if behind < -CLOCK_OFF_MS => Some(tr!(sync.clock_behind, length = length(-behind))),
        _ => None,
    };
    view! {
        <article class="card">
            <h2 class="card-title">{tr!(sync.this_device)}</h2>
            {move || clock().map(|words| view! { <p>{words}</p> })}
            <p class="card-small">{tr!(sync.record_hint)}</p>
            <button type="button" class="button" on:click=save>{tr!(sync.record)}</button>
        </article>
    }
    .into_any()
}
