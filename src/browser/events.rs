//! What the browser tells a page about itself: connection, visibility, focus, freezing.
//!
//! Invariant: an event here says what is now, not what changed; hearing one twice is harmless.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventTarget, VisibilityState};

/// What happened to this page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    Online,
    Offline,
    /// On screen, perhaps after a long time in the background or in the browser's page cache.
    Visible,
    /// Behind another tab, minimised or about to be frozen: it sends nothing.
    Hidden,
    Focused,
}

/// Listens until dropped.
pub struct PageEvents {
    listening: Vec<(EventTarget, &'static str)>,
    closure: Closure<dyn FnMut(Event)>,
}

impl PageEvents {
    pub fn listen(on_event: impl Fn(PageEvent) + 'static) -> Self {
        let closure = Closure::new(move |event: Event| {
            if let Some(event) = meaning(&event.type_()) {
                on_event(event);
            }
        });
        let (window, document) = (leptos::prelude::window(), leptos::prelude::document());
        let (window, document): (EventTarget, EventTarget) = (window.into(), document.into());
        // `freeze` and `resume` exist in Chromium only; elsewhere nobody fires them.
        let of_window = ["online", "offline", "focus", "pageshow"].map(|name| (window.clone(), name));
        let of_document = ["visibilitychange", "freeze", "resume"].map(|name| (document.clone(), name));
        let listening: Vec<_> = of_window.into_iter().chain(of_document).collect();
        for (target, name) in &listening {
            target
                .add_event_listener_with_callback(name, closure.as_ref().unchecked_ref())
                .expect("a window and a document take listeners");
        }
        Self { listening, closure }
    }
}

impl Drop for PageEvents {
    fn drop(&mut self) {
        for (target, name) in &self.listening {
            // To remove a listener does not fail.
            let _ = target.remove_event_listener_with_callback(name, self.closure.as_ref().unchecked_ref());
        }
    }
}

fn meaning(name: &str) -> Option<PageEvent> {
    match name {
        "online" => Some(PageEvent::Online),
        "offline" => Some(PageEvent::Offline),
        "focus" => Some(PageEvent::Focused),
        "freeze" => Some(PageEvent::Hidden),
        "visibilitychange" | "pageshow" | "resume" => {
            Some(if is_visible() { PageEvent::Visible } else { PageEvent::Hidden })
        }
        _ => None,
    }
}

pub fn is_visible() -> bool {
    leptos::prelude::document().visibility_state() == VisibilityState::Visible
}

/// `false` is certain; `true` means a network, not that our server can be reached.
pub fn is_online() -> bool {
    leptos::prelude::window().navigator().on_line()
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn each_event_is_heard_until_the_listener_is_dropped() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let events = PageEvents::listen({
            let heard = heard.clone();
            move |event| heard.borrow_mut().push(event)
        });
        let window = leptos::prelude::window();
        let fire = |name: &str| window.dispatch_event(&Event::new(name).unwrap()).unwrap();
        for name in ["online", "offline", "focus", "unrelated"] {
            fire(name);
        }
        let document = leptos::prelude::document();
        document.dispatch_event(&Event::new("visibilitychange").unwrap()).unwrap();
        let now = if is_visible() { PageEvent::Visible } else { PageEvent::Hidden };
        assert_eq!(*heard.borrow(), [PageEvent::Online, PageEvent::Offline, PageEvent::Focused, now]);
        drop(events);
        fire("online");
        assert_eq!(heard.borrow().len(), 4);
    }
}
