//! Taking everything along, and deleting the account.

use leptos::prelude::*;

use crate::{
    api::{self, ErrorCode, MyBaby},
    ui::{
        account::{AskForm, Asking},
        acts::store_words,
        components::text_field::TextField,
        nursery::Nursery,
        pages::settings::unsent_words,
        replica::Device,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn Leave() -> impl IntoView {
    view! {
        <h2 class="section-title">{tr!(leave.export_title)}</h2>
        <p class="lead">{tr!(leave.export_lead)}</p>
        <a class="button" href="/api/account/export" download="cradlelog.json">{tr!(leave.export)}</a>
        <details class="more">
            <summary>{tr!(leave.title)}</summary>
            <DeleteAccount/>
        </details>
    }
    .into_any()
}

#[component]
fn DeleteAccount() -> impl IntoView {
    let device = expect_context::<Device>();
    let nursery = expect_context::<Nursery>();
    let toasts = expect_context::<Toasts>();
    let password = RwSignal::new(String::new());
    // The babies that would be left without an owner, as the server named them, and whether they go too.
    let alone = RwSignal::new(Vec::<MyBaby>::new());
    let along = RwSignal::new(false);
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let with_babies = alone.get_untracked().into_iter().filter(|_| along.get_untracked());
            let with_babies = with_babies.map(|baby| baby.baby_id).collect();
            let deleted = api::delete_account(password.get_untracked(), with_babies).await;
            if let Err(err) = &deleted
                && err.code == ErrorCode::LastOwner
            {
                along.set(false);
                alone.set(err.babies.to_vec());
            }
            deleted?;
            toasts.say(Tone::Good, tr!(leave.done));
            device.port().wipe().await.map_err(|err| store_words(&err).to_owned())?;
            Ok(())
        }));
    });
    let names = move || alone.get().into_iter().map(|baby| baby.name).collect::<Vec<_>>().join(", ");
    let take_along = move || {
        (!alone.with(Vec::is_empty)).then(|| {
            view! {
                <label class="check">
                    <input type="checkbox" prop:checked=move || along.get() on:change=move |ev| along.set(event_target_checked(&ev))/>
                    <span>{tr!(leave.along, babies = names())}</span>
                </label>
            }
        })
    };
    view! {
        <p>{tr!(leave.text)}</p>
        <p>{move || unsent_words(nursery)}</p>
        <AskForm asking=asking words=tr!(leave.delete) on_submit=submit error=asking.at_field(None)>
            <TextField id="delete-password" label=tr!(account.password) value=password kind="password" autocomplete="current-password"
                error=asking.at_field(Some("password"))/>
            {take_along}
        </AskForm>
    }
}
