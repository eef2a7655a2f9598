//! Inviting: by a link that is sent or scanned, or by a code that is read out. Either runs out and
//! works once.

use leptos::{prelude::*, task::spawn_local};

use super::{Circle, person::level_words};
use crate::{
    api::{self, Caregiver, Invite, InviteKind, Level, NewInvite},
    domain::time::Timestamp,
    ui::{
        account::api_words,
        clock::{Ticker, now},
        components::{choice::Choice, pass_on::PassOn, qr::Qr, text_field::TextField},
        format::{length, timer},
        toast::{Toasts, Tone},
        words::tr,
    },
};

const HOUR_MS: i64 = 3_600_000;

#[component]
pub(super) fn Invites() -> impl IntoView {
    let circle = expect_context::<Circle>();
    let (level, label) = (RwSignal::new("editor".to_owned()), RwSignal::new(String::new()));
    // Empty for good.
    let hours = RwSignal::new(String::new());
    let made = RwSignal::new(None::<NewInvite>);
    let open = RwSignal::new(Vec::<Invite>::new());
    let error = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let list = move || {
        let shown = made.with_untracked(|made| made.as_ref().map(|made| (made.invite_id, made.expires_at)));
        spawn_local(async move {
            match api::list_invites(circle.baby_id).await {
                Ok(invites) => {
                    // It has let somebody in, or another owner took it back. What has run out says so itself.
                    if let Some((id, expires_at)) = shown
                        && expires_at > now()
                        && invites.iter().all(|invite| invite.invite_id != id)
                    {
                        made.try_update(|made| *made = made.take().filter(|made| made.invite_id != id));
                    }
                    open.try_set(invites);
                }
                // The list of people above says that the server cannot be reached.
                Err(err) => {
                    error.try_set(Some(api_words(&err)));
                }
            }
        });
    };
    Effect::new(move |_| {
        let owns = |person: &Caregiver| person.level == Level::Owner && circle.nursery.is_me(Some(person.user_id));
        if circle.people.with(|people| people.iter().flatten().any(owns)) {
            list();
        }
    });
    let create = move |kind: InviteKind| {
        busy.set(true);
        spawn_local(async move {
            let hours = hours.with_untracked(|hours| hours.parse().ok());
            let looks = hours.is_none() && level.with_untracked(|level| level == "viewer");
            let wanted = if looks { Level::Viewer } else { Level::Editor };
            match api::create_invite(circle.baby_id, wanted, kind, Some(label.get_untracked()), hours).await {
                Ok(invite) => {
                    made.set(Some(invite));
                    label.set(String::new());
                    error.set(None);
                    list();
                }
                Err(err) => error.set(Some(api_words(&err))),
            }
            busy.set(false);
        });
    };
    let make = |kind, class, words| {
        view! { <button type="button" class=class prop:disabled=move || busy.get() on:click=move |_| create(kind)>{words}</button> }
    };
    let times = vec![
        ("", tr!(guest.always)),
        ("1", tr!(guest.h1)),
        ("2", tr!(guest.h2)),
        ("4", tr!(guest.h4)),
        ("8", tr!(guest.h8)),
        ("12", tr!(guest.h12)),
    ];
    // A guest is there to log.
    let lasts = Memo::new(move |_| hours.with(String::is_empty));
    let levels = move || {
        lasts.get().then(|| {
            let levels = vec![("editor", tr!(level.editor)), ("viewer", tr!(level.viewer))];
            view! { <Choice legend=tr!(invite.level) name="level" options=levels value=level/> }
        })
    };
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(invite.title)}</h2>
            <p>{tr!(invite.lead)}</p>
            <Choice legend=tr!(guest.time) name="hours" options=times value=hours/>
            {levels}
            <TextField id="invite-label" label=tr!(invite.label) value=label list="roles" hint=tr!(invite.label_hint)/>
            <p class="field-error" role="alert">{move || error.get()}</p>
            <div class="button-row">
                {make(InviteKind::Link, "button button-primary", tr!(invite.create_link))}
                {make(InviteKind::Code, "button", tr!(invite.create_code))}
            </div>
            {move || made.get().map(|invite| view! { <Made invite=invite/> })}
            <OpenInvites open=open made=made list=Callback::new(move |()| list())/>
        </div>
    }
    .into_any()
}

