//! How each baby's copy is, what waits, and what needs a person. Nothing that was written is
//! anywhere but in the log, in what waits, or here.

mod baby;
mod device;
mod letter;
mod steps;
mod tray;

use leptos::{prelude::*, task::spawn_local};

use self::{baby::BabyCard, device::DeviceCard, letter::Letter, steps::Steps, tray::Tray};
use super::PageTitle;
use crate::{
    sync::status::DeadLetter,
    ui::{
        acts::store_words,
        clock::now,
        components::{
            confirm::{Confirm, Question},
            icon::{Glyph, Icon},
        },
        layout::sync_words::sync_words,
        nursery::Nursery,
        words::tr,
    },
};

/// The dead letters on screen, and the question about one.
#[derive(Clone, Copy)]
struct Letters {
    read: RwSignal<u32>,
    question: RwSignal<Option<Question>>,
}

#[component]
pub(crate) fn SyncPage() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let said = Memo::new(move |_| replica.status.with(sync_words));
    let babies =
        move || replica.status.with(|status| status.babies.iter().map(|baby| baby.baby_id).collect::<Vec<_>>());
    let asked_at = RwSignal::new(None);
    let sync_now = move |_| {
        asked_at.set(Some(now()));
        replica.port().sync_now();
    };
    view! {
        <PageTitle words=tr!(sync.title)/>
        <section class="page">
            <h1 class="page-title">{tr!(sync.title)}</h1>
            <p class="sync-state" data-tone=move || said.with(|said| said.tone)>
                {move || view! { <Icon glyph=said.with(|said| said.glyph)/> }}
                <span>{move || said.with(|said| said.words.clone())}</span>
            </p>
            <button type="button" class="button button-primary button-wide" on:click=sync_now>
                <Icon glyph=Glyph::Sync/>
                {tr!(sync.now)}
            </button>
            <Steps asked_at=asked_at/>
            <NeedsYou/>
            <Tray/>
            <For each=babies key=|baby_id| *baby_id let:baby_id>
                <BabyCard baby_id=baby_id asked_at=asked_at/>
            </For>
            <DeviceCard/>
        </section>
    }
    .into_any()
}

/// What the server did not take or another change won over.
#[component]
fn NeedsYou() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let letters = Letters { read: RwSignal::new(0), question: RwSignal::new(None) };
    provide_context(letters);
    let (list, set_list) = signal(Vec::<DeadLetter>::new());
    let (error, set_error) = signal(None::<&'static str>);
    let status = Memo::new(move |_| replica.status.with(|status| (status.failed, status.waiting)));
    Effect::new(move |_| {
        letters.read.track();
        // Read, because a memo that nobody reads hears of nothing.
        status.get();
        spawn_local(async move {
            match replica.port().dead_letters().await {
                Ok(list) => {
                    set_list.try_set(list);
                }
                Err(err) => {
                    set_error.try_set(Some(store_words(&err)));
                }
            }
        });
    });
    let lines = move || list.get().into_iter().map(|letter| view! { <Letter letter=letter/> }).collect::<Vec<_>>();
    let some = move || list.with(|list| !list.is_empty());
    view! {
        <p class="field-error" role="alert">{move || error.get()}</p>
        {move || some().then(|| view! { <h2 class="section-title">{tr!(sync.needs_you_title)}</h2> })}
        <ul class="letters">{lines}</ul>
        <Confirm question=letters.question/>
    }
    .into_any()
}
