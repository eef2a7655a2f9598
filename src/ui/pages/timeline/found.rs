//! What a search has found so far, by day, and how far back it has looked.

use leptos::prelude::*;

use super::{
    DayList,
    entry_row::EntryList,
    filter::Wanted,
    walk::{Pace, Walk},
};
use crate::{
    domain::{date::Date, row::Row},
    ui::{intl, nursery::Nursery, prefs::Prefs, words::tr},
};

#[component]
pub(super) fn Found(wanted: Wanted) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let unit = expect_context::<Prefs>().volume_unit_now();
    let walk = Walk::start(nursery.replica, wanted, unit);
    let dated = Memo::new(move |_| {
        let zone = nursery.zone.get();
        let day = |row: &Row| (intl::day_of(&zone, row.started_at().unwrap_or_default()), row.clone());
        walk.found.with(|found| found.iter().map(day).collect::<Vec<_>>())
    });
    let days = move || {
        let mut days = dated.with(|rows| rows.iter().map(|(day, _)| *day).collect::<Vec<_>>());
        days.dedup();
        days
    };
    view! {
        <DayList days=Signal::derive(days) draw=Callback::new(move |day| view! { <FoundDay day=day dated=dated/> }.into_any())/>
        <Progress walk=walk/>
    }
    .into_any()
}

#[component]
fn FoundDay(day: Date, dated: Memo<Vec<(Date, Row)>>) -> impl IntoView {
    let lines = move || {
        let of_day = |(of, row): &(Date, Row)| (*of == day).then(|| (row.clone(), None));
        dated.with(|rows| rows.iter().filter_map(of_day).collect::<Vec<_>>())
    };
    let name = intl::past_day(day);
    view! {
        <section class="day" aria-label=name.clone()>
            <header class="day-header"><h2 class="day-name">{name.clone()}</h2></header>
            <EntryList lines=Signal::derive(lines)/>
        </section>
    }
    .into_any()
}

/// How far the search is, and what can be done next.
#[component]
fn Progress(walk: Walk) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let back_to = move || {
        let zone = nursery.zone.get();
        walk.back_to.get().map(|at| intl::past_day(intl::day_of(&zone, at)))
    };
    let count = Memo::new(move |_| walk.found.with(Vec::len));
    // Only the end of a walk is said aloud; on its way it would not stop talking.
    let going = move || {
        (walk.pace.get() == Pace::Walking).then(|| match back_to() {
            Some(day) => tr!(search.searching, day = day),
            None => tr!(search.begun).to_owned(),
        })
    };
    let said = move || match (walk.pace.get(), count.get()) {
        (Pace::Walking, _) => String::new(),
        (Pace::Done, 0) => tr!(search.nothing).to_owned(),
        (Pace::Done, count) => tr!(search.all, count = count),
        (Pace::Resting, count) => tr!(search.so_far, count = count, day = back_to().unwrap_or_default()),
    };
    let rests = Memo::new(move |_| walk.pace.get() == Pace::Resting);
    view! {
        <p class="search-going">{going}</p>
        <p class="search-said" role="status">{said}</p>
        {move || rests.get().then(|| view! {
            <button type="button" class="button button-wide" on:click=move |_| walk.further()>{tr!(search.further)}</button>
        })}
    }
    .into_any()
}
