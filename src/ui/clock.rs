//! What time it is on this device, and the tick that keeps "25 min ago" and running timers true.
//! Timers are never counted: each shown value is computed from timestamps.

use std::time::Duration;

use leptos::prelude::*;

use crate::domain::time::Timestamp;

/// The device's wall clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_ms(js_sys::Date::now() as i64)
}

/// The time as of the last full second.
#[derive(Clone, Copy)]
pub(crate) struct Ticker(ReadSignal<Timestamp>);

impl Ticker {
    /// Starts ticking for the life of the page.
    pub(crate) fn start() -> Self {
        let (tick, set_tick) = signal(now());
        set_interval(move || set_tick.set(now()), Duration::from_secs(1));
        Self(tick)
    }

    pub(crate) fn now(self) -> Timestamp {
        self.0.get()
    }
}
