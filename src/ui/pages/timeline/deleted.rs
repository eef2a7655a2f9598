//! The bin: deleted entries, and the way back for each.

use leptos::prelude::*;

use super::LOGS;
use crate::{
    sync::query::Select,
    ui::{
        acts::Acts,
        clock::now,
        entry::{moment_words, summary},
        nursery::Nursery,
        prefs::Prefs,
        words::tr,
    },
};

const SHOWN: usize = 50;

#[component]
pub(super) fn Deleted() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <details class="more" on:toggle=move |_| open.set(true)>
            <summary>{tr!(timeline.deleted)}</summary>
            {move || open.get().then(|| view! { <DeletedList/> })}
        </details>
    }
    .into_any()
}

#[component]
fn DeletedList() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let acts = expect_context::<Acts>();
    let unit = expect_context::<Prefs>().volume_unit_now();
    let rows = nursery.live(&LOGS, |_| Select::Deleted, Some(SHOWN));
    let lines = move || {
        let zone = nursery.zone.get();
        let rows = rows.get().unwrap_or_default().into_iter();
        rows.map(|row| {
            let what = summary(&row, unit, now());
            let at = row.started_at().unwrap_or_default();
            let when = moment_words(&zone, at);
            let name = tr!(entry.restore, what = what.clone());
            let restore = move |_| acts.restore(row.entity_type, row.baby_id, row.id);
            view! {
                <li class="entry">
                    <div class="entry-body">
                        <span class="entry-words">
                            <span class="entry-what">{what}</span>
                            <span class="entry-who">{when}</span>
                        </span>
                    </div>
                    <button type="button" class="button button-small" aria-label=name on:click=restore>
                        {tr!(action.restore)}
                    </button>
                </li>
            }
        })
        .collect::<Vec<_>>()
    };
    let is_empty = move || rows.with(|rows| rows.as_ref().is_some_and(Vec::is_empty));
    view! {
        <ul class="entries">{lines}</ul>
        {move || is_empty().then(|| view! { <p class="day-empty">{tr!(timeline.bin_empty)}</p> })}
    }
}
