//! The server's hints: a stream of events that says which baby has moved on.
//!
//! Every tab that may sync listens for itself. A hidden tab may not, so that is one stream for most
//! devices; to hand one stream from tab to tab would need a leader for life, and there is none.

use serde_json::from_str;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

use crate::sync::protocol::Hint;

const PATH: &str = "/api/sync/hints";

/// What came over the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Connected,
    Hint(Hint),
    /// The connection broke off. The browser connects again by itself unless it was refused.
    Lost {
        refused: bool,
    },
}

/// An open stream; closed when dropped.
pub struct Hints {
    source: EventSource,
    _on_event: Closure<dyn FnMut(Event)>,
}

impl Hints {
    /// `None` where the browser has no such streams: polling goes on as ever.
    pub fn open(on_heard: impl Fn(Heard) + 'static) -> Option<Self> {
        let source = EventSource::new(PATH).ok()?;
        let on_event = Closure::new({
            let source = source.clone();
            move |event: Event| {
                if let Some(heard) = meaning(&event, source.ready_state()) {
                    on_heard(heard);
                }
            }
        });
        let listener = Some(on_event.as_ref().unchecked_ref());
        source.set_onopen(listener);
        source.set_onmessage(listener);
        source.set_onerror(listener);
        Some(Self { source, _on_event: on_event })
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        for unset in [EventSource::set_onopen, EventSource::set_onmessage, EventSource::set_onerror] {
            unset(&self.source, None);
        }
        self.source.close();
    }
}

fn meaning(event: &Event, state: u16) -> Option<Heard> {
    match event.type_().as_str() {
        "open" => Some(Heard::Connected),
        // A message that is not a hint is of another version, or a stranger's.
        "message" => {
            let data = event.dyn_ref::<MessageEvent>()?.data().as_string()?;
            from_str(&data).ok().map(Heard::Hint)
        }
        _ => Some(Heard::Lost { refused: state == EventSource::CLOSED }),
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use uuid::Uuid;
    use wasm_bindgen_test::wasm_bindgen_test;
    use web_sys::MessageEventInit;

    use super::*;
    use crate::domain::id::BabyId;

    fn message(data: &str) -> Event {
        let init = MessageEventInit::new();
        init.set_data(&data.into());
        MessageEvent::new_with_event_init_dict("message", &init).unwrap().into()
    }

    #[wasm_bindgen_test]
    fn a_message_is_a_hint_or_nothing() {
        let id = Uuid::from_u128(7);
        let hint = Hint { baby_id: BabyId(id), head: 4 };
        let read = |data: &str| meaning(&message(data), EventSource::OPEN);
        assert_eq!(read(&format!(r#"{{"babyId":"{id}","head":4}}"#)), Some(Heard::Hint(hint)));
        for strange in ["", "{}", "null", "<!doctype html>"] {
            assert_eq!(read(strange), None, "{strange:?}");
        }
        let error = Event::new("error").unwrap();
        assert_eq!(meaning(&error, EventSource::CONNECTING), Some(Heard::Lost { refused: false }));
        assert_eq!(meaning(&error, EventSource::CLOSED), Some(Heard::Lost { refused: true }));
    }
}
