//! What a person does: saved on the device first, then said, with a way back. A tick is shown only
//! after the write is durable.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;

use super::{
    log::LetterId,
    replica::{Device, Replica},
    toast::{Toasts, Tone},
    words::tr,
};
use crate::{
    domain::{
        field::{Fields, Invalid},
        id::{BabyId, EntityId},
        registry::{EntityType, UNSHOWN},
        row::{Row, apply_patch, patch},
    },
    sync::{
        draft::{Draft, SaveError},
        import::{Export, Report},
        ports::StoreError,
        query::{Query, Select},
    },
};

/// Remembers that something was saved, so that the install hint comes after that and not before.
pub(crate) const SAVED_ONCE: &str = "savedOnce";
/// What the browser said when it was asked to keep the data: `yes` or `no`.
pub(crate) const PERSISTED: &str = "persisted";

/// A change that was not saved: at which field, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotSaved {
    pub(crate) field: Option<String>,
    pub(crate) words: String,
}

/// The verbs. `Copy`, so that every closure can have them.
#[derive(Clone, Copy)]
pub(crate) struct Acts {
    replica: Replica,
    device: Device,
    toasts: Toasts,
}

impl Acts {
    pub(crate) fn provide(replica: Replica) {
        provide_context(Self { replica, device: expect_context(), toasts: expect_context() });
    }

    /// Saves a new entry, offers to take it back, and says so.
    pub(crate) async fn create(
        self,
        entity_type: EntityType,
        baby_id: BabyId,
        fields: Fields,
        said: String,
    ) -> Result<(), NotSaved> {
        let id = EntityId(self.replica.port().new_id());
        self.commit(Draft::Create { entity_type, baby_id, id, fields }).await?;
        let undo = Callback::new(move |()| {
            self.then(entity_type, baby_id, id, tr!(said.removed), |seen| Some(Draft::Delete { seen }));
        });
        self.toasts.undoable(said, undo);
        self.keep_data().await;
        Ok(())
    }

    /// Saves `after` as the whole of the entry's fields; only what changed since `seen` travels.
    pub(crate) async fn update(self, seen: Row, mut after: Fields, said: &'static str) -> Result<(), NotSaved> {
        // No form shows them, so a form's silence takes nothing back.
        for name in UNSHOWN {
            if let Some(told) = seen.fields.get(name) {
                after.entry(name).or_insert_with(|| told.clone());
            }
        }
        // In the form in which things are kept. What cannot be true is refused by the commit.
        let after = seen.entity_type.canonical(&after).unwrap_or(after);
        let changed = patch(seen.entity_type, &seen.fields, &after);
        if changed.is_empty() {
            return Ok(());
        }
        let old = |name: &String| (name.clone(), seen.fields.get(name).cloned().unwrap_or(Value::Null));
        let before: Fields = changed.keys().map(old).collect();
        let (entity_type, baby_id, id) = (seen.entity_type, seen.baby_id, seen.id);
        self.commit(Draft::Update { seen, fields: after }).await?;
        let undo = Callback::new(move |()| {
            let before = before.clone();
            self.then(entity_type, baby_id, id, tr!(said.undone), move |seen| {
                let mut fields = seen.fields.clone();
                apply_patch(&mut fields, &before);
                Some(Draft::Update { seen, fields })
            });
        });
        self.toasts.undoable(said, undo);
        Ok(())
    }

    /// Sends what a dead letter says again, with what the person changed in it.
    pub(crate) async fn resend(self, (baby_id, letter): LetterId, fields: Fields) -> Result<(), NotSaved> {
        self.replica.port().retry(baby_id, letter, Some(fields)).await.map_err(in_words)?;
        self.toasts.say(Tone::Good, tr!(letter.retried));
        Ok(())
    }

    /// Loads a file of an earlier log.
    pub(crate) async fn import(self, export: &Export) -> Result<Report, NotSaved> {
        let report = self.replica.port().import(export).await.map_err(in_words)?;
        self.keep_data().await;
        Ok(report)
    }

    /// [`Acts::update`] from a button outside any form: what goes wrong is said in a toast.
    pub(crate) fn update_now(self, seen: Row, after: Fields, said: &'static str) {
        spawn_local(async move {
            if let Err(not_saved) = self.update(seen, after, said).await {
                self.toasts.say(Tone::Bad, not_saved.words);
            }
        });
    }

