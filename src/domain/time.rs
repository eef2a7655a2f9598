//! Instants. One form everywhere: UTC milliseconds inside, RFC 3339 with milliseconds outside, so
//! that text order is time order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::date::{Date, digits};

const DAY_MS: i64 = 86_400_000;

/// A UTC instant in milliseconds since 1970, between the years 0001 and 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Text that is not an RFC 3339 instant, or one outside the years 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an instant: write it like 2026-11-20T02:10:00.000Z")]
pub struct NotAnInstant;

impl Timestamp {
    /// 0001-01-01T00:00:00Z and 9999-12-30T22:00:00Z, well inside of what four digits of a year can write.
    const MIN_MS: i64 = -62_135_596_800_000;
    const MAX_MS: i64 = 253_402_207_200_000;

    /// Clamps to the supported range: a device clock can be absurd, and must not stop a log.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(Self::MIN_MS, Self::MAX_MS))
    }

    pub fn as_ms(self) -> i64 {
        self.0
    }

    pub fn plus_ms(self, ms: i64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Date::from_days(self.0.div_euclid(DAY_MS));
        let ms = self.0.rem_euclid(DAY_MS);
        let (seconds, ms) = (ms / 1000, ms % 1000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{date}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
    }
}

impl FromStr for Timestamp {
    type Err = NotAnInstant;
    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        let ms = ms_of(text.as_bytes()).ok_or(NotAnInstant)?;
        if (Self::MIN_MS..=Self::MAX_MS).contains(&ms) { Ok(Self(ms)) } else { Err(NotAnInstant) }
    }
}

/// Milliseconds of `2026-11-20T03:10:00.123456+01:00`: the `T` may be a space, the fraction may be
/// missing, and what it has below a millisecond is dropped. A leap second is the second before it.
fn ms_of(text: &[u8]) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let date: Date = std::str::from_utf8(date).ok()?.parse().ok()?;
    let (clock, rest) = (rest.get(..9)?, rest.get(9..)?);
    if !matches!(clock[0], b'T' | b't' | b' ') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let (hours, minutes, seconds) = (digits(&clock[1..3])?, digits(&clock[4..6])?, digits(&clock[7..9])?);
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let length = rest.strip_prefix(b".").map_or(0, |rest| rest.iter().take_while(|c| c.is_ascii_digit()).count() + 1);
    let (fraction, zone) = rest.split_at(length);
    let fraction_ms = match fraction.len() {
        0 => 0,
        2..=10 => digits(&[fraction[1], *fraction.get(2).unwrap_or(&b'0'), *fraction.get(3).unwrap_or(&b'0')])?,
        _ => return None,
    };
    let of_day_ms = ((hours * 60 + minutes) * 60 + seconds.min(59)) * 1000 + fraction_ms;
    Some(date.days() * DAY_MS + of_day_ms - offset_ms(zone)?)
}

/// Milliseconds ahead of UTC: `Z`, `+01:00`, `-05:30`.
fn offset_ms(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let ms = (hours * 60 + minutes) * 60_000;
            (hours < 24 && minutes < 60).then_some(if *sign == b'+' { ms } else { -ms })
        }
        _ => None,
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let got = text.parse::<Timestamp>().ok().map(|t| t.to_string());
        assert_eq!(got.as_deref(), expect, "{text}");
    }

    #[test]
    fn instants_have_one_form() {
        check("2026-11-20T02:10:00.000Z", Some("2026-11-20T02:10:00.000Z"));
        check("2026-11-20T02:10:00Z", Some("2026-11-20T02:10:00.000Z"));
        check("2026-11-20T03:10:00.123456+01:00", Some("2026-11-20T02:10:00.123Z"));
        check("1969-12-31T23:59:59.999Z", Some("1969-12-31T23:59:59.999Z"));
        check("2026-11-20", None);
        check("2026-11-20T02:10:00", None);
        check("-000001-01-01T00:00:00Z", None);
        check("", None);
        check("2026-11-20t02:10:60.5z", Some("2026-11-20T02:10:59.500Z"));
        check("2026-11-20 02:10:00-05:30", Some("2026-11-20T07:40:00.000Z"));
        for wrong in [
            "2026-11-20T02:10:00.Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T02:60:00Z",
            "2026-11-20T02:10:00+24:00",
            "2026-11-20T02:10:00.000Z ",
            "2026-11-20T02:10:00.0000000000Z",
            "2026-02-30T02:10:00Z",
            "2026-11-20T02:10:0éZ",
        ] {
            check(wrong, None);
        }
    }

    proptest! {
        /// What jiff writes is read as the same instant, and what is written here jiff reads.
        #[test]
        fn instants_agree_with_a_calendar_library(ms in Timestamp::MIN_MS..=Timestamp::MAX_MS) {
            let theirs = jiff::Timestamp::from_millisecond(ms).unwrap();
            prop_assert_eq!(Timestamp::from_ms(ms).to_string(), format!("{theirs:.3}"));
            prop_assert_eq!(format!("{theirs:.9}").parse(), Ok(Timestamp::from_ms(ms)));
        }

        /// Nothing that arrives can make it panic.
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", tail in "[0-9TZ:.+-]{0,30}") {
            let _ = text.parse::<Timestamp>();
            let _ = format!("2026-11-20T{tail}").parse::<Timestamp>();
        }
    }

    #[test]
    fn an_absurd_clock_is_clamped_and_still_prints() {
        for ms in [i64::MIN, i64::MAX, 0] {
            let t = Timestamp::from_ms(ms);
            assert_eq!(t.to_string().parse(), Ok(t));
        }
    }
}
