//! Hands a text to the person as a file.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// As if the person had pressed a link to the file. The text is in the link itself, so nothing has to
/// be let go of later.
pub(crate) fn save_as(name: &str, text: &str) {
    let address = format!("data:application/json;charset=utf-8,{}", String::from(js_sys::encode_uri_component(text)));
    let Ok(link) = document().create_element("a") else { return };
    // Any element takes any attribute.
    let _ = link.set_attribute("href", &address);
    let _ = link.set_attribute("download", name);
    if let Some(link) = link.dyn_ref::<HtmlElement>() {
        link.click();
    }
}
