//! Who cares for the baby on screen: inviting, levels, removing, leaving. The one screen that asks
//! the server, so it says in words when it cannot.

mod invite;
mod person;

use leptos::{prelude::*, task::spawn_local};

use self::{invite::Invites, person::Person};
use super::{PageTitle, welcome::AddBaby};
use crate::{
    api::{self, Caregiver},
    domain::id::BabyId,
    ui::{
        account::api_words,
        components::{
            confirm::{Confirm, Question},
            retry::Retry,
        },
        nursery::Nursery,
        words::tr,
    },
};

/// What the server said last, and how to ask again.
#[derive(Clone, Copy)]
struct Circle {
    baby_id: BabyId,
    people: RwSignal<Option<Vec<Caregiver>>>,
    error: RwSignal<Option<String>>,
    question: RwSignal<Option<Question>>,
}

impl Circle {
    fn new(baby_id: BabyId) -> Self {
        Self { baby_id, people: RwSignal::new(None), error: RwSignal::new(None), question: RwSignal::new(None) }
    }

    fn ask(self) {
        spawn_local(async move {
            match api::list_caregivers(self.baby_id).await {
                Ok(people) => {
                    self.people.try_set(Some(people));
                    self.error.try_set(None);
                }
                Err(err) => {
                    self.error.try_set(Some(api_words(&err)));
                }
            }
        });
    }
}

#[component]
pub(crate) fn CaregiversPage() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let baby_id = Memo::new(move |_| nursery.baby_id());
    let screen = move || match baby_id.get() {
        Some(baby_id) => view! { <Caregivers baby_id=baby_id/> }.into_any(),
        None => view! { <AddBaby/> }.into_any(),
    };
    view! {
        <PageTitle words=tr!(nav.caregivers)/>
        {screen}
    }
    .into_any()
}

#[component]
fn Caregivers(baby_id: BabyId) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let circle = Circle::new(baby_id);
    provide_context(circle);
    // Nobody can be asked about a baby that the server has not heard of; as soon as it has, it is.
    let is_new = Memo::new(move |_| nursery.is_new(baby_id));
    Effect::new(move |_| {
        if !is_new.get() {
            circle.ask();
        }
    });
    let people = move || {
        circle.people.with(|people| {
            people.iter().flatten().cloned().map(|person| view! { <Person person=person/> }).collect::<Vec<_>>()
        })
    };
    let asking = move || circle.people.with(Option::is_none) && circle.error.with(Option::is_none);
    let may_invite = Memo::new(move |_| nursery.is_owner() && !is_new.get());
    let state = move || match (is_new.get(), asking()) {
        (true, _) => Some(tr!(caregivers.being_sent)),
        (false, true) => Some(tr!(caregivers.asking)),
        (false, false) => None,
    };
    view! {
        <section class="page">
            <h1 class="page-title">{tr!(nav.caregivers)}</h1>
            <p class="lead">{tr!(caregivers.lead)}</p>
            <p class="field-hint" role="status">{state}</p>
            <Retry error=circle.error again=Callback::new(move |()| circle.ask())/>
            <ul class="people">{people}</ul>
            {move || may_invite.get().then(|| view! { <Invites/> })}
        </section>
        <Confirm question=circle.question/>
    }
    .into_any()
}
