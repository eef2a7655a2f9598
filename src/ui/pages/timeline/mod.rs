//! What happened, by the baby's local days, newest first; a few days at a time.

mod day;
mod deleted;
mod entry_row;
mod twin;

use leptos::prelude::*;

use self::{day::DaySection, deleted::Deleted};
use super::{PageTitle, welcome::AddBaby};
use crate::{
    domain::{registry::EntityType, row::Row},
    ui::{clock::Ticker, components::choice::Choice, intl, nursery::Nursery, words::tr},
};

/// Days shown at first, and more with each press.
const FIRST_DAYS: i64 = 3;
const MORE_DAYS: i64 = 4;

const LOGS: [EntityType; 3] = [EntityType::FEED_LOG, EntityType::SLEEP_LOG, EntityType::NAPPY_LOG];

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
    let ticker = expect_context::<Ticker>();
    let filter = RwSignal::new("all".to_owned());
    let days = RwSignal::new(FIRST_DAYS);
    let today = Memo::new(move |_| nursery.zone.with(|zone| intl::day_of(zone, ticker.now())));
    let shown = move || (0..days.get()).map(|back| today.get().plus_days(-back)).collect::<Vec<_>>();
    let filters = vec![
        ("all", tr!(timeline.all)),
        ("feed_log", tr!(timeline.feeds)),
        ("sleep_log", tr!(timeline.sleeps)),
        ("nappy_log", tr!(timeline.nappies)),
    ];
    view! {
        <section class="page">
            <h1 class="page-title">{tr!(nav.timeline)}</h1>
            <Choice legend=tr!(timeline.filter) name="filter" options=filters value=filter quiet_legend=true/>
            <For each=shown key=|day| *day let:day>
                <DaySection date=day today=today filter=filter/>
            </For>
            <button type="button" class="button button-wide" on:click=move |_| days.update(|days| *days += MORE_DAYS)>
                {tr!(timeline.earlier)}
            </button>
            <Deleted/>
        </section>
    }
    .into_any()
}

/// Newest first, over all types.
fn newest_first(rows: &mut [Row]) {
    rows.sort_by(|a, b| b.started_at().cmp(&a.started_at()).then_with(|| b.id.cmp(&a.id)));
}
