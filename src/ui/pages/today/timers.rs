//! What is running now, on whichever device it was started.

use leptos::prelude::*;

use super::TodayRows;
use crate::{
    domain::{
        feed_log::{FeedLog, Side},
        field::Fields,
        registry::EntityType,
        row::Row,
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
    let started = started_words(nursery, row.clone());
    let head = view! { <TimerHead glyph=Glyph::Moon title=tr!(timer.asleep) row=row.clone()/> };
    let stop = move |_| stop_sleep(acts, row.clone());
    let may_log = untrack(|| nursery.may_log());
    view! {
        <article class="timer" data-kind="sleep">
            {head}
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
    let title = match feed.running_side() {
        Some(Side::Left) => tr!(timer.feeding_left),
        Some(Side::Right) => tr!(timer.feeding_right),
        None if timer::paused_at(&row.fields).is_some() => tr!(timer.paused),
        None => tr!(timer.feeding),
    };
    let started = started_words(nursery, row.clone());
    let has_sides = feed.segments.is_some();
    let sides = move || {
        let (left, right) = feed.side_ms(ticker.now());
        tr!(timer.sides, left = timer(left), right = timer(right))
    };
    let may_log = untrack(|| nursery.may_log());
    view! {
        <article class="timer" data-kind="feed">
            <TimerHead glyph=Glyph::Breast title=title row=row.clone()/>
            {has_sides.then(|| view! { <p class="timer-sides">{sides}</p> })}
            <p class="timer-what">{started}</p>
            {may_log.then(|| view! { <FeedTimerActions row=row/> })}
        </article>
    }
}

/// To the other side, a break or its end, and the end of it all.
#[component]
fn FeedTimerActions(row: Row) -> impl IntoView {
    let acts = expect_context::<Acts>();
    let side = timer::side(&row.fields).map(|side| side == "left");
    let is_paused = timer::paused_at(&row.fields).is_some();
    let shown = StoredValue::new(row);
    let button = move |glyph: Glyph, words: &'static str, change: fn(&Row, &mut Fields), said: &'static str| {
        let act = move |_| {
            let row = shown.get_value();
            let mut after = row.fields.clone();
            change(&row, &mut after);
            acts.update_now(row, after, said);
        };
        view! { <button type="button" class="button" on:click=act><Icon glyph=glyph/>{words}</button> }.into_any()
    };
    let to_left = |row: &Row, after: &mut Fields| timer::switch(row.entity_type, after, "left", now());
    let to_right = |row: &Row, after: &mut Fields| timer::switch(row.entity_type, after, "right", now());
    let switch = side.map(|is_left| match is_left {
        true => button(Glyph::Swap, tr!(timer.switch_right), to_right, tr!(said.switched)),
        false => button(Glyph::Swap, tr!(timer.switch_left), to_left, tr!(said.switched)),
    });
    let rest = |row: &Row, after: &mut Fields| timer::pause(row.entity_type, after, now());
    let go_on = |row: &Row, after: &mut Fields| timer::resume(row.entity_type, after, now());
    // One that never named a side has nothing to go on with.
    let pause = side.map(|_| match is_paused {
        true => button(Glyph::Play, tr!(timer.resume), go_on, tr!(bedside.resumed)),
        false => button(Glyph::Pause, tr!(timer.pause), rest, tr!(bedside.paused)),
    });
    let end = |row: &Row, after: &mut Fields| timer::stop(row.entity_type, after, now());
    let stop = button(Glyph::Stop, tr!(timer.stop_feed), end, tr!(said.feed_stopped));
    view! { <div class="timer-actions">{switch} {pause} {stop}</div> }.into_any()
}

/// Since when, and by whom: a caregiver's name may arrive after their timer.
fn started_words(nursery: Nursery, row: Row) -> impl Fn() -> String {
    move || {
        let since = row.started_at().unwrap_or_default();
        let time = nursery.zone.with(|zone| intl::time(zone, since));
        tr!(timer.since, time = time, who = nursery.author(&row))
    }
}

/// What it is, and how long it has been going on, without its breaks.
#[component]
fn TimerHead(glyph: Glyph, title: &'static str, row: Row) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let elapsed = move || timer(timer::elapsed_ms(&row.fields, ticker.now()));
    view! {
        <header class="timer-head">
            <Icon glyph=glyph/>
            <h2 class="timer-title">{title}</h2>
            <p class="timer-elapsed" role="timer">{elapsed}</p>
        </header>
    }
    .into_any()
}
