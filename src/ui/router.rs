//! Where in the app one is: the address, the links that change it, and the way back. Every address is
//! a screen of its own, so all there is to it is one signal beside the browser's history.

use leptos::{
    ev::{self, MouseEvent},
    prelude::*,
};
use wasm_bindgen::JsValue;

/// The address, with whatever follows its `?`.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    address: RwSignal<String>,
    path: Memo<String>,
}

impl Router {
    /// Follows the address as long as the app lives.
    pub(crate) fn start() -> Self {
        let address = RwSignal::new(shown());
        let path = Memo::new(move |_| address.with(|address| path_in(address).to_owned()));
        let back_or_forth = window_event_listener(ev::popstate, move |_| address.set(shown()));
        on_cleanup(move || back_or_forth.remove());
        Self { address, path }
    }

    /// Without a slash at its end, so that there is one way to write each.
    pub(crate) fn path(self) -> Memo<String> {
        self.path
    }

    /// The value that follows `name=` in the address.
    pub(crate) fn query(self, name: &str) -> Option<String> {
        self.address.with(|address| value_in(address, name).map(str::to_owned))
    }

    /// Shows another screen; the way back leads here.
    pub(crate) fn go(self, to: &str) {
        if self.address.with_untracked(|address| address != to) {
            // A browser that counts too many steps refuses one more; the screen is shown all the same.
            let _ = window().history().and_then(|past| past.push_state_with_url(&JsValue::NULL, "", Some(to)));
            self.address.set(to.to_owned());
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    /// The same, with nothing to come back to.
    pub(crate) fn replace(self, to: &str) {
        let _ = window().history().and_then(|past| past.replace_state_with_url(&JsValue::NULL, "", Some(to)));
        self.address.set(to.to_owned());
    }
}

fn shown() -> String {
    let part = |found: Result<String, JsValue>| found.unwrap_or_default();
    part(location().pathname()) + &part(location().search())
}

fn path_in(address: &str) -> &str {
    let path = address.split('?').next().unwrap_or_default().trim_end_matches('/');
    if path.is_empty() { "/" } else { path }
}

fn value_in<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = address.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A link to a screen: it changes the address without loading the page, unless it is to be opened
/// elsewhere, and says when it leads to where one is.
#[component]
pub(crate) fn A(href: &'static str, children: Children) -> impl IntoView {
    let router = expect_context::<Router>();
    let follow = move |ev: MouseEvent| {
        if ev.button() == 0 && !(ev.meta_key() || ev.ctrl_key() || ev.shift_key() || ev.alt_key()) {
            ev.prevent_default();
            router.go(href);
        }
    };
    let current = move || router.path.with(|path| path == href).then_some("page");
    view! { <a href=href aria-current=current on:click=follow>{children()}</a> }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn an_address_names_one_screen_however_it_is_written() {
        for (address, path) in
            [("/", "/"), ("", "/"), ("/?log=feed", "/"), ("/sync", "/sync"), ("/sync/?a=/b/", "/sync")]
        {
            assert_eq!(path_in(address), path, "{address}");
        }
    }

    #[wasm_bindgen_test]
    fn a_value_is_found_by_its_whole_name() {
        let address = "/?dialog=no&log=feed&log=nappy&empty=";
        assert_eq!(value_in(address, "log"), Some("feed"));
        assert_eq!(value_in(address, "empty"), Some(""));
        assert_eq!(value_in(address, "lo"), None);
        assert_eq!(value_in("/log=feed", "log"), None);
    }
}
