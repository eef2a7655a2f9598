//! A new account. The only screen besides sign-in and joining that needs the network.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use leptos_router::{components::A, hooks::use_navigate};

use super::{PageTitle, join::JoinCode, sign_in::Brand};
use crate::{
    api::{self, ApiError},
    ui::{
        account::{arrive, at_field},
        components::text_field::TextField,
        replica::Device,
        words::tr,
    },
};

#[component]
pub(crate) fn SignUpPage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(account.sign_up)/>
        <section class="account">
            <Brand/>
            <h1 class="page-title">{tr!(account.sign_up)}</h1>
            <SignUpForm/>
            <p class="account-other">{tr!(account.have_account)} " " <A href="/sign-in">{tr!(account.sign_in)}</A></p>
            <p class="account-other"><A href="/join">{tr!(account.have_code)}</A></p>
        </section>
    }
    .into_any()
}

#[component]
fn SignUpForm() -> impl IntoView {
    let device = expect_context::<Device>();
    let joining = expect_context::<JoinCode>();
    let navigate = use_navigate();
    let (name, email, password) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let error = RwSignal::new(None::<ApiError>);
    let refusal = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        busy.set(true);
        let navigate = navigate.clone();
        spawn_local(async move {
            error.set(None);
            refusal.set(None);
            match api::sign_up(email.get_untracked(), password.get_untracked(), name.get_untracked()).await {
                Ok(account) => match arrive(device, account).await {
                    Ok(()) => return navigate(joining.next_path(), Default::default()),
                    Err(words) => refusal.set(Some(words)),
                },
                Err(err) => error.set(Some(err)),
            }
            busy.set(false);
        });
    };
    let whole = at_field(error, None);
    view! {
        <form class="form" novalidate=true on:submit=submit>
            <TextField id="display-name" label=tr!(account.display_name) value=name autocomplete="name" hint=tr!(account.display_name_hint)
                error=at_field(error, Some("displayName"))/>
            <TextField id="email" label=tr!(account.email) value=email kind="email" autocomplete="username" error=at_field(error, Some("email"))/>
            <TextField id="password" label=tr!(account.password) value=password kind="password" autocomplete="new-password"
                hint=tr!(account.password_hint) error=at_field(error, Some("password"))/>
            <p class="field-error" role="alert">{move || refusal.get().or_else(|| whole.get())}</p>
            <button type="submit" class="button button-primary button-wide" prop:disabled=move || busy.get()>{tr!(account.create)}</button>
        </form>
    }
}
