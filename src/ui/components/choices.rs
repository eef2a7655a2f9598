//! Several of a few: native check boxes that look like a row of buttons.

use leptos::prelude::*;

use super::choice::OptionWords;

/// `chosen` holds the wire values of those that are ticked, in the order of `options`.
#[component]
pub(crate) fn Choices(
    legend: &'static str,
    name: &'static str,
    options: Vec<OptionWords>,
    chosen: RwSignal<Vec<&'static str>>,
) -> impl IntoView {
    let all: Vec<&'static str> = options.iter().map(|(wire, _)| *wire).collect();
    let all = StoredValue::new(all);
    let boxes: Vec<_> = options
        .into_iter()
        .map(|(wire, words)| {
            let is_chosen = move || chosen.with(|chosen| chosen.contains(&wire));
            let press = move |_| {
                chosen.update(|chosen| {
                    let others = chosen.clone();
                    let is_kept = |one: &&'static str| others.contains(one) != (**one == *wire);
                    *chosen = all.with_value(|all| all.iter().copied().filter(is_kept).collect());
                });
            };
            view! {
                <label class="choice-option">
                    <input type="checkbox" name=name value=wire prop:checked=is_chosen on:change=press/>
                    <span>{words}</span>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="choice" data-name=name>
            <legend class="field-label">{legend}</legend>
            <div class="choice-options">{boxes}</div>
        </fieldset>
    }
    .into_any()
}
