//! When the screen stays lit: at the bedside, and while this person is nursing.

use leptos::prelude::*;

use super::{clock::Ticker, nursery::Nursery, replica::Device};
use crate::{
    domain::{feed_log::FeedLog, registry::EntityType, time::Timestamp},
    sync::query::Select,
};

/// A timer that somebody forgot must not keep a phone awake all night.
const LONGEST_FEED_MS: i64 = 90 * 60_000;

/// Follows both as long as the screens live.
pub(crate) fn stay_awake(bedside: Memo<bool>) {
    let device = expect_context::<Device>();
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let running = nursery.live(&[EntityType::FEED_LOG], |_| Select::Running, None);
    // Since when, of a side that is timed; what another caregiver times does not light this phone.
    let nursing_since = Memo::new(move |_| {
        running.with(|rows| {
            let mine = rows.iter().flatten().filter(|row| nursery.is_me(row.server.logged_by));
            let feeds = mine.filter_map(|row| row.read::<FeedLog>().ok());
            let timed = feeds.filter(|feed| feed.running_side().is_some());
            timed.filter_map(|feed| Some(feed.segments?.last()?.started_at)).max()
        })
    });
    let is_recent = move |since: Timestamp| ticker.now().since(since) < LONGEST_FEED_MS;
    let wanted = Memo::new(move |_| bedside.get() || nursing_since.get().is_some_and(is_recent));
    Effect::new(move |_| device.port().keep_awake(wanted.get()));
    Effect::watch(move || bedside.get(), move |here, _, _| device.port().at_bedside(*here), false);
    on_cleanup(move || device.port().keep_awake(false));
}
