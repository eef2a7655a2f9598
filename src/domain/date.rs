//! Calendar days. A whole calendar library costs the app more bytes than this room; what is needed
//! of one is this page, and the tests hold it to such a library.

use std::{fmt, str::FromStr};

/// A day of the Gregorian calendar, of the years 1 to 9999, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

/// Text that is not a day, written like `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day: write it like 2026-11-20")]
pub struct NotADay;

/// Days from 0000-03-01, where years of the reckoning begin, to 1970-01-01.
const MARCH_OF_YEAR_0: i64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;
const FIRST: i64 = -719_162;
const LAST: i64 = 2_932_896;

impl Date {
    /// The day that many days after 1970-01-01, clamped to the years 1 to 9999.
    pub fn from_days(days: i64) -> Self {
        Self(days.clamp(FIRST, LAST))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_days(self.0.saturating_add(days))
    }

    /// `None` for a day that no calendar has.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=length(year, month)).contains(&day) {
            return None;
        }
        // With March first, the leap day is the last day of the year and moves nothing after it.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(Self(year * 365 + leap_days + before_month(month) + day - 1 - MARCH_OF_YEAR_0))
    }

    fn year_month_day(self) -> (i64, i64, i64) {
        let days = self.0 + MARCH_OF_YEAR_0;
        let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        // Leap days pass as if the year were always 365 days long: every 4 years but not every 100.
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - before_month(month) + 1;
        let year = era * 400 + year_of_era;
        if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
    }
}

/// Days of a year before a month, where March is month 0: its months have 31, 30, 31, 30, 31 days
/// over and over.
fn before_month(month: i64) -> i64 {
    (153 * month + 2) / 5
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.year_month_day();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = NotADay;
    fn from_str(text: &str) -> Result<Self, NotADay> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(NotADay);
        }
        let part = |from: usize, to: usize| digits(&bytes[from..to]);
        let date = || Self::new(part(0, 4)?, part(5, 7)?, part(8, 10)?);
        date().ok_or(NotADay)
    }
}

/// The number that these ASCII digits write; `None` when anything else is among them.
pub(super) fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_and_last_days_are_themselves() {
        for (days, text) in [(FIRST, "0001-01-01"), (LAST, "9999-12-31"), (0, "1970-01-01"), (-1, "1969-12-31")] {
            assert_eq!(Date::from_days(days).to_string(), text);
            assert_eq!(text.parse(), Ok(Date::from_days(days)));
        }
        assert_eq!(Date::from_days(i64::MAX).plus_days(1).to_string(), "9999-12-31");
    }

    #[test]
    fn days_that_no_calendar_has_are_refused() {
        for text in ["2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-01-01"] {
            assert_eq!(text.parse::<Date>(), Err(NotADay), "{text}");
        }
        for text in ["", "2026-1-01", "2026-11-2", "2026/11/20", "+026-11-20", "2026-11-20 ", "２０２６-1"] {
            assert_eq!(text.parse::<Date>(), Err(NotADay), "{text}");
        }
        assert!("2028-02-29".parse::<Date>().is_ok() && "2000-02-29".parse::<Date>().is_ok());
    }

    proptest! {
        /// Every day of 9999 years, as jiff has it.
        #[test]
        fn days_agree_with_a_calendar_library(days in FIRST..=LAST) {
            let epoch = jiff::civil::date(1970, 1, 1);
            let theirs = epoch.checked_add(jiff::Span::new().days(days)).unwrap();
            prop_assert_eq!(Date::from_days(days).to_string(), theirs.to_string());
            prop_assert_eq!(theirs.to_string().parse(), Ok(Date::from_days(days)));
        }
    }
}
