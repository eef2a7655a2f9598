//! A baby's days are local days: which day an instant belongs to, and when that day begins, on
//! days of 23, 24 and 25 hours and in zones that skip midnight.
//!
//! What a zone's offset is comes from the platform (`Intl` in the browser, jiff on the server):
//! a zone table in the app would cost more bytes than the whole of this room.

use super::{date::Date, time::Timestamp};

/// The platform's zone rules.
pub trait Zones {
    /// Seconds that local time in `zone` is ahead of UTC at `at`; `None` for an unknown zone.
    fn offset_seconds(&self, zone: &str, at: Timestamp) -> Option<i32>;
}

const DAY_MS: i64 = 86_400_000;

/// The local day of an instant. An unknown zone counts as UTC.
pub fn local_date(zones: &impl Zones, zone: &str, at: Timestamp) -> Date {
    let local = at.plus_ms(offset_ms(zones, zone, at));
    Date::from_days(local.as_ms().div_euclid(DAY_MS))
}

/// The first instant of a local day: midnight, or when midnight is skipped, the first moment after.
pub fn day_start(zones: &impl Zones, zone: &str, date: Date) -> Timestamp {
    let midnight = Timestamp::from_ms(date.days() * DAY_MS);
    // The day begins within a day of UTC midnight; the local day never runs backwards across a
    // change of its date, so bisecting "is it this day yet" finds the first instant.
    let (mut before, mut after) = (midnight.plus_ms(-DAY_MS), midnight.plus_ms(DAY_MS));
    while after.since(before) > 1 {
        let middle = before.plus_ms(after.since(before) / 2);
        if local_date(zones, zone, middle) >= date { after = middle } else { before = middle }
    }
    after
}

fn offset_ms(zones: &impl Zones, zone: &str, at: Timestamp) -> i64 {
    i64::from(zones.offset_seconds(zone, at).unwrap_or(0)) * 1000
}

/// jiff's own tables as the platform, for the server and for tests.
#[cfg(test)]
pub(crate) struct JiffZones;

#[cfg(test)]
impl Zones for JiffZones {
    fn offset_seconds(&self, zone: &str, at: Timestamp) -> Option<i32> {
        let zone = jiff::tz::TimeZone::get(zone).ok()?;
        let at = jiff::Timestamp::from_millisecond(at.as_ms()).ok()?;
        Some(zone.to_offset(at).seconds())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 23 h and 25 h days, half-hour shifts, midnight that does not exist, midnight that comes
    /// twice, and a day that was skipped whole.
    const ZONES: &[&str] = &[
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "America/Havana",
        "Africa/Cairo",
        "Pacific/Apia",
        "Pacific/Chatham",
        "UTC",
    ];

    fn day_of(year: i64, month: i64, day: i64) -> Date {
        Date::new(year, month, day).unwrap()
    }

    fn expected_start(zone: &str, date: Date) -> i64 {
        let date: jiff::civil::Date = date.to_string().parse().unwrap();
        date.to_zoned(jiff::tz::TimeZone::get(zone).unwrap())
            .unwrap()
            .start_of_day()
            .unwrap()
            .timestamp()
            .as_millisecond()
    }

    proptest! {
        #[test]
        fn trap_19_days_begin_where_the_zone_says(zone in 0..ZONES.len(), day in 0i64..25_000) {
            let date = Date::from_days(day);
            // Samoa had no 30 December 2011: there is no start to compare.
            prop_assume!(ZONES[zone] != "Pacific/Apia" || date != day_of(2011, 12, 30));
            let start = day_start(&JiffZones, ZONES[zone], date);
            prop_assert_eq!(start.as_ms(), expected_start(ZONES[zone], date), "{} {}", ZONES[zone], date);
        }
    }

    #[test]
    fn trap_19_a_day_can_have_23_or_25_hours() {
        let hours = |date: Date| {
            let start = |date| day_start(&JiffZones, "Europe/Berlin", date);
            start(date.plus_days(1)).since(start(date)) / 3_600_000
        };
        assert_eq!(hours(day_of(2026, 3, 29)), 23);
        assert_eq!(hours(day_of(2026, 10, 25)), 25);
        assert_eq!(hours(day_of(2026, 11, 20)), 24);
    }

    #[test]
    fn an_instant_belongs_to_the_day_on_the_wall() {
        let late: Timestamp = "2026-11-20T23:30:00Z".parse().unwrap();
        assert_eq!(local_date(&JiffZones, "Europe/Berlin", late), day_of(2026, 11, 21));
        assert_eq!(local_date(&JiffZones, "America/New_York", late), day_of(2026, 11, 20));
    }
}
