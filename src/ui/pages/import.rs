//! A file of an earlier baby log: chosen, looked at, loaded. Nothing is written before the person has
//! seen what comes and what cannot.

use std::sync::Arc;

use leptos::{
    ev::{Event, MouseEvent},
    prelude::*,
    task::spawn_local,
};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlInputElement;

use super::PageTitle;
use crate::{
    domain::id::BabyId,
    sync::import::{Counts, Export, NotAnExport, Report, Why, read},
    ui::{
        acts::{Acts, store_words},
        entry::type_words,
        nursery::Nursery,
        replica::Replica,
        router::Router,
        words::tr,
    },
};

/// What a phone reads and keeps without trouble: a hundred thousand entries.
const MAX_BYTES: f64 = 20.0 * 1024.0 * 1024.0;
/// So many records are named with each reason.
const NAMED: usize = 10;

/// How far the person is.
#[derive(Clone)]
enum Step {
    Choose,
    Busy(&'static str),
    Refused(String),
    Preview(Arc<Export>, Report),
    Done(Report),
}

#[component]
pub(crate) fn ImportPage() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let step = RwSignal::new(Step::Choose);
    let chosen = move |ev: Event| {
        let input: HtmlInputElement = event_target(&ev);
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            look_at(replica, file, step);
        }
    };
    // So that the same file, corrected, can be chosen again.
    let forget = move |ev: MouseEvent| event_target::<HtmlInputElement>(&ev).set_value("");
    let busy = move || step.with(|step| matches!(step, Step::Busy(_)));
    view! {
        <PageTitle words=tr!(import.title)/>
        <section class="page" aria-busy=move || busy().to_string()>
            <h1 class="page-title">{tr!(import.title)}</h1>
            <p class="lead">{tr!(import.lead)}</p>
            <div class="field">
                <label class="field-label" for="import-file">{tr!(import.file)}</label>
                <input
                    class="input"
                    id="import-file"
                    type="file"
                    accept=".json,application/json"
                    aria-describedby="import-file-note"
                    disabled=busy
                    on:click=forget
                    on:change=chosen
                />
                <p id="import-file-note" class="field-hint">{tr!(import.file_hint)}</p>
            </div>
            <div class="page" role="status">{move || step.get().view(step)}</div>
        </section>
    }
    .into_any()
}

/// Reads a file and shows what is in it.
fn look_at(replica: Replica, file: web_sys::File, step: RwSignal<Step>) {
    if file.size() > MAX_BYTES {
        return step.set(Step::Refused(tr!(import.too_large).to_owned()));
    }
    step.set(Step::Busy(tr!(import.reading)));
    spawn_local(async move {
        let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
        let next = match text.as_deref().map(read) {
            None => Step::Refused(tr!(import.unreadable).to_owned()),
            Some(Err(not)) => Step::Refused(refusal_words(&not)),
            Some(Ok(export)) => match replica.port().preview(&export).await {
                Ok(report) => Step::Preview(Arc::new(export), report),
                Err(err) => Step::Refused(store_words(&err).to_owned()),
            },
        };
        step.try_set(next);
    });
}

impl Step {
    fn view(self, step: RwSignal<Self>) -> AnyView {
        match self {
            Self::Choose => ().into_any(),
            Self::Busy(words) => view! { <p>{words}</p> }.into_any(),
            Self::Refused(words) => view! { <p class="field-error">{words}</p> }.into_any(),
            Self::Preview(export, report) => preview(&export, &report, step),
            Self::Done(report) => done(&report),
        }
    }
}

fn preview(export: &Arc<Export>, report: &Report, step: RwSignal<Step>) -> AnyView {
    let acts = expect_context::<Acts>();
    let export = export.clone();
    let load = move |_| {
        let export = export.clone();
        step.set(Step::Busy(tr!(import.loading)));
        spawn_local(async move {
            step.try_set(match acts.import(&export).await {
                Ok(report) => Step::Done(report),
                Err(not_saved) => Step::Refused(not_saved.words),
            });
        });
    };
    let brings = report.counts.values().any(|counts| counts.new + counts.changed > 0);
    let offer = if brings {
        view! { <button type="button" class="button button-primary button-wide" on:click=load>{tr!(import.load)}</button> }
            .into_any()
    } else if report.counts.is_empty() {
        ().into_any()
    } else {
        view! { <p>{tr!(import.nothing_new)}</p> }.into_any()
    };
    view! { <Facts report=report.clone()/> {offer} }.into_any()
}

