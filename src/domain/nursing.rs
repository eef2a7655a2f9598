//! A breastfeed as it begins, or as it is written down afterwards. What becomes of it while it runs:
//! [`super::timer`].

use super::{
    feed_log::{FeedLog, Method, Segment, Side},
    time::Timestamp,
};

impl FeedLog {
    /// A timer at one side.
    pub fn nursing(side: Side, at: Timestamp) -> Self {
        Self {
            segments: Some(vec![Segment { side, started_at: at, ended_at: None }]),
            ..Self::empty(Method::Breast, at)
        }
    }

    /// A feed of which nothing is known but when and how.
    pub fn empty(method: Method, started_at: Timestamp) -> Self {
        Self {
            started_at,
            ended_at: None,
            zone: None,
            method,
            segments: None,
            end_side: None,
            content: None,
            amount_ml: None,
            breast_milk_ml: None,
            typed: None,
            is_estimated: None,
            notes: None,
        }
    }

    /// The side that is being timed.
    pub fn running_side(&self) -> Option<Side> {
        let last = self.segments.as_ref()?.last()?;
        (self.ended_at.is_none() && last.ended_at.is_none()).then_some(last.side)
    }

    /// A whole feed by minutes: the side it ended on comes last. Without minutes it is an instant
    /// at that side.
    pub fn nursed(started_at: Timestamp, left_ms: i64, right_ms: i64, end_side: Side) -> Self {
        let mut at = started_at;
        let mut segments = Vec::new();
        for side in [end_side.other(), end_side] {
            let ms = if side == Side::Left { left_ms } else { right_ms };
            if ms > 0 || (side == end_side && segments.is_empty()) {
                segments.push(Segment { side, started_at: at, ended_at: Some(at.plus_ms(ms)) });
                at = at.plus_ms(ms);
            }
        }
        Self {
            segments: Some(segments),
            ended_at: Some(at),
            end_side: Some(end_side),
            ..Self::empty(Method::Breast, started_at)
        }
    }

    /// Moves the start. A finished feed moves as a whole; a running one began earlier or later.
    pub fn move_start(&mut self, to: Timestamp) {
        let by = to.since(self.started_at);
        self.started_at = to;
        let running = self.ended_at.is_none();
        self.ended_at = self.ended_at.map(|end| end.plus_ms(by));
        for (index, segment) in self.segments.iter_mut().flatten().enumerate() {
            if !running || index == 0 {
                segment.started_at = segment.started_at.plus_ms(by);
                let end = segment.ended_at.map(|end| if running { end } else { end.plus_ms(by) });
                segment.ended_at = end.map(|end| end.max(segment.started_at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{registry::EntityType, row::to_fields};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_ms(minute * 60_000)
    }

    fn minutes(feed: &FeedLog, now: Timestamp) -> (i64, i64) {
        let (left, right) = feed.side_ms(now);
        (left / 60_000, right / 60_000)
    }

    #[test]
    fn a_feed_that_begins_is_timed_at_its_side() {
        let feed = FeedLog::nursing(Side::Left, at(0));
        assert_eq!(feed.running_side(), Some(Side::Left));
        let fields = EntityType::FEED_LOG.canonical(&to_fields(&feed).unwrap()).unwrap();
        assert_eq!(EntityType::FEED_LOG.check(&fields), Ok(()));
    }

    #[test]
    fn a_feed_by_minutes_ends_on_the_side_that_was_said() {
        let feed = FeedLog::nursed(at(0), 6 * 60_000, 4 * 60_000, Side::Left);
        assert_eq!((minutes(&feed, at(0)), feed.ended_at, feed.last_side()), ((6, 4), Some(at(10)), Some(Side::Left)));
        assert_eq!(feed.segments.as_ref().unwrap()[0].side, Side::Right);
        let bare = FeedLog::nursed(at(0), 0, 0, Side::Right);
        assert_eq!((bare.ended_at, bare.last_side()), (Some(at(0)), Some(Side::Right)));
    }

    #[test]
    fn moving_the_start_moves_a_finished_feed_and_stretches_a_running_one() {
        let mut done = FeedLog::nursed(at(0), 6 * 60_000, 4 * 60_000, Side::Left);
        done.move_start(at(30));
        assert_eq!((minutes(&done, at(0)), done.ended_at), ((6, 4), Some(at(40))));
        let mut running = FeedLog::nursing(Side::Left, at(10));
        let right = Segment { side: Side::Right, started_at: at(20), ended_at: None };
        if let Some(segments) = &mut running.segments {
            segments[0].ended_at = Some(at(20));
            segments.push(right);
        }
        running.move_start(at(5));
        assert_eq!(minutes(&running, at(25)), (15, 5));
        running.move_start(at(22));
        assert_eq!(minutes(&running, at(25)).0, 0);
    }
}
