//! Waiting for IndexedDB: its requests and transactions as futures, its errors in our words.
//!
//! Invariant: a future here resolves in the microtasks of the event that settles it, while the
//! transaction is still active; anything slower would let the transaction commit by itself.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbRequest, IdbTransaction};

use crate::sync::ports::StoreError;

/// The request's result.
///
/// # Errors
/// The request's error, a `DOMException`.
pub(super) async fn settled(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(promise).await {
        Ok(_event) => request.result(),
        Err(_event) => Err(request.error()?.map_or(JsValue::NULL, JsValue::from)),
    }
}

/// Resolves when the transaction is complete and rejects when it is aborted. To be made at once:
/// the events come only to those who listen already.
pub(super) fn finished(transaction: &IdbTransaction) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    }))
}

/// A browser's exception in our words.
pub(super) fn store_error(error: &JsValue) -> StoreError {
    by_text(&text(error))
}

/// The same from the exception's text, which holds its name.
pub(super) fn by_text(text: &str) -> StoreError {
    // `InvalidStateError`: the connection is closing. `VersionError`: a newer version of the app
    // has been here. Either way this page must be reloaded to go on.
    const CLOSED: [&str; 2] = ["InvalidStateError", "VersionError"];
    if text.contains("QuotaExceededError") {
        StoreError::Quota
    } else if CLOSED.iter().any(|name| text.contains(name)) {
        StoreError::Closed
    } else {
        StoreError::Failed(text.to_owned())
    }
}

/// `Name: message`.
pub(super) fn text(error: &JsValue) -> String {
    match error.dyn_ref::<Object>() {
        None => format!("{error:?}"),
        Some(error) => {
            let part = |name: &str| Reflect::get(error, &name.into()).ok().and_then(|part| part.as_string());
            let name = part("name").unwrap_or_else(|| "unknown".to_owned());
            format!("{name}: {}", part("message").unwrap_or_default())
        }
    }
}
