//! The top edge: the baby's name, or the choice of one, and the sync chip.

use leptos::prelude::*;

use super::sync_words::sync_words;
use crate::ui::{components::icon::Icon, nursery::Nursery, router::A, words::tr};

#[component]
pub(super) fn Header() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let several = Memo::new(move |_| nursery.babies.with(|babies| babies.len() > 1));
    let name = move || {
        if several.get() {
            view! { <BabySwitcher/> }.into_any()
        } else {
            let name = move || nursery.baby.with(|baby| baby.as_ref().map(|baby| baby.name.clone()));
            view! { <p class="header-name">{move || name().unwrap_or_else(|| tr!(app.name).to_owned())}</p> }.into_any()
        }
    };
    view! {
        <header class="header">
            {name}
            <SyncChip/>
        </header>
    }
    .into_any()
}

#[component]
fn BabySwitcher() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let replica = nursery.replica;
    let chosen = move |index: String| {
        let picked = index.parse::<usize>().ok();
        let baby = nursery.babies.with_untracked(|babies| babies.get(picked?).map(|baby| baby.baby_id));
        if baby.is_some() {
            replica.port().activate(baby);
        }
    };
    let options = move || {
        let shown = nursery.baby_id();
        let babies = nursery.babies.get().into_iter().enumerate();
        babies
            .map(|(index, baby)| {
                let selected = Some(baby.baby_id) == shown;
                view! { <option value=index.to_string() prop:selected=selected>{baby.name}</option> }
            })
            .collect::<Vec<_>>()
    };
    view! {
        <select class="header-name header-switch" aria-label=tr!(app.baby) on:change=move |ev| chosen(event_target_value(&ev))>
            {options}
        </select>
    }
}

/// How the sync is, in words; leads to the page that says more.
#[component]
fn SyncChip() -> impl IntoView {
    let status = expect_context::<Nursery>().replica.status;
    let said = Memo::new(move |_| status.with(sync_words));
    view! {
        <div class="chip-place" role="status" aria-live="polite">
            <A href="/sync" attr:class="chip" attr:data-tone=move || said.with(|said| said.tone)>
                {move || view! { <Icon glyph=said.with(|said| said.glyph)/> }}
                <span>{move || said.with(|said| said.words.clone())}</span>
            </A>
        </div>
    }
}
