//! Free words, with the room that is left.

use leptos::prelude::*;

use crate::{domain::field::MAX_NOTES_CHARS, ui::words::tr};

#[component]
pub(crate) fn NotesField(notes: RwSignal<String>) -> impl IntoView {
    let used = move || notes.with(|notes| notes.chars().count());
    let count = move || tr!(field.notes_count, used = used(), max = MAX_NOTES_CHARS);
    let over = move || used() > MAX_NOTES_CHARS;
    view! {
        <label class="field">
            <span class="field-label">{tr!(field.notes)}</span>
            <textarea
                class="input"
                rows="3"
                prop:value=move || notes.get()
                aria-invalid=move || over().to_string()
                on:input=move |ev| notes.set(event_target_value(&ev))
            ></textarea>
            <span class="field-hint">{count}</span>
        </label>
    }
    .into_any()
}
