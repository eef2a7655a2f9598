//! One tab syncs at a time: the browser's Web Locks, taken per cycle and only if free. A tab that
//! held a lock for life could be frozen in the background and starve the one on screen.
//!
//! The lock saves work; it is not what keeps the data right. That is the leader's epoch in the
//! store, which refuses a tab that was overtaken, so a browser without locks is served as well.

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// Held until released or dropped.
#[derive(Debug)]
pub struct LockGuard {
    /// Resolves the promise that the browser waits for; absent where there are no locks.
    let_go: Option<Function>,
    /// Ends when the browser has taken the lock back.
    over: Option<JsFuture>,
}

impl LockGuard {
    /// Lets go, and waits until the lock is free.
    pub async fn release(mut self) {
        let over = self.over.take();
        drop(self);
        if let Some(over) = over {
            // It ends with the value of our own promise, which is nothing.
            drop(over.await);
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(let_go) = &self.let_go {
            // The resolving function of a promise does not throw.
            let _ = let_go.call0(&JsValue::UNDEFINED);
        }
    }
}

/// The lock of this name, unless another tab holds it.
pub async fn try_lock(name: &str) -> Option<LockGuard> {
    let (told, granted) = oneshot::channel();
    let callback = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            // Nobody listens any more: then nobody minds.
            let _ = told.send(None);
            return JsValue::UNDEFINED;
        }
        let mut let_go = None;
        let held = Promise::new(&mut |resolve, _reject| let_go = Some(resolve));
        // If nobody listens any more the guard is dropped here, which releases the lock.
        let _ = told.send(Some(LockGuard { let_go, over: None }));
        held.into()
    });
    let without_locks = || Some(LockGuard { let_go: None, over: None });
    let Ok(request) = request(name, &callback) else { return without_locks() };
    match select(granted, JsFuture::from(request)).await {
        Either::Left((Ok(guard), over)) => guard.map(|mut guard| {
            guard.over = Some(over);
            guard
        }),
        // The request ended before its callback was heard: another tab has the lock.
        Either::Left((Err(_), _)) | Either::Right((Ok(_), _)) => None,
        // The browser refuses locks to this page altogether.
        Either::Right((Err(_), _)) => without_locks(),
    }
}

/// `navigator.locks.request(name, {ifAvailable: true}, callback)`; web-sys has it behind an
/// unstable flag only.
fn request(name: &str, callback: &JsValue) -> Result<Promise, JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
    let locks = Reflect::get(&navigator, &"locks".into())?;
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &true.into())?;
    let request: Function = Reflect::get(&locks, &"request".into())?.dyn_into()?;
    request.call3(&locks, &name.into(), &options, callback)?.dyn_into()
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn one_holds_it_and_the_next_gets_it_when_it_is_released() {
        let first = try_lock("a").await.unwrap();
        assert!(first.let_go.is_some(), "this browser has locks");
        assert!(try_lock("a").await.is_none());
        assert!(try_lock("b").await.is_some(), "another name is another lock");
        first.release().await;
        assert!(try_lock("a").await.is_some());
    }
}
