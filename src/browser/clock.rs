//! The device's clock: what the person set it to, right or wrong. The sync room knows how far the
//! server's is from it.

use gloo_timers::future::TimeoutFuture;

use crate::{domain::time::Timestamp, sync::ports::Clock};

/// The browser's wall clock and timers.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserClock;

impl Clock for BrowserClock {
    fn now(&self) -> Timestamp {
        // Whole milliseconds within ±8.64e15, which `i64` holds exactly.
        #[allow(clippy::cast_possible_truncation)]
        Timestamp::from_ms(js_sys::Date::now() as i64)
    }

    async fn sleep_ms(&self, ms: i64) {
        // Longer than a timer can count; nothing of ours waits so long.
        const LONGEST_MS: i64 = i32::MAX as i64;
        let ms = u32::try_from(ms.clamp(0, LONGEST_MS)).expect("clamped to what fits");
        TimeoutFuture::new(ms).await;
    }
}