fn done(report: &Report) -> AnyView {
    let nursery = expect_context::<Nursery>();
    let router = expect_context::<Router>();
    let see = |baby: &BabyId| {
        let baby = *baby;
        let go = move |_| {
            nursery.replica.port().activate(Some(baby));
            router.go("/timeline");
        };
        view! {
            <button type="button" class="button button-primary" on:click=go>
                {move || tr!(import.see, name = nursery.name_of(baby))}
            </button>
        }
    };
    let babies: Vec<_> = report.babies.iter().map(see).collect();
    view! {
        <p>{tr!(import.done)}</p>
        <Facts report=report.clone()/>
        <div class="button-row">{babies}</div>
    }
    .into_any()
}

/// What a file brings, and what it does not.
#[component]
fn Facts(report: Report) -> impl IntoView {
    let count = |counts: &Counts| tr!(import.counts, new = counts.new, changed = counts.changed, known = counts.known);
    let counts: Vec<_> = report
        .counts
        .iter()
        .map(|(entity_type, counts)| view! { <dt>{type_words(*entity_type)}</dt><dd>{count(counts)}</dd> })
        .collect();
    let list = |notes: bool| -> Vec<_> {
        let wanted = report.problems.iter().filter(|(why, _)| why.is_note() == notes);
        wanted.map(|(why, names)| view! { <li>{problem_words(why, names)}</li> }).collect()
    };
    let section = |title: &'static str, lines: Vec<_>| {
        (!lines.is_empty()).then(|| view! { <h2 class="card-title">{title}</h2><ul class="reasons">{lines}</ul> })
    };
    let (refused, partly) = (list(false), list(true));
    let hint = (!refused.is_empty() && !counts.is_empty()).then(|| view! { <p>{tr!(import.what_to_do)}</p> });
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(import.preview)}</h2>
            <dl class="facts">{counts}</dl>
            {section(tr!(import.not_loaded), refused)}
            {hint}
            {section(tr!(import.notes), partly)}
        </div>
    }
    .into_any()
}

fn problem_words(why: &Why, names: &[String]) -> String {
    let mut named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        named = tr!(import.and_more, names = named, count = names.len() - NAMED);
    }
    tr!(import.named, why = why_words(why), names = named)
}

fn why_words(why: &Why) -> String {
    match why {
        Why::NoId => tr!(import.no_id).to_owned(),
        Why::UnknownType => tr!(import.unknown_type).to_owned(),
        Why::UnknownChange => tr!(import.unknown_change).to_owned(),
        Why::Unreadable { field } => tr!(import.field_unreadable, field = field.clone()),
        Why::Missing { field } => tr!(import.missing, field = field.clone()),
        Why::Impossible { field } => tr!(import.impossible, field = field.clone()),
        Why::Twice => tr!(import.twice).to_owned(),
        Why::NoBaby => tr!(import.no_baby).to_owned(),
        Why::ReadOnly => tr!(import.read_only).to_owned(),
        Why::NothingToChange => tr!(import.nothing_to_change).to_owned(),
        Why::LeftOut { field } => tr!(import.left_out, field = field.clone()),
        Why::Unlinked { field } => tr!(import.unlinked, field = field.clone()),
    }
}

fn refusal_words(not: &NotAnExport) -> String {
    match not {
        NotAnExport::NotJson => tr!(import.not_json),
        NotAnExport::OtherFormat => tr!(import.other_format),
        NotAnExport::OtherVersion => tr!(import.other_version),
        NotAnExport::NoSource => tr!(import.no_source),
        NotAnExport::Shape { part } => return tr!(import.shape, part = *part),
        NotAnExport::Empty => tr!(import.empty),
    }
    .to_owned()
}
