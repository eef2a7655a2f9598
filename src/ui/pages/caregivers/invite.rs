//! Inviting by a code that is read out or shown: it is large, it runs out, it works once.

use leptos::{prelude::*, task::spawn_local};

use super::{Circle, person::level_words};
use crate::{
    api::{self, Invite, InviteKind, Level, NewInvite},
    ui::{
        account::api_words,
        clock::Ticker,
        components::choice::Choice,
        format::timer,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn Invites() -> impl IntoView {
    let circle = expect_context::<Circle>();
    let level = RwSignal::new("editor".to_owned());
    let made = RwSignal::new(None::<NewInvite>);
    let open = RwSignal::new(Vec::<Invite>::new());
    let error = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let list = move || {
        spawn_local(async move {
            match api::list_invites(circle.baby_id).await {
                Ok(invites) => {
                    open.try_set(invites);
                }
                // The list of people above says that the server cannot be reached.
                Err(err) => {
                    error.try_set(Some(api_words(&err)));
                }
            }
        });
    };
    list();
    let create = move |_| {
        busy.set(true);
        spawn_local(async move {
            let wanted = if level.with_untracked(|level| level == "viewer") { Level::Viewer } else { Level::Editor };
            match api::create_invite(circle.baby_id, wanted, InviteKind::Code, None).await {
                Ok(invite) => {
                    made.set(Some(invite));
                    error.set(None);
                    list();
                }
                Err(err) => error.set(Some(api_words(&err))),
            }
            busy.set(false);
        });
    };
    let levels = vec![("editor", tr!(level.editor)), ("viewer", tr!(level.viewer))];
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(invite.title)}</h2>
            <p>{tr!(invite.lead)}</p>
            <Choice legend=tr!(invite.level) name="level" options=levels value=level/>
            <p class="field-error" role="alert">{move || error.get()}</p>
            <button type="button" class="button button-primary" prop:disabled=move || busy.get() on:click=create>{tr!(invite.create)}</button>
            {move || made.get().map(|invite| view! { <Code invite=invite/> })}
            <OpenInvites open=open made=made list=Callback::new(move |()| list())/>
        </div>
    }
    .into_any()
}

/// The code itself, until it has run out.
#[component]
fn Code(invite: NewInvite) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let toasts = expect_context::<Toasts>();
    let left = move || invite.expires_at.since(ticker.now());
    let over = Memo::new(move |_| left() <= 0);
    let code = StoredValue::new(invite.code);
    let copy = move |_| {
        spawn_local(async move {
            let clipboard = window().navigator().clipboard();
            let copied = code.with_value(|code| clipboard.write_text(code));
            match wasm_bindgen_futures::JsFuture::from(copied).await {
                Ok(_) => toasts.say(Tone::Good, tr!(invite.copied)),
                Err(_) => toasts.say(Tone::Bad, tr!(invite.not_copied)),
            }
        });
    };
    move || {
        if over.get() {
            return view! { <p role="status">{tr!(invite.over)}</p> }.into_any();
        }
        view! {
            <div class="code" role="status">
                <output class="code-text" data-testid="invite-code">{code.get_value()}</output>
                <p class="code-left">{move || tr!(invite.left, time = timer(left()))}</p>
                <button type="button" class="button" on:click=copy>{tr!(invite.copy)}</button>
            </div>
        }
        .into_any()
    }
}

/// Codes that could still be used; each can be taken back.
#[component]
fn OpenInvites(open: RwSignal<Vec<Invite>>, made: RwSignal<Option<NewInvite>>, list: Callback<()>) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let toasts = expect_context::<Toasts>();
    let revoke = move |invite: Invite| {
        spawn_local(async move {
            match api::revoke_invite(circle.baby_id, invite.invite_id).await {
                Ok(_) => {
                    made.update(|made| *made = made.take().filter(|made| made.invite_id != invite.invite_id));
                    toasts.say(Tone::Good, tr!(invite.revoked));
                }
                Err(err) => toasts.say(Tone::Bad, api_words(&err)),
            }
            list.run(());
        });
    };
    view! {
        <ul class="invites">
            <For each=move || open.get() key=|invite| invite.invite_id let:invite>
                <OpenInvite invite=invite revoke=Callback::new(revoke)/>
            </For>
        </ul>
    }
}

#[component]
fn OpenInvite(invite: Invite, revoke: Callback<Invite>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let level = level_words(invite.level);
    let expires_at = invite.expires_at;
    let words = move || tr!(invite.open, level = level, time = timer(expires_at.since(ticker.now())));
    view! {
        <li class="invite">
            <span>{words}</span>
            <button type="button" class="button button-small" on:click=move |_| revoke.run(invite.clone())>{tr!(invite.revoke)}</button>
        </li>
    }
}
