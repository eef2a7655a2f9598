//! Which screen for which address, and for whom: without an account on this device every address
//! shows the way in, and with one nothing ever waits for the network.

use leptos::prelude::*;
use leptos_router::{
    components::{FlatRoutes, Route, Router},
    path,
};

use super::{
    acts::Acts,
    clock::Ticker,
    layout::{Layout, Plain},
    log::{RecentFeeds, Sheets},
    nursery::Nursery,
    pages::{
        account::AccountPage,
        caregivers::CaregiversPage,
        join::{JoinCode, JoinPage},
        not_found::NotFoundPage,
        settings::SettingsPage,
        sign_in::SignInPage,
        sign_up::SignUpPage,
        sync::SyncPage,
        timeline::TimelinePage,
        today::TodayPage,
        welcome::WelcomePage,
    },
    prefs::Prefs,
    replica::{Device, Replica},
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
        <Router>{screens}</Router>
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
    view! {
        <Plain>
            <FlatRoutes fallback=SignInPage>
                <Route path=path!("/sign-up") view=SignUpPage/>
                <Route path=path!("/join") view=JoinPage/>
            </FlatRoutes>
        </Plain>
    }
    .into_any()
}

/// The app proper.
#[component]
fn Inside(replica: Replica) -> impl IntoView {
    provide_context(replica);
    Nursery::provide(replica);
    Acts::provide(replica);
    RecentFeeds::provide(expect_context());
    view! {
        <Layout>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("/") view=TodayPage/>
                <Route path=path!("/timeline") view=TimelinePage/>
                <Route path=path!("/caregivers") view=CaregiversPage/>
                <Route path=path!("/settings") view=SettingsPage/>
                <Route path=path!("/account") view=AccountPage/>
                <Route path=path!("/sync") view=SyncPage/>
                <Route path=path!("/welcome") view=WelcomePage/>
                <Route path=path!("/join") view=JoinPage/>
                <Route path=path!("/sign-in") view=SignInPage/>
                <Route path=path!("/sign-up") view=SignUpPage/>
            </FlatRoutes>
        </Layout>
    }
    .into_any()
}
