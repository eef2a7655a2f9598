//! One caregiver: what they are to the baby and may do, when they were here last, and the way to
//! change that, for an owner and for themselves.

use js_sys::Reflect;
use leptos::{ev::Event, prelude::*, task::spawn_local};
use wasm_bindgen::JsValue;
use web_sys::Element;

use super::{Circle, role::RoleField};
use crate::{
    api::{self, Caregiver, Level},
    domain::{id::UserId, time::Timestamp},
    ui::{account::api_words, clock::Ticker, format::ago, intl, toast::Tone, words::tr},
};

const LEVELS: [Level; 3] = [Level::Viewer, Level::Editor, Level::Owner];

pub(crate) fn level_words(level: Level) -> &'static str {
    match level {
        Level::Viewer => tr!(level.viewer),
        Level::Editor => tr!(level.editor),
        Level::Owner => tr!(level.owner),
    }
}

#[component]
pub(super) fn Person(person: Caregiver, may_manage: bool) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let ticker = expect_context::<Ticker>();
    let is_me = untrack(|| circle.nursery.is_me(Some(person.user_id)));
    let seen = person.last_seen_at;
    let seen = move || match seen {
        Some(at) => tr!(caregivers.seen, when = ago(ticker.now(), at)),
        None => tr!(caregivers.never_seen).to_owned(),
    };
    let name = if is_me { tr!(caregivers.me, name = person.display_name.clone()) } else { person.display_name.clone() };
    let initial: String = person.display_name.chars().take(1).collect();
    let label = person.label.clone();
    let zone = circle.nursery.zone;
    let until = person.until;
    let level = move || match until {
        Some(until) => tr!(guest.until, time = zone.with(|zone| intl::time(zone, until))),
        None => level_words(person.level).to_owned(),
    };
    let label = label.map(|label| format!(" · {label}"));
    view! {
        <li class="person">
            <span class="person-initial" aria-hidden="true">{initial}</span>
            <div class="person-words">
                <p class="person-name">{name}</p>
                <p class="person-level">{level} {label}</p>
                <p class="person-seen">{seen}</p>
            </div>
            {(is_me || may_manage).then(|| view! { <PersonActions person=person is_me=is_me may_manage=may_manage/> })}
        </li>
    }
    .into_any()
}

#[component]
fn PersonActions(person: Caregiver, is_me: bool, may_manage: bool) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let levels = may_manage.then(|| match person.until {
        Some(until) => view! { <StayActions user_id=person.user_id until=until/> }.into_any(),
        None => view! { <LevelSelect person=person.clone() is_me=is_me/> }.into_any(),
    });
    let is_guest = person.until.is_some() && may_manage;
    let (name, words) = if is_me {
        (tr!(caregivers.leave).to_owned(), tr!(caregivers.leave))
    } else {
        (tr!(caregivers.remove_name, name = person.display_name.clone()), tr!(caregivers.remove))
    };
    let removed = person.clone();
    let ask = move |_| if is_me { confirm_leaving(circle) } else { confirm_removing(circle, &removed) };
    view! {
        <div class="person-actions">
            <RoleField person=person/>
            {levels}
            {(!is_guest).then(|| view! { <button type="button" class="button button-small" aria-label=name on:click=ask>{words}</button> })}
        </div>
    }
}

/// An hour more, no more, or for good.
#[component]
fn StayActions(user_id: UserId, until: Timestamp) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let act = move |words, until: Option<Timestamp>| {
        let act = move |_| circle.change(tr!(caregivers.changed), api::set_until(circle.baby_id, user_id, until));
        view! { <button type="button" class="button button-small" on:click=act>{words}</button> }
    };
    view! {
        {act(tr!(guest.more), Some(until.plus_ms(3_600_000)))}
        {act(tr!(guest.stay), None)}
        {act(tr!(guest.end), Some(Timestamp::from_ms(0)))}
    }
}

#[component]
fn LevelSelect(person: Caregiver, is_me: bool) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let Caregiver { user_id, display_name, level: now, .. } = person;
    let name = display_name.clone();
    let at = LEVELS.iter().position(|level| *level == now).unwrap_or_default();
    let chosen = move |ev: Event| {
        let index = event_target_value(&ev).parse::<usize>().ok();
        let Some(level) = index.and_then(|index| LEVELS.get(index).copied()) else { return };
        let act = move || circle.change(tr!(caregivers.changed), api::set_level(circle.baby_id, user_id, level));
        // An owner who is made one, or steps down, cannot be brought back by the one who did it.
        let text = match (level, is_me) {
            (Level::Owner, _) => tr!(caregivers.raise_text, name = name.clone()),
            (_, true) => tr!(caregivers.step_down_text).to_owned(),
            _ => return act(),
        };
        // What is chosen shows when the server has taken it.
        let select = event_target::<Element>(&ev);
        drop(Reflect::set(&select, &"selectedIndex".into(), &JsValue::from_f64(at as f64)));
        circle.confirm(tr!(caregivers.level_title).to_owned(), text, level_words(level), act);
    };
    let option = |(index, level)| {
        view! { <option value=index prop:selected=level == now>{level_words(level)}</option> }
    };
    view! {
        <select class="input" aria-label=tr!(caregivers.level_of, name = display_name)
            on:change=chosen>
            {LEVELS.into_iter().enumerate().map(option).collect_view()}
        </select>
    }
}

/// Removing cannot be undone: whoever is removed loses the baby from their device.
fn confirm_removing(circle: Circle, person: &Caregiver) {
    let (name, user_id) = (person.display_name.clone(), person.user_id);
    let act = move || circle.change(tr!(caregivers.removed), api::remove_caregiver(circle.baby_id, user_id));
    let title = tr!(caregivers.remove_title, name = name.clone());
    circle.confirm(title, tr!(caregivers.remove_text, name = name), tr!(caregivers.remove), act);
}

/// Goes, and takes the baby off this device.
fn leave(circle: Circle) {
    let replica = circle.nursery.replica;
    let me = replica.account.with_untracked(|account| account.user_id);
    spawn_local(async move {
        match api::remove_caregiver(circle.baby_id, me).await {
            Ok(_) => {
                circle.toasts.say(Tone::Good, tr!(caregivers.left));
                replica.port().left(circle.baby_id);
                circle.router.go("/");
            }
            Err(err) => circle.toasts.say(Tone::Bad, api_words(&err)),
        }
    });
}

/// What has not been sent is named first: the others will never see it.
fn confirm_leaving(circle: Circle) {
    let status = circle.nursery.replica.status.get_untracked();
    let text = match status.of(circle.baby_id).map_or(0, |baby| baby.waiting + baby.failed) {
        0 => tr!(caregivers.leave_text).to_owned(),
        unsent => tr!(caregivers.leave_unsent, count = unsent),
    };
    let act = move || leave(circle);
    circle.confirm(tr!(caregivers.leave_title).to_owned(), text, tr!(caregivers.leave), act);
}
