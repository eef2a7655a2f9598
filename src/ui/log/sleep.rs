//! The sleep sheet: start a timer, stop it, or write a sleep down afterwards.

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
            choice::Choice, notes_field::NotesField, sheet::Dialog, text_field::TextField, time_field::TimeField,
        },
        words::tr,
    },
};

/// A sleep written down afterwards starts out as this long.
const USUAL_NAP_MS: i64 = 45 * 60_000;
const RUNNING: &str = "running";
const ENDED: &str = "ended";

#[derive(Clone, Copy)]
struct SleepDraft {
    state: RwSignal<String>,
    start: RwSignal<Timestamp>,
    end: RwSignal<Timestamp>,
    kind: RwSignal<String>,
    place: RwSignal<String>,
    quality: RwSignal<String>,
    notes: RwSignal<String>,
}

impl SleepDraft {
    fn of(row: Option<&Row>, is_over: bool) -> Self {
        let text = |name| RwSignal::new(text_of(row, name));
        let end = text_of(row, "endedAt").parse().ok();
        let is_over = is_over || end.is_some();
        let start = || if is_over { now().plus_ms(-USUAL_NAP_MS) } else { now() };
        Self {
            state: RwSignal::new(if is_over { ENDED } else { RUNNING }.to_owned()),
            start: RwSignal::new(row.and_then(Row::started_at).unwrap_or_else(start)),
            end: RwSignal::new(end.unwrap_or_else(now)),
            kind: text("kind"),
            place: text("place"),
            quality: text("quality"),
            notes: text("notes"),
        }
    }

    fn has_ended(self) -> bool {
        self.state.with(|state| state == ENDED)
    }

    fn fields(self) -> Fields {
        let mut fields = Fields::new();
        fields.insert("startedAt".into(), self.start.get_untracked().to_string().into());
        if self.has_ended() {
            fields.insert("endedAt".into(), self.end.get_untracked().to_string().into());
        }
        for (name, value) in
            [("kind", self.kind), ("place", self.place), ("quality", self.quality), ("notes", self.notes)]
        {
            put(&mut fields, name, &value.get_untracked());
        }
        fields
    }
}

#[component]
pub(crate) fn SleepSheet(row: Option<Row>, is_over: bool, on_close: Callback<()>) -> impl IntoView {
    let title = if row.is_some() { tr!(sleep.edit_title) } else { tr!(sleep.title) };
    view! {
        <Dialog title=title.to_owned() on_close=on_close>
            <SleepForm row=row is_over=is_over/>
        </Dialog>
    }
}

#[component]
fn SleepForm(row: Option<Row>, is_over: bool) -> impl IntoView {
    let form = Form::new();
    let draft = SleepDraft::of(row.as_ref(), is_over);
    let is_new = row.is_none();
    // "It is over" on a fresh form: the sleep lies in the past, so its start moves there.
    let opened_at = draft.start.get_untracked();
    Effect::watch(
        move || draft.has_ended(),
        move |ended, _, _| {
            if is_new && !is_over && *ended && draft.start.get_untracked() == opened_at {
                draft.start.set(opened_at.plus_ms(-USUAL_NAP_MS));
            }
        },
        false,
    );
    let known = row.clone();
    let said = move || if draft.has_ended() { tr!(said.sleep) } else { tr!(said.sleep_started) };
    let save = move |_| form.save(EntityType::SLEEP_LOG, known.clone(), draft.fields(), said());
    let button = move || match (is_new, draft.has_ended()) {
        (true, false) => tr!(sleep.start),
        (true, true) => tr!(sleep.save),
        (false, _) => tr!(action.save),
    };
    let states = vec![(RUNNING, tr!(sleep.still)), (ENDED, tr!(sleep.ended))];
    let end = move || {
        draft.has_ended().then(|| {
            view! {
                <TimeField label=tr!(sleep.woke_at) at=draft.end zone=form.nursery.zone error=form.error_at(&["endedAt"])/>
            }
        })
    };
    view! {
        <div class="sheet-body">
            <Choice legend=tr!(sleep.state) name="state" options=states value=draft.state quiet_legend=true/>
            <TimeField label=tr!(sleep.fell_asleep) at=draft.start zone=form.nursery.zone/>
            {end}
            <SleepDetails draft=draft open=!is_new/>
            <History form=form row=row.clone()/>
        </div>
        <SheetActions form=form row=row error=form.error(&["endedAt"])>
            <button type="button" class="button button-primary" prop:disabled=move || form.is_busy() on:click=save>
                {button}
            </button>
        </SheetActions>
    }
}

#[component]
fn SleepDetails(draft: SleepDraft, open: bool) -> impl IntoView {
    let kinds = vec![("nap", tr!(sleep.nap)), ("night", tr!(sleep.night))];
    let qualities = vec![("restless", tr!(sleep.restless)), ("fair", tr!(sleep.fair)), ("sound", tr!(sleep.sound))];
    view! {
        <details class="more" prop:open=open>
            <summary>{tr!(field.details)}</summary>
            <Choice legend=tr!(sleep.kind) name="kind" options=kinds value=draft.kind optional=true/>
            <Choice legend=tr!(sleep.quality) name="quality" options=qualities value=draft.quality optional=true/>
            <TextField id="place" label=tr!(sleep.place) value=draft.place/>
            <NotesField notes=draft.notes/>
        </details>
    }
    .into_any()
}
