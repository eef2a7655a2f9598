//! One file per screen.

pub(crate) mod account;
pub(crate) mod bin;
pub(crate) mod caregivers;
pub(crate) mod deleted_babies;
pub(crate) mod import;
pub(crate) mod join;
pub(crate) mod not_found;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod sync;
pub(crate) mod timeline;
pub(crate) mod today;
pub(crate) mod welcome;

use leptos::prelude::*;

use super::words::tr;

/// The title of the tab; never anything private.
#[component]
pub(crate) fn PageTitle(words: &'static str) -> impl IntoView {
    document().set_title(&tr!(app.title, page = words));
}
