//! One dead letter: what was written, why it did not arrive, and what can be done about it.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;

use super::Letters;
use crate::{
    domain::{
        field::Fields,
        id::BabyId,
        mutation::{Op, Rejection, RejectionCode},
        row::Row,
        time::Timestamp,
    },
    sync::{
        outbox::Mutated,
        ports::StoreError,
        query::{Query, Select},
        status::{DeadLetter, DeadReason},
    },
    ui::{
        acts::{in_words, store_words},
        clock::now,
        components::{confirm::Question, icon::Icon},
        download::save_as,
        entry::{field_words, glyph, moment_words, summary, type_words},
        log::Sheets,
        nursery::Nursery,
        prefs::Prefs,
        replica::Replica,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn Letter(letter: DeadLetter) -> impl IntoView {
    let what = match letter.mutated.clone() {
        Some(Mutated { entity_type, entity_id: id, op, payload: fields, updated_at, .. }) => {
            let row = Row { entity_type, id, baby_id: letter.baby_id, fields, server: Default::default() };
            let lost = lost_fields(&letter.reason).map(<[String]>::to_vec);
            view! { <Written row=row op=op at=updated_at lost=lost/> }.into_any()
        }
        None => view! { <p class="letter-what">{tr!(entry.other)}</p> }.into_any(),
    };
    view! {
        <li class="card letter">
            {what}
            <p class="letter-why">{reason_words(&letter.reason)}</p>
            <Theirs letter=letter.clone()/>
            <LetterActions letter=letter/>
        </li>
    }
    .into_any()
}

/// What a person wrote: the entry, its time, and for a change the fields.
#[component]
pub(super) fn Written(
    row: Row,
    op: Op,
    /// When it was done, for what does not say when it happened.
    #[prop(optional, into)]
    at: Option<Timestamp>,
    /// The fields of an edit that lost to another caregiver's.
    #[prop(default = None)]
    lost: Option<Vec<String>>,
    #[prop(optional, into)] who: Option<String>,
) -> impl IntoView {
    let zone = expect_context::<Nursery>().zone.get_untracked();
    let entity_type = row.entity_type;
    let when = row.started_at().or(at).map(|at| moment_words(&zone, at)).unwrap_or_default();
    let when = match who {
        Some(who) => tr!(guest.by, who = who, when = when),
        None => when,
    };
    let what = match op {
        Op::Create | Op::Restore => summary(&row, expect_context::<Prefs>().volume_unit_now(), now()),
        Op::Update => tr!(letter.change_of, what = type_words(entity_type)),
        Op::Delete => tr!(letter.delete_of, what = type_words(entity_type)),
    };
    let shown = |name: &str| match &lost {
        Some(lost) => lost.iter().any(|lost| lost == name),
        None => op == Op::Update || name == "notes",
    };
    let fields = row.fields.iter().filter(|(name, _)| shown(name));
    let fields: Vec<_> = fields
        .filter_map(|(name, value)| field_words(&zone, name, value))
        .map(|words| view! { <li>{words}</li> })
        .collect();
    view! {
        <p class="letter-what">
            <Icon glyph=glyph(entity_type, &row.fields)/>
            {what}
        </p>
        <p class="entry-who">{when}</p>
        <ul class="letter-fields">{fields}</ul>
    }
}

/// The fields of an edit that lost to another caregiver's.
fn lost_fields(reason: &DeadReason) -> Option<&[String]> {
    match reason {
        DeadReason::LostEdit { fields, deleted: false } => Some(fields),
        _ => None,
    }
}

/// The row that a letter is about, as it is now.
fn row_of(baby_id: BabyId, mutated: &Mutated) -> Query {
    let (types, select) = (vec![mutated.entity_type], Select::One(mutated.entity_id));
    Query { baby_id, types, select, limit: Some(1) }
}

/// What won over a lost edit, so that a person can choose.
#[component]
fn Theirs(letter: DeadLetter) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let lost = lost_fields(&letter.reason)?.to_vec();
    let query = row_of(letter.baby_id, letter.mutated.as_ref()?);
    let rows = nursery.replica.live(move || query.clone());
    let lines = move || {
        let zone = nursery.zone.get();
        let now = rows.with(|rows| rows.as_ref()?.first().map(|row| row.fields.clone())).unwrap_or_default();
        let words = lost.iter().filter_map(|name| field_words(&zone, name, now.get(name).unwrap_or(&Value::Null)));
        words.map(|words| view! { <li>{words}</li> }).collect::<Vec<_>>()
    };
    Some(view! {
        <p class="letter-now">{tr!(letter.now)}</p>
        <ul class="letter-fields">{lines}</ul>
    })
}

/// The entry as the letter wants it, over what it is now.
async fn wanted(replica: Replica, baby_id: BabyId, letter: &DeadLetter, mutated: Mutated) -> Result<Row, StoreError> {
    let known = replica.port().query(row_of(baby_id, &mutated)).await?.pop();
    let Mutated { entity_type, entity_id: id, payload, .. } = mutated;
    let mut row =
        known.unwrap_or_else(|| Row { entity_type, id, baby_id, fields: Fields::new(), server: Default::default() });
    let lost = lost_fields(&letter.reason);
    for (name, value) in payload {
        if lost.is_some_and(|lost| !lost.contains(&name)) {
            continue;
        }
        row.fields.insert(name, value);
    }
    row.fields.retain(|_, value| !value.is_null());
    row.server.deleted_at = None;
    Ok(row)
}

#[component]
fn EditLetter(letter: DeadLetter, mutated: Mutated) -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let toasts = expect_context::<Toasts>();
    let sheets = expect_context::<Sheets>();
    let edit = move |_| {
        let (letter, mutated) = (letter.clone(), mutated.clone());
        spawn_local(async move {
            let id = (letter.baby_id, letter.mutation_id);
            match wanted(replica, letter.baby_id, &letter, mutated).await {
                Ok(row) => sheets.edit_letter(row, id),
                Err(err) => toasts.say(Tone::Bad, store_words(&err)),
            }
        });
    };
    view! { <button type="button" class="button" on:click=edit>{tr!(action.edit)}</button> }
}

