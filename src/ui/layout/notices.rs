//! What has to be said without being asked. None of it stands in the way of logging.

use leptos::prelude::*;

use crate::{
    sync::status::Blocked,
    ui::{
        components::icon::{Glyph, Icon},
        entry::count_words,
        log::Sheets,
        nursery::Nursery,
        replica::{Device, Farewell, Notice},
        router::A,
        words::tr,
    },
};

#[component]
pub(super) fn Notices() -> impl IntoView {
    view! {
        <section class="notices" aria-label=tr!(notice.label)>
            <SyncBanner/>
            <NoticeList/>
            <UpdateNotice/>
        </section>
    }
    .into_any()
}

/// Signed out, too old, or offline: logging goes on.
#[component]
fn SyncBanner() -> impl IntoView {
    let status = expect_context::<Nursery>().replica.status;
    let state = Memo::new(move |_| status.with(|status| (status.blocked, status.online)));
    move || match state.get() {
        (Some(Blocked::SignIn), _) => view! {
            <div class="banner">
                <p>{tr!(banner.sign_in)}</p>
                <A href="/sign-in" attr:class="button button-small">{tr!(account.sign_in)}</A>
            </div>
        }
        .into_any(),
        (Some(Blocked::UpdateApp), _) => view! { <div class="banner"><p>{tr!(banner.update)}</p></div> }.into_any(),
        (None, false) => view! { <div class="banner banner-quiet"><p>{tr!(banner.offline)}</p></div> }.into_any(),
        (None, true) => ().into_any(),
    }
}

#[component]
fn NoticeList() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let lines = move || {
        let lines = replica.notices.get().into_iter();
        lines
            .map(|notice| {
                let read = notice.clone();
                let dismiss = move |_| replica.port().put_away(&read);
                view! {
                    <div class="notice">
                        <Icon glyph=Glyph::Warning/>
                        <p>{notice_words(&notice)}</p>
                        <NextStep notice=notice/>
                        <button type="button" class="icon-button" aria-label=tr!(action.dismiss) on:click=dismiss>
                            <Icon glyph=Glyph::Close/>
                        </button>
                    </div>
                }
            })
            .collect::<Vec<_>>()
    };
    view! { <div role="alert">{lines}</div> }
}

/// What a person can do about it, where there is something.
#[component]
fn NextStep(notice: Notice) -> impl IntoView {
    match notice {
        Notice::EditLost | Notice::BabyRefused { .. } | Notice::StorageDamaged => {
            view! { <A href="/sync" attr:class="button button-small">{tr!(notice.look)}</A> }.into_any()
        }
        Notice::BabyDeleted { .. } => {
            view! { <A href="/settings" attr:class="button button-small">{tr!(notice.look)}</A> }.into_any()
        }
        Notice::StorageClosed | Notice::StorageFailed => {
            // A page can always be loaded again; offline the app comes from this device.
            let reload = |_| drop(window().location().reload());
            view! { <button type="button" class="button button-small" on:click=reload>{tr!(notice.reload)}</button> }
                .into_any()
        }
        Notice::StayEnded(Farewell { kept: 1.., .. }) => {
            view! { <A href="/sync" attr:class="button button-small">{tr!(notice.look)}</A> }.into_any()
        }
        Notice::AccessRevoked { .. } | Notice::StayEnded(_) | Notice::StorageFull => ().into_any(),
    }
}

fn notice_words(notice: &Notice) -> String {
    match notice {
        Notice::AccessRevoked { name } if name.is_empty() => tr!(notice.revoked_unnamed).to_owned(),
        Notice::AccessRevoked { name } => tr!(notice.revoked, name = name.clone()),
        Notice::BabyDeleted { name, .. } => tr!(notice.baby_deleted, name = name.clone()),
        Notice::StayEnded(Farewell { name, logged, handed, kept }) => {
            let mut words = vec![tr!(guest.ended, name = name.clone())];
            if !logged.is_empty() {
                words.push(tr!(guest.logged, what = count_words(logged)));
            }
            if *handed > 0 {
                words.push(tr!(guest.handed, count = *handed));
            }
            if *kept > 0 {
                words.push(tr!(guest.unsent).to_owned());
            }
            words.join(" ")
        }
        Notice::EditLost => tr!(notice.edit_lost).to_owned(),
        Notice::BabyRefused { name } => tr!(notice.baby_refused, name = name.clone()),
        Notice::StorageClosed => tr!(wrong.storage_closed).to_owned(),
        Notice::StorageDamaged => tr!(wrong.storage_damaged).to_owned(),
        Notice::StorageFailed => tr!(notice.storage_failed).to_owned(),
        Notice::StorageFull => tr!(wrong.no_room).to_owned(),
    }
}

/// A new version waits; nothing reloads over an open sheet.
#[component]
fn UpdateNotice() -> impl IntoView {
    let device = expect_context::<Device>();
    let sheets = expect_context::<Sheets>();
    let waiting = device.port().update_waiting();
    move || {
        (waiting.get() && !sheets.is_open()).then(|| {
            view! {
                <div class="banner" role="status">
                    <p>{tr!(notice.new_version)}</p>
                    <button type="button" class="button button-small" on:click=move |_| device.port().update_app()>
                        {tr!(notice.update_now)}
                    </button>
                </div>
            }
        })
    }
}
