//! A new account. The only screen besides sign-in and joining that needs the network.

use leptos::{prelude::*, task::spawn_local};

use super::{
    PageTitle,
    join::{CodeField, JoinCode},
    sign_in::Brand,
};
use crate::{
    api::{self, SignUpRule, SignUpRules},
    ui::{
        account::{AskForm, Asking, arrive},
        components::text_field::TextField,
        replica::Device,
        router::{A, Router},
        words::tr,
    },
};

#[component]
pub(crate) fn SignUpPage() -> impl IntoView {
    // Until the server has said otherwise it is open; it judges the form in any case.
    let rules = RwSignal::new(SignUpRules::default());
    spawn_local(async move {
        if let Ok(told) = api::sign_up_rules().await {
            rules.try_set(told);
        }
    });
    let words = move || match rules.get() {
        SignUpRules { set_up: true, .. } => Some(tr!(sign_up.set_up)),
        SignUpRules { sign_up: SignUpRule::Open, .. } => None,
        SignUpRules { sign_up: SignUpRule::Invite, .. } => Some(tr!(sign_up.invite)),
        SignUpRules { sign_up: SignUpRule::Closed, .. } => Some(tr!(sign_up.closed)),
    };
    // What was typed stays while the rules arrive.
    let closed = Memo::new(move |_| rules.with(|rules| rules.sign_up == SignUpRule::Closed && !rules.set_up));
    let form = move || (!closed.get()).then(|| view! { <SignUpForm rules=rules/> });
    view! {
        <PageTitle words=tr!(account.sign_up)/>
        <section class="account">
            <Brand/>
            <h1 class="page-title">{tr!(account.sign_up)}</h1>
            <p class="lead" role="status">{words}</p>
            {form}
            <p class="account-other">{tr!(account.have_account)} " " <A href="/sign-in">{tr!(account.sign_in)}</A></p>
            <p class="account-other"><A href="/join">{tr!(account.have_code)}</A></p>
        </section>
    }
    .into_any()
}

#[component]
fn SignUpForm(rules: RwSignal<SignUpRules>) -> impl IntoView {
    let device = expect_context::<Device>();
    let joining = expect_context::<JoinCode>();
    let router = expect_context::<Router>();
    let (name, email, password) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let token = RwSignal::new(String::new());
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let (email, password) = (email.get_untracked(), password.get_untracked());
            let token = Some(token.get_untracked());
            let code = Some(joining.typed()).filter(|code| !code.is_empty());
            arrive(device, api::sign_up(email, password, name.get_untracked(), code, token).await?).await?;
            router.go(joining.next_path());
            Ok(())
        }));
    });
    let more = move || {
        let SignUpRules { sign_up, set_up, .. } = rules.get();
        if set_up {
            let error = asking.at_field(Some("setUpToken"));
            return Some(view! { <TextField id="token" label=tr!(sign_up.token) value=token error=error/> }.into_any());
        }
        let error = asking.at_field(Some("inviteCode"));
        (sign_up == SignUpRule::Invite).then(|| view! { <CodeField error=error/> }.into_any())
    };
    view! {
        <AskForm asking=asking words=tr!(account.create) on_submit=submit error=asking.at_field(None)>
            <TextField id="display-name" label=tr!(account.display_name) value=name autocomplete="name" hint=tr!(account.display_name_hint)
                error=asking.at_field(Some("displayName"))/>
            <TextField id="email" label=tr!(account.email) value=email kind="email" autocomplete="username"
                error=asking.at_field(Some("email"))/>
            <TextField id="password" label=tr!(account.password) value=password kind="password" autocomplete="new-password"
                hint=tr!(account.password_hint) error=asking.at_field(Some("password"))/>
            {more}
        </AskForm>
    }
}
