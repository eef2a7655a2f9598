//! One of a few: native radio buttons that look like a row of buttons.

use leptos::prelude::*;

/// A value of the wire and the words for it.
pub(crate) type OptionWords = (&'static str, &'static str);

/// `value` is the chosen wire value, empty for none. An `optional` choice is taken back by
/// pressing it again.
#[component]
pub(crate) fn Choice(
    legend: &'static str,
    name: &'static str,
    options: Vec<OptionWords>,
    value: RwSignal<String>,
    #[prop(optional)] optional: bool,
    #[prop(optional)] quiet_legend: bool,
) -> impl IntoView {
    let legend_class = if quiet_legend { "visually-hidden" } else { "field-label" };
    let options: Vec<_> = options
        .into_iter()
        .map(|(wire, words)| {
            let chosen = move || value.with(|value| value == wire);
            let press = move |_| {
                if optional && chosen() {
                    value.set(String::new());
                } else {
                    value.set(wire.to_owned());
                }
            };
            view! {
                <label class="choice-option">
                    <input type="radio" name=name value=wire prop:checked=chosen on:click=press/>
                    <span>{words}</span>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="choice" data-name=name>
            <legend class=legend_class>{legend}</legend>
            <div class="choice-options">{options}</div>
        </fieldset>
    }
    .into_any()
}
