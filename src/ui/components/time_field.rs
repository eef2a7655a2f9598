//! When something was: big − and + of 1, 5 and 15 minutes, a slider, and for older things a day and
//! a time. Any instant is accepted, also one in the future: a clock may run ahead.

use leptos::prelude::*;

use crate::{
    domain::time::Timestamp,
    ui::{clock::Ticker, format::ago, intl, words::tr},
};

const MINUTE_MS: i64 = 60_000;

/// `earliest` and `latest` bound the slider only, in minutes around the time at opening.
#[component]
pub(crate) fn TimeField(
    label: &'static str,
    at: RwSignal<Timestamp>,
    #[prop(into)] zone: Signal<String>,
    #[prop(default = (-180, 15))] slider: (i64, i64),
    #[prop(optional, into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let opened_at = at.get_untracked();
    let ticker = expect_context::<Ticker>();
    let minutes = move || (at.get().since(opened_at) / MINUTE_MS).to_string();
    let slid = move |text: String| {
        if let Ok(minutes) = text.parse::<i64>() {
            at.set(opened_at.plus_ms(minutes * MINUTE_MS));
        }
    };
    let shown = move || {
        let (zone, at) = (zone.get(), at.get());
        let (day, today) = (intl::day_of(&zone, at), intl::day_of(&zone, ticker.now()));
        let time = intl::time(&zone, at);
        if day == today { time } else { tr!(time.on_day, time = time, day = intl::short_day(day)) }
    };
    view! {
        <div class="time" role="group" aria-label=label>
            <p class="time-row">
                <span class="field-label">{label}</span>
                <output class="time-value">{shown}</output>
                <span class="time-ago">{move || ago(ticker.now(), at.get())}</span>
            </p>
            <p class="field-error" role="alert">{move || error.get()}</p>
            <TimeSteps at=at/>
            <input
                type="range"
                class="slider"
                aria-label=tr!(field.time_slider)
                min=slider.0.to_string()
                max=slider.1.to_string()
                prop:value=minutes
                aria-valuetext=shown
                on:input=move |ev| slid(event_target_value(&ev))
            />
            <TimeInputs at=at zone=zone/>
        </div>
    }
    .into_any()
}

#[component]
fn TimeSteps(at: RwSignal<Timestamp>) -> impl IntoView {
    let step = move |minutes: i64| {
        let name = match minutes {
            -1 => tr!(field.minute_earlier).to_owned(),
            1 => tr!(field.minute_later).to_owned(),
            less if less < 0 => tr!(field.minutes_earlier, minutes = -less),
            more => tr!(field.minutes_later, minutes = more),
        };
        let text = if minutes < 0 { format!("−{}", -minutes) } else { format!("+{minutes}") };
        let press = move |_| at.update(|at| *at = at.plus_ms(minutes * MINUTE_MS));
        view! { <button type="button" class="step" aria-label=name on:click=press>{text}</button> }
    };
    view! { <div class="time-steps">{[-15, -5, -1, 1, 5, 15].map(step).into_iter().collect::<Vec<_>>()}</div> }
}

/// The day and time inputs for what is further away than the slider reaches.
#[component]
fn TimeInputs(at: RwSignal<Timestamp>, zone: Signal<String>) -> impl IntoView {
    let date = move || intl::day_of(&zone.get(), at.get());
    let time = move || intl::wall_time(&zone.get(), at.get());
    let pick = move |date, time: &str| {
        if let Some(picked) = intl::at_wall(&zone.get_untracked(), date, time) {
            at.set(picked);
        }
    };
    let picked_date = move |text: String| {
        if let Ok(date) = text.parse() {
            pick(date, &time());
        }
    };
    let picked_time = move |text: String| pick(date(), &text);
    view! {
        <details class="more">
            <summary>{tr!(field.other_day)}</summary>
            <div class="time-inputs">
                <label class="field">
                    <span class="field-label">{tr!(field.day)}</span>
                    <input class="input" type="date" prop:value=move || date().to_string()
                        on:change=move |ev| picked_date(event_target_value(&ev))/>
                </label>
                <label class="field">
                    <span class="field-label">{tr!(field.time)}</span>
                    <input class="input" type="time" prop:value=time
                        on:change=move |ev| picked_time(event_target_value(&ev))/>
                </label>
            </div>
        </details>
    }
}
