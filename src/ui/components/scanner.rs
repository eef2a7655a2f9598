//! Reading an invitation off somebody's screen through the camera. The page's script has the camera and
//! fetches what reads the picture; here is where the picture stands, and what is said about it.

use js_sys::Reflect;
use leptos::prelude::*;
use web_sys::Event;

use super::sheet::{CloseSheet, Dialog};
use crate::ui::words::tr;

/// Named in the page's boot script.
const SCAN: &str = "cradlelog:scan";
const SCANNED: &str = "cradlelog:scanned";

/// The button, and the picture while it is wanted. What was read comes as if it had been typed.
#[component]
pub(crate) fn Scanner(found: RwSignal<String>) -> impl IntoView {
    let open = RwSignal::new(false);
    let on_close = Callback::new(move |()| open.set(false));
    view! {
        <button type="button" class="button button-wide" on:click=move |_| open.set(true)>{tr!(scan.open)}</button>
        {move || open.get().then(|| view! {
            <Dialog title=tr!(scan.open).to_owned() on_close=on_close><Picture found=found/></Dialog>
        })}
    }
}

#[component]
fn Picture(found: RwSignal<String>) -> impl IntoView {
    let sheet = expect_context::<CloseSheet>();
    let words = RwSignal::new(tr!(scan.looking));
    let heard = window_event_listener_untyped(SCANNED, move |ev| {
        let said = Reflect::get(&ev, &"detail".into()).ok().and_then(|said| said.as_string()).unwrap_or_default();
        match said.as_str() {
            "!foreign" => words.set(tr!(scan.foreign)),
            "!denied" => words.set(tr!(scan.denied)),
            "!camera" => words.set(tr!(scan.no_camera)),
            "!offline" => words.set(tr!(scan.offline)),
            "!hidden" => sheet.close(),
            _ => {
                sheet.close();
                found.set(said);
            }
        }
    });
    on_cleanup(move || heard.remove());
    Effect::new(|_| {
        // An event of any name can be made, and nobody cancels it.
        let _ = Event::new(SCAN).and_then(|event| window().dispatch_event(&event));
    });
    view! {
        <div class="sheet-body">
            <video class="scan" muted=true playsinline=true aria-label=tr!(scan.looking)></video>
            <p role="status">{move || words.get()}</p>
        </div>
    }
}
