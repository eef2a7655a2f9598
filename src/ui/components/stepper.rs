//! A whole number by big − and +.

use leptos::prelude::*;

use crate::ui::words::tr;

/// Minutes, from 0 to `max`.
#[component]
pub(crate) fn MinutesStepper(label: &'static str, minutes: RwSignal<i64>, max: i64) -> impl IntoView {
    let step = move |by: i64| move |_| minutes.update(|now| *now = (*now + by).clamp(0, max));
    let shown = move || tr!(time.minutes, minutes = minutes.get());
    view! {
        <div class="stepper" role="group" aria-label=label>
            <span class="field-label">{label}</span>
            <div class="stepper-row">
                <button type="button" class="step" aria-label=tr!(field.minutes_less, minutes = 5) on:click=step(-5)>"−5"</button>
                <button type="button" class="step" aria-label=tr!(field.minute_less) on:click=step(-1)>"−1"</button>
                <output class="stepper-value">{shown}</output>
                <button type="button" class="step" aria-label=tr!(field.minute_more) on:click=step(1)>"+1"</button>
                <button type="button" class="step" aria-label=tr!(field.minutes_more, minutes = 5) on:click=step(5)>"+5"</button>
            </div>
        </div>
    }
    .into_any()
}
