//! The baby's profile. Every caregiver who logs may change it, offline like everything else.

use leptos::prelude::*;

use super::{
    delete_baby::DeleteBaby,
    form::{Form, SheetActions, put, text_of},
    history::History,
};
use crate::{
    domain::{
        field::{Fields, MAX_QUANTITY},
        registry::EntityType,
        row::Row,
    },
    ui::{
        components::{choice::Choice, sheet::Dialog, text_field::TextField},
        format::parse_number,
        intl,
        words::tr,
    },
};

const WEIGHT: &str = "birthWeightG";

/// The texts of the form, by the names of their fields.
#[derive(Clone, Copy)]
struct Profile {
    name: RwSignal<String>,
    birth_date: RwSignal<String>,
    due_date: RwSignal<String>,
    sex: RwSignal<String>,
    weight: RwSignal<String>,
    zone: RwSignal<String>,
    night_start: RwSignal<String>,
    night_end: RwSignal<String>,
}

impl Profile {
    fn of(row: &Row) -> Self {
        let text = |name: &str| RwSignal::new(text_of(Some(row), name));
        let weight = row.fields.get(WEIGHT).map(ToString::to_string).unwrap_or_default();
        let zone = Some(text_of(Some(row), "zone")).filter(|zone| !zone.is_empty());
        Self {
            name: text("name"),
            birth_date: text("birthDate"),
            due_date: text("dueDate"),
            sex: text("sex"),
            weight: RwSignal::new(weight),
            zone: RwSignal::new(zone.unwrap_or_else(intl::device_zone)),
            night_start: text("nightStart"),
            night_end: text("nightEnd"),
        }
    }

    /// The whole profile; what the form does not show stays as it is. `None` when the weight is not
    /// a number.
    fn fields(self, seen: &Row) -> Option<Fields> {
        let mut fields = seen.fields.clone();
        let texts = [
            ("name", self.name),
            ("birthDate", self.birth_date),
            ("dueDate", self.due_date),
            ("sex", self.sex),
            ("zone", self.zone),
            ("nightStart", self.night_start),
            ("nightEnd", self.night_end),
        ];
        for (name, text) in texts {
            fields.remove(name);
            text.with_untracked(|text| put(&mut fields, name, text));
        }
        fields.remove(WEIGHT);
        let weight = self.weight.get_untracked();
        if !weight.trim().is_empty() {
            let grams = parse_number(&weight).filter(|grams| *grams <= MAX_QUANTITY as f64)?;
            fields.insert(WEIGHT.to_owned(), (grams.round() as i64).into());
        }
        Some(fields)
    }
}

#[component]
pub(crate) fn BabySheet(row: Row, on_close: Callback<()>) -> impl IntoView {
    view! {
        <Dialog title=tr!(baby.title).to_owned() on_close=on_close>
            <BabyForm row=row/>
        </Dialog>
    }
}

#[component]
fn BabyForm(row: Row) -> impl IntoView {
    const PLACED: &[&str] = &["name", WEIGHT];
    let form = Form::new();
    let profile = Profile::of(&row);
    let known = row.clone();
    let save = move |_| match profile.fields(&row) {
        Some(fields) => form.save(EntityType::BABY, Some(row.clone()), fields, ""),
        None => form.refuse(WEIGHT, tr!(wrong.weight)),
    };
    view! {
        <div class="sheet-body">
            <TextField id="baby-name" label=tr!(welcome.name) value=profile.name error=form.error_at(&["name"])/>
            <TextField id="birth-date" label=tr!(welcome.birth_date) value=profile.birth_date kind="date"/>
            <Choice legend=tr!(baby.sex) name="sex" options=sexes() value=profile.sex optional=true/>
            <details class="more" prop:open=true>
                <summary>{tr!(baby.more)}</summary>
                <TextField id="due-date" label=tr!(baby.due_date) value=profile.due_date kind="date"/>
                <TextField id="birth-weight" label=tr!(baby.birth_weight) value=profile.weight inputmode="numeric" error=form.error_at(&[WEIGHT])/>
                <ZoneField zone=profile.zone/>
                <TextField id="night-start" label=tr!(baby.night_start) value=profile.night_start kind="time"/>
                <TextField id="night-end" label=tr!(baby.night_end) value=profile.night_end kind="time"/>
            </details>
            <History form=form row=Some(known.clone())/>
            <DeleteBaby form=form row=known/>
        </div>
        <SheetActions form=form row=None error=form.error(PLACED)>
            <button type="button" class="button button-primary" prop:disabled=move || form.is_busy() on:click=save>
                {tr!(action.save)}
            </button>
        </SheetActions>
    }
}

fn sexes() -> Vec<(&'static str, &'static str)> {
    vec![
        ("female", tr!(baby.female)),
        ("male", tr!(baby.male)),
        ("other", tr!(baby.other)),
        ("unknown", tr!(baby.unknown)),
    ]
}

/// Where the baby's days begin and end; a list, because a name that no device knows helps nobody.
#[component]
fn ZoneField(zone: RwSignal<String>) -> impl IntoView {
    let chosen = zone.get_untracked();
    let mut names = intl::zones();
    if !names.contains(&chosen) {
        names.insert(0, chosen.clone());
    }
    let options: Vec<_> = names
        .into_iter()
        .map(|name| {
            let is_chosen = name == chosen;
            let words = name.replace('_', " ");
            view! { <option value=name prop:selected=is_chosen>{words}</option> }
        })
        .collect();
    view! {
        <label class="field">
            <span class="field-label">{tr!(baby.zone)}</span>
            <select class="input" on:change=move |ev| zone.set(event_target_value(&ev))>{options}</select>
            <span class="field-hint">{tr!(baby.zone_hint)}</span>
        </label>
    }
    .into_any()
}
