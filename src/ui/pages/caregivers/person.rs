//! One caregiver: what they may do, when they were here last, and for an owner the way to change
//! that.

use leptos::{prelude::*, task::spawn_local};

use super::Circle;
use crate::{
    api::{self, Caregiver, Level},
    ui::{
        account::api_words,
        clock::Ticker,
        components::confirm::Question,
        format::ago,
        nursery::Nursery,
        router::Router,
        toast::{Toasts, Tone},
        words::tr,
    },
};

const LEVELS: [Level; 3] = [Level::Viewer, Level::Editor, Level::Owner];

pub(super) fn level_words(level: Level) -> &'static str {
    match level {
        Level::Viewer => tr!(level.viewer),
        Level::Editor => tr!(level.editor),
        Level::Owner => tr!(level.owner),
    }
}

#[component]
pub(super) fn Person(person: Caregiver) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let is_me = untrack(|| nursery.is_me(Some(person.user_id)));
    let seen = person.last_seen_at;
    let seen = move || match seen {
        Some(at) => tr!(caregivers.seen, when = ago(ticker.now(), at)),
        None => tr!(caregivers.never_seen).to_owned(),
    };
    let name = if is_me { tr!(caregivers.me, name = person.display_name.clone()) } else { person.display_name.clone() };
    let initial: String = person.display_name.chars().take(1).flat_map(char::to_uppercase).collect();
    let label = person.label.clone();
    let level = level_words(person.level);
    let may_manage = untrack(|| nursery.is_owner());
    view! {
        <li class="person">
            <span class="person-initial" aria-hidden="true">{initial}</span>
            <div class="person-words">
                <p class="person-name">{name}</p>
                <p class="person-level">{level} {label.map(|label| format!(" · {label}"))}</p>
                <p class="person-seen">{seen}</p>
            </div>
            <PersonActions person=person is_me=is_me may_manage=may_manage/>
        </li>
    }
    .into_any()
}

#[component]
fn PersonActions(person: Caregiver, is_me: bool, may_manage: bool) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let remove = (is_me || may_manage).then(|| {
        let words = if is_me { tr!(caregivers.leave) } else { tr!(caregivers.remove) };
        let name =
            if is_me { words.to_owned() } else { tr!(caregivers.remove_name, name = person.display_name.clone()) };
        let question = remove_question(person.clone(), is_me);
        let ask = move |_| circle.question.set(Some(question.clone()));
        view! { <button type="button" class="button button-small" aria-label=name on:click=ask>{words}</button> }
    });
    let levels = (may_manage && !is_me).then(|| view! { <LevelSelect person=person/> });
    view! { <div class="person-actions">{levels} {remove}</div> }
}

#[component]
fn LevelSelect(person: Caregiver) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let toasts = expect_context::<Toasts>();
    let user_id = person.user_id;
    let chosen = move |index: String| {
        let Some(level) = index.parse::<usize>().ok().and_then(|index| LEVELS.get(index).copied()) else { return };
        spawn_local(async move {
            match api::set_level(circle.baby_id, user_id, level).await {
                Ok(_) => toasts.say(Tone::Good, tr!(caregivers.level_set)),
                Err(err) => toasts.say(Tone::Bad, api_words(&err)),
            }
            circle.ask();
        });
    };
    let options: Vec<_> = LEVELS
        .into_iter()
        .enumerate()
        .map(|(index, level)| {
            view! { <option value=index.to_string() prop:selected=level == person.level>{level_words(level)}</option> }
        })
        .collect();
    view! {
        <select class="input" aria-label=tr!(caregivers.level_of, name = person.display_name.clone())
            on:change=move |ev| chosen(event_target_value(&ev))>
            {options}
        </select>
    }
}

/// Removing cannot be undone: whoever is removed loses the baby from their device.
fn remove_question(person: Caregiver, is_me: bool) -> Question {
    let circle = expect_context::<Circle>();
    let nursery = expect_context::<Nursery>();
    let toasts = expect_context::<Toasts>();
    let router = expect_context::<Router>();
    let name = person.display_name;
    let user_id = person.user_id;
    let act = Callback::new(move |()| {
        spawn_local(async move {
            match api::remove_caregiver(circle.baby_id, user_id).await {
                Ok(_) => {
                    toasts.say(Tone::Good, if is_me { tr!(caregivers.left) } else { tr!(caregivers.removed) });
                    nursery.replica.port().refresh_access();
                    if is_me {
                        router.go("/");
                    } else {
                        circle.ask();
                    }
                }
                Err(err) => toasts.say(Tone::Bad, api_words(&err)),
            }
        });
    });
    if is_me {
        let (title, text, yes) = (tr!(caregivers.leave_title), tr!(caregivers.leave_text), tr!(caregivers.leave));
        return Question { title: title.to_owned(), text: text.to_owned(), yes: yes.to_owned(), act };
    }
    Question {
        title: tr!(caregivers.remove_title, name = name.clone()),
        text: tr!(caregivers.remove_text, name = name),
        yes: tr!(caregivers.remove).to_owned(),
        act,
    }
}
