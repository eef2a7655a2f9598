//! What the newest entries say about now: which side is next, since when the baby is awake.

use super::{
    feed_log::{FeedLog, Method, Side},
    sleep_log::SleepLog,
    time::Timestamp,
};

/// The side to offer: the other one than the last breastfeed ended on. `feeds` newest first.
pub fn next_side(feeds: &[FeedLog]) -> Option<Side> {
    feeds.iter().filter(|feed| feed.method == Method::Breast).find_map(FeedLog::last_side).map(Side::other)
}

/// When the baby woke up last; `None` while it sleeps, or when no sleep has ended. The sleeps may
/// overlap and come in any order: two caregivers may both have written one down.
pub fn awake_since(sleeps: &[SleepLog]) -> Option<Timestamp> {
    if sleeps.iter().any(|sleep| sleep.ended_at.is_none()) {
        return None;
    }
    sleeps.iter().filter_map(|sleep| sleep.ended_at).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn feed(value: serde_json::Value) -> FeedLog {
        serde_json::from_value(value).unwrap()
    }

    fn sleep(from: i64, to: Option<i64>) -> SleepLog {
        let at = Timestamp::from_ms;
        serde_json::from_value(json!({"startedAt": at(from), "endedAt": to.map(at)})).unwrap()
    }

    #[test]
    fn the_next_side_is_the_other_one_and_bottles_do_not_count() {
        let at = Timestamp::from_ms(0);
        let bottle = feed(json!({"startedAt": at, "method": "bottle", "amountMl": 90}));
        let left = feed(json!({"startedAt": at, "method": "breast", "segments": [{"side": "left", "startedAt": at}]}));
        let right = feed(json!({"startedAt": at, "method": "breast", "endSide": "right"}));
        assert_eq!(next_side(&[bottle.clone(), left, right]), Some(Side::Right));
        assert_eq!(next_side(&[bottle]), None);
    }

    #[test]
    fn awake_counts_from_the_latest_end_and_not_while_a_sleep_runs() {
        assert_eq!(awake_since(&[sleep(5, Some(6)), sleep(1, Some(9))]), Some(Timestamp::from_ms(9)));
        assert_eq!(awake_since(&[sleep(5, None), sleep(1, Some(9))]), None);
        assert_eq!(awake_since(&[]), None);
    }
}
