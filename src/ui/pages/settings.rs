//! What this device prefers, what it keeps, and leaving it.

use leptos::{prelude::*, task::spawn_local};

use super::{PageTitle, deleted_babies::DeletedBabies};
use crate::{
    api,
    ui::{
        account::api_words,
        acts::{PERSISTED, SAVED_ONCE, store_words},
        clock::now,
        components::{
            choice::Choice,
            confirm::{Confirm, Question},
        },
        intl,
        log::{Sheets, text_of},
        nursery::Nursery,
        prefs::Prefs,
        replica::Device,
        router::A,
        toast::{Toasts, Tone},
        words::{self, tr},
    },
};

#[component]
pub(crate) fn SettingsPage() -> impl IntoView {
    let prefs = expect_context::<Prefs>();
    let themes = vec![
        ("auto", tr!(settings.auto)),
        ("light", tr!(settings.light)),
        ("dark", tr!(settings.dark)),
        ("night", tr!(settings.night)),
    ];
    let units = vec![("ml", tr!(settings.ml)), ("oz", tr!(settings.oz))];
    let clocks = vec![("auto", tr!(clock.auto)), ("12", tr!(clock.twelve)), ("24", tr!(clock.twenty_four))];
    let hands = vec![("left", tr!(settings.left)), ("right", tr!(settings.right))];
    view! {
        <PageTitle words=tr!(nav.settings)/>
        <section class="page">
            <h1 class="page-title">{tr!(nav.settings)}</h1>
            <div class="card">
                <Choice legend=tr!(settings.theme) name="theme" options=themes value=prefs.theme/>
                <NightHours/>
                <Choice legend=tr!(settings.units) name="units" options=units value=prefs.units/>
                <Language/>
                <Choice legend=tr!(clock.label) name="clock" options=clocks value=prefs.clock/>
                <Choice legend=tr!(settings.hand) name="hand" options=hands value=prefs.hand/>
            </div>
            <Storage/>
            <InstallHint dismissable=false/>
            <Babies/>
            <AccountCard/>
        </section>
    }
    .into_any()
}

/// The languages of `locales/`, each in its own words.
const LANGUAGES: [(&str, &str); 7] = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("pt-BR", "Português (Brasil)"),
    ("zh-Hans", "简体中文"),
    ("ar", "العربية"),
];

/// The language of the words. It takes another page, which is on this device: no connection is needed.
#[component]
fn Language() -> impl IntoView {
    let device = expect_context::<Device>();
    let chosen = device.port().setting(words::SETTING).unwrap_or_default();
    let known = LANGUAGES.map(|(tag, name)| (tag, name, tag));
    let options = [("", tr!(settings.language_auto), words::tag())].into_iter().chain(known);
    let options = options.map(|(tag, name, lang)| {
        view! { <option value=tag lang=lang selected=tag == chosen>{name}</option> }
    });
    let options = options.collect_view();
    view! {
        <label class="field">
            <span class="field-label">{tr!(settings.language)}</span>
            <select class="input" on:change=move |ev| device.port().speak(&event_target_value(&ev))>{options}</select>
        </label>
    }
    .into_any()
}

/// Whether `auto` is night during the baby's nights, and when those are.
#[component]
fn NightHours() -> impl IntoView {
    let prefs = expect_context::<Prefs>();
    let nursery = expect_context::<Nursery>();
    let hours = move || {
        let profile = nursery.profile()?;
        let name = text_of(Some(&profile), "name");
        // Written anew when the clock is chosen above.
        prefs.clock.track();
        let zone = nursery.zone.get();
        let today = intl::day_of(&zone, now());
        let words = |time: &str| intl::at_wall(&zone, today, time).map(|at| intl::time(&zone, at)).unwrap_or_default();
        Some(match nursery.night_hours(&profile) {
            Some((from, to)) => tr!(clock.night_hours, name = name, from = words(&from), to = words(&to)),
            None => tr!(clock.no_night_hours, name = name),
        })
    };
    let pick = move |ev| prefs.night_hours.set(if event_target_checked(&ev) { "on" } else { "off" }.to_owned());
    let is_auto = Memo::new(move |_| prefs.theme.with(|theme| !matches!(theme.as_str(), "light" | "dark" | "night")));
    move || {
        is_auto.get().then(|| {
            view! {
                <div class="field">
                    <label class="check">
                        <input type="checkbox" prop:checked=move || prefs.has_night_colours() on:change=pick/>
                        <span>{tr!(clock.night_colours)}</span>
                    </label>
                    <p class="field-hint">{hours}</p>
                </div>
            }
        })
    }
}

/// Whether the browser promised to keep what is on this device.
#[component]
fn Storage() -> impl IntoView {
    let device = expect_context::<Device>();
    let replica = expect_context::<Nursery>().replica;
    let persisted = RwSignal::new(device.port().setting(PERSISTED));
    let ask = move |_| {
        spawn_local(async move {
            let kept = if replica.port().persist().await { "yes" } else { "no" };
            device.port().set_setting(PERSISTED, kept);
            persisted.set(Some(kept.to_owned()));
        });
    };
    let words = move || match persisted.get().as_deref() {
        Some("yes") => tr!(settings.kept),
        Some(_) => tr!(settings.not_kept),
        None => tr!(settings.not_asked),
    };
    let promised = move || persisted.with(|said| said.as_deref() == Some("yes"));
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(settings.storage)}</h2>
            <p>{words}</p>
            {move || (!promised()).then(|| view! {
                <button type="button" class="button" on:click=ask>{tr!(settings.ask_to_keep)}</button>
            })}
        </div>
    }
    .into_any()
}

