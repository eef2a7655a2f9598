//! No such address; the way home.

use leptos::prelude::*;

use super::PageTitle;
use crate::ui::{router::A, words::tr};

#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    view! {
        <PageTitle words=tr!(not_found.title)/>
        <section class="page page-centred">
            <h1 class="page-title">{tr!(not_found.title)}</h1>
            <p>{tr!(not_found.text)}</p>
            <A href="/" attr:class="button button-primary">{tr!(not_found.home)}</A>
        </section>
    }
    .into_any()
}
