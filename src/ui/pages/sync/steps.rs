//! What the sync does after a person asked for it, step by step.

use leptos::prelude::*;

use super::{baby::error_words, letter::reason_words};
use crate::{
    domain::time::Timestamp,
    sync::status::{Did, SyncStatus, SyncStep},
    ui::{intl, layout::sync_words::sync_words, nursery::Nursery, words::tr},
};

/// The steps since `asked_at`; nothing before anybody asked.
#[component]
pub(super) fn Steps(asked_at: RwSignal<Option<Timestamp>>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let replica = nursery.replica;
    let lines = move || {
        let since = asked_at.get()?;
        let zone = nursery.zone.get();
        let words = |step: &SyncStep| {
            let baby = step.baby_id.map_or_else(|| tr!(sync.this_device).to_owned(), |baby| nursery.name_of(baby));
            tr!(step.line, time = intl::time(&zone, step.at), baby = baby, what = step_words(&step.did))
        };
        let mut lines: Vec<String> =
            replica.steps.with(|steps| steps.iter().filter(|step| step.at >= since).map(words).collect());
        if lines.is_empty() {
            lines.push(replica.status.with(waiting_words));
        }
        Some(lines.into_iter().map(|line| view! { <li>{line}</li> }).collect::<Vec<_>>())
    };
    view! {
        <div class="steps" role="log" aria-label=tr!(sync.log)>
            <ul>{lines}</ul>
        </div>
    }
    .into_any()
}

/// Why there is no step yet.
fn waiting_words(status: &SyncStatus) -> String {
    if status.online && status.blocked.is_none() { tr!(sync.log_waits).to_owned() } else { sync_words(status).words }
}

fn step_words(did: &Did) -> String {
    match did {
        Did::Pushed { sent, lost, dead, .. } => {
            let first = tr!(step.pushed, count = *sent);
            match lost + dead {
                0 => first,
                number => tr!(step.needs_you, first = first, number = number),
            }
        }
        Did::Pulled { changes, .. } => tr!(step.pulled, count = *changes),
        Did::NotUnderstood { .. } => tr!(step.not_understood).to_owned(),
        Did::Understood { .. } => tr!(step.understood).to_owned(),
        Did::Unchanged => tr!(step.unchanged).to_owned(),
        Did::Buried { reason, .. } => tr!(step.buried, why = reason_words(reason)),
        Did::Reset => tr!(step.reset).to_owned(),
        Did::Failed { error } => error_words(error).to_owned(),
        Did::Fault { retried: true, .. } => tr!(step.fault_retried).to_owned(),
        Did::Fault { .. } => tr!(step.fault).to_owned(),
        Did::Recovered => tr!(step.recovered).to_owned(),
        Did::HandedOver { .. } => tr!(step.handed_over).to_owned(),
        Did::Removed { .. } => tr!(step.removed).to_owned(),
    }
}
