//! "Is this what Ben logged at 02:10?": two caregivers may have written down one happening. The app
//! asks and never decides, for two small feeds look the same.

use leptos::prelude::*;
use serde_json::Value;

use crate::{
    domain::{registry::DISTINCT, row::Row},
    ui::{acts::Acts, intl, nursery::Nursery, words::tr},
};

/// Of `rows`, the one that `row` may be a repetition of, unless somebody has said that it is not.
pub(super) fn twin_of(row: &Row, rows: &[Row]) -> Option<Row> {
    let twin = row.server.possible_duplicate_of?;
    let is_settled = row.fields.get(DISTINCT).and_then(Value::as_bool) == Some(true);
    rows.iter().find(|other| other.id == twin && !is_settled).cloned()
}

#[component]
pub(super) fn TwinQuestion(row: Row, twin: Row) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let acts = expect_context::<Acts>();
    let at = twin.started_at().unwrap_or_default();
    let time = nursery.zone.with_untracked(|zone| intl::time(zone, at));
    let question = move || match twin.server.logged_by {
        by if nursery.is_me(by) => tr!(twin.yours, time = time.clone()),
        _ => tr!(twin.theirs, who = nursery.author(&twin), time = time.clone()),
    };
    let extra = row.clone();
    let keep = move |_| {
        let mut fields = row.fields.clone();
        fields.insert(DISTINCT.to_owned(), Value::Bool(true));
        acts.update_now(row.clone(), fields, tr!(twin.kept));
    };
    view! {
        <div class="entry-twin">
            <p>{question}</p>
            <button type="button" class="button button-small" on:click=keep>{tr!(twin.keep)}</button>
            <button type="button" class="button button-small" on:click=move |_| acts.delete(extra.clone())>
                {tr!(twin.delete)}
            </button>
        </div>
    }
    .into_any()
}
