//! One dead letter: what was written, why it did not arrive, and what can be done about it.

use leptos::{prelude::*, task::spawn_local};

use super::Letters;
use crate::{
    domain::{
        id::BabyId,
        mutation::{Op, Rejection, RejectionCode},
        row::Row,
    },
    sync::{
        outbox::Mutated,
        status::{DeadLetter, DeadReason},
    },
    ui::{
        acts::{in_words, store_words},
        clock::now,
        components::{confirm::Question, icon::Icon},
        entry::{glyph, summary, type_words},
        intl,
        nursery::Nursery,
        prefs::Prefs,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn Letter(letter: DeadLetter) -> impl IntoView {
    let what = match letter.mutated.clone() {
        Some(mutated) => view! { <Written baby_id=letter.baby_id mutated=mutated/> }.into_any(),
        None => view! { <p class="letter-what">{tr!(entry.other)}</p> }.into_any(),
    };
    view! {
        <li class="card letter">
            {what}
            <p class="letter-why">{reason_words(&letter.reason)}</p>
            <LetterActions letter=letter/>
        </li>
    }
    .into_any()
}

/// What a person wrote: the entry, its time, and for a change the fields.
#[component]
fn Written(baby_id: BabyId, mutated: Mutated) -> impl IntoView {
    let zone = expect_context::<Nursery>().zone.get_untracked();
    let Mutated { entity_type, entity_id: id, op, payload: fields, updated_at, .. } = mutated;
    let row = Row { entity_type, id, baby_id, fields, server: Default::default() };
    let at = row.started_at().unwrap_or(updated_at);
    let when = tr!(time.on_day, time = intl::time(&zone, at), day = intl::short_day(intl::day_of(&zone, at)));
    let what = match op {
        Op::Create | Op::Restore => summary(&row, expect_context::<Prefs>().volume_unit_now(), now()),
        Op::Update => tr!(letter.change_of, what = type_words(entity_type)),
        Op::Delete => tr!(letter.delete_of, what = type_words(entity_type)),
    };
    let shown = |name: &str| op == Op::Update || name == "notes";
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

#[component]
fn LetterActions(letter: DeadLetter) -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let toasts = expect_context::<Toasts>();
    let letters = expect_context::<Letters>();
    let (baby_id, id) = (letter.baby_id, letter.mutation_id);
    let retry = move |_| {
        spawn_local(async move {
            match replica.port().retry(baby_id, id).await {
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
    view! {
        <div class="button-row">
            {can_retry.then(|| view! { <button type="button" class="button" on:click=retry>{retry_words}</button> })}
            <button type="button" class="button button-quiet" on:click=discard>{tr!(action.discard)}</button>
        </div>
    }
}

/// A changed field in words; what only machines read is left out.
fn field_words(zone: &str, name: &str, value: &serde_json::Value) -> Option<String> {
    let label = match name {
        "startedAt" => tr!(letter.started),
        "endedAt" => tr!(letter.ended),
        "notes" => tr!(field.notes),
        "amountMl" => tr!(field.amount),
        "content" => tr!(feed.content),
        "type" => tr!(nappy.type_label),
        "colour" => tr!(nappy.colour),
        "consistency" => tr!(nappy.consistency),
        "kind" => tr!(sleep.kind),
        "place" => tr!(sleep.place),
        "quality" => tr!(sleep.quality),
        "name" => tr!(welcome.name),
        "birthDate" => tr!(welcome.birth_date),
        _ => return None,
    };
    let value = match value {
        serde_json::Value::Null => tr!(letter.removed).to_owned(),
        serde_json::Value::String(text) => match text.parse() {
            Ok(at) => intl::time(zone, at),
            Err(_) => text.replace('_', " "),
        },
        other => other.to_string(),
    };
    Some(tr!(letter.field, label = label, value = value))
}

fn reason_words(reason: &DeadReason) -> &'static str {
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
        RejectionCode::ParentMissing => tr!(letter.parent_missing),
        RejectionCode::IdReused => tr!(letter.id_reused),
        RejectionCode::Forbidden => tr!(letter.read_only),
        RejectionCode::Unknown => tr!(letter.refused),
    }
}
