//! What happened, by the baby's local days, newest first; a few days at a time.

mod day;
mod entry_row;
pub(crate) mod filter;
mod found;
mod search;
mod twin;
mod walk;

use leptos::prelude::*;

use self::{day::DaySection, filter::Filter, found::Found, search::Search};
use super::{PageTitle, welcome::AddBaby};
use crate::{
    domain::{date::Date, row::Row},
    ui::{clock::Ticker, intl, nursery::Nursery, router::A, words::tr},
};

/// Days shown at first, and more with each press.
const FIRST_DAYS: i64 = 3;
const MORE_DAYS: i64 = 4;

#[component]
pub(crate) fn TimelinePage() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let has_baby = Memo::new(move |_| nursery.baby.with(Option::is_some));
    let screen = move || {
        if has_baby.get() { view! { <Timeline/> }.into_any() } else { view! { <AddBaby/> }.into_any() }
    };
    view! {
        <PageTitle words=tr!(nav.timeline)/>
        {screen}
    }
    .into_any()
}

#[component]
fn Timeline() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let filter = expect_context::<Filter>();
    let wanted = Memo::new(move |_| filter.wanted(nursery));
    let entries = move || match wanted.get() {
        Some(wanted) => view! { <Found wanted=wanted/> }.into_any(),
        None => view! { <Days/> }.into_any(),
    };
    view! {
        <section class="page">
            <h1 class="page-title">{tr!(nav.timeline)}</h1>
            <Search filter=filter/>
            {entries}
            <A href="/bin" attr:class="button button-quiet">{tr!(bin.title)}</A>
        </section>
    }
    .into_any()
}

#[component]
fn Days() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let days = RwSignal::new(FIRST_DAYS);
    let today = Memo::new(move |_| nursery.zone.with(|zone| intl::day_of(zone, ticker.now())));
    let shown = move || (0..days.get()).map(|back| today.get().plus_days(-back)).collect::<Vec<_>>();
    view! {
        <DayList days=Signal::derive(shown) draw=Callback::new(move |day| view! { <DaySection date=day today=today/> }.into_any())/>
        <button type="button" class="button button-wide" on:click=move |_| days.update(|days| *days += MORE_DAYS)>
            {tr!(timeline.earlier)}
        </button>
    }
    .into_any()
}

/// One below the other; a day stays as it is while others come and go.
#[component]
fn DayList(days: Signal<Vec<Date>>, draw: Callback<Date, AnyView>) -> impl IntoView {
    view! { <For each=move || days.get() key=|day| *day let:day>{draw.run(day)}</For> }.into_any()
}

/// Newest first, over all types.
fn newest_first(rows: &mut [Row]) {
    rows.sort_by(|a, b| b.started_at().cmp(&a.started_at()).then_with(|| b.id.cmp(&a.id)));
}
