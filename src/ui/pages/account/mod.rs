//! The account: where it is signed in, its passkeys, its password, and leaving with everything or without. A screen
//! that asks the server, so it says in words when it cannot.

mod devices;
mod leave;
mod passkeys;
mod password;

use leptos::prelude::*;

use self::{devices::Devices, leave::Leave, passkeys::Passkeys, password::ChangePassword};
use super::PageTitle;
use crate::ui::words::tr;

#[component]
pub(crate) fn AccountPage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(settings.account)/>
        <section class="page">
            <h1 class="page-title">{tr!(settings.account)}</h1>
            <Devices/>
            <Passkeys/>
            <ChangePassword/>
            <Leave/>
        </section>
    }
    .into_any()
}
