//! What a caregiver is to the baby, in the family's own word; a few are offered.

use leptos::prelude::*;

use super::Circle;
use crate::{
    api::{self, Caregiver},
    ui::words::tr,
};

/// The words on offer, for inputs with `list="roles"`.
#[component]
pub(super) fn Roles() -> impl IntoView {
    let roles = [tr!(role.mum), tr!(role.dad), tr!(role.grandma), tr!(role.grandpa), tr!(role.nanny)];
    view! { <datalist id="roles">{roles.map(|role| view! { <option value=role></option> }).collect_view()}</datalist> }
}

#[component]
pub(super) fn RoleField(person: Caregiver) -> impl IntoView {
    let circle = expect_context::<Circle>();
    let Caregiver { user_id, display_name, label, .. } = person;
    let label = label.unwrap_or_default();
    let said =
        move |label| circle.change(tr!(caregivers.changed), api::set_label(circle.baby_id, user_id, Some(label)));
    view! {
        <input class="input" list="roles" autocomplete="off" placeholder=tr!(caregivers.role) prop:value=label
            aria-label=tr!(caregivers.role_of, name = display_name)
            on:change=move |ev| said(event_target_value(&ev))/>
    }
}
