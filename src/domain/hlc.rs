//! Hybrid logical clock: an order of edits that follows wall time where clocks agree and
//! causality where they do not. 48-bit milliseconds, 16-bit counter, then the client id.
//!
//! Invariant: a device's own readings only grow, whatever its clock does.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{id::ClientId, time::Timestamp};

/// How far ahead of the server an edit may claim to be, in milliseconds. A phone whose clock runs
/// ahead for longer must not win every conflict until the world catches up.
pub const MAX_AHEAD_MS: i64 = 5 * 60 * 1000;

/// Ordered by time, then counter, then client. As text (`<16 hex ms>-<4 hex counter>-<client id>`)
/// the order is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc {
    pub ms: u64,
    pub counter: u16,
    pub client: ClientId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hybrid logical clock: write it as <16 hex>-<4 hex>-<client id>")]
pub struct NotAnHlc;

impl Hlc {
    /// The first reading at `now`.
    pub fn at(now: Timestamp, client: ClientId) -> Self {
        Self { ms: now.as_ms().max(0).unsigned_abs(), counter: 0, client }
    }

    /// The next reading of a device that last read `self`; larger than `self` even when the clock
    /// stands still or jumps back.
    pub fn tick(self, now: Timestamp) -> Self {
        let fresh = Self::at(now, self.client);
        if fresh.ms > self.ms {
            return fresh;
        }
        match self.counter.checked_add(1) {
            Some(counter) => Self { counter, ..self },
            None => Self { ms: self.ms + 1, counter: 0, ..self },
        }
    }

    /// The reading as the server takes it: never more than [`MAX_AHEAD_MS`] ahead of `now`.
    pub fn clamped(self, now: Timestamp) -> Self {
        let limit = now.plus_ms(MAX_AHEAD_MS).as_ms().max(0).unsigned_abs();
        Self { ms: self.ms.min(limit), ..self }
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:04x}-{}", self.ms, self.counter, self.client)
    }
}

impl FromStr for Hlc {
    type Err = NotAnHlc;
    fn from_str(text: &str) -> Result<Self, NotAnHlc> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next().ok_or(NotAnHlc)?;
            let hex = part.bytes().all(|b| b.is_ascii_hexdigit());
            if digits == 0 || (part.len() == digits && hex) { Ok(part) } else { Err(NotAnHlc) }
        };
        let ms = u64::from_str_radix(part(16)?, 16).map_err(|_| NotAnHlc)?;
        let counter = u16::from_str_radix(part(4)?, 16).map_err(|_| NotAnHlc)?;
        let client = part(0)?.parse().map_err(|_| NotAnHlc)?;
        Ok(Self { ms, counter, client })
    }
}

impl Serialize for Hlc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hlc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn client(n: u128) -> ClientId {
        ClientId(Uuid::from_u128(n))
    }

    proptest! {
        /// B76, X1.
        #[test]
        fn a_device_only_moves_forward(clocks in proptest::collection::vec(-10_000i64..10_000, 1..50)) {
            let mut last = Hlc::at(Timestamp::from_ms(5_000), client(1));
            for ms in clocks {
                let next = last.tick(Timestamp::from_ms(ms));
                prop_assert!(next > last);
                last = next;
            }
        }

        #[test]
        fn text_order_is_clock_order(a: (u64, u16, u128), b: (u64, u16, u128)) {
            let hlc = |(ms, counter, id)| Hlc { ms, counter, client: client(id) };
            let (a, b) = (hlc(a), hlc(b));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        /// C29, X1.
        #[test]
        fn nobody_gets_further_ahead_than_five_minutes(ms: u64, now in 0i64..4_000_000_000_000) {
            let now = Timestamp::from_ms(now);
            let taken = Hlc { ms, counter: 0, client: client(1) }.clamped(now);
            prop_assert!(taken.ms <= (now.as_ms() + MAX_AHEAD_MS).unsigned_abs());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "1-2-3",
            "00000000000000zz-0000-00000000-0000-0000-0000-000000000001",
            "+000000000000001-0000-00000000-0000-0000-0000-000000000001",
        ] {
            assert_eq!(text.parse::<Hlc>(), Err(NotAnHlc), "{text}");
        }
    }
}