/// For how long somebody is invited.
fn guest_words(hours: u8) -> String {
    tr!(guest.hours, length = length(i64::from(hours) * HOUR_MS))
}

/// How long an invitation still works.
fn left(ticker: Ticker, expires_at: Timestamp) -> String {
    let left = expires_at.since(ticker.now());
    if left > HOUR_MS { length(left) } else { timer(left) }
}

/// The code or the link itself, until it has run out.
#[component]
fn Made(invite: NewInvite) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let expires_at = invite.expires_at;
    let over = Memo::new(move |_| expires_at.since(ticker.now()) <= 0);
    let invite = StoredValue::new(invite);
    let shown = move || {
        let NewInvite { code, link, .. } = invite.get_value();
        if let Some(code) = code {
            return view! {
                <output class="code-text" data-testid="invite-code">{code.clone()}</output>
                <PassOn text=code/>
            }
            .into_any();
        }
        let link = absolute(link.unwrap_or_default());
        view! {
            <Qr text=link.clone() label=tr!(invite.qr)/>
            <p>{tr!(invite.scan)}</p>
            <PassOn text=link is_link=true/>
        }
        .into_any()
    };
    move || {
        if over.get() {
            return view! { <p role="status">{tr!(invite.over)}</p> }.into_any();
        }
        view! {
            <div class="code" role="status">
                {shown()}
                <p class="code-left">{move || tr!(invite.left, time = left(ticker, expires_at))}</p>
            </div>
        }
        .into_any()
    }
}

/// A server that was not told its own name leaves it to whoever reached it.
fn absolute(link: String) -> String {
    if link.starts_with('/') { window().location().origin().unwrap_or_default() + &link } else { link }
}

/// What could still be used; each can be taken back.
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
    let revoke = Callback::new(revoke);
    let answer = Callback::new(move |(invite, level): (Invite, Level)| {
        circle.change(tr!(caregivers.changed), async move {
            let answered = api::approve_invite(circle.baby_id, invite.invite_id, level).await;
            list.run(());
            answered
        });
    });
    let line = move |invite: Invite| match invite.asked_by.clone() {
        Some(who) => view! { <Question invite=invite who=who answer=answer revoke=revoke/> }.into_any(),
        None => view! { <OpenInvite invite=invite revoke=revoke/> }.into_any(),
    };
    move || view! { <ul class="invites">{open.get().into_iter().map(line).collect_view()}</ul> }
}

/// Somebody asks to be let in, by a link that has run out.
#[component]
fn Question(invite: Invite, who: String, answer: Callback<(Invite, Level)>, revoke: Callback<Invite>) -> impl IntoView {
    let (asked, declined) = (invite.clone(), invite);
    let let_in = move |level| {
        let asked = asked.clone();
        let act = move |_| answer.run((asked.clone(), level));
        view! { <button type="button" class="button button-small" on:click=act>{level_words(level)}</button> }
    };
    view! {
        <li class="invite">
            <span>{tr!(invite.asks, who = who)}</span>
            <span class="button-row">
                {[Level::Editor, Level::Viewer].map(let_in).collect_view()}
                <button type="button" class="button button-small" on:click=move |_| revoke.run(declined.clone())>{tr!(invite.decline)}</button>
            </span>
        </li>
    }
}

#[component]
fn OpenInvite(invite: Invite, revoke: Callback<Invite>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let what = match invite.kind {
        InviteKind::Code => tr!(invite.code),
        InviteKind::Link => tr!(invite.link),
    };
    let level = match invite.hours {
        Some(hours) => guest_words(hours),
        None => level_words(invite.level).to_owned(),
    };
    let (who, expires_at) = (invite.invited_by.clone(), invite.expires_at);
    let words = move || {
        tr!(invite.open, what = what, level = level.clone(), who = who.clone(), time = left(ticker, expires_at))
    };
    view! {
        <li class="invite">
            <span>{words}</span>
            <button type="button" class="button button-small" on:click=move |_| revoke.run(invite.clone())>{tr!(invite.revoke)}</button>
        </li>
    }
}
