//! What is running now, on whichever device it was started.

use leptos::prelude::*;

use super::TodayRows;
use crate::{
    domain::{
        feed_log::{FeedLog, Side},
        registry::EntityType,
        row::Row,
        time::Timestamp,
        timer,
    },
    ui::{
        acts::Acts,
        clock::{Ticker, now},
        components::icon::{Glyph, Icon},
        format::timer,
        intl,
        nursery::Nursery,
        words::tr,
    },
};

#[component]
pub(super) fn Timers(rows: TodayRows) -> impl IntoView {
    // Keyed by version too: a switched side is another row to act on.
    let running = move || rows.running.get().unwrap_or_default();
    view! {
        <div class="timers">
            <For each=running key=|row| (row.id, row.server.row_version, row.fields.clone()) let:row>
                <TimerCard row=row/>
            </For>
        </div>
    }
    .into_any()
}

#[component]
fn TimerCard(row: Row) -> impl IntoView {
    let feed = (row.entity_type == EntityType::FEED_LOG).then(|| row.read::<FeedLog>().ok()).flatten();
    match feed {
        Some(feed) => view! { <FeedTimer row=row feed=feed/> }.into_any(),
        None => view! { <SleepTimer row=row/> }.into_any(),
    }
}

#[component]
fn SleepTimer(row: Row) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let acts = expect_context::<Acts>();
    let since = row.started_at().unwrap_or_default();
    let started = started_words(nursery, row.clone(), since);
    let stop = move |_| stop_sleep(acts, row.clone());
    let may_log = untrack(|| nursery.may_log());
    view! {
        <article class="timer" data-kind="sleep">
            <TimerHead glyph=Glyph::Moon title=tr!(timer.asleep).to_owned() since=since/>
            <p class="timer-what">{started}</p>
            {may_log.then(|| view! {
                <div class="timer-actions">
                    <button type="button" class="button" on:click=stop><Icon glyph=Glyph::Stop/>{tr!(timer.stop_sleep)}</button>
                </div>
            })}
        </article>
    }
}

/// Ends a running sleep now, never before it began.
pub(super) fn stop_sleep(acts: Acts, row: Row) {
    let mut after = row.fields.clone();
    timer::stop(row.entity_type, &mut after, now());
    acts.update_now(row, after, tr!(said.sleep_stopped));
}

#[component]
fn FeedTimer(row: Row, feed: FeedLog) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let since = feed.started_at;
    let side = feed.running_side();
    let title = match side {
        Some(Side::Left) => tr!(timer.feeding_left),
        Some(Side::Right) => tr!(timer.feeding_right),
        None => tr!(timer.feeding),
    };
    let started = started_words(nursery, row.clone(), since);
    let timed = feed.clone();
    let sides = move || {
        let (left, right) = timed.side_ms(ticker.now());
        tr!(timer.sides, left = timer(left), right = timer(right))
    };
    let has_sides = feed.segments.is_some();
    let may_log = untrack(|| nursery.may_log());
    view! {
        <article class="timer" data-kind="feed">
            <TimerHead glyph=Glyph::Breast title=title.to_owned() since=since/>
            {has_sides.then(|| view! { <p class="timer-sides">{sides}</p> })}
            <p class="timer-what">{started}</p>
            {may_log.then(|| view! { <FeedTimerActions row=row feed=feed/> })}
        </article>
    }
}

#[component]
fn FeedTimerActions(row: Row, feed: FeedLog) -> impl IntoView {
    let acts = expect_context::<Acts>();
    let side = feed.running_side();
    let shown = StoredValue::new(row);
    let act = move |other: Option<&'static str>, said: &'static str| {
        let row = shown.get_value();
        let mut after = row.fields.clone();
        match other {
            Some(side) => timer::switch(row.entity_type, &mut after, side, now()),
            None => timer::stop(row.entity_type, &mut after, now()),
        }
        acts.update_now(row, after, said);
    };
    let switch = side.map(|side| {
        let (other, words) = match side {
            Side::Left => ("right", tr!(timer.switch_right)),
            Side::Right => ("left", tr!(timer.switch_left)),
        };
        view! {
            <button type="button" class="button" on:click=move |_| act(Some(other), tr!(said.switched))>
                <Icon glyph=Glyph::Swap/>
                {words}
            </button>
        }
    });
    view! {
        <div class="timer-actions">
            {switch}
            <button type="button" class="button" on:click=move |_| act(None, tr!(said.feed_stopped))>
                <Icon glyph=Glyph::Stop/>
                {tr!(timer.stop_feed)}
            </button>
        </div>
    }
}

/// Since when, and by whom: a caregiver's name may arrive after their timer.
fn started_words(nursery: Nursery, row: Row, since: Timestamp) -> impl Fn() -> String {
    move || {
        let time = nursery.zone.with(|zone| intl::time(zone, since));
        tr!(timer.since, time = time, who = nursery.author(&row))
    }
}

#[component]
fn TimerHead(glyph: Glyph, title: String, since: Timestamp) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    view! {
        <header class="timer-head">
            <Icon glyph=glyph/>
            <h2 class="timer-title">{title}</h2>
            <p class="timer-elapsed" role="timer">{move || timer(ticker.now().since(since))}</p>
        </header>
    }
    .into_any()
}
