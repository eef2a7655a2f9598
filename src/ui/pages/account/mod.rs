//! The account: where it is signed in, and its password. A screen that asks the server, so it says in
//! words when it cannot.

mod devices;
mod password;

use leptos::prelude::*;

use self::{devices::Devices, password::ChangePassword};
use super::PageTitle;
use crate::ui::words::tr;

#[component]
pub(crate) fn AccountPage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(settings.account)/>
        <section class="page">
            <h1 class="page-title">{tr!(settings.account)}</h1>
            <Devices/>
            <ChangePassword/>
        </section>
    }
    .into_any()
}
