//! A bottle: how much, of what, when. The contents are this person's last ones and never assumed.

use leptos::prelude::*;

use super::{
    form::{Form, SheetActions, put, text_of},
    history::History,
};
use crate::{
    domain::{
        feed_log::{FeedLog, Method},
        field::Fields,
        registry::EntityType,
        row::{Row, to_fields},
        time::Timestamp,
        units::VolumeUnit,
    },
    ui::{
        clock::now,
        components::{
            amount_field::AmountField, choice::Choice, notes_field::NotesField, text_field::TextField,
            time_field::TimeField,
        },
        format::{number, parse_number, with_unit},
        prefs::Prefs,
        words::tr,
    },
};

/// What the amount starts at for somebody who never logged a bottle; every press changes it.
const FIRST_AMOUNT_ML: i64 = 90;
const AMOUNT: &str = "amountMl";
const BREAST_MILK: &str = "breastMilkMl";
const MIXED: &str = "mixed";

#[derive(Clone, Copy)]
struct BottleDraft {
    at: RwSignal<Timestamp>,
    unit: VolumeUnit,
    amount: RwSignal<String>,
    content: RwSignal<String>,
    /// How much of a mixed one was breast milk, in `unit`.
    breast_milk: RwSignal<String>,
    estimated: RwSignal<bool>,
    notes: RwSignal<String>,
}

impl BottleDraft {
    fn of(row: Option<&Row>, usual: &[FeedLog], unit: VolumeUnit) -> Self {
        let known = row.and_then(|row| row.read::<FeedLog>().ok());
        let usual = usual.iter().find(|feed| feed.method == Method::Bottle);
        let model = known.as_ref().or(usual);
        let amount = match model {
            Some(feed) => feed
                .typed
                .filter(|typed| typed.unit == unit)
                .map(|typed| typed.value)
                .or(feed.amount_ml.map(|ml| unit.from_ml(ml))),
            None => Some(unit.from_ml(FIRST_AMOUNT_ML)),
        };
        let content = model.and_then(|feed| to_fields(feed).ok()?.get("content")?.as_str().map(str::to_owned));
        Self {
            at: RwSignal::new(known.as_ref().map_or_else(now, |feed| feed.started_at)),
            unit,
            amount: RwSignal::new(amount.map(number).unwrap_or_default()),
            content: RwSignal::new(content.unwrap_or_default()),
            breast_milk: RwSignal::new(
                known
                    .as_ref()
                    .and_then(|feed| feed.breast_milk_ml)
                    .map(|ml| number(unit.from_ml(ml)))
                    .unwrap_or_default(),
            ),
            estimated: RwSignal::new(known.as_ref().and_then(|feed| feed.is_estimated) == Some(true)),
            notes: RwSignal::new(text_of(row, "notes")),
        }
    }

    /// A bottle has no end to wait for; where somebody gave one, the length stays.
    fn ended_at(self, seen: Option<&Row>) -> Option<Timestamp> {
        let known = seen?.read::<FeedLog>().ok()?;
        let length_ms = known.ended_at?.since(known.started_at);
        Some(self.at.get_untracked().plus_ms(length_ms))
    }

    fn is_mixed(self) -> bool {
        self.content.with(|content| content == MIXED)
    }

