//! The tabs of one account on this device, telling each other what changed in the database they
//! share. Nothing of the data travels here: who hears of a change reads it.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

/// What one tab tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabNews {
    /// A person wrote: there is something to show and something to push.
    Committed,
    /// The sync stored something: there is something to show.
    Synced,
    /// The person signed in again: requests are answered again.
    SignedIn,
}

impl TabNews {
    const ALL: [Self; 3] = [Self::Committed, Self::Synced, Self::SignedIn];

    fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Synced => "synced",
            Self::SignedIn => "signedIn",
        }
    }

    /// `None` for the words of another version of the app.
    fn read(data: &JsValue) -> Option<Self> {
        let name = data.as_string()?;
        Self::ALL.into_iter().find(|news| news.name() == name)
    }
}

/// This tab's end of the channel. A tab does not hear itself.
pub struct Tabs {
    /// Absent where the browser has none; the other tabs then learn of changes when looked at.
    channel: Option<BroadcastChannel>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Tabs {
    pub fn join(name: &str, on_news: impl Fn(TabNews) + 'static) -> Self {
        let on_message = Closure::new(move |event: MessageEvent| {
            if let Some(news) = TabNews::read(&event.data()) {
                on_news(news);
            }
        });
        let channel = BroadcastChannel::new(name).ok();
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        }
        Self { channel, _on_message: on_message }
    }

    pub fn tell(&self, news: TabNews) {
        if let Some(channel) = &self.channel {
            // Fails only on a closed channel, and ours is closed on drop.
            let _ = channel.post_message(&news.name().into());
        }
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.set_onmessage(None);
            channel.close();
        }
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use futures::{StreamExt, channel::mpsc};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn the_other_tab_hears_and_the_teller_does_not() {
        let (hear, mut heard) = mpsc::unbounded();
        let listener = |who: &'static str| {
            let hear = hear.clone();
            move |news| hear.unbounded_send((who, news)).unwrap()
        };
        let (one, two) = (Tabs::join("family", listener("one")), Tabs::join("family", listener("two")));
        let _stranger = Tabs::join("another family", listener("stranger"));
        one.tell(TabNews::Committed);
        two.tell(TabNews::Synced);
        one.tell(TabNews::SignedIn);
        assert_eq!(heard.next().await, Some(("two", TabNews::Committed)));
        assert_eq!(heard.next().await, Some(("one", TabNews::Synced)));
        assert_eq!(heard.next().await, Some(("two", TabNews::SignedIn)));
    }
}
