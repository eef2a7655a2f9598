//! Who cares for the baby on screen: inviting, levels, removing, leaving. The one screen that asks
//! the server, so it says in words when it cannot.

mod invite;
mod person;
mod role;

use std::future::Future;

use leptos::{prelude::*, task::spawn_local};

pub(crate) use self::person::level_words;

use self::{invite::Invites, person::Person, role::Roles};
use super::{PageTitle, welcome::AddBaby};
use crate::{
    api::{self, ApiError, Caregiver, Done},
    domain::id::BabyId,
    sync::status::CaregiverName,
    ui::{
        account::api_words,
        components::{
            confirm::{Confirm, Question},
            retry::Retry,
        },
        nursery::Nursery,
        router::Router,
        toast::{Toasts, Tone},
        words::tr,
    },
};

/// What the server said last, and how to ask again.
#[derive(Clone, Copy)]
struct Circle {
    baby_id: BabyId,
    nursery: Nursery,
    toasts: Toasts,
    router: Router,
    people: RwSignal<Option<Vec<Caregiver>>>,
    error: RwSignal<Option<String>>,
    question: RwSignal<Option<Question>>,
    page: StoredValue<Owner>,
}

impl Circle {
    fn new(baby_id: BabyId) -> Self {
        Self {
            baby_id,
            nursery: expect_context(),
            toasts: expect_context(),
            router: expect_context(),
            people: RwSignal::new(None),
            error: RwSignal::new(None),
            question: RwSignal::new(None),
            page: StoredValue::new(Owner::current().unwrap_or_default()),
        }
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

    /// Asks before something that cannot be undone. The question belongs to the page: the line that it
    /// was asked from is drawn anew whenever the server has answered.
    fn confirm(self, title: String, text: String, yes: &str, act: impl Fn() + Send + Sync + 'static) {
        let act = self.page.with_value(|page| page.with(|| Callback::new(move |()| act())));
        self.question.set(Some(Question { title, text, yes: yes.to_owned(), act }));
    }

    /// Changes something, says what came of it, and shows how things are now.
    fn change(self, said: &'static str, change: impl Future<Output = Result<Done, ApiError>> + 'static) {
        spawn_local(async move {
            match change.await {
                Ok(_) => {
                    self.toasts.say(Tone::Good, said);
                    self.nursery.replica.port().refresh_access();
                }
                Err(err) => self.toasts.say(Tone::Bad, api_words(&err)),
            }
            self.ask();
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
    let circle = Circle::new(baby_id);
    let nursery = circle.nursery;
    provide_context(circle);
    // Nobody can be asked about a baby that the server has not heard of; as soon as it has, it is.
    let is_new = Memo::new(move |_| nursery.is_new(baby_id));
    // And again when this device has heard that somebody came or went.
    let names = Memo::new(move |_| {
        let here = |name: &&CaregiverName| name.baby_id == baby_id;
        nursery.replica.caregivers.with(|all| all.iter().filter(here).cloned().collect::<Vec<_>>())
    });
    Effect::new(move |before: Option<Vec<CaregiverName>>| {
        let names = names.get();
        if !is_new.get() {
            circle.ask();
        }
        if let Some(before) = before.filter(|before| !before.is_empty()) {
            for new in names.iter().filter(|name| before.iter().all(|known| known.user_id != name.user_id)) {
                circle.toasts.say(Tone::Good, tr!(caregivers.joined, name = new.display_name.clone()));
            }
        }
        names
    });
    let is_owner = Memo::new(move |_| nursery.is_owner());
    let people = move || {
        let person = |person| view! { <Person person=person may_manage=is_owner.get()/> };
        circle.people.with(|people| people.iter().flatten().cloned().map(person).collect::<Vec<_>>())
    };
    let asking = move || circle.people.with(Option::is_none) && circle.error.with(Option::is_none);
    let may_invite = Memo::new(move |_| is_owner.get() && !is_new.get());
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
            <Roles/>
        </section>
        <Confirm question=circle.question/>
    }
    .into_any()
}
