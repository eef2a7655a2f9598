//! Joining a baby by a code that its owner reads out, or by a link. What was typed outlives the detour
//! over signing in, and nobody joins without having seen who invites them to what.

use leptos::{ev, prelude::*, task::spawn_local};

use super::{PageTitle, caregivers::level_words, sign_in::Brand};
use crate::{
    api::{self, ApiError, ErrorCode, Invitation},
    sync::status::Blocked,
    ui::{
        account::{AskForm, Asking, api_words},
        clock::Ticker,
        components::{scanner::Scanner, text_field::TextField},
        intl,
        replica::{Device, Replica},
        router::{A, Router},
        toast::{Toasts, Tone},
        words::tr,
    },
};

/// A link's token is longer than anything else that may stand in the fragment.
const TOKEN_CHARS: usize = 32;

/// The code as typed so far, or `#` and the token of a link. Kept while the page lives and nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct JoinCode(RwSignal<String>);

impl JoinCode {
    pub(crate) fn new() -> Self {
        Self(RwSignal::new(String::new()))
    }

    /// Where to go after signing in: on with joining, or home.
    pub(crate) fn next_path(self) -> &'static str {
        if self.0.with_untracked(|code| code.trim().is_empty()) { "/" } else { "/join" }
    }

    /// Came here by a link, so there is nothing to type.
    fn is_link(self) -> bool {
        self.0.with(|code| code.starts_with('#') && code.len() > TOKEN_CHARS)
    }

    /// The code, or the token of a link. A whole link may be pasted, too.
    pub(crate) fn typed(self) -> String {
        self.0.with_untracked(|typed| typed.rsplit('#').next().unwrap_or_default().trim().to_owned())
    }

    /// As the server takes it: a code or a token.
    fn secret(self) -> (Option<String>, Option<String>) {
        let typed = Some(self.typed());
        if self.0.with_untracked(|typed| typed.contains('#')) { (None, typed) } else { (typed, None) }
    }

    /// Takes the token out of the address, where it would stay in the list of places visited.
    fn take_from_address(self) {
        let router = expect_context::<Router>();
        let take = move || {
            let fragment = window().location().hash().unwrap_or_default();
            if fragment.len() > TOKEN_CHARS {
                router.replace("/join");
                self.0.set(fragment);
            }
        };
        take();
        // A second link, in the tab that shows this page already.
        let changed = window_event_listener(ev::hashchange, move |_| take());
        on_cleanup(move || changed.remove());
    }
}

#[component]
pub(crate) fn JoinPage() -> impl IntoView {
    let device = expect_context::<Device>();
    let replica = use_context::<Replica>();
    expect_context::<JoinCode>().take_from_address();
    let signed_in = move || {
        device.account.with(Option::is_some)
            && replica.is_some_and(|replica| replica.status.with(|status| status.blocked != Some(Blocked::SignIn)))
    };
    let signed_in = Memo::new(move |_| signed_in());
    let form = move || match replica.filter(|_| signed_in.get()) {
        Some(replica) => view! { <Join replica=replica/> }.into_any(),
        None => view! { <JoinFirst/> }.into_any(),
    };
    view! {
        <PageTitle words=tr!(join.title)/>
        <section class="account">
            <Brand/>
            <h1 class="page-title">{tr!(join.title)}</h1>
            {form}
        </section>
    }
    .into_any()
}

/// Nothing for somebody who came by a link, as long as it is right.
#[component]
pub(crate) fn CodeField(#[prop(optional, into)] error: Signal<Option<String>>) -> impl IntoView {
    let code = expect_context::<JoinCode>();
    let by_link = Memo::new(move |_| code.is_link() && error.with(Option::is_none));
    move || {
        (!by_link.get()).then(|| {
            view! {
                <TextField id="code" label=tr!(join.code) value=code.0 hint=tr!(join.code_hint) error=error/>
                <Scanner found=code.0/>
            }
        })
    }
}

