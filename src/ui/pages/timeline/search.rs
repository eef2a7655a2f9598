//! The controls above the timeline: words, kinds and caregivers.

use std::time::Duration;

use leptos::{leptos_dom::helpers::debounce, prelude::*};

use super::filter::{Filter, log_types, options_by};
use crate::ui::{components::choices::Choices, entry::type_words, nursery::Nursery, words::tr};

/// A search begins when the typing pauses.
const PAUSE: Duration = Duration::from_millis(250);

#[component]
pub(super) fn Search(filter: Filter) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let mut typed = debounce(PAUSE, move |words: String| {
        // The screen may be gone already.
        let _ = filter.words.try_set(words);
    });
    let is_on = Memo::new(move |_| filter.wanted(nursery).is_some());
    let chosen = move || match filter.summary(nursery) {
        none if none.is_empty() => tr!(search.filter).to_owned(),
        chosen => tr!(search.filter_on, chosen = chosen),
    };
    let clear = move || {
        is_on.get().then(|| {
            view! {
                <button type="button" class="button button-small" on:click=move |_| filter.clear()>{tr!(search.clear)}</button>
            }
        })
    };
    // A kind that the screens have no word for yet could not be told from the others of its sort.
    let has_words = |(_, words): &(&str, &str)| *words != tr!(entry.other);
    let kinds = log_types().map(|known| (known.name(), type_words(known))).filter(has_words).collect();
    view! {
        <search class="search">
            <label class="field">
                <span class="field-label">{tr!(search.label)}</span>
                <input
                    class="input"
                    type="search"
                    enterkeyhint="search"
                    autocomplete="off"
                    prop:value=move || filter.words.get()
                    on:input=move |ev| typed(event_target_value(&ev))
                />
            </label>
            <details class="more">
                <summary>{chosen}</summary>
                <Choices legend=tr!(search.kinds) name="kinds" options=kinds chosen=filter.types/>
                <Caregiver filter=filter/>
            </details>
            {clear}
        </search>
    }
    .into_any()
}

#[component]
fn Caregiver(filter: Filter) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let options = move || {
        let by = filter.by.get();
        let option = |(id, name): (String, String)| {
            let is_chosen = id == by;
            view! { <option value=id prop:selected=is_chosen>{name}</option> }
        };
        options_by(nursery).into_iter().map(option).collect::<Vec<_>>()
    };
    view! {
        <label class="field">
            <span class="field-label">{tr!(search.by)}</span>
            <select class="input" on:change=move |ev| filter.by.set(event_target_value(&ev))>{options}</select>
        </label>
    }
    .into_any()
}
