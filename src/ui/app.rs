//! Which screen for which address, and for whom: without an account on this device every address
//! shows the way in, and with one nothing ever waits for the network.

use leptos::prelude::*;

use super::{
    acts::Acts,
    awake::stay_awake,
    clock::Ticker,
    layout::{Layout, Plain},
    log::{RecentFeeds, Sheets},
    nursery::Nursery,
    pages::{
        account::AccountPage,
        bin::BinPage,
        caregivers::CaregiversPage,
        import::ImportPage,
        join::{JoinCode, JoinPage},
        not_found::NotFoundPage,
        settings::SettingsPage,
        sign_in::SignInPage,
        sign_up::SignUpPage,
        sync::SyncPage,
        timeline::{TimelinePage, filter::Filter},
        today::{TodayPage, bedside::BedsidePage},
        welcome::WelcomePage,
    },
    prefs::Prefs,
    replica::{Device, Replica},
    router::Router,
    toast::{ToastRegion, Toasts},
    words::tr,
};

/// The whole app. Needs a [`Device`] in the context.
#[component]
pub fn App() -> impl IntoView {
    let device = expect_context::<Device>();
    provide_context(Prefs::load(device));
    provide_context(Toasts::new());
    provide_context(Sheets::new());
    provide_context(JoinCode::new());
    provide_context(Ticker::start());
    provide_context(Router::start());
    let has_account = Memo::new(move |_| device.account.with(Option::is_some));
    let screens = move || {
        if !has_account.get() {
            return view! { <Outside/> }.into_any();
        }
        match device.replica.get() {
            Some(replica) => view! { <Inside replica=replica/> }.into_any(),
            None => view! { <Opening/> }.into_any(),
        }
    };
    view! {
        {screens}
        <ToastRegion/>
    }
}

/// The device's own copy opens; this takes milliseconds and needs no network.
#[component]
fn Opening() -> impl IntoView {
    view! { <main class="opening" aria-busy="true"><p>{tr!(app.opening)}</p></main> }
}

/// Nobody is signed in on this device: every address leads to the way in, and stays what it is.
#[component]
fn Outside() -> impl IntoView {
    let path = expect_context::<Router>().path();
    let screen = move || match path.get().as_str() {
        "/sign-up" => view! { <SignUpPage/> }.into_any(),
        "/join" => view! { <JoinPage/> }.into_any(),
        _ => view! { <SignInPage/> }.into_any(),
    };
    view! { <Plain>{screen}</Plain> }.into_any()
}

/// The app proper.
#[component]
fn Inside(replica: Replica) -> impl IntoView {
    provide_context(replica);
    Nursery::provide(replica);
    expect_context::<Prefs>().follow_nights(expect_context(), expect_context());
    Acts::provide(replica);
    RecentFeeds::provide(expect_context());
    provide_context(Filter::new());
    let path = expect_context::<Router>().path();
    let bare = Memo::new(move |_| path.with(|path| path == "/bedside"));
    stay_awake(bare);
    let screen = move || match path.get().as_str() {
        "/" => view! { <TodayPage/> }.into_any(),
        "/bedside" => view! { <BedsidePage/> }.into_any(),
        "/timeline" => view! { <TimelinePage/> }.into_any(),
        "/bin" => view! { <BinPage/> }.into_any(),
        "/caregivers" => view! { <CaregiversPage/> }.into_any(),
        "/settings" => view! { <SettingsPage/> }.into_any(),
        "/account" => view! { <AccountPage/> }.into_any(),
        "/sync" => view! { <SyncPage/> }.into_any(),
        "/import" => view! { <ImportPage/> }.into_any(),
        "/welcome" => view! { <WelcomePage/> }.into_any(),
        "/join" => view! { <JoinPage/> }.into_any(),
        "/sign-in" => view! { <SignInPage/> }.into_any(),
        "/sign-up" => view! { <SignUpPage/> }.into_any(),
        _ => view! { <NotFoundPage/> }.into_any(),
    };
    view! { <Layout bare=bare>{screen}</Layout> }.into_any()
}
