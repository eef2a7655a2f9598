//! When the last feed, sleep and nappy were, what they were, and by whom.

use leptos::prelude::*;

use super::TodayRows;
use crate::{
    domain::{
        row::Row,
        since::{awake_since, next_side},
        sleep_log::SleepLog,
    },
    ui::{
        clock::Ticker,
        components::icon::{Glyph, Icon},
        entry::{side_words, summary},
        format::{ago, length},
        intl,
        log::RecentFeeds,
        nursery::Nursery,
        prefs::Prefs,
        words::tr,
    },
};

#[component]
pub(super) fn Tiles(rows: TodayRows) -> impl IntoView {
    let recent = expect_context::<RecentFeeds>();
    let feed = Signal::derive(move || recent.newest());
    let nappy = Signal::derive(move || first(rows.nappies));
    let next = move || next_side(&recent.all()).map(|side| tr!(tile.next_side, side = side_words(side)));
    view! {
        <div class="tiles">
            <LastTile label=tr!(tile.feed) none=tr!(tile.no_feed) glyph=Glyph::Bottle row=feed more=Signal::derive(next)/>
            <SleepTile sleeps=rows.sleeps/>
            <LastTile label=tr!(tile.nappy) none=tr!(tile.no_nappy) glyph=Glyph::Nappy row=nappy/>
        </div>
    }
    .into_any()
}

fn first(rows: ReadSignal<Option<Vec<Row>>>) -> Option<Row> {
    rows.with(|rows| rows.as_ref()?.first().cloned())
}

#[component]
fn LastTile(
    label: &'static str,
    none: &'static str,
    glyph: Glyph,
    row: Signal<Option<Row>>,
    #[prop(optional, into)] more: Signal<Option<String>>,
) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let nursery = expect_context::<Nursery>();
    let prefs = expect_context::<Prefs>();
    let row = Memo::new(move |_| row.get());
    let when = move || match row.with(|row| row.as_ref().and_then(Row::started_at)) {
        Some(at) => ago(ticker.now(), at),
        None => none.to_owned(),
    };
    let what = move || {
        row.with(|row| {
            let row = row.as_ref()?;
            Some(tr!(entry.list, first = summary(row, prefs.volume_unit(), ticker.now()), second = by(nursery, row)))
        })
    };
    let kind = if glyph == Glyph::Nappy { "nappy" } else { "feed" };
    view! { <Tile kind=kind glyph=glyph label=Signal::derive(move || label) when=Signal::derive(when) what=Signal::derive(what) more=more/> }
}

/// Asleep since, or awake since; the sleep itself is shown by its timer.
#[component]
fn SleepTile(sleeps: ReadSignal<Option<Vec<Row>>>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let nursery = expect_context::<Nursery>();
    let read = Memo::new(move |_| {
        sleeps.with(|rows| rows.iter().flatten().filter_map(|row| row.read().ok()).collect::<Vec<SleepLog>>())
    });
    let running = move || {
        read.with(|all| all.iter().filter(|sleep| sleep.ended_at.is_none()).map(|sleep| sleep.started_at).min())
    };
    let state = move || match (running(), read.with(|all| awake_since(all))) {
        (Some(since), _) => (tr!(tile.asleep), tr!(tile.for_length, length = length(ticker.now().since(since)))),
        (None, Some(since)) => (tr!(tile.awake), tr!(tile.for_length, length = length(ticker.now().since(since)))),
        (None, None) => (tr!(tile.sleep), tr!(tile.no_sleep).to_owned()),
    };
    let prefs = expect_context::<Prefs>();
    let what = move || {
        let row = first(sleeps)?;
        // While a sleep runs, its length is said above.
        if running().is_some() {
            return Some(by(nursery, &row));
        }
        Some(tr!(entry.list, first = summary(&row, prefs.volume_unit(), ticker.now()), second = by(nursery, &row)))
    };
    view! {
        <Tile
            kind="sleep"
            glyph=Glyph::Moon
            label=Signal::derive(move || state().0)
            when=Signal::derive(move || state().1)
            what=Signal::derive(what)
            more=Signal::derive(|| None)
        />
    }
}

/// `you, 14:05`.
fn by(nursery: Nursery, row: &Row) -> String {
    let at = row.started_at().unwrap_or_default();
    tr!(entry.by_at, who = nursery.author(row), time = nursery.zone.with(|zone| intl::time(zone, at)))
}

#[component]
fn Tile(
    kind: &'static str,
    glyph: Glyph,
    label: Signal<&'static str>,
    when: Signal<String>,
    what: Signal<Option<String>>,
    more: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <article class="tile" data-kind=kind>
            <span class="tile-picture"><Icon glyph=glyph/></span>
            <div class="tile-words">
                <h2 class="tile-label">{move || label.get()}</h2>
                <p class="tile-when">{move || when.get()}</p>
                <p class="tile-what">{move || what.get()}</p>
            </div>
            <p class="tile-more">{move || more.get()}</p>
        </article>
    }
    .into_any()
}