#[component]
fn LetterActions(letter: DeadLetter) -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let toasts = expect_context::<Toasts>();
    let letters = expect_context::<Letters>();
    let (baby_id, id) = (letter.baby_id, letter.mutation_id);
    let retry = move |_| {
        spawn_local(async move {
            match replica.port().retry(baby_id, id, None).await {
                Ok(()) => toasts.say(Tone::Good, tr!(letter.retried)),
                Err(err) => toasts.say(Tone::Bad, in_words(err).words),
            }
            letters.read.update(|read| *read += 1);
        });
    };
    let act = Callback::new(move |()| {
        spawn_local(async move {
            match replica.port().discard(baby_id, id).await {
                Ok(()) => toasts.say(Tone::Good, tr!(letter.discarded)),
                Err(err) => toasts.say(Tone::Bad, store_words(&err)),
            }
            letters.read.update(|read| *read += 1);
        });
    });
    let discard = move |_| {
        letters.question.set(Some(Question {
            title: tr!(letter.discard_title).to_owned(),
            text: tr!(letter.discard_text).to_owned(),
            yes: tr!(action.discard).to_owned(),
            act,
        }));
    };
    let retry_words = match letter.reason {
        DeadReason::LostEdit { .. } => tr!(letter.use_mine),
        _ => tr!(action.retry),
    };
    // Without access, or without its text, there is nothing to send.
    let can_retry = !matches!(letter.reason, DeadReason::AccessRevoked | DeadReason::Corrupt { .. });
    let edit = letter.mutated.clone().filter(|mutated| can_retry && mutated.op != Op::Delete);
    let edit = edit.map(|mutated| view! { <EditLetter letter=letter.clone() mutated=mutated/> });
    let export = move |_| {
        // A letter was read from JSON a moment ago.
        let text = serde_json::to_string_pretty(&letter).unwrap_or_default();
        save_as("cradlelog-entry.json", &text);
    };
    view! {
        <div class="button-row">
            {can_retry.then(|| view! { <button type="button" class="button" on:click=retry>{retry_words}</button> })}
            {edit}
            <button type="button" class="button" on:click=export>{tr!(action.export)}</button>
            <button type="button" class="button button-quiet" on:click=discard>{tr!(action.discard)}</button>
        </div>
    }
}

pub(super) fn reason_words(reason: &DeadReason) -> &'static str {
    match reason {
        DeadReason::Rejected { error } => rejection_words(error),
        DeadReason::ParentRejected { .. } => tr!(letter.parent_rejected),
        DeadReason::LostEdit { deleted: true, .. } => tr!(letter.lost_to_delete),
        DeadReason::LostEdit { .. } => tr!(letter.lost),
        DeadReason::AccessRevoked => tr!(letter.revoked),
        DeadReason::ReadOnly => tr!(letter.read_only),
        DeadReason::Exhausted => tr!(letter.exhausted),
        DeadReason::Corrupt { .. } => tr!(letter.corrupt),
    }
}

fn rejection_words(error: &Rejection) -> &'static str {
    match error.code {
        RejectionCode::InvalidPayload if error.field.as_deref() == Some("endedAt") => tr!(wrong.end_before_start),
        RejectionCode::InvalidPayload => tr!(letter.invalid),
        RejectionCode::UnknownEntityType => tr!(letter.unknown_type),
        RejectionCode::ParentMissing if error.field.as_deref() == Some("babyId") => tr!(letter.baby_deleted),
        RejectionCode::ParentMissing => tr!(letter.parent_missing),
        RejectionCode::IdReused => tr!(letter.id_reused),
        RejectionCode::Forbidden => tr!(letter.read_only),
        RejectionCode::Unknown => tr!(letter.refused),
    }
}