const HINT_DISMISSED: &str = "installHintDismissed";

/// How to put the app on the home screen; hidden by CSS once it runs from there. On Today it comes
/// after the first saved entry and goes away for good.
#[component]
pub(crate) fn InstallHint(dismissable: bool) -> impl IntoView {
    let device = expect_context::<Device>();
    let wanted = !dismissable
        || (device.port().setting(SAVED_ONCE).is_some() && device.port().setting(HINT_DISMISSED).is_none());
    let shown = RwSignal::new(wanted);
    let dismiss = move |_| {
        device.port().set_setting(HINT_DISMISSED, "yes");
        shown.set(false);
    };
    move || {
        shown.get().then(|| {
            view! {
                <div class="card install-hint">
                    <h2 class="card-title">{tr!(install.title)}</h2>
                    <p>{tr!(install.why)}</p>
                    <details class="more" prop:open=!dismissable>
                        <summary>{tr!(install.how)}</summary>
                        <p>{tr!(install.iphone)}</p>
                        <p>{tr!(install.others)}</p>
                    </details>
                    {dismissable.then(|| view! {
                        <button type="button" class="button" on:click=dismiss>{tr!(install.dismiss)}</button>
                    })}
                </div>
            }
        })
    }
}

#[component]
fn Babies() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let sheets = expect_context::<Sheets>();
    let profile = Memo::new(move |_| nursery.profile().filter(|_| nursery.may_log()));
    let edit = move || {
        let row = profile.get()?;
        let words = tr!(settings.edit_baby, name = text_of(Some(&row), "name"));
        Some(view! { <button type="button" class="button" on:click=move |_| sheets.edit(row.clone())>{words}</button> })
    };
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(settings.babies)}</h2>
            <div class="button-row">
                {edit}
                <A href="/welcome" attr:class="button">{tr!(settings.add_baby)}</A>
                <A href="/join" attr:class="button">{tr!(settings.join)}</A>
                <A href="/import" attr:class="button">{tr!(settings.import)}</A>
                <A href="/bin" attr:class="button">{tr!(bin.title)}</A>
                <A href="/sync" attr:class="button">{tr!(settings.sync)}</A>
            </div>
            <DeletedBabies/>
        </div>
    }
    .into_any()
}

#[component]
fn AccountCard() -> impl IntoView {
    let device = expect_context::<Device>();
    let nursery = expect_context::<Nursery>();
    let question = RwSignal::new(None::<Question>);
    let toasts = expect_context::<Toasts>();
    let ask = move |_| question.set(Some(sign_out_question(device, nursery, toasts)));
    let name = move || nursery.replica.account.with(|account| account.display_name.clone());
    view! {
        <div class="card">
            <h2 class="card-title">{tr!(settings.account)}</h2>
            <p>{move || tr!(settings.signed_in_as, name = name())}</p>
            <div class="button-row">
                <A href="/account" attr:class="button">{tr!(settings.manage)}</A>
                <button type="button" class="button button-danger" on:click=ask>{tr!(settings.sign_out)}</button>
            </div>
        </div>
        <Confirm question=question/>
    }
    .into_any()
}

/// What leaving this device would lose, if anything.
pub(super) fn unsent_words(nursery: Nursery) -> Option<String> {
    let status = nursery.replica.status.get();
    let unsent = status.waiting + status.failed;
    let babies = nursery.replica.babies.get();
    let each = status.babies.iter().filter(|baby| baby.waiting + baby.failed > 0).map(|baby| {
        let named = babies.iter().find(|access| access.baby_id == baby.baby_id);
        let name = named.map_or_else(|| tr!(entry.baby).to_owned(), |access| access.name.clone());
        tr!(sign_out.per_baby, name = name, number = baby.waiting + baby.failed)
    });
    let each = each.collect::<Vec<_>>().join(", ");
    (unsent > 0).then(|| tr!(sign_out.lost, count = unsent, babies = each))
}

/// Signing out takes everything off this device: what was not sent yet is named first.
fn sign_out_question(device: Device, nursery: Nursery, toasts: Toasts) -> Question {
    let text = untrack(|| unsent_words(nursery)).unwrap_or_else(|| tr!(sign_out.nothing_lost).to_owned());
    let act = Callback::new(move |()| {
        spawn_local(async move {
            // Offline the server cannot be told; the device forgets all the same, and says so.
            let told = api::sign_out().await;
            match (device.port().wipe().await, told) {
                (Ok(()), Ok(_)) => toasts.say(Tone::Good, tr!(sign_out.done)),
                (Ok(()), Err(err)) => toasts.say(Tone::Bad, tr!(sign_out.not_told, why = api_words(&err))),
                (Err(err), _) => toasts.say(Tone::Bad, store_words(&err)),
            }
        });
    });
    Question { title: tr!(sign_out.title).to_owned(), text, yes: tr!(settings.sign_out).to_owned(), act }
}
