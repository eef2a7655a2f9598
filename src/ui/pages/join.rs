//! Joining a baby by the code that its owner reads out. What was typed outlives the detour over
//! signing in.

use leptos::prelude::*;

use super::{PageTitle, sign_in::Brand};
use crate::{
    api,
    sync::status::Blocked,
    ui::{
        account::{AskForm, Asking},
        components::text_field::TextField,
        replica::{Device, Replica},
        router::{A, Router},
        toast::{Toasts, Tone},
        words::tr,
    },
};

/// The code as typed so far, kept while the page lives.
#[derive(Clone, Copy)]
pub(crate) struct JoinCode(RwSignal<String>);

impl JoinCode {
    pub(crate) fn new() -> Self {
        Self(RwSignal::new(String::new()))
    }

    /// What was typed so far.
    pub(crate) fn typed(self) -> String {
        self.0.with_untracked(|code| code.trim().to_owned())
    }

    /// Where to go after signing in: on with joining, or home.
    pub(crate) fn next_path(self) -> &'static str {
        if self.0.with_untracked(|code| code.trim().is_empty()) { "/" } else { "/join" }
    }
}

#[component]
pub(crate) fn JoinPage() -> impl IntoView {
    let device = expect_context::<Device>();
    let replica = use_context::<Replica>();
    let signed_in = move || {
        device.account.with(Option::is_some)
            && replica.is_some_and(|replica| replica.status.with(|status| status.blocked != Some(Blocked::SignIn)))
    };
    let signed_in = Memo::new(move |_| signed_in());
    let form = move || match replica.filter(|_| signed_in.get()) {
        Some(replica) => view! { <JoinForm replica=replica/> }.into_any(),
        None => view! { <JoinFirst/> }.into_any(),
    };
    view! {
        <PageTitle words=tr!(join.title)/>
        <section class="account">
            <Brand/>
            <h1 class="page-title">{tr!(join.title)}</h1>
            <p class="lead">{tr!(join.lead)}</p>
            {form}
        </section>
    }
    .into_any()
}

#[component]
pub(crate) fn CodeField(#[prop(optional, into)] error: Signal<Option<String>>) -> impl IntoView {
    let code = expect_context::<JoinCode>().0;
    view! { <TextField id="code" label=tr!(join.code) value=code hint=tr!(join.code_hint) error=error/> }
}

/// An account comes first; the code waits.
#[component]
fn JoinFirst() -> impl IntoView {
    view! {
        <div class="form">
            <CodeField/>
            <p>{tr!(join.account_first)}</p>
            <A href="/sign-up" attr:class="button button-primary button-wide">{tr!(account.sign_up)}</A>
            <A href="/sign-in" attr:class="button button-wide">{tr!(account.sign_in)}</A>
        </div>
    }
}

#[component]
fn JoinForm(replica: Replica) -> impl IntoView {
    let code = expect_context::<JoinCode>().0;
    let toasts = expect_context::<Toasts>();
    let router = expect_context::<Router>();
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let joined = api::accept_invite(Some(code.get_untracked().trim().to_owned()), None).await?;
            code.set(String::new());
            replica.port().refresh_access();
            replica.port().activate(Some(joined.baby_id));
            toasts.say(Tone::Good, tr!(join.joined));
            router.go("/");
            Ok(())
        }));
    });
    view! {
        <AskForm asking=asking words=tr!(join.join) on_submit=submit>
            <CodeField error=asking.at_field(None)/>
        </AskForm>
    }
}
