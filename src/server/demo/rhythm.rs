//! How a baby's days go: a night with feeds in it, three naps, milk every three hours, and what
//! follows from milk.

use anyhow::Context;
use jiff::{Zoned, civil::Date};
use serde_json::json;

use super::{chance::Chance, life::Shelf};
use crate::domain::{
    feed_log::{Content, FeedLog, Method, Segment, Side},
    field::Fields,
    id::EntityId,
    nappy_log::{Colour, Consistency, NappyLog, NappyType},
    registry::EntityType,
    row::to_fields,
    sleep_log::{Quality, SleepKind, SleepLog},
    time::Timestamp,
};

const MINUTE: i64 = 60_000;
/// The babies are this old on the first day.
const FIRST_AGE_DAYS: i64 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caregiver {
    Mother,
    Father,
    Grandmother,
}

/// One thing that somebody logged.
pub(super) struct Entry {
    pub(super) author: Caregiver,
    pub(super) logged_at: Timestamp,
    pub(super) id: EntityId,
    pub(super) entity_type: EntityType,
    pub(super) fields: Fields,
}

/// The day of birth of a baby of which so many days up to `until` are told.
pub(super) fn birth_date(until: Timestamp, days: i32) -> anyhow::Result<Date> {
    let age_days = FIRST_AGE_DAYS + i64::from(days);
    let born = jiff::Timestamp::from_millisecond(until.plus_ms(-age_days * 24 * 60 * MINUTE).as_ms())?;
    Ok(born.in_tz("UTC")?.date())
}

/// So many days of entries, the last one cut off at `until`; what has begun by then still runs.
pub(super) fn days(chance: &mut Chance, until: Timestamp, days: i32, zone: &str) -> anyhow::Result<Vec<Entry>> {
    let last = jiff::Timestamp::from_millisecond(until.as_ms())?.in_tz(zone)?.date();
    let first = last.checked_sub(jiff::Span::new().days(days))?;
    let born = birth_date(until, days)?;
    let (entries, shelf, bags) = (Vec::new(), Shelf::default(), Vec::new());
    let mut diary = Diary { chance, until, zone, entries, left: true, shelf, bags };
    diary.fill_shelf(first)?;
    for back in (0..=days).rev() {
        let date = last.checked_sub(jiff::Span::new().days(back))?;
        diary.day(date, i64::from((date - born).get_days()))?;
    }
    let mut entries = diary.entries;
    entries.sort_by_key(|entry| entry.logged_at);
    Ok(entries)
}

pub(super) struct Diary<'a> {
    pub(super) chance: &'a mut Chance,
    until: Timestamp,
    zone: &'a str,
    entries: Vec<Entry>,
    /// The side for the next breastfeed.
    left: bool,
    /// What the other entries refer to.
    pub(super) shelf: Shelf,
    /// The milk in the freezer: which entry, and since when.
    bags: Vec<(usize, Timestamp)>,
}

