//! What guests could not send before their time was over: an owner keeps it or leaves it out.

use leptos::{prelude::*, task::spawn_local};

use super::letter::Written;
use crate::{
    api::{self, ErrorCode, Late},
    domain::{id::BabyId, row::Row},
    sync::status::BabyAccess,
    ui::{
        account::api_words,
        nursery::Nursery,
        toast::{Toasts, Tone},
        words::tr,
    },
};

/// Asked for only where the list of babies says that something waits.
#[component]
pub(super) fn Tray() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let waiting = Memo::new(move |_| {
        replica.babies.with(|babies| {
            let count = |baby: &BabyAccess| baby.stays.iter().map(|stay| stay.unsent).sum::<u32>();
            babies.iter().map(|baby| (baby.baby_id, count(baby))).filter(|(_, count)| *count > 0).collect::<Vec<_>>()
        })
    });
    let read = RwSignal::new(0_u32);
    let late = RwSignal::new(Vec::<(BabyId, Late)>::new());
    let error = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        read.track();
        let babies = waiting.get();
        spawn_local(async move {
            let (mut found, mut wrong) = (Vec::new(), None);
            for (baby_id, _) in babies {
                match api::list_tray(baby_id).await {
                    Ok(list) => found.extend(list.into_iter().map(|entry| (baby_id, entry))),
                    Err(err) => wrong = Some(api_words(&err)),
                }
            }
            late.try_set(found);
            error.try_set(wrong);
        });
    });
    let settled = Callback::new(move |()| {
        replica.port().refresh_access();
        read.update(|read| *read += 1);
    });
    let lines = move || {
        late.get()
            .into_iter()
            .map(|(baby_id, late)| view! { <LateEntry baby_id=baby_id late=late settled=settled/> })
            .collect::<Vec<_>>()
    };
    move || {
        (error.with(Option::is_some) || !late.with(Vec::is_empty)).then(|| {
            view! {
                <h2 class="section-title">{tr!(guest.tray)}</h2>
                <p class="field-hint">{tr!(guest.tray_lead)}</p>
                <p class="field-error" role="alert">{move || error.get()}</p>
                <ul class="letters">{lines}</ul>
            }
        })
    }
}

#[component]
fn LateEntry(baby_id: BabyId, late: Late, settled: Callback<()>) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let Late { user_id, display_name, entity_id, entity_type, op, payload: fields } = late;
    let row = Row { entity_type, id: entity_id, baby_id, fields, server: Default::default() };
    let decide = move |keep, words, said| {
        let act = move |_| {
            spawn_local(async move {
                match api::settle_tray(baby_id, user_id, entity_id, keep).await {
                    Ok(_) => toasts.say(Tone::Good, said),
                    Err(err) if err.code == ErrorCode::InvalidPayload => toasts.say(Tone::Bad, tr!(guest.unfit)),
                    Err(err) => toasts.say(Tone::Bad, api_words(&err)),
                }
                settled.run(());
            });
        };
        view! { <button type="button" class="button" on:click=act>{words}</button> }
    };
    view! {
        <li class="card letter">
            <Written row=row op=op who=display_name/>
            <div class="button-row">
                {decide(true, tr!(guest.keep), tr!(guest.kept))}
                {decide(false, tr!(guest.leave_out), tr!(guest.left_out))}
            </div>
        </li>
    }
    .into_any()
}
