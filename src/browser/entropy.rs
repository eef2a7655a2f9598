//! The device's chance: the browser's cryptographic generator.

use uuid::{ContextV7, Uuid};

use crate::{domain::time::Timestamp, sync::ports::Entropy};

/// Ids rise within this tab, even within one millisecond and when the clock is set back.
#[derive(Debug, Default)]
pub struct BrowserEntropy {
    context: ContextV7,
}

impl Entropy for BrowserEntropy {
    fn uuid_v7(&self, now: Timestamp) -> Uuid {
        // A version 7 id cannot say a time before 1970; such a clock gets the earliest it can.
        let ms = u64::try_from(now.as_ms()).unwrap_or(0);
        let nanos = u32::try_from(ms % 1000).expect("below a thousand") * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.context, ms / 1000, nanos))
    }

    fn next_u64(&self) -> u64 {
        // The id's last 64 bits: two of its variant, the rest drawn anew for each id. Two draws
        // give 64 bits that are all chance.
        let draw = || Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)).as_u64_pair().1;
        draw() ^ draw().rotate_left(32)
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use std::collections::BTreeSet;

    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn ids_rise_even_when_the_clock_is_set_back() {
        let entropy = BrowserEntropy::default();
        let noon = Timestamp::from_ms(1_795_000_000_000);
        let ids: Vec<Uuid> = [noon, noon, noon.plus_ms(-3_600_000), noon.plus_ms(1), noon.plus_ms(1)]
            .into_iter()
            .map(|now| entropy.uuid_v7(now))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(entropy.uuid_v7(Timestamp::from_ms(-1)).get_version_num(), 7);
    }

    /// C42.
    #[wasm_bindgen_test]
    fn chance_uses_every_bit_and_does_not_repeat() {
        let entropy = BrowserEntropy::default();
        let draws: Vec<u64> = (0..200).map(|_| entropy.next_u64()).collect();
        assert_eq!(draws.iter().collect::<BTreeSet<_>>().len(), draws.len());
        assert_eq!(draws.iter().fold(0, |bits, draw| bits | draw), u64::MAX, "each bit was set once");
        assert_eq!(draws.iter().fold(u64::MAX, |bits, draw| bits & draw), 0, "and clear once");
    }
}
