//! A day in figures: what is summed up over entries, clipped to the day.

use super::{
    feed_log::{FeedLog, Method},
    nappy_log::{NappyLog, NappyType},
    overlap::covered_ms,
    registry::EntityType,
    row::Row,
    sleep_log::SleepLog,
    time::Timestamp,
};

/// Sums over one day. Millilitres and milliseconds; a mixed nappy counts as both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub feeds: u32,
    pub bottle_ml: i64,
    /// Any minute once, however many wrote it down.
    pub sleep_ms: i64,
    /// What overlapping sleeps tell more than once, so that one of them cannot be right.
    pub disputed_ms: i64,
    pub wees: u32,
    pub poos: u32,
}

/// Over `from <= t < to`. What happens at an instant counts on the day it started; a sleep counts
/// with the part that lies within, a running one up to `now`. Rows of other types are passed over.
pub fn totals<'r>(rows: impl IntoIterator<Item = &'r Row>, from: Timestamp, to: Timestamp, now: Timestamp) -> Totals {
    let (mut sums, mut sleeps) = (Totals::default(), Vec::new());
    let within = |at: Timestamp| from <= at && at < to;
    for row in rows {
        if row.entity_type == EntityType::SLEEP_LOG
            && let Ok(sleep) = row.read::<SleepLog>()
        {
            sleeps.push((sleep.started_at, sleep.ended_at.unwrap_or(now)));
        } else if !row.started_at().is_some_and(within) {
        } else if row.entity_type == EntityType::FEED_LOG
            && let Ok(feed) = row.read::<FeedLog>()
        {
            sums.feeds += 1;
            if feed.method == Method::Bottle {
                sums.bottle_ml += feed.amount_ml.unwrap_or(0);
            }
        } else if row.entity_type == EntityType::NAPPY_LOG
            && let Ok(nappy) = row.read::<NappyLog>()
        {
            sums.wees += u32::from(matches!(nappy.nappy_type, NappyType::Wee | NappyType::Mixed));
            sums.poos += u32::from(matches!(nappy.nappy_type, NappyType::Poo | NappyType::Mixed));
        }
    }
    (sums.sleep_ms, sums.disputed_ms) = covered_ms(&mut sleeps, from, to);
    sums
}

/// How many rows there are of each type, in the order of the registry; types without any are left out.
pub fn by_type<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<(EntityType, usize)> {
    let mut counts: Vec<_> = EntityType::all().map(|entity_type| (entity_type, 0)).collect();
    for row in rows {
        counts.iter_mut().filter(|(of, _)| *of == row.entity_type).for_each(|(_, count)| *count += 1);
    }
    counts.retain(|(_, count)| *count > 0);
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{BabyId, EntityId};

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_ms(hours * HOUR)
    }

    fn row(entity_type: EntityType, fields: Value) -> Row {
        Row {
            entity_type,
            id: EntityId(Uuid::nil()),
            baby_id: BabyId(Uuid::nil()),
            fields: serde_json::from_value(fields).unwrap(),
            server: Default::default(),
        }
    }

    #[test]
    fn a_day_counts_what_lies_within_it() {
        let rows = [
            row(EntityType::FEED_LOG, json!({"startedAt": at(25), "method": "bottle", "amountMl": 90})),
            row(EntityType::FEED_LOG, json!({"startedAt": at(23), "method": "bottle", "amountMl": 500})),
            row(EntityType::FEED_LOG, json!({"startedAt": at(30), "method": "breast"})),
            row(EntityType::NAPPY_LOG, json!({"startedAt": at(26), "type": "mixed"})),
            row(EntityType::NAPPY_LOG, json!({"startedAt": at(27), "type": "wee"})),
            row(EntityType::NAPPY_LOG, json!({"startedAt": at(48), "type": "poo"})),
        ];
        let sums = totals(&rows, at(24), at(48), at(40));
        assert_eq!(sums, Totals { feeds: 2, bottle_ml: 90, wees: 2, poos: 1, ..Totals::default() });
    }

    #[test]
    fn rows_are_counted_by_their_type() {
        let nappy = || row(EntityType::NAPPY_LOG, json!({"startedAt": at(1), "type": "wee"}));
        let feed = row(EntityType::FEED_LOG, json!({"startedAt": at(2), "method": "breast"}));
        let mut counts = by_type(&[nappy(), feed, nappy()]);
        counts.sort_by_key(|(_, count)| *count);
        assert_eq!(counts, [(EntityType::FEED_LOG, 1), (EntityType::NAPPY_LOG, 2)]);
        assert_eq!(by_type(&[]), []);
    }

    #[test]
    fn a_sleep_over_midnight_is_shared_and_a_running_one_counts_until_now() {
        let night = row(EntityType::SLEEP_LOG, json!({"startedAt": at(22), "endedAt": at(30)}));
        let running = row(EntityType::SLEEP_LOG, json!({"startedAt": at(38)}));
        let day = |from, rows: &[&Row]| totals(rows.iter().copied(), at(from), at(from + 24), at(40)).sleep_ms;
        assert_eq!(day(0, &[&night]), 2 * HOUR);
        assert_eq!(day(24, &[&night, &running]), (6 + 2) * HOUR);
        assert_eq!(day(48, &[&night, &running]), 0, "a day that has not begun");
    }

    /// Two caregivers wrote the same night down: it was slept once.
    #[test]
    fn what_two_people_wrote_down_is_slept_once() {
        let one = row(EntityType::SLEEP_LOG, json!({"startedAt": at(1), "endedAt": at(6)}));
        let two = row(EntityType::SLEEP_LOG, json!({"startedAt": at(2), "endedAt": at(7)}));
        let sums = totals([&one, &two], at(0), at(24), at(24));
        assert_eq!((sums.sleep_ms, sums.disputed_ms), (6 * HOUR, 4 * HOUR));
    }
}
