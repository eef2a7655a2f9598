//! A question before something that cannot be undone. Whatever can be undone is not asked about.

use leptos::prelude::*;

use super::sheet::{CloseSheet, Dialog};
use crate::ui::words::tr;

/// What is asked, what happens on yes.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) text: String,
    /// The verb on the button that does it.
    pub(crate) yes: String,
    pub(crate) act: Callback<()>,
}

/// Shows the question while there is one.
#[component]
pub(crate) fn Confirm(question: RwSignal<Option<Question>>) -> impl IntoView {
    move || {
        question.get().map(|asked| {
            let Question { title, text, yes, act } = asked;
            view! {
                <Dialog title=title on_close=Callback::new(move |()| question.set(None))>
                    <p class="sheet-body">{text}</p>
                    <Answers yes=yes act=act/>
                </Dialog>
            }
        })
    }
}

#[component]
fn Answers(yes: String, act: Callback<()>) -> impl IntoView {
    let sheet = expect_context::<CloseSheet>();
    let agreed = move |_| {
        act.run(());
        sheet.close();
    };
    view! {
        <footer class="sheet-actions">
            <button type="button" class="button" on:click=move |_| sheet.close()>{tr!(action.cancel)}</button>
            <button type="button" class="button button-danger" on:click=agreed>{yes}</button>
        </footer>
    }
}
