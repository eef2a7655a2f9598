//! Short words at the lower edge that go away by themselves: saved, deleted with undo, not saved.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    components::icon::{Glyph, Icon},
    words::tr,
};

/// Undo stays for ten seconds; after that the bin still has it for thirty days.
const UNDO_SECS: u64 = 10;
const WORDS_SECS: u64 = 4;
/// Older toasts make room, so that what is on screen stays readable.
const MAX_TOASTS: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

#[derive(Clone)]
struct Toast {
    id: u32,
    tone: Tone,
    text: String,
    undo: Option<Callback<()>>,
}

/// The toasts on screen.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last_id: StoredValue<u32>,
}

impl Toasts {
    pub(crate) fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), last_id: StoredValue::new(0) }
    }

    pub(crate) fn say(self, tone: Tone, text: impl Into<String>) {
        self.show(tone, text.into(), None);
    }

    /// Done, and how to take it back.
    pub(crate) fn undoable(self, text: impl Into<String>, undo: Callback<()>) {
        self.show(Tone::Good, text.into(), Some(undo));
    }

    fn show(self, tone: Tone, text: String, undo: Option<Callback<()>>) {
        let id = self.last_id.with_value(|id| id + 1);
        self.last_id.set_value(id);
        let secs = if undo.is_some() { UNDO_SECS } else { WORDS_SECS };
        self.shown.update(|shown| {
            shown.push(Toast { id, tone, text, undo });
            let surplus = shown.len().saturating_sub(MAX_TOASTS);
            shown.drain(..surplus);
        });
        set_timeout(move || self.take(id), Duration::from_secs(secs));
    }

    fn take(self, id: u32) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// The place where toasts appear; a live region that is always there.
#[component]
pub(crate) fn ToastRegion() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <ToastLine toast=toast toasts=toasts/>
            </For>
        </div>
    }
    .into_any()
}

#[component]
fn ToastLine(toast: Toast, toasts: Toasts) -> impl IntoView {
    let id = toast.id;
    let (class, glyph) = match toast.tone {
        Tone::Good => ("toast", Glyph::Check),
        Tone::Bad => ("toast toast-bad", Glyph::Warning),
    };
    let undo = toast.undo.map(|undo| {
        let take_back = move |_| {
            toasts.take(id);
            undo.run(());
        };
        view! { <button type="button" class="toast-undo" on:click=take_back>{tr!(action.undo)}</button> }
    });
    view! {
        <div class=class>
            <Icon glyph=glyph/>
            <span class="toast-text">{toast.text}</span>
            {undo}
        </div>
    }
}
