//! How long to wait before trying again: full jitter, so that a thousand phones that lost the same
//! server do not come back in step. Chance comes in as an argument.

/// No single wait of ours is longer.
pub const MAX_BACKOFF_MS: i64 = 300_000;
const FIRST_BACKOFF_MS: i64 = 1_000;
/// A server that asks for a longer rest is asked again after this.
pub const MAX_RETRY_AFTER_MS: i64 = 3_600_000;

/// Milliseconds to wait after `tries` earlier failures: `rand(0, min(300 s, 1 s · 2ⁿ))`, and at
/// least what the server asked for. `chance` is uniform over all values.
pub fn delay_ms(tries: u32, retry_after_ms: Option<i64>, chance: u64) -> i64 {
    let ceiling = FIRST_BACKOFF_MS.saturating_mul(1 << tries.min(20)).min(MAX_BACKOFF_MS);
    let jittered = (chance % (ceiling.unsigned_abs() + 1)).cast_signed();
    jittered.max(retry_after_ms.unwrap_or(0).clamp(0, MAX_RETRY_AFTER_MS))
}

/// `ms` give or take a tenth.
pub fn about_ms(ms: i64, chance: u64) -> i64 {
    let tenth = (ms / 10).max(0);
    let spread = (chance % (2 * tenth.unsigned_abs() + 1)).cast_signed();
    ms - tenth + spread
}

/// A small generator for jitter (SplitMix64); reproducible from its seed.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// B07, B66, C25.
        #[test]
        fn a_wait_stays_under_its_ceiling(tries: u32, chance: u64) {
            let ceiling = 1_000_i64.saturating_mul(1 << tries.min(30)).min(MAX_BACKOFF_MS);
            prop_assert!((0..=ceiling).contains(&delay_ms(tries, None, chance)));
        }

        /// B69: the header wins, up to a bound.
        #[test]
        fn the_server_is_never_asked_earlier_than_it_said(tries: u32, chance: u64, after in 0..MAX_RETRY_AFTER_MS) {
            prop_assert!(delay_ms(tries, Some(after), chance) >= after);
        }

        /// A18: every 5 s, ±10 %.
        #[test]
        fn an_interval_varies_by_a_tenth(chance: u64) {
            prop_assert!((4_500..=5_500).contains(&about_ms(5_000, chance)));
        }
    }

    /// B66.
    #[test]
    fn waits_use_the_whole_range() {
        let mut jitter = Jitter::seeded(7);
        let waits: Vec<i64> = (0..1_000).map(|_| delay_ms(9, None, jitter.next_u64())).collect();
        assert!(waits.iter().any(|ms| *ms < 30_000) && waits.iter().any(|ms| *ms > 270_000));
    }
}
