//! A native dialog that rises from the lower edge, where the thumb is. The browser keeps focus
//! inside, closes it on Escape and gives the focus back.

use leptos::{html, prelude::*};

use super::icon::{Glyph, Icon};
use crate::ui::words::tr;

/// Closes the dialog around; provided to everything inside one.
#[derive(Clone, Copy)]
pub(crate) struct CloseSheet(NodeRef<html::Dialog>);

impl CloseSheet {
    /// The dialog tells `on_close` itself, also when Escape closed it.
    pub(crate) fn close(self) {
        if let Some(dialog) = self.0.get_untracked() {
            dialog.close();
        }
    }
}

/// Opens as soon as it is on the page.
#[component]
pub(crate) fn Dialog(title: String, on_close: Callback<()>, children: Children) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let close = CloseSheet(node);
    provide_context(close);
    Effect::new(move |_| {
        if let Some(dialog) = node.get()
            && !dialog.open()
        {
            // Refused only when the page already dropped the dialog again.
            let _ = dialog.show_modal();
        }
    });
    view! {
        <dialog class="sheet" node_ref=node aria-labelledby="sheet-title" on:close=move |_| on_close.run(())>
            <header class="sheet-header">
                <h2 id="sheet-title" class="sheet-title">{title}</h2>
                <button type="button" class="icon-button" aria-label=tr!(action.close) on:click=move |_| close.close()>
                    <Icon glyph=Glyph::Close/>
                </button>
            </header>
            {children()}
        </dialog>
    }
    .into_any()
}
