//! One file per screen.

pub(crate) mod caregivers;
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
use leptos_meta::Title;

use super::words::tr;

/// The title of the tab; never anything private.
#[component]
pub(crate) fn PageTitle(words: &'static str) -> impl IntoView {
    view! { <Title text=tr!(app.title, page = words)/> }
}
