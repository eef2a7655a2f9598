//! How a browser does it: IndexedDB, the network, tabs and locks behind the ports of the sync room.
//! The only room with web-sys and rexie.

mod awake;
mod bell;
pub mod clock;
mod device;
pub mod entropy;
pub mod events;
pub mod hints;
pub mod lock;
mod passkeys;
mod port;
mod request;
mod schema;
mod screens;
mod session;
mod settings;
pub mod store;
pub mod tabs;
pub mod transport;
mod update;

#[cfg(all(test, target_arch = "wasm32"))]
mod session_tests;
#[cfg(all(test, target_arch = "wasm32"))]
mod store_tests;

use leptos::{
    mount::mount_to,
    prelude::{document, provide_context},
    view,
};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::ui::{self, App};

/// The page calls it when the module is loaded, with its language and the lines of its words: takes the
/// place of the page's own first words.
///
/// # Panics
/// The page has no element `app`; the page's script shows that.
#[cfg_attr(not(test), wasm_bindgen::prelude::wasm_bindgen)]
pub fn start(language: String, words: String) {
    console_error_panic_hook::set_once();
    ui::words::load(language, words);
    let root: HtmlElement = document()
        .get_element_by_id("app")
        .and_then(|root| root.dyn_into().ok())
        .expect("the page and the app are built together");
    root.set_text_content(None);
    mount_to(root, || {
        provide_context(device::BrowserDevice::start());
        view! { <App/> }
    })
    .forget();
}

/// Shows the page's own words for an app that cannot start, with the reason; they offer to load it
/// again, and say that the log is safe.
fn cannot_start(reason: &str) {
    let set_hidden = |id: &str, hidden: bool| {
        if let Some(element) = document().get_element_by_id(id) {
            // `hidden` is an attribute of every element.
            let _ = element.toggle_attribute_with_force("hidden", hidden);
        }
    };
    if let Some(element) = document().get_element_by_id("boot-reason") {
        element.set_text_content(Some(reason));
    }
    set_hidden("app", true);
    set_hidden("boot-failed", false);
}
