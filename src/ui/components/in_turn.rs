//! A part of a screen that is drawn in a task of its own.

use std::time::Duration;

use leptos::prelude::*;

/// Draws its content in one of the browser's next tasks. Whatever is drawn for the first time has to be
/// compiled first; part by part, what is touched meanwhile is heard.
#[component]
pub(crate) fn InTurn(children: Children) -> impl IntoView {
    let is_due = RwSignal::new(false);
    let draw = move || {
        // The screen may be gone already.
        let _ = is_due.try_set(true);
    };
    set_timeout(draw, Duration::ZERO);
    let mut children = Some(children);
    move || is_due.get().then(|| children.take().map(|children| children()))
}
