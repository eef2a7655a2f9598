//! A newer version of the app. The page's boot script looks after the service worker; between it
//! and the app there are three events and one attribute, named in that script.
//!
//! Invariant: the page is reloaded only because this person asked here: an open sheet is never lost.

use leptos::prelude::{ReadSignal, Set, WriteSignal, document, signal, window};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, HtmlElement};

const READY: &str = "cradlelog:update";
const ACCEPT: &str = "cradlelog:update-accept";
const LOOK: &str = "cradlelog:update-look";

/// Becomes true when a newer version waits.
pub(super) fn waiting() -> ReadSignal<bool> {
    let (waiting, set_waiting) = signal(is_ready());
    on_ready(set_waiting);
    waiting
}

/// The script may have found it before the app had started.
fn is_ready() -> bool {
    let root = document().document_element().and_then(|root| root.dyn_into::<HtmlElement>().ok());
    root.and_then(|root| root.dataset().get("update")).as_deref() == Some("ready")
}

fn on_ready(set_waiting: WriteSignal<bool>) {
    let closure = Closure::<dyn Fn()>::new(move || set_waiting.set(true));
    window()
        .add_event_listener_with_callback(READY, closure.as_ref().unchecked_ref())
        .expect("a window takes listeners");
    // Once per page, for as long as it lives.
    closure.forget();
}

/// Lets the newer version take over; the page is then loaded anew.
pub(super) fn accept() {
    tell(ACCEPT);
}

/// There must be a newer version: the server said so. It is offered once it is here.
pub(super) fn look() {
    tell(LOOK);
}

fn tell(name: &str) {
    let event = Event::new(name).expect("an event of any name can be made");
    // Nobody cancels it; `false` would mean that somebody had.
    let _ = window().dispatch_event(&event);
}
