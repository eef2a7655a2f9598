//! The devices that are signed in to this account, and signing one or all others out.

use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

use crate::{
    api::{self, SignedInDevice},
    ui::{
        account::api_words,
        clock::Ticker,
        components::retry::Retry,
        format::ago,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn Devices() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let devices = RwSignal::new(Vec::<SignedInDevice>::new());
    let error = RwSignal::new(None::<String>);
    let look = Callback::new(move |()| {
        spawn_local(async move {
            match api::list_sessions().await {
                Ok(list) => {
                    devices.try_set(list);
                    error.try_set(None);
                }
                Err(err) => {
                    error.try_set(Some(api_words(&err)));
                }
            }
        });
    });
    look.run(());
    // Signing in again undoes it, so it is not asked about.
    let end = Callback::new(move |which: Option<Uuid>| {
        spawn_local(async move {
            match api::end_sessions(which).await {
                Ok(_) => toasts.say(Tone::Good, tr!(devices.ended)),
                Err(err) => toasts.say(Tone::Bad, api_words(&err)),
            }
            look.run(());
        });
    });
    let list =
        move || devices.get().into_iter().map(|device| view! { <Line device=device end=end/> }).collect::<Vec<_>>();
    let others = move || {
        (devices.with(Vec::len) > 2).then(|| {
            view! {
                <button type="button" class="button" on:click=move |_| end.run(None)>{tr!(devices.end_others)}</button>
            }
        })
    };
    view! {
        <h2 class="section-title">{tr!(devices.title)}</h2>
        <p class="lead">{tr!(devices.lead)}</p>
        <Retry error=error again=look/>
        <ul class="people">{list}</ul>
        {others}
    }
    .into_any()
}

#[component]
fn Line(device: SignedInDevice, end: Callback<Option<Uuid>>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let SignedInDevice { session_id, signed_in_at, last_used_at, last_sync_at, is_this, .. } = device;
    let name = match (device.browser, device.system) {
        (Some(browser), Some(system)) => tr!(devices.named, browser = browser, system = system),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => tr!(devices.unnamed).to_owned(),
    };
    let used = move || match (is_this, last_sync_at) {
        (true, _) => tr!(sync.this_device).to_owned(),
        (false, Some(at)) => tr!(devices.synced, when = ago(ticker.now(), at)),
        (false, None) => tr!(devices.used, when = ago(ticker.now(), last_used_at)),
    };
    let since = move || tr!(devices.since, when = ago(ticker.now(), signed_in_at));
    let label = tr!(devices.end_named, name = name.clone());
    let button = (!is_this).then(|| {
        view! {
            <button type="button" class="button button-small" aria-label=label on:click=move |_| end.run(Some(session_id))>
                {tr!(settings.sign_out)}
            </button>
        }
    });
    view! {
        <li class="person">
            <div class="person-words">
                <p class="person-name">{name}</p>
                <p class="person-level">{used}</p>
                <p class="person-seen">{since}</p>
            </div>
            {button}
        </li>
    }
    .into_any()
}
