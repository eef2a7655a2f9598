//! How lengths, distances in time and amounts are written.

use super::words::tr;
use crate::domain::{
    time::Timestamp,
    units::{Typed, VolumeUnit},
};

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1440;

/// A length in words: `1 h 20 min`.
pub(crate) fn length(ms: i64) -> String {
    let minutes = ms.max(0) / MINUTE_MS;
    match (minutes / 60, minutes % 60) {
        (0, 0) => tr!(time.under_a_minute).to_owned(),
        (0, minutes) => tr!(time.minutes, minutes = minutes),
        (hours, 0) => tr!(time.hours, hours = hours),
        (hours, minutes) => tr!(time.hours_minutes, hours = hours, minutes = minutes),
    }
}

/// A running timer: `12:05`, `1:02:03`.
pub(crate) fn timer(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago, or how soon.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    let minutes = now.since(at) / MINUTE_MS;
    if minutes.abs() < 1 {
        tr!(time.just_now).to_owned()
    } else if minutes < 0 {
        tr!(time.in_future, length = length(-minutes * MINUTE_MS))
    } else if minutes >= 2 * DAY_MINUTES {
        tr!(time.days_ago, count = minutes / DAY_MINUTES)
    } else {
        tr!(time.ago, length = length(minutes * MINUTE_MS))
    }
}

/// An amount in the person's unit; what was typed comes back as it was typed.
pub(crate) fn amount(ml: i64, typed: Option<Typed>, unit: VolumeUnit) -> String {
    let value = typed.filter(|typed| typed.unit == unit).map_or_else(|| unit.from_ml(ml), |typed| typed.value);
    with_unit(value, unit)
}

pub(crate) fn with_unit(value: f64, unit: VolumeUnit) -> String {
    let value = number(value);
    match unit {
        VolumeUnit::Ml => tr!(unit.ml, value = value),
        VolumeUnit::Oz => tr!(unit.oz, value = value),
    }
}

/// A number from 0 on with at most two decimals, without trailing zeros. Not `f64::to_string`: what it
/// takes to write any number there is, is 20 kB of code.
pub(crate) fn number(value: f64) -> String {
    let hundredths = (value * 100.0).round() as u64;
    let whole = hundredths / 100;
    match (hundredths / 10 % 10, hundredths % 10) {
        (0, 0) => whole.to_string(),
        (tenths, 0) => format!("{whole}.{tenths}"),
        (tenths, hundredths) => format!("{whole}.{tenths}{hundredths}"),
    }
}

/// A count, in groups of three.
pub(crate) fn whole(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What a person typed as a number: comma and point are both accepted. Not `str::parse`, whose tables
/// for numbers of any size are 12 kB to load.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let (whole, fraction) = text.trim().split_once([',', '.']).unwrap_or((text.trim(), ""));
    let digits = format!("{whole}{fraction}");
    // Up to 15 digits are exact in an `f64`, and so is the power of ten: the quotient is the nearest number.
    let plain = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let scale: u64 = 10_u64.pow(u32::try_from(fraction.len()).ok().filter(|_| plain)?);
    Some(digits.parse::<u64>().ok()? as f64 / scale as f64)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn a_number_is_written_with_at_most_two_decimals() {
        let numbers = [(0.0, "0"), (120.0, "120"), (2.5, "2.5"), (0.25, "0.25"), (3.007, "3.01"), (1.05, "1.05")];
        for (number, text) in numbers {
            assert_eq!(super::number(number), text);
        }
        assert_eq!(super::number(100_000_000.0), "100000000");
    }

    #[wasm_bindgen_test]
    fn a_typed_amount_is_read_with_a_comma_or_a_point_and_nothing_else_is_a_number() {
        let numbers = [("120", 120.0), (" 2.5 ", 2.5), ("2,25", 2.25), (".5", 0.5), ("7.", 7.0), ("0.1", 0.1)];
        for (text, number) in numbers {
            assert_eq!(parse_number(text), Some(number), "{text:?}");
        }
        for text in ["", ".", "-1", "+1", "1e3", "1.2.3", "NaN", "inf", "½", "ml", "1234567890123456"] {
            assert_eq!(parse_number(text), None, "{text:?}");
        }
    }
}
