//! One entry of the timeline: what, when, by whom, and whether the others have it yet.

use leptos::prelude::*;

use super::twin::TwinQuestion;
use crate::{
    domain::row::Row,
    ui::{
        acts::Acts,
        clock::{Ticker, now},
        components::icon::{Glyph, Icon},
        entry::{glyph, kind, summary},
        intl,
        log::Sheets,
        nursery::Nursery,
        prefs::Prefs,
        words::tr,
    },
};

/// An entry, and the one that it may be a repetition of.
pub(super) type Line = (Row, Option<Row>);

/// Entries one below the other; one is drawn anew when it, or its twin, has changed.
#[component]
pub(super) fn EntryList(#[prop(into)] lines: Signal<Vec<Line>>) -> impl IntoView {
    let version = |row: &Row| (row.id, row.server.row_version);
    view! {
        <ul class="entries">
            <For
                each=move || lines.get()
                key=move |(row, twin)| (version(row), row.fields.clone(), twin.as_ref().map(version))
                let((row, twin))
            >
                <EntryRow row=row twin=twin/>
            </For>
        </ul>
    }
    .into_any()
}

#[component]
fn EntryRow(row: Row, twin: Option<Row>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let sheets = expect_context::<Sheets>();
    let acts = expect_context::<Acts>();
    let unit = expect_context::<Prefs>().volume_unit_now();
    let ticker = expect_context::<Ticker>();
    let time = nursery.zone.with_untracked(|zone| row.started_at().map(|at| intl::time(zone, at))).unwrap_or_default();
    let is_running = row.entity_type.is_running(&row.fields);
    let shown = row.clone();
    // Only what still runs changes with the clock.
    let words = move || summary(&shown, unit, if is_running { ticker.now() } else { now() });
    let plain = summary(&row, unit, now());
    let notes = row.fields.get("notes").and_then(|notes| notes.as_str()).map(str::to_owned);
    // A caregiver's name may arrive after what they logged.
    let (authored, at) = (row.clone(), time.clone());
    let who = move || tr!(entry.by_at, who = nursery.author(&authored), time = at.clone());
    let (baby_id, id) = (row.baby_id, row.id);
    let is_unsent = Memo::new(move |_| nursery.is_unsent(baby_id, id));
    let waiting = move || is_unsent.get().then(|| view! { <span class="entry-waiting">{tr!(entry.waiting)}</span> });
    let delete_name = tr!(entry.delete, what = plain, time = time);
    let (kind, glyph) = (kind(row.entity_type), glyph(row.entity_type, &row.fields));
    let may_log = untrack(|| nursery.may_log());
    let deleted = row.clone();
    let question = twin.map(|twin| view! { <TwinQuestion row=row.clone() twin=twin/> });
    let body = view! {
        <span class="entry-picture"><Icon glyph=glyph/></span>
        <span class="entry-words">
            <span class="entry-what">{words}</span>
            <span class="entry-who">{who} " " {waiting}</span>
            {notes.map(|notes| view! { <span class="entry-notes">{notes}</span> })}
        </span>
    };
    if !may_log {
        return view! { <li class="entry" data-kind=kind><div class="entry-body">{body}</div></li> }.into_any();
    }
    view! {
        <li class="entry" data-kind=kind>
            <button type="button" class="entry-body" on:click=move |_| sheets.edit(row.clone())>
                <span class="visually-hidden">{tr!(action.edit)} " "</span>
                {body}
            </button>
            <button type="button" class="icon-button" aria-label=delete_name on:click=move |_| acts.delete(deleted.clone())>
                <Icon glyph=Glyph::Bin/>
            </button>
            {question}
        </li>
    }
    .into_any()
}