    /// [`Acts::create`] from a button outside any form.
    pub(crate) fn create_now(self, entity_type: EntityType, baby_id: BabyId, fields: Fields, said: String) {
        spawn_local(async move {
            if let Err(not_saved) = self.create(entity_type, baby_id, fields, said).await {
                self.toasts.say(Tone::Bad, not_saved.words);
            }
        });
    }

    pub(crate) fn delete(self, seen: Row) {
        let (entity_type, baby_id, id) = (seen.entity_type, seen.baby_id, seen.id);
        spawn_local(async move {
            match self.commit(Draft::Delete { seen }).await {
                Ok(()) => {
                    let undo = Callback::new(move |()| {
                        self.then(entity_type, baby_id, id, tr!(said.restored), |seen| Some(Draft::Restore { seen }));
                    });
                    self.toasts.undoable(tr!(said.deleted), undo);
                }
                Err(not_saved) => self.toasts.say(Tone::Bad, not_saved.words),
            }
        });
    }

    /// Everybody is told by a notice, whoever did it, with the way back.
    pub(crate) fn delete_baby(self, seen: Row) {
        spawn_local(async move {
            if let Err(not_saved) = self.commit(Draft::Delete { seen }).await {
                self.toasts.say(Tone::Bad, not_saved.words);
            }
        });
    }

    pub(crate) fn restore(self, entity_type: EntityType, baby_id: BabyId, id: EntityId) {
        self.then(entity_type, baby_id, id, tr!(said.restored), |seen| {
            seen.is_deleted().then_some(Draft::Restore { seen })
        });
    }

    /// Acts on the row as it is now: somebody may have changed it since.
    fn then(
        self,
        entity_type: EntityType,
        baby_id: BabyId,
        id: EntityId,
        said: &'static str,
        draft: impl FnOnce(Row) -> Option<Draft> + 'static,
    ) {
        spawn_local(async move {
            let query = Query { baby_id, types: vec![entity_type], select: Select::One(id), limit: Some(1) };
            let outcome = match self.replica.port().query(query).await {
                Ok(rows) => match rows.into_iter().next().and_then(draft) {
                    Some(draft) => self.commit(draft).await,
                    None => return,
                },
                Err(err) => Err(in_words(SaveError::Store(err))),
            };
            match outcome {
                Ok(()) => self.toasts.say(Tone::Good, said),
                Err(not_saved) => self.toasts.say(Tone::Bad, not_saved.words),
            }
        });
    }

    async fn commit(self, draft: Draft) -> Result<(), NotSaved> {
        self.replica.port().commit(vec![draft]).await.map_err(in_words)
    }

    /// After the first saved entry there is something to keep: asks the browser to.
    async fn keep_data(self) {
        let device = self.device.port();
        if device.setting(PERSISTED).as_deref() != Some("yes") {
            let kept = self.replica.port().persist().await;
            device.set_setting(PERSISTED, if kept { "yes" } else { "no" });
        }
        device.set_setting(SAVED_ONCE, "yes");
    }
}

/// Why it was not saved. What was typed is still in the form.
pub(crate) fn in_words(err: SaveError) -> NotSaved {
    match err {
        SaveError::Invalid(Invalid { field, .. }) => {
            let words = match field.as_deref() {
                Some("endedAt") => tr!(wrong.end_before_start),
                Some("amountMl" | "typed") => tr!(wrong.amount),
                Some("breastMilkMl") => tr!(wrong.part_over_whole),
                Some("notes") => tr!(wrong.notes_too_long),
                Some("name") => tr!(wrong.name),
                Some("birthWeightG") => tr!(wrong.weight),
                _ => tr!(wrong.something),
            };
            NotSaved { field, words: words.to_owned() }
        }
        SaveError::Store(err) => NotSaved { field: None, words: store_words(&err).to_owned() },
    }
}

pub(crate) fn store_words(err: &StoreError) -> &'static str {
    match err {
        StoreError::Quota => tr!(wrong.no_room),
        StoreError::Closed => tr!(wrong.storage_closed),
        StoreError::Damaged(_) => tr!(wrong.storage_damaged),
        StoreError::Fenced | StoreError::Failed(_) => tr!(wrong.storage_failed),
    }
}
