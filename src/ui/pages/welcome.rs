//! The first baby, or one more. Works offline: the baby is made on this device and sent later.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use super::{PageTitle, deleted_babies::DeletedBabies};
use crate::{
    domain::{baby::Baby, id::BabyId, registry::EntityType, row::to_fields},
    sync::draft::Draft,
    ui::{
        acts::in_words,
        components::text_field::TextField,
        intl,
        nursery::Nursery,
        router::{A, Router},
        words::tr,
    },
};

#[component]
pub(crate) fn WelcomePage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(welcome.title)/>
        <AddBaby/>
    }
    .into_any()
}

/// Also shown in place of any screen that is about a baby while there is none.
#[component]
pub(crate) fn AddBaby() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    // Right after signing in, the babies of this account may still be on their way.
    let looking = move || {
        nursery.baby.with(Option::is_none) && nursery.replica.status.with(|status| status.online && status.syncing)
    };
    view! {
        <section class="page">
            <h1 class="page-title">{tr!(welcome.title)}</h1>
            <p class="lead">{tr!(welcome.lead)}</p>
            <p class="field-hint" role="status">{move || looking().then_some(tr!(welcome.looking))}</p>
            <DeletedBabies/>
            <AddBabyForm/>
            <p class="account-other">{tr!(welcome.or)} " " <A href="/join">{tr!(welcome.join)}</A></p>
        </section>
    }
    .into_any()
}

#[component]
fn AddBabyForm() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let router = expect_context::<Router>();
    let (name, birth_date) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let error = RwSignal::new(None::<String>);
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let birth_date = Some(birth_date.get_untracked()).filter(|date| !date.is_empty());
        let baby = Baby {
            name: name.get_untracked().trim().to_owned(),
            birth_date,
            zone: Some(intl::device_zone()),
            ..Baby::default()
        };
        spawn_local(async move {
            let port = replica.port();
            let baby_id = BabyId(port.new_id());
            let fields = to_fields(&baby).unwrap_or_default();
            let draft = Draft::Create { entity_type: EntityType::BABY, baby_id, id: baby_id.entity(), fields };
            match port.commit(vec![draft]).await {
                Ok(()) => {
                    port.activate(Some(baby_id));
                    router.go("/");
                }
                Err(err) => error.set(Some(in_words(err).words)),
            }
        });
    };
    view! {
        <form class="form" novalidate=true on:submit=submit>
            <TextField id="baby-name" label=tr!(welcome.name) value=name error=error/>
            <TextField id="birth-date" label=tr!(welcome.birth_date) value=birth_date kind="date" hint=tr!(welcome.birth_date_hint)/>
            <button type="submit" class="button button-primary button-wide">{tr!(welcome.add)}</button>
        </form>
    }
}
