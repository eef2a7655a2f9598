//! How a baby's days go: a night with feeds in it, three naps, milk every three hours, and what
//! follows from milk.

use anyhow::Context;
use jiff::{Zoned, civil::Date};

use super::chance::Chance;
use crate::domain::{
    feed_log::{Content, FeedLog, Method, Segment, Side},
    field::Fields,
    nappy_log::{Colour, Consistency, NappyLog, NappyType},
    registry::EntityType,
    row::to_fields,
    sleep_log::{Quality, SleepKind, SleepLog},
    time::Timestamp,
};

const MINUTE: i64 = 60_000;
/// The babies are this old at the end.
const AGE_DAYS: i64 = 130;

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
    pub(super) entity_type: EntityType,
    pub(super) fields: Fields,
}

/// The day of birth of a baby whose days end at `until`.
pub(super) fn birth_date(until: Timestamp) -> anyhow::Result<String> {
    let born = jiff::Timestamp::from_millisecond(until.plus_ms(-AGE_DAYS * 24 * 60 * MINUTE).as_ms())?;
    Ok(born.in_tz("UTC")?.date().to_string())
}

/// So many days of entries, the last one cut off at `until`; what has begun by then still runs.
pub(super) fn days(chance: &mut Chance, until: Timestamp, days: i32, zone: &str) -> anyhow::Result<Vec<Entry>> {
    let last = jiff::Timestamp::from_millisecond(until.as_ms())?.in_tz(zone)?.date();
    let mut diary = Diary { chance, until, zone, entries: Vec::new(), left: true };
    for back in (0..=days).rev() {
        diary.day(last.checked_sub(jiff::Span::new().days(back))?)?;
    }
    let mut entries = diary.entries;
    entries.sort_by_key(|entry| entry.logged_at);
    Ok(entries)
}

struct Diary<'a> {
    chance: &'a mut Chance,
    until: Timestamp,
    zone: &'a str,
    entries: Vec<Entry>,
    /// The side for the next breastfeed.
    left: bool,
}

impl Diary<'_> {
    fn day(&mut self, date: Date) -> anyhow::Result<()> {
        for (hour, minute, shortest, longest) in [(9, 0, 40, 90), (12, 20, 60, 130), (16, 0, 25, 55)] {
            let from = self.about(date, hour, minute, 20)?;
            let length = self.chance.between(shortest, longest);
            self.sleep(date, from, from.plus_ms(length * MINUTE), SleepKind::Nap)?;
        }
        let bedtime = self.about(date, 19, 40, 25)?;
        let morning = self.about(date.tomorrow()?, 6, 30, 30)?;
        self.sleep(date, bedtime, morning, SleepKind::Night)?;
        for (hour, minute) in [(2, 40), (6, 45), (10, 10), (13, 50), (16, 55), (19, 10), (23, 0)] {
            let at = self.about(date, hour, minute, 18)?;
            self.feed(date, at)?;
            if self.chance.percent(85) {
                let after = self.chance.between(5, 40);
                self.nappy(date, at.plus_ms(after * MINUTE))?;
            }
        }
        Ok(())
    }

    /// That time of day, give or take `give` minutes.
    fn about(&mut self, date: Date, hour: i8, minute: i8, give: i64) -> anyhow::Result<Timestamp> {
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
        self.write(date, from, EntityType::SLEEP_LOG, to_fields(&sleep)?)
    }

    fn feed(&mut self, date: Date, at: Timestamp) -> anyhow::Result<()> {
        let bottle = self.chance.percent(35);
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
        self.write(date, at, EntityType::FEED_LOG, to_fields(&feed)?)
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
        self.write(date, at, EntityType::NAPPY_LOG, to_fields(&nappy)?)
    }

    fn write(&mut self, date: Date, at: Timestamp, entity_type: EntityType, fields: Fields) -> anyhow::Result<()> {
        if at <= self.until {
            let author = self.author(date, at)?;
            self.entries.push(Entry { author, logged_at: at, entity_type, fields });
        }
        Ok(())
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