/// An account comes first; the code waits.
#[component]
fn JoinFirst() -> impl IntoView {
    let code = expect_context::<JoinCode>();
    let first = move || if code.is_link() { tr!(join.link_account_first) } else { tr!(join.account_first) };
    view! {
        <div class="form">
            <CodeField/>
            <p>{first}</p>
            <A href="/sign-up" attr:class="button button-primary button-wide">{tr!(account.sign_up)}</A>
            <A href="/sign-in" attr:class="button button-wide">{tr!(account.sign_in)}</A>
        </div>
    }
}

/// First what it is, then the decision.
#[component]
fn Join(replica: Replica) -> impl IntoView {
    let code = expect_context::<JoinCode>();
    let seen = RwSignal::new(None::<Invitation>);
    // The token of a link that has run out.
    let late = RwSignal::new(None::<String>);
    let asking = Asking::new();
    let look = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let (typed, token) = code.secret();
            late.set(None);
            let looked = api::look_at_invite(typed, token.clone()).await;
            if let Err(ApiError { code: why @ (ErrorCode::InviteInvalid | ErrorCode::InviteExpired), .. }) = &looked
                && token.is_some()
            {
                // A link cannot be mended; a code may be typed instead.
                code.0.set(String::new());
                late.set(token.filter(|_| *why == ErrorCode::InviteExpired));
            }
            seen.set(Some(looked?));
            Ok(())
        }));
    });
    let by_link = Memo::new(move |_| code.is_link());
    Effect::new(move |_| {
        if by_link.get() {
            look.run(());
        }
    });
    move || match seen.get() {
        Some(invitation) => view! { <Offer replica=replica invitation=invitation seen=seen/> }.into_any(),
        None => view! {
            <AskForm asking=asking words=tr!(join.look) on_submit=look error=asking.at_field(None)>
                <CodeField/>
            </AskForm>
            {move || late.get().map(|token| view! { <Late replica=replica token=token late=late/> })}
        }
        .into_any(),
    }
}

/// A link that has run out: an owner may still say yes.
#[component]
fn Late(replica: Replica, token: String, late: RwSignal<Option<String>>) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let ask = move |_| {
        let token = token.clone();
        spawn_local(async move {
            match api::ask_to_join(token).await {
                Ok(_) => {
                    late.try_set(None);
                    // From now on there is an answer to listen for.
                    replica.port().refresh_access();
                    toasts.say(Tone::Good, tr!(join.asked));
                }
                Err(err) => toasts.say(Tone::Bad, api_words(&err)),
            }
        });
    };
    view! { <button type="button" class="button button-wide" on:click=ask>{tr!(join.ask)}</button> }
}

/// Who invites to what.
#[component]
fn Offer(replica: Replica, invitation: Invitation, seen: RwSignal<Option<Invitation>>) -> impl IntoView {
    let code = expect_context::<JoinCode>();
    let toasts = expect_context::<Toasts>();
    let router = expect_context::<Router>();
    let asking = Asking::new();
    let accept = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let (typed, token) = code.secret();
            let joined = api::accept_invite(typed, token).await?;
            code.0.set(String::new());
            replica.port().refresh_access();
            replica.port().activate(Some(joined.baby_id));
            toasts.say(Tone::Good, tr!(join.joined));
            router.go("/");
            Ok(())
        }));
    });
    let decline = move |_| {
        code.0.set(String::new());
        seen.set(None);
    };
    let Invitation { baby_name, invited_by, level, label, hours, .. } = invitation;
    let ticker = expect_context::<Ticker>();
    let level = move || match hours {
        Some(hours) => {
            let until = ticker.now().plus_ms(i64::from(hours) * 3_600_000);
            tr!(guest.offer, time = intl::time(&intl::device_zone(), until))
        }
        None => level_words(level).to_owned(),
    };
    view! {
        <AskForm asking=asking words=tr!(join.join) on_submit=accept error=asking.at_field(None)>
            <div class="card" role="status">
                <h2 class="card-title">{tr!(join.invites, who = invited_by, baby = baby_name)}</h2>
                <p>{level} {label.map(|label| format!(" · {label}"))}</p>
            </div>
        </AskForm>
        <button type="button" class="button button-wide" on:click=decline>{tr!(join.decline)}</button>
    }
    .into_any()
}
