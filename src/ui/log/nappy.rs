//! The nappy sheet: for a new one each type saves at once, details first if there are any.

use leptos::prelude::*;

use super::{
    form::{Form, SheetActions, put, text_of},
    history::History,
};
use crate::{
    domain::{field::Fields, registry::EntityType, row::Row, time::Timestamp},
    ui::{
        clock::now,
        components::{
            choice::{Choice, OptionWords},
            notes_field::NotesField,
            sheet::Dialog,
            time_field::TimeField,
        },
        words::tr,
    },
};

/// What was typed so far.
#[derive(Clone, Copy)]
struct NappyDraft {
    at: RwSignal<Timestamp>,
    nappy_type: RwSignal<String>,
    colour: RwSignal<String>,
    consistency: RwSignal<String>,
    rash: RwSignal<bool>,
    notes: RwSignal<String>,
}

impl NappyDraft {
    fn of(row: Option<&Row>) -> Self {
        let text = |name| RwSignal::new(text_of(row, name));
        let rash = row.is_some_and(|row| row.fields.get("rash") == Some(&true.into()));
        Self {
            at: RwSignal::new(row.and_then(Row::started_at).unwrap_or_else(now)),
            nappy_type: text("type"),
            colour: text("colour"),
            consistency: text("consistency"),
            rash: RwSignal::new(rash),
            notes: text("notes"),
        }
    }

    fn fields(self, nappy_type: &str) -> Fields {
        let mut fields = Fields::new();
        fields.insert("startedAt".into(), self.at.get_untracked().to_string().into());
        put(&mut fields, "type", nappy_type);
        put(&mut fields, "colour", &self.colour.get_untracked());
        put(&mut fields, "consistency", &self.consistency.get_untracked());
        put(&mut fields, "notes", &self.notes.get_untracked());
        if self.rash.get_untracked() {
            fields.insert("rash".into(), true.into());
        }
        fields
    }
}

#[component]
pub(crate) fn NappySheet(row: Option<Row>, on_close: Callback<()>) -> impl IntoView {
    let title = if row.is_some() { tr!(nappy.edit_title) } else { tr!(nappy.title) };
    view! {
        <Dialog title=title.to_owned() on_close=on_close>
            <NappyForm row=row/>
        </Dialog>
    }
}

#[component]
fn NappyForm(row: Option<Row>) -> impl IntoView {
    let form = Form::new();
    let draft = NappyDraft::of(row.as_ref());
    let known = row.clone();
    let save = move |nappy_type: &str| {
        form.save(EntityType::NAPPY_LOG, known.clone(), draft.fields(nappy_type), tr!(said.nappy));
    };
    let error = form.error(&[]);
    let actions = if row.is_some() {
        let press = move |_| save(&draft.nappy_type.get_untracked());
        view! {
            <SheetActions form=form row=row.clone() error=error>
                <button type="button" class="button button-primary" prop:disabled=move || form.is_busy() on:click=press>
                    {tr!(action.save)}
                </button>
            </SheetActions>
        }
        .into_any()
    } else {
        view! {
            <p class="field-error sheet-error" role="alert">{move || error.get()}</p>
            <TypeButtons save=Callback::new(move |nappy_type: &'static str| save(nappy_type))/>
        }
        .into_any()
    };
    view! {
        <div class="sheet-body">
            {row.is_some().then(|| view! { <Choice legend=tr!(nappy.type_label) name="type" options=types() value=draft.nappy_type/> })}
            <TimeField label=tr!(field.when) at=draft.at zone=form.nursery.zone/>
            <NappyDetails draft=draft open=row.is_some()/>
            <History form=form row=row.clone()/>
        </div>
        {actions}
    }
}

fn types() -> Vec<OptionWords> {
    vec![
        ("wee", tr!(nappy.wee)),
        ("poo", tr!(nappy.poo)),
        ("mixed", tr!(nappy.mixed)),
        ("dry", tr!(nappy.dry)),
        ("clean", tr!(nappy.clean)),
    ]
}

/// One press, one nappy.
#[component]
fn TypeButtons(save: Callback<&'static str>) -> impl IntoView {
    let buttons: Vec<_> = types()
        .into_iter()
        .map(|(wire, words)| {
            view! {
                <button type="button" class="button button-primary" data-nappy=wire on:click=move |_| save.run(wire)>
                    {words}
                </button>
            }
        })
        .collect();
    view! { <footer class="sheet-actions nappy-types" role="group" aria-label=tr!(nappy.save_as)>{buttons}</footer> }
}

#[component]
fn NappyDetails(draft: NappyDraft, open: bool) -> impl IntoView {
    let colours = vec![
        ("yellow", tr!(nappy.yellow)),
        ("brown", tr!(nappy.brown)),
        ("green", tr!(nappy.green)),
        ("black", tr!(nappy.black)),
        ("red", tr!(nappy.red)),
        ("grey", tr!(nappy.grey)),
    ];
    let consistencies = vec![
        ("watery", tr!(nappy.watery)),
        ("runny", tr!(nappy.runny)),
        ("mushy", tr!(nappy.mushy)),
        ("pasty", tr!(nappy.pasty)),
        ("formed", tr!(nappy.formed)),
        ("hard_pellets", tr!(nappy.hard_pellets)),
    ];
    view! {
        <details class="more" prop:open=open>
            <summary>{tr!(field.details)}</summary>
            <Choice legend=tr!(nappy.colour) name="colour" options=colours value=draft.colour optional=true/>
            <Choice legend=tr!(nappy.consistency) name="consistency" options=consistencies value=draft.consistency optional=true/>
            <label class="check">
                <input type="checkbox" prop:checked=move || draft.rash.get()
                    on:change=move |ev| draft.rash.set(event_target_checked(&ev))/>
                <span>{tr!(nappy.rash)}</span>
            </label>
            <NotesField notes=draft.notes/>
        </details>
    }
    .into_any()
}
