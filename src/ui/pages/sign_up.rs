//! A new account. The only screen besides sign-in and joining that needs the network.

use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_navigate};

use super::{PageTitle, join::JoinCode, sign_in::Brand};
use crate::{
    api,
    ui::{
        account::{AskForm, Asking, arrive},
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
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        let navigate = navigate.clone();
        asking.ask(Box::pin(async move {
            let (email, password) = (email.get_untracked(), password.get_untracked());
            arrive(device, api::sign_up(email, password, name.get_untracked()).await?).await?;
            navigate(joining.next_path(), Default::default());
            Ok(())
        }));
    });
    view! {
        <AskForm asking=asking words=tr!(account.create) on_submit=submit error=asking.at_field(None)>
            <TextField id="display-name" label=tr!(account.display_name) value=name autocomplete="name" hint=tr!(account.display_name_hint)
                error=asking.at_field(Some("displayName"))/>
            <TextField id="email" label=tr!(account.email) value=email kind="email" autocomplete="username"
                error=asking.at_field(Some("email"))/>
            <TextField id="password" label=tr!(account.password) value=password kind="password" autocomplete="new-password"
                hint=tr!(account.password_hint) error=asking.at_field(Some("password"))/>
        </AskForm>
    }
}
