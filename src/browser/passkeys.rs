//! The browser's passkeys. What is asked and what is answered is JSON between the browser and the server,
//! which nothing of ours reads.

use js_sys::{JSON, Object, Promise, Reflect};
use leptos::prelude::window;
use serde_json::Value;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::request::text;
use crate::ui::replica::{PasskeyAct, PasskeyStop};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = PublicKeyCredential, js_name = parseCreationOptionsFromJSON)]
    fn creation_options(json: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_namespace = PublicKeyCredential, js_name = parseRequestOptionsFromJSON)]
    fn request_options(json: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["navigator", "credentials"])]
    fn create(options: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["navigator", "credentials"])]
    fn get(options: &JsValue) -> Result<Promise, JsValue>;
}

/// Where this page is, if the browser knows passkeys and reads their JSON by itself.
pub(super) fn origin() -> Option<String> {
    let kind = Reflect::get(&window(), &"PublicKeyCredential".into()).ok()?;
    let knows = Reflect::has(&kind, &"parseRequestOptionsFromJSON".into()).unwrap_or(false);
    if knows { window().location().origin().ok() } else { None }
}

/// Lets the browser ask the person, and returns its answer for the server.
pub(super) async fn ask(act: PasskeyAct, options: Value) -> Result<Value, PasskeyStop> {
    let credential = answer(act, &options.to_string()).await.map_err(|error| stop(&text(&error)))?;
    serde_json::from_str(&credential).map_err(|_| PasskeyStop::Failed)
}

async fn answer(act: PasskeyAct, options: &str) -> Result<String, JsValue> {
    let json = JSON::parse(options)?;
    let request = Object::new();
    let options = match act {
        PasskeyAct::Make => creation_options(&json)?,
        PasskeyAct::SignIn => request_options(&json)?,
    };
    Reflect::set(&request, &"publicKey".into(), &options)?;
    let asked = match act {
        PasskeyAct::Make => create(&request)?,
        PasskeyAct::SignIn => get(&request)?,
    };
    let credential = JsFuture::from(asked).await?;
    // A credential has a `toJSON`, which is asked by this.
    Ok(JSON::stringify(&credential)?.into())
}

/// An exception's meaning. Browsers do not tell a person who said no from one who has no passkey.
fn stop(error: &str) -> PasskeyStop {
    match error.split(':').next() {
        Some("NotAllowedError" | "AbortError") => PasskeyStop::Declined,
        Some("InvalidStateError") => PasskeyStop::Known,
        _ => PasskeyStop::Failed,
    }
}