    /// The breast milk in a mixed bottle. What this unit cannot say exactly stays as it was until it
    /// is typed anew, and so does a share that this sheet does not show.
    fn breast_milk_ml(self, seen: Option<&Row>) -> Result<Option<i64>, &'static str> {
        let known = seen.and_then(|row| row.fields.get(BREAST_MILK)?.as_i64());
        if !untrack(|| self.is_mixed()) {
            let was = text_of(seen, "content");
            return Ok(known.filter(|_| self.content.with_untracked(|content| *content == was)));
        }
        let text = self.breast_milk.get_untracked();
        if text.trim().is_empty() {
            return Ok(None);
        }
        let value = parse_number(&text).ok_or(BREAST_MILK)?;
        let unchanged = known.filter(|ml| self.unit.from_ml(*ml) == value);
        Ok(Some(unchanged.unwrap_or_else(|| self.unit.to_ml(value))))
    }

    /// The name of the field that is not a number, when one is not. No amount is fine: not everybody
    /// measures.
    fn fields(self, seen: Option<&Row>) -> Result<Fields, &'static str> {
        let mut fields = Fields::new();
        fields.insert("startedAt".into(), self.at.get_untracked().to_string().into());
        fields.insert("method".into(), super::feed::BOTTLE.into());
        if let Some(end) = self.ended_at(seen) {
            fields.insert("endedAt".into(), end.to_string().into());
        }
        if let Some(part) = self.breast_milk_ml(seen)? {
            fields.insert(BREAST_MILK.into(), part.into());
        }
        let text = self.amount.get_untracked();
        if !text.trim().is_empty() {
            let value = parse_number(&text).ok_or(AMOUNT)?;
            fields.insert(AMOUNT.into(), self.unit.to_ml(value).into());
            let unit = if self.unit == VolumeUnit::Oz { "oz" } else { "ml" };
            fields.insert("typed".into(), serde_json::json!({ "value": value, "unit": unit }));
        }
        put(&mut fields, "content", &self.content.get_untracked());
        put(&mut fields, "notes", &self.notes.get_untracked());
        if self.estimated.get_untracked() {
            fields.insert("isEstimated".into(), true.into());
        }
        Ok(fields)
    }
}

#[component]
pub(crate) fn BottleForm(row: Option<Row>, usual: Vec<FeedLog>) -> impl IntoView {
    let form = Form::new();
    let unit = expect_context::<Prefs>().volume_unit_now();
    let draft = BottleDraft::of(row.as_ref(), &usual, unit);
    let known = row.clone();
    let save = move |_| match draft.fields(known.as_ref()) {
        Ok(fields) => form.save(EntityType::FEED_LOG, known.clone(), fields, tr!(said.feed)),
        Err(field) => form.refuse(field, tr!(wrong.amount)),
    };
    let is_new = row.is_none();
    let button = move || match draft.amount.with(|text| parse_number(text)) {
        Some(value) if is_new => tr!(feed.save_amount, amount = with_unit(value, unit)),
        _ => tr!(action.save).to_owned(),
    };
    // A share that is wrong is said at the whole while its field is folded away.
    const PLACED: &[&str] = &[AMOUNT, "typed"];
    view! {
        <div class="sheet-body">
            <AmountField text=draft.amount unit=unit error=form.error_at(PLACED)/>
            <BottleContent content=draft.content/>
            <TimeField label=tr!(field.when) at=draft.at zone=form.nursery.zone/>
            <BottleDetails draft=draft open=!is_new/>
            <History form=form row=row.clone()/>
        </div>
        <SheetActions form=form row=row error=form.error(PLACED)>
            <button type="button" class="button button-primary" prop:disabled=move || form.is_busy() on:click=save>
                {button}
            </button>
        </SheetActions>
    }
}

#[component]
fn BottleContent(content: RwSignal<String>) -> impl IntoView {
    let contents = vec![
        ("breast_milk", tr!(feed.breast_milk)),
        ("formula", tr!(feed.formula)),
        (MIXED, tr!(feed.mixed)),
        ("other", tr!(feed.other)),
    ];
    view! { <Choice legend=tr!(feed.content) name="content" options=contents value=content optional=true/> }
}

#[component]
fn BottleDetails(draft: BottleDraft, open: bool) -> impl IntoView {
    let is_mixed = Memo::new(move |_| draft.is_mixed());
    let label = if draft.unit == VolumeUnit::Oz { tr!(feed.share_oz) } else { tr!(feed.share_ml) };
    let share = move || {
        is_mixed
            .get()
            .then(|| view! { <TextField id="breast-milk" label=label value=draft.breast_milk inputmode="decimal"/> })
    };
    view! {
        <details class="more" prop:open=open>
            <summary>{tr!(field.details)}</summary>
            {share}
            <label class="check">
                <input type="checkbox" prop:checked=move || draft.estimated.get()
                    on:change=move |ev| draft.estimated.set(event_target_checked(&ev))/>
                <span>{tr!(feed.estimated)}</span>
            </label>
            <NotesField notes=draft.notes/>
        </details>
    }
    .into_any()
}
