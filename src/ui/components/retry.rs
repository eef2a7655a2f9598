//! Why the server's answer is not on screen, and another try.

use leptos::prelude::*;

use crate::ui::words::tr;

#[component]
pub(crate) fn Retry(error: RwSignal<Option<String>>, again: Callback<()>) -> impl IntoView {
    move || {
        error.get().map(|words| {
            view! {
                <div class="card" role="alert">
                    <p>{words}</p>
                    <button type="button" class="button" on:click=move |_| again.run(())>{tr!(action.try_again)}</button>
                </div>
            }
        })
    }
}
