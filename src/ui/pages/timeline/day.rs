//! One local day: its sums, and its entries.

use leptos::prelude::*;

use super::{entry_row::EntryList, filter::log_types, newest_first, twin::twin_of};
use crate::{
    domain::{date::Date, row::Row, time::Timestamp, totals::totals},
    sync::query::Select,
    ui::{
        clock::Ticker,
        format::{length, with_unit},
        intl,
        nursery::Nursery,
        prefs::Prefs,
        words::tr,
    },
};

/// The day's bounds in the baby's zone; the end is the next day's start, so 23 and 25 hours fit.
#[derive(Clone, Copy, PartialEq)]
struct Bounds {
    from: Timestamp,
    to: Timestamp,
}

#[component]
pub(super) fn DaySection(date: Date, today: Memo<Date>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let bounds = Memo::new(move |_| {
        let zone = nursery.zone.get();
        Bounds { from: intl::start_of(&zone, date), to: intl::start_of(&zone, date.plus_days(1)) }
    });
    // A day further back too: a night's sleep counts on both days.
    let rows = nursery.live(
        &log_types().collect::<Vec<_>>(),
        move |_| {
            let Bounds { from, to } = bounds.get();
            Select::Started { from: from.plus_ms(-86_400_000), to }
        },
        None,
    );
    let entries = move || {
        let Bounds { from, .. } = bounds.get();
        let of_day = |row: &&Row| row.started_at().is_some_and(|at| at >= from);
        let mut entries = rows.with(|rows| rows.iter().flatten().filter(of_day).cloned().collect::<Vec<_>>());
        newest_first(&mut entries);
        let with_twin = |row: Row| {
            let twin = rows.with(|rows| twin_of(&row, rows.as_deref().unwrap_or_default()));
            (row, twin)
        };
        entries.into_iter().map(with_twin).collect::<Vec<_>>()
    };
    let is_empty = Memo::new(move |_| rows.with(Option::is_some) && entries().is_empty());
    let name = move || match today.get() {
        today if today == date => tr!(timeline.today).to_owned(),
        today if today.plus_days(-1) == date => tr!(timeline.yesterday).to_owned(),
        _ => intl::long_day(date),
    };
    view! {
        <section class="day" aria-label=name>
            <header class="day-header">
                <h2 class="day-name">{name}</h2>
                <DaySums rows=rows bounds=bounds/>
            </header>
            <EntryList lines=Signal::derive(entries)/>
            {move || is_empty.get().then(|| view! { <p class="day-empty">{tr!(timeline.nothing)}</p> })}
        </section>
    }
    .into_any()
}

#[component]
fn DaySums(rows: ReadSignal<Option<Vec<Row>>>, bounds: Memo<Bounds>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let prefs = expect_context::<Prefs>();
    let words = move || {
        let Bounds { from, to } = bounds.get();
        let sums = rows.with(|rows| totals(rows.iter().flatten(), from, to, ticker.now()));
        let unit = prefs.volume_unit();
        let mut parts = Vec::new();
        if sums.feeds > 0 {
            parts.push(tr!(sums.feeds, count = sums.feeds));
        }
        if sums.bottle_ml > 0 {
            parts.push(with_unit(unit.from_ml(sums.bottle_ml), unit));
        }
        if sums.sleep_ms > 0 {
            parts.push(tr!(sums.sleep, length = length(sums.sleep_ms)));
        }
        if sums.wees > 0 {
            parts.push(tr!(sums.wees, number = sums.wees));
        }
        if sums.poos > 0 {
            parts.push(tr!(sums.poos, number = sums.poos));
        }
        parts.join(" · ")
    };
    view! { <p class="day-sums">{words}</p> }
}
