//! Babies that an owner deleted, until they are gone for good: when that is, and the way back.

use leptos::prelude::*;

use crate::{
    domain::{baby::KEPT_DAYS, registry::EntityType},
    sync::status::{BabyAccess, Level},
    ui::{acts::Acts, intl, nursery::Nursery, words::tr},
};

const DAY_MS: i64 = 86_400_000;

/// Nothing while there are none.
#[component]
pub(crate) fn DeletedBabies() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    move || {
        let babies = replica.babies.get().into_iter().filter(|baby| baby.deleted_at.is_some());
        let lines: Vec<_> = babies.map(|baby| view! { <Line baby=baby/> }).collect();
        (!lines.is_empty()).then(|| view! { <ul class="people">{lines}</ul> })
    }
}

#[component]
fn Line(baby: BabyAccess) -> impl IntoView {
    let acts = expect_context::<Acts>();
    let BabyAccess { baby_id, name, level, deleted_at, .. } = baby;
    let last = deleted_at.unwrap_or_default().plus_ms(KEPT_DAYS * DAY_MS);
    let day = intl::short_day(intl::day_of(&intl::device_zone(), last));
    let label = tr!(deleted_baby.take_back_name, name = name.clone());
    let take_back = move |_| acts.restore(EntityType::BABY, baby_id, baby_id.entity());
    let way_back = if level == Level::Owner {
        view! {
            <button type="button" class="button button-small" aria-label=label on:click=take_back>
                {tr!(deleted_baby.take_back)}
            </button>
        }
        .into_any()
    } else {
        view! { <p class="person-seen">{tr!(deleted_baby.ask)}</p> }.into_any()
    };
    view! {
        <li class="person">
            <p class="person-words">{tr!(deleted_baby.until, name = name, day = day)}</p>
            {way_back}
        </li>
    }
    .into_any()
}
