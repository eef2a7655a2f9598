//! How much was drunk: big − and +, a slider, and a number for those who want to type it.

use leptos::prelude::*;

use crate::{
    domain::units::VolumeUnit,
    ui::{
        format::{number, parse_number},
        words::tr,
    },
};

/// `text` is what the person sees and may type, in `unit`.
#[component]
pub(crate) fn AmountField(
    text: RwSignal<String>,
    unit: VolumeUnit,
    #[prop(into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let amount = move || text.with(|text| parse_number(text)).unwrap_or(0.0);
    let step = move |by: f64| move |_| text.set(number((amount() + by).max(0.0)));
    let (unit_words, max, fine) = match unit {
        VolumeUnit::Ml => (tr!(unit.ml_name), "360", "5"),
        VolumeUnit::Oz => (tr!(unit.oz_name), "12", "0.25"),
    };
    let by = unit.step();
    let (less, more) = (tr!(field.less, amount = number(by)), tr!(field.more, amount = number(by)));
    let wrong = move || error.with(Option::is_some);
    view! {
        <div class="amount" role="group" aria-label=tr!(field.amount)>
            <div class="amount-row">
                <button type="button" class="step step-big" aria-label=less on:click=step(-by)>"−"</button>
                <label class="amount-number">
                    <span class="visually-hidden">{tr!(field.amount_in, unit = unit_words)}</span>
                    <input
                        class="amount-input"
                        inputmode="decimal"
                        autocomplete="off"
                        aria-invalid=move || wrong().to_string()
                        prop:value=move || text.get()
                        on:input=move |ev| text.set(event_target_value(&ev))
                    />
                    <span class="amount-unit" aria-hidden="true">{unit_words}</span>
                </label>
                <button type="button" class="step step-big" aria-label=more on:click=step(by)>"+"</button>
            </div>
            <input
                type="range"
                class="slider"
                aria-label=tr!(field.amount_slider)
                min="0"
                max=max
                step=fine
                prop:value=move || number(amount())
                on:input=move |ev| text.set(event_target_value(&ev))
            />
            <p class="field-error" role="alert">{move || error.get()}</p>
        </div>
    }
    .into_any()
}
