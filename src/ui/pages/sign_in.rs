//! The way back in. Also for somebody whose session ended: their log stays open meanwhile.

use leptos::{prelude::*, task::spawn_local};

use super::{PageTitle, join::JoinCode};
use crate::{
    api,
    ui::{
        account::{AskForm, Asking, arrive, passkey},
        components::text_field::TextField,
        replica::{Device, PasskeyAct},
        router::{A, Router},
        words::tr,
    },
};

#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(account.sign_in)/>
        <section class="account">
            <Brand/>
            <h1 class="page-title">{tr!(account.sign_in)}</h1>
            <SignInForm/>
            <PasskeySignIn/>
            <p class="account-other">{tr!(account.no_account)} " " <A href="/sign-up">{tr!(account.sign_up)}</A></p>
            <p class="account-other"><A href="/join">{tr!(account.have_code)}</A></p>
        </section>
    }
    .into_any()
}

/// Name and promise, where nothing else is known yet.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <div class="brand">
            <svg class="brand-mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
                <path d="M34 20.500A11 11 0 1 1 22.500 6.500a9 9 0 0 0 11.500 14z"></path>
                <path class="brand-cradle" d="M5 28c2.500 10 10 15 19 15s16.500-5 19-15"></path>
            </svg>
            <p class="brand-name">{tr!(app.name)}</p>
            <p class="brand-promise">{tr!(app.promise)}</p>
        </div>
    }
    .into_any()
}

#[component]
fn SignInForm() -> impl IntoView {
    let device = expect_context::<Device>();
    let joining = expect_context::<JoinCode>();
    let router = expect_context::<Router>();
    let (email, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    // Asked for once the server says that the password is an operator's.
    let (new_password, choosing) = (RwSignal::new(String::new()), RwSignal::new(false));
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let chosen = choosing.get_untracked().then(|| new_password.get_untracked());
            let answer = api::sign_in(email.get_untracked(), password.get_untracked(), chosen).await;
            choosing.try_set(answer.as_ref().is_err_and(|err| err.field.as_deref() == Some("newPassword")));
            arrive(device, answer?).await?;
            router.go(joining.next_path());
            Ok(())
        }));
    });
    view! {
        <AskForm asking=asking words=tr!(account.sign_in) on_submit=submit error=asking.at_field(None)>
            <TextField id="email" label=tr!(account.email) value=email kind="email" autocomplete="username"
                error=asking.at_field(Some("email"))/>
            <TextField id="password" label=tr!(account.password) value=password kind="password" autocomplete="current-password"
                error=asking.at_field(Some("password"))/>
            {move || choosing.get().then(|| view! {
                <TextField id="new-password" label=tr!(password.new) value=new_password kind="password" autocomplete="new-password"
                    error=asking.at_field(Some("newPassword"))/>
            })}
        </AskForm>
    }
}

/// The other way in, once the server has said that it knows passkeys of this page.
#[component]
fn PasskeySignIn() -> impl IntoView {
    let device = expect_context::<Device>();
    let joining = expect_context::<JoinCode>();
    let router = expect_context::<Router>();
    let offered = RwSignal::new(false);
    if let Some(here) = device.port().passkey_origin() {
        spawn_local(async move {
            if let Ok(rules) = api::sign_up_rules().await {
                offered.try_set(rules.passkeys_at == Some(here));
            }
        });
    }
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let asked = api::begin_passkey_sign_in().await?;
            let (id, signed) = passkey(device, PasskeyAct::SignIn, asked).await?;
            arrive(device, api::finish_passkey_sign_in(id, signed).await?).await?;
            router.go(joining.next_path());
            Ok(())
        }));
    });
    move || {
        offered.get().then(|| {
            let error = asking.at_field(None);
            view! { <AskForm asking=asking words=tr!(passkeys.sign_in) on_submit=submit error=error is_other_way=true/> }
        })
    }
}