impl Diary<'_> {
    fn day(&mut self, date: Date, age: i64) -> anyhow::Result<()> {
        let naps = [(12, 20, 60, 130), (9, 0, 40, 90), (16, 0, 25, 55)];
        let awake = if age < 365 {
            0
        } else if age < 900 {
            1
        } else {
            2
        };
        for (hour, minute, shortest, longest) in &naps[..naps.len() - awake] {
            let from = self.about(date, *hour, *minute, 20)?;
            let length = self.chance.between(*shortest, *longest);
            self.sleep(date, from, from.plus_ms(length * MINUTE), SleepKind::Nap)?;
        }
        let bedtime = self.about(date, 19, 40, 25)?;
        let morning = self.about(date.tomorrow()?, 6, 30, 30)?;
        self.sleep(date, bedtime, morning, SleepKind::Night)?;
        let feeds = [(6, 45), (13, 50), (19, 10), (2, 40), (10, 10), (16, 55), (23, 0)];
        for (hour, minute) in &feeds[..if age < 365 { 7 } else { 3 }] {
            let at = self.about(date, *hour, *minute, 18)?;
            self.feed(date, at, age)?;
            self.nappy_after(date, at, age)?;
        }
        self.life(date, age)
    }

    /// What follows from milk and meals, until a nappy is worn no more.
    pub(super) fn nappy_after(&mut self, date: Date, at: Timestamp, age: i64) -> anyhow::Result<()> {
        if age < 1_300 && self.chance.percent(85) {
            let after = self.chance.between(5, 40);
            self.nappy(date, at.plus_ms(after * MINUTE))?;
        }
        Ok(())
    }

    /// That time of day, give or take `give` minutes.
    pub(super) fn about(&mut self, date: Date, hour: i8, minute: i8, give: i64) -> anyhow::Result<Timestamp> {
        let at: Zoned = date.at(hour, minute, 0, 0).in_tz(self.zone)?;
        let off = self.chance.between(-give * 60, give * 60) * 1_000;
        Ok(Timestamp::from_ms(at.timestamp().as_millisecond() + off))
    }

    fn sleep(&mut self, date: Date, from: Timestamp, to: Timestamp, kind: SleepKind) -> anyhow::Result<()> {
        let woke = (to <= self.until).then_some(to);
        let place = if kind == SleepKind::Night { "Cot" } else { self.chance.one_of(&["Pram", "Cot", "Carrier"]) };
        let quality = self.chance.one_of(&[Quality::Restless, Quality::Fair, Quality::Sound, Quality::Sound]);
        let sleep = SleepLog {
            started_at: from,
            ended_at: woke,
            zone: Some(self.zone.to_owned()),
            kind: Some(kind),
            place: Some(place.to_owned()),
            quality: woke.map(|_| quality),
            notes: None,
        };
        self.write(date, from, EntityType::SLEEP_LOG, to_fields(&sleep)?)?;
        Ok(())
    }

    fn feed(&mut self, date: Date, at: Timestamp, age: i64) -> anyhow::Result<()> {
        let bottle = self.chance.percent(if age < 550 { 35 } else { 100 });
        let mut feed = FeedLog {
            started_at: at,
            ended_at: None,
            zone: Some(self.zone.to_owned()),
            method: if bottle { Method::Bottle } else { Method::Breast },
            segments: None,
            end_side: None,
            content: None,
            amount_ml: None,
            breast_milk_ml: None,
            typed: None,
            is_estimated: None,
            notes: self.chance.percent(6).then(|| "Fell asleep over it".to_owned()),
        };
        let minutes = self.chance.between(8, 24);
        if bottle {
            feed.content = Some(self.chance.one_of(&[Content::Formula, Content::BreastMilk]));
            feed.amount_ml = Some(self.chance.between(9, 18) * 10);
        } else {
            feed.ended_at = Some(at.plus_ms(minutes * MINUTE)).filter(|end| *end <= self.until);
            let first = if self.left { Side::Left } else { Side::Right };
            let change = at.plus_ms(minutes * MINUTE * self.chance.between(35, 65) / 100);
            let segment = |side, from, to: Option<Timestamp>| Segment { side, started_at: from, ended_at: to };
            feed.segments = match feed.ended_at {
                Some(end) => Some(vec![segment(first, at, Some(change)), segment(first.other(), change, Some(end))]),
                None => Some(vec![segment(first, at, None)]),
            };
            feed.end_side = feed.ended_at.map(|_| first.other());
            self.left = !self.left;
        }
        let is_thawed = feed.content == Some(Content::BreastMilk);
        let written = self.write(date, at, EntityType::FEED_LOG, to_fields(&feed)?)?;
        if let (true, Some(feed)) = (is_thawed, written) {
            self.use_bag(feed, at);
        }
        Ok(())
    }

    fn nappy(&mut self, date: Date, at: Timestamp) -> anyhow::Result<()> {
        let nappy_type = self.chance.one_of(&[NappyType::Wee, NappyType::Wee, NappyType::Mixed, NappyType::Poo]);
        let poo = nappy_type != NappyType::Wee;
        let nappy = NappyLog {
            started_at: at,
            zone: Some(self.zone.to_owned()),
            nappy_type,
            colour: poo.then(|| self.chance.one_of(&[Colour::Yellow, Colour::Yellow, Colour::Green, Colour::Brown])),
            consistency: poo.then(|| self.chance.one_of(&[Consistency::Mushy, Consistency::Runny, Consistency::Pasty])),
            rash: None,
            notes: None,
        };
        self.write(date, at, EntityType::NAPPY_LOG, to_fields(&nappy)?)?;
        Ok(())
    }

    /// Writes down what happened by now, and says under which id.
    pub(super) fn write(
        &mut self,
        date: Date,
        at: Timestamp,
        entity_type: EntityType,
        mut fields: Fields,
    ) -> anyhow::Result<Option<EntityId>> {
        if at > self.until {
            return Ok(None);
        }
        if entity_type.is_log() {
            fields.insert("startedAt".into(), at.to_string().into());
            fields.insert("zone".into(), self.zone.into());
        }
        let (author, id) = (self.author(date, at)?, EntityId(self.chance.uuid()));
        self.entries.push(Entry { author, logged_at: at, id, entity_type, fields });
        Ok(Some(id))
    }

    /// A span that is over after so many minutes, or runs still.
    pub(super) fn span(
        &mut self,
        date: Date,
        at: Timestamp,
        minutes: i64,
        entity_type: EntityType,
        mut fields: Fields,
    ) -> anyhow::Result<()> {
        let end = at.plus_ms(minutes * MINUTE);
        if end <= self.until {
            fields.insert("endedAt".into(), end.to_string().into());
        }
        self.write(date, at, entity_type, fields)?;
        Ok(())
    }

    /// Milk that goes into the freezer.
    pub(super) fn freeze(&mut self, date: Date, at: Timestamp, ml: i64) -> anyhow::Result<()> {
        let frozen = at.plus_ms(30 * MINUTE);
        let fields = json!({"amountMl": ml, "pumpedAt": at, "frozenAt": frozen});
        if self.write(date, frozen, EntityType::MILK_BAG, serde_json::from_value(fields)?)?.is_some() {
            self.bags.push((self.entries.len() - 1, frozen));
        }
        Ok(())
    }

    /// A bottle takes the oldest bag that has been in the freezer for a day; that is when it is written down.
    fn use_bag(&mut self, feed: EntityId, at: Timestamp) {
        let found = self.bags.iter().position(|(_, frozen)| at.since(*frozen) > 24 * 60 * MINUTE);
        if let Some((index, _)) = found.map(|place| self.bags.remove(place)) {
            let bag = &mut self.entries[index];
            bag.logged_at = at.plus_ms(1);
            bag.fields.insert("thawedAt".into(), at.plus_ms(-60 * MINUTE).to_string().into());
            bag.fields.insert("usedBy".into(), feed.to_string().into());
        }
    }

    /// The parents take the nights in turn; grandmother comes on Wednesdays.
    fn author(&mut self, date: Date, at: Timestamp) -> anyhow::Result<Caregiver> {
        let hour = jiff::Timestamp::from_millisecond(at.as_ms())
            .context("a time of the demo is a time")?
            .in_tz(self.zone)?
            .hour();
        let own_night = date.day() % 2 == 0;
        Ok(match hour {
            8..17 if date.weekday() == jiff::civil::Weekday::Wednesday => Caregiver::Grandmother,
            6..22 if self.chance.percent(60) => Caregiver::Mother,
            6..22 => Caregiver::Father,
            _ if own_night => Caregiver::Mother,
            _ => Caregiver::Father,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_end_give_the_same_days() {
        let until: Timestamp = "2026-11-20T18:00:00Z".parse().unwrap();
        let told = |seed: u64| -> Vec<(Timestamp, Fields)> {
            let entries = days(&mut Chance::new(seed), until, 7, "Europe/Berlin").unwrap();
            entries.into_iter().map(|entry| (entry.logged_at, entry.fields)).collect()
        };
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    /// Five years are about 70,000 entries of the two babies together.
    #[test]
    fn five_years_are_a_long_log() {
        let until: Timestamp = "2026-11-20T18:00:00Z".parse().unwrap();
        let entries = days(&mut Chance::new(1), until, 5 * 365, "Europe/Berlin").unwrap();
        assert!((32_000..38_000).contains(&entries.len()), "{}", entries.len());
    }

    #[test]
    fn every_entry_is_one_that_the_registry_accepts() {
        let until: Timestamp = "2026-11-20T02:45:00Z".parse().unwrap();
        for entry in days(&mut Chance::new(3), until, 30, "Europe/Berlin").unwrap() {
            let fields = entry.entity_type.canonical(&entry.fields).unwrap();
            entry.entity_type.check(&fields).unwrap();
            assert!(entry.logged_at <= until);
        }
    }
}
