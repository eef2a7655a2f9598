//! The frame of every screen: who it is about and how the sync is at the top, where to go at the
//! bottom, and what has to be said in between.

mod header;
mod notices;
pub(crate) mod sync_words;

use leptos::prelude::*;

use self::{header::Header, notices::Notices};
use super::{
    components::{
        icon::{Glyph, Icon},
        in_turn::InTurn,
    },
    log::SheetHost,
    prefs::Prefs,
    router::A,
    words::tr,
};

/// The frame for somebody who is signed in on this device. A `bare` screen has its own way out, and nothing
/// around it but what has to be said.
#[component]
pub(crate) fn Layout(bare: Memo<bool>, children: Children) -> impl IntoView {
    let prefs = expect_context::<Prefs>();
    let top = move || {
        (!bare.get()).then(|| {
            view! {
                <a class="skip-link" href="#main">{tr!(app.skip)}</a>
                <Header/>
            }
        })
    };
    view! {
        <div class="app" class:app-bare=move || bare.get() data-side=move || prefs.side()>
            {top}
            <Notices/>
            <main id="main" class="main" tabindex="-1"><InTurn>{children()}</InTurn></main>
            {move || (!bare.get()).then(|| view! { <Navigation/> })}
            <InTurn><SheetHost/></InTurn>
        </div>
    }
    .into_any()
}

/// The frame before anybody is.
#[component]
pub(crate) fn Plain(children: Children) -> impl IntoView {
    view! { <div class="plain"><main id="main" class="plain-main">{children()}</main></div> }.into_any()
}

#[component]
fn Navigation() -> impl IntoView {
    let items: Vec<_> = [
        ("/", Glyph::Home, tr!(nav.today)),
        ("/timeline", Glyph::List, tr!(nav.timeline)),
        ("/caregivers", Glyph::People, tr!(nav.caregivers)),
        ("/settings", Glyph::Gear, tr!(nav.settings)),
    ]
    .into_iter()
    .map(|(path, glyph, words)| {
        view! {
            <li>
                <A href=path attr:class="nav-item">
                    <Icon glyph=glyph/>
                    <span>{words}</span>
                </A>
            </li>
        }
    })
    .collect();
    view! { <nav class="nav" aria-label=tr!(nav.label)><ul class="nav-items">{items}</ul></nav> }.into_any()
}
