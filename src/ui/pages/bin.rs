//! The bin: what was deleted of the baby on screen in the last thirty days, by whom, and the way back.

use leptos::prelude::*;

use super::{PageTitle, welcome::AddBaby};
use crate::{
    domain::{baby::KEPT_DAYS, registry::EntityType, row::Row},
    sync::query::Select,
    ui::{
        acts::Acts,
        clock::now,
        components::icon::{Glyph, Icon},
        entry::{glyph, kind, moment_words, summary},
        nursery::Nursery,
        prefs::Prefs,
        words::tr,
    },
};

const DAY_MS: i64 = 86_400_000;
/// Entries drawn at once, and more with each press.
const MORE: usize = 50;

#[component]
pub(crate) fn BinPage() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let has_baby = Memo::new(move |_| nursery.baby.with(Option::is_some));
    let screen = move || if has_baby.get() { view! { <Bin/> }.into_any() } else { view! { <AddBaby/> }.into_any() };
    view! {
        <PageTitle words=tr!(bin.title)/>
        {screen}
    }
    .into_any()
}

#[component]
fn Bin() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    // A deleted baby is taken back under Settings.
    let types: Vec<EntityType> = EntityType::all().filter(|known| *known != EntityType::BABY).collect();
    let since = move |_| Select::Deleted { since: now().plus_ms(-KEPT_DAYS * DAY_MS) };
    let rows = nursery.live(&types, since, None);
    let most = RwSignal::new(MORE);
    let line = |row: &Row| view! { <Deleted row=row.clone()/> };
    let shown = move || rows.with(|rows| rows.iter().flatten().take(most.get()).map(line).collect::<Vec<_>>());
    let count = Memo::new(move |_| rows.with(|rows| rows.as_ref().map(Vec::len)));
    view! {
        <section class="page">
            <h1 class="page-title">{tr!(bin.title)}</h1>
            <p class="lead">{tr!(bin.lead, days = KEPT_DAYS)}</p>
            <ul class="entries">{shown}</ul>
            {move || (count.get() == Some(0)).then(|| view! { <p class="day-empty">{tr!(bin.empty)}</p> })}
            {move || count.get().is_some_and(|count| count > most.get()).then(|| view! {
                <button type="button" class="button button-wide" on:click=move |_| most.update(|most| *most += MORE)>
                    {tr!(bin.more)}
                </button>
            })}
        </section>
    }
    .into_any()
}

#[component]
fn Deleted(row: Row) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let acts = expect_context::<Acts>();
    let unit = expect_context::<Prefs>().volume_unit_now();
    let moment = |at| nursery.zone.with_untracked(|zone| moment_words(zone, at));
    let (what, happened) = (summary(&row, unit, now()), row.started_at().map(moment));
    let deleted_at = row.server.deleted_at;
    let when = deleted_at.map(moment).unwrap_or_default();
    let name = tr!(entry.restore, what = what.clone());
    let (entity_type, baby_id, id) = (row.entity_type, row.baby_id, row.id);
    let (kind, glyph) = (kind(entity_type), glyph(entity_type, &row.fields));
    let by = row.server.updated_by;
    // What still waits here was deleted here; the row names who changed it before.
    let is_unsent = Memo::new(move |_| nursery.is_unsent(baby_id, id));
    let who = move || {
        let by = by.filter(|_| !is_unsent.get());
        tr!(bin.by_at, who = nursery.who(baby_id, by, deleted_at), time = when.clone())
    };
    let notes = row.fields.get("notes").and_then(|notes| notes.as_str()).map(str::to_owned);
    let may_log = untrack(|| nursery.may_log());
    let restore = move |_| acts.restore(entity_type, baby_id, id);
    view! {
        <li class="entry" data-kind=kind>
            <div class="entry-body">
                <span class="entry-picture"><Icon glyph=glyph/></span>
                <span class="entry-words">
                    <span class="entry-what">{what}</span>
                    <span class="entry-who">{happened}</span>
                    {notes.map(|notes| view! { <span class="entry-notes">{notes}</span> })}
                    <span class="entry-who">{who}</span>
                </span>
            </div>
            {may_log.then(|| view! {
                <button type="button" class="button button-small" aria-label=name on:click=restore>
                    <Icon glyph=Glyph::Restore/>
                    {tr!(action.restore)}
                </button>
            })}
        </li>
    }
    .into_any()
}
