//! A screen that stays lit, by a wake lock, and one that is filled. Neither is there in every browser, and
//! either may be taken away at any time: nobody depends on them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::events::is_visible;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["navigator", "wakeLock"], js_name = request)]
    fn wake_lock(kind: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["document", "documentElement"], js_name = requestFullscreen)]
    fn request_fullscreen() -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = document, js_name = exitFullscreen)]
    fn exit_fullscreen() -> Result<Promise, JsValue>;

    type WakeLock;
    #[wasm_bindgen(method, getter)]
    fn released(this: &WakeLock) -> bool;
    #[wasm_bindgen(method)]
    fn release(this: &WakeLock) -> Promise;
}

/// The browser lets go of a lock whenever the page goes out of sight; it is asked for again when it is back.
pub(super) struct Awake {
    wanted: Cell<bool>,
    is_asking: Cell<bool>,
    lock: RefCell<Option<WakeLock>>,
}

impl Awake {
    pub(super) fn new() -> Rc<Self> {
        let awake = Rc::new(Self { wanted: Cell::new(false), is_asking: Cell::new(false), lock: RefCell::default() });
        let me = awake.clone();
        let closure = Closure::<dyn Fn()>::new(move || me.settle());
        document()
            .add_event_listener_with_callback("visibilitychange", closure.as_ref().unchecked_ref())
            .expect("a document takes listeners");
        // Once per page, for as long as it lives.
        closure.forget();
        awake
    }

    pub(super) fn want(self: &Rc<Self>, wanted: bool) {
        self.wanted.set(wanted);
        self.settle();
    }

    fn settle(self: &Rc<Self>) {
        let held = self.lock.take().filter(|lock| !lock.released());
        if !self.wanted.get() {
            if let Some(lock) = held {
                spawn_local(ended(Ok(lock.release())));
            }
        } else if held.is_some() {
            self.lock.replace(held);
        } else if is_visible() && !self.is_asking.replace(true) {
            let me = self.clone();
            spawn_local(async move { me.ask().await });
        }
    }

    async fn ask(self: Rc<Self>) {
        // Refused to save the battery, or unknown here: the screen goes dark as it would anyway.
        let lock = match wake_lock("screen") {
            Ok(asked) => JsFuture::from(asked).await.ok(),
            Err(_unknown) => None,
        };
        self.is_asking.set(false);
        if let Some(lock) = lock {
            self.lock.replace(Some(lock.unchecked_into()));
            // It may not be wanted any more.
            if !self.wanted.get() {
                self.settle();
            }
        }
    }
}

/// Gives this page the whole screen, if a person has just asked for it, or gives it back.
pub(super) fn fill_screen(wanted: bool) {
    let of = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let is_full = of(&document(), "fullscreenElement").is_object();
    let was_asked = of(&of(&window().navigator(), "userActivation"), "isActive").is_truthy();
    if wanted && !is_full && was_asked {
        spawn_local(ended(request_fullscreen()));
    } else if !wanted && is_full {
        spawn_local(ended(exit_fullscreen()));
    }
}

/// Waits for something that may as well fail.
async fn ended(act: Result<Promise, JsValue>) {
    if let Ok(act) = act {
        let _ = JsFuture::from(act).await;
    }
}
