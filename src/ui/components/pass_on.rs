//! Handing a few words to somebody else: over the system's share sheet where there is one, and by
//! copying everywhere.

use js_sys::Reflect;
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;
use web_sys::ShareData;

use crate::ui::{
    toast::{Toasts, Tone},
    words::tr,
};

#[component]
pub(crate) fn PassOn(text: String, #[prop(optional)] is_link: bool) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let text = StoredValue::new(text);
    let copy = move |_| {
        spawn_local(async move {
            let copied = text.with_value(|text| window().navigator().clipboard().write_text(text));
            match JsFuture::from(copied).await {
                Ok(_) => toasts.say(Tone::Good, tr!(invite.copied)),
                Err(_) => toasts.say(Tone::Bad, tr!(invite.not_copied)),
            }
        });
    };
    // The system shows what became of it; a person who thinks better of it needs no word about that.
    let share = move |_| {
        let what = ShareData::new();
        what.set_title(tr!(app.name));
        text.with_value(|text| what.set_url(text));
        drop(window().navigator().share_with_data(&what));
    };
    let may_share = is_link && Reflect::has(&window().navigator(), &"share".into()).unwrap_or(false);
    view! {
        <div class="button-row">
            {may_share.then(|| view! {
                <button type="button" class="button button-primary" on:click=share>{tr!(invite.share)}</button>
            })}
            <button type="button" class="button" on:click=copy>{tr!(invite.copy)}</button>
        </div>
    }
}
