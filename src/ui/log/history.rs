//! What became of an entry, change by change, as the server tells it; what it once was can come back.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;

use super::form::Form;
use crate::{
    api,
    domain::{
        id::UserId,
        row::{Row, patch},
        time::Timestamp,
    },
    sync::protocol::Change,
    ui::{
        account::api_words,
        clock::now,
        entry::{field_words, moment_words, summary},
        prefs::Prefs,
        words::tr,
    },
};

/// The entry as one change left it.
#[derive(Clone)]
struct Past {
    version: u64,
    row: Row,
    by: Option<UserId>,
    at: Timestamp,
}

impl Past {
    /// `None` for what this version of the app cannot read.
    fn of(change: &Change, now: &Row) -> Option<Self> {
        let payload: Value = serde_json::from_str(change.payload.get()).ok()?;
        let row = Row::from_payload(now.entity_type, &payload).ok()?;
        Some(Self { version: change.version, row, by: change.actor_id, at: change.created_at })
    }
}

/// Of an entry that the server knows; asked for when it is unfolded.
#[component]
pub(super) fn History(form: Form, row: Option<Row>) -> impl IntoView {
    let row = row.filter(|row| row.server.row_version > 0 && !form.is_letter())?;
    let open = RwSignal::new(false);
    let shown = move || open.get().then(|| view! { <Events form=form row=row.clone()/> });
    Some(
        view! {
            <details class="more" on:toggle=move |_| open.set(true)>
                <summary>{tr!(history.title)}</summary>
                {shown}
            </details>
        }
        .into_any(),
    )
}

#[component]
fn Events(form: Form, row: Row) -> impl IntoView {
    let events = RwSignal::new(None::<Vec<Past>>);
    let has_more = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let entry = StoredValue::new(row);
    let ask = move || {
        let row = entry.get_value();
        let before = events.with_untracked(|events| events.as_ref()?.last().map(|past| past.version));
        spawn_local(async move {
            match api::history(row.baby_id, row.id, before).await {
                Ok(page) => {
                    let read: Vec<Past> = page.changes.iter().filter_map(|change| Past::of(change, &row)).collect();
                    has_more.try_set(page.has_more && !read.is_empty());
                    events.try_update(|events| events.get_or_insert_default().extend(read));
                    error.try_set(None);
                }
                Err(err) => {
                    error.try_set(Some(api_words(&err)));
                }
            }
        });
    };
    ask();
    let lines = move || {
        let all = events.get().unwrap_or_default();
        let line = |(index, past): (usize, &Past)| {
            let older = all.get(index + 1).cloned();
            view! { <Event form=form entry=entry past=past.clone() older=older/> }
        };
        all.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let asking = move || events.with(Option::is_none) && error.with(Option::is_none);
    view! {
        <p class="field-hint" role="status">{move || asking().then_some(tr!(caregivers.asking))}</p>
        <ol class="history">{lines}</ol>
        <p class="field-error" role="alert">{move || error.get()}</p>
        {move || (has_more.get() || error.with(Option::is_some)).then(|| {
            let words = if has_more.get() { tr!(history.earlier) } else { tr!(action.try_again) };
            view! { <button type="button" class="button" on:click=move |_| ask()>{words}</button> }
        })}
    }
    .into_any()
}

#[component]
fn Event(form: Form, entry: StoredValue<Row>, past: Past, older: Option<Past>) -> impl IntoView {
    let nursery = form.nursery;
    let Past { row, by, at, .. } = past;
    let when = nursery.zone.with_untracked(|zone| moment_words(zone, at));
    let unit = expect_context::<Prefs>().volume_unit_now();
    let was_deleted = older.as_ref().is_some_and(|older| older.row.is_deleted());
    let what = match (&older, row.is_deleted()) {
        (_, true) => tr!(history.deleted).to_owned(),
        (Some(_), false) if was_deleted => tr!(history.restored).to_owned(),
        (Some(_), false) => tr!(history.changed).to_owned(),
        (None, false) => tr!(history.written, what = summary(&row, unit, now())),
    };
    // A patch has whole groups of fields; only what is another is worth reading.
    let changed = older.map(|older| {
        let mut changed = patch(row.entity_type, &older.row.fields, &row.fields);
        changed.retain(|name, value| *value != *older.row.fields.get(name).unwrap_or(&Value::Null));
        changed
    });
    let fields: Vec<_> = nursery.zone.with_untracked(|zone| {
        let words = changed.iter().flatten().filter_map(|(name, value)| field_words(zone, name, value));
        words.map(|words| view! { <li>{words}</li> }).collect()
    });
    let is_other = !row.is_deleted() && entry.with_value(|entry| entry.fields != row.fields);
    let restore = is_other.then(|| {
        let name = tr!(history.restore_of, when = when.clone());
        let restore = move |_| form.save(row.entity_type, Some(entry.get_value()), row.fields.clone(), "");
        view! { <button type="button" class="button button-small" aria-label=name on:click=restore>{tr!(history.restore)}</button> }
    });
    let (baby, said) = (entry.with_value(|entry| entry.baby_id), when);
    view! {
        <li class="history-event">
            <p class="entry-what">{what}</p>
            <p class="entry-who">{move || tr!(entry.by_at, who = nursery.who(baby, by, Some(at)), time = said.clone())}</p>
            <ul class="letter-fields">{fields}</ul>
            {restore}
        </li>
    }
    .into_any()
}
