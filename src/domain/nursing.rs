//! A breastfeed as it is timed: start on a side, switch, stop, or written down afterwards.

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

    /// Goes on at the other side.
    pub fn switch_side(&mut self, at: Timestamp) {
        let side = self.last_side().map_or(Side::Left, Side::other);
        self.close_segment(at);
        self.segments.get_or_insert_default().push(Segment {
            side,
            started_at: at.max(self.started_at),
            ended_at: None,
        });
    }

    /// Ends the feed, never before it began.
    pub fn stop(&mut self, at: Timestamp) {
        self.end_side = self.last_side();
        self.close_segment(at);
        let last_end = self.segments.iter().flatten().filter_map(|segment| segment.ended_at).max();
        self.ended_at = Some(at.max(self.started_at).max(last_end.unwrap_or(at)));
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
    fn a_timed_feed_knows_each_side_and_the_one_it_ended_on() {
        let mut feed = FeedLog::nursing(Side::Left, at(0));
        assert_eq!(feed.running_side(), Some(Side::Left));
        feed.switch_side(at(7));
        assert_eq!(feed.running_side(), Some(Side::Right));
        feed.stop(at(12));
        assert_eq!((minutes(&feed, at(99)), feed.running_side()), ((7, 5), None));
        assert_eq!((feed.ended_at, feed.end_side), (Some(at(12)), Some(Side::Right)));
        assert_eq!(kept(&feed), Ok(()));
    }

    /// As the device and the server judge a whole entry.
    fn kept(feed: &FeedLog) -> Result<(), crate::domain::field::Invalid> {
        let fields = EntityType::FEED_LOG.canonical(&to_fields(feed).unwrap())?;
        EntityType::FEED_LOG.check(&fields)
    }

    #[test]
    fn every_step_of_a_timed_feed_can_be_saved() {
        let mut feed = FeedLog::nursing(Side::Left, at(0));
        assert_eq!(kept(&feed), Ok(()));
        feed.switch_side(at(7));
        assert_eq!(kept(&feed), Ok(()));
        feed.stop(at(9));
        assert_eq!(kept(&feed), Ok(()));
    }

    /// Two phones' clocks differ: the second one may stop a timer "before" it began.
    #[test]
    fn a_stop_before_the_start_still_makes_a_feed_that_can_be_true() {
        let mut feed = FeedLog::nursing(Side::Left, at(10));
        feed.switch_side(at(8));
        feed.stop(at(5));
        let fields = EntityType::FEED_LOG.canonical(&to_fields(&feed).unwrap()).unwrap();
        assert_eq!(EntityType::FEED_LOG.check(&fields), Ok(()));
        assert_eq!(feed.ended_at, Some(at(10)));
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
        running.switch_side(at(20));
        running.move_start(at(5));
        assert_eq!(minutes(&running, at(25)), (15, 5));
        running.move_start(at(22));
        assert_eq!(minutes(&running, at(25)).0, 0);
    }
}
