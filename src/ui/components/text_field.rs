//! One line of text with its label and, when something is wrong with it, the words for that.

use leptos::prelude::*;

#[component]
pub(crate) fn TextField(
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] inputmode: Option<&'static str>,
    #[prop(optional)] list: Option<&'static str>,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional, into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let note_id = format!("{id}-note");
    let note = move || error.get().or_else(|| hint.map(str::to_owned));
    let wrong = move || error.with(Option::is_some);
    view! {
        <div class="field">
            <label class="field-label" for=id>{label}</label>
            <input
                class="input"
                id=id
                name=id
                type=kind
                inputmode=inputmode
                list=list
                autocomplete=autocomplete
                aria-invalid=move || wrong().to_string()
                aria-describedby=note_id.clone()
                prop:value=move || value.get()
                on:input=move |ev| value.set(event_target_value(&ev))
            />
            <p id=note_id class="field-hint" class:field-error=wrong role=move || wrong().then_some("alert")>{note}</p>
        </div>
    }
    .into_any()
}
