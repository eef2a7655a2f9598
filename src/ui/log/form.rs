//! What the three log forms share: saving once, words at the field, delete for an existing entry.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;

use super::{LetterId, Sheets};
use crate::{
    domain::{field::Fields, id::BabyId, registry::EntityType, row::Row},
    ui::{
        acts::{Acts, NotSaved},
        components::{
            icon::{Glyph, Icon},
            sheet::CloseSheet,
        },
        intl,
        nursery::Nursery,
        words::tr,
    },
};

/// The state of one form. Make it inside the dialog that it closes.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    not_saved: RwSignal<Option<NotSaved>>,
    busy: RwSignal<bool>,
    sheet: CloseSheet,
    acts: Acts,
    letter: Option<LetterId>,
    /// The baby on screen when the form was opened: another one may come on screen meanwhile.
    baby: Option<BabyId>,
    pub(crate) nursery: Nursery,
}

impl Form {
    pub(crate) fn new() -> Self {
        let nursery = expect_context::<Nursery>();
        Self {
            not_saved: RwSignal::new(None),
            busy: RwSignal::new(false),
            sheet: expect_context(),
            acts: expect_context(),
            letter: expect_context::<Sheets>().letter.get_value(),
            baby: untrack(|| nursery.baby_id()),
            nursery,
        }
    }

    /// Whether the entry in the form is one that the server did not take.
    pub(crate) fn is_letter(self) -> bool {
        self.letter.is_some()
    }

    /// Saves a new entry, or what changed of an existing one or of a dead letter; closes when it is
    /// durable.
    pub(crate) fn save(self, entity_type: EntityType, seen: Option<Row>, mut fields: Fields, said: impl Into<String>) {
        let Some(baby_id) = seen.as_ref().map(|seen| seen.baby_id).or(self.baby) else { return };
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let said = said.into();
        spawn_local(async move {
            match seen.as_ref().map(|seen| seen.fields.get("zone")) {
                // Where it happened; a baby's profile is the one thing that moves.
                Some(Some(zone)) => drop(fields.entry("zone").or_insert_with(|| zone.clone())),
                Some(None) => {}
                None => drop(fields.insert("zone".into(), intl::device_zone().into())),
            }
            let outcome = match (self.letter, seen) {
                (Some(letter), _) => self.acts.resend(letter, fields).await,
                (None, Some(seen)) => self.acts.update(seen, fields, tr!(said.changed)).await,
                (None, None) => self.acts.create(entity_type, baby_id, fields, said).await,
            };
            self.busy.set(false);
            match outcome {
                Ok(()) => self.sheet.close(),
                Err(not_saved) => self.not_saved.set(Some(not_saved)),
            }
        });
    }

    /// Says at a field that it cannot be saved like this.
    pub(crate) fn refuse(self, field: &str, words: &str) {
        self.not_saved.set(Some(NotSaved { field: Some(field.to_owned()), words: words.to_owned() }));
    }

    /// What is wrong at one of these fields.
    pub(crate) fn error_at(self, fields: &'static [&'static str]) -> Signal<Option<String>> {
        Signal::derive(move || {
            let not_saved = self.not_saved.get()?;
            fields.contains(&not_saved.field?.as_str()).then_some(not_saved.words)
        })
    }

    /// What is wrong with the whole, or at a field that has no place of its own.
    pub(crate) fn error(self, placed: &'static [&'static str]) -> Signal<Option<String>> {
        Signal::derive(move || {
            let not_saved = self.not_saved.get()?;
            let has_place = not_saved.field.is_some_and(|field| placed.contains(&field.as_str()));
            (!has_place).then_some(not_saved.words)
        })
    }

    pub(crate) fn close(self) {
        self.sheet.close();
    }

    pub(crate) fn is_busy(self) -> bool {
        self.busy.get()
    }
}

/// Puts text under a name; empty text is nothing.
pub(crate) fn put(fields: &mut Fields, name: &str, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        fields.insert(name.to_owned(), Value::from(text));
    }
}

/// The text of a field of an entry, empty for none.
pub(crate) fn text_of(row: Option<&Row>, name: &str) -> String {
    row.and_then(|row| row.fields.get(name)?.as_str()).unwrap_or_default().to_owned()
}

/// The lower edge of a sheet: what is wrong with the whole, delete, and the way to save.
#[component]
pub(crate) fn SheetActions(
    form: Form,
    row: Option<Row>,
    #[prop(into)] error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    let delete = row.filter(|_| !form.is_letter()).map(|row| {
        let delete = move |_| {
            form.acts.delete(row.clone());
            form.sheet.close();
        };
        view! {
            <button type="button" class="button button-quiet" on:click=delete>
                <Icon glyph=Glyph::Bin/>
                {tr!(action.delete)}
            </button>
        }
    });
    view! {
        <p class="field-error sheet-error" role="alert">{move || error.get()}</p>
        <footer class="sheet-actions">{delete} {children()}</footer>
    }
    .into_any()
}
