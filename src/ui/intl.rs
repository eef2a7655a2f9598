//! What the platform knows about time zones, about how people here write a time, and about the forms
//! of words: `Intl`.
//! Formatters are slow to make and are kept; offsets are asked for by the thousand and are kept too.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::words::tag;
use crate::domain::{
    date::Date,
    day::{Zones, day_start, local_date},
    time::Timestamp,
};

thread_local! {
    static FORMATTERS: RefCell<HashMap<String, Option<Function>>> = RefCell::default();
    static OFFSETS: RefCell<HashMap<(String, i64), Option<i32>>> = RefCell::default();
    static HOUR_CYCLE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Offsets change on quarter hours at most.
const SLOT_MS: i64 = 900_000;
const MAX_OFFSETS: usize = 20_000;
const MINUTE_MS: i64 = 60_000;

/// The browser's zone tables.
#[derive(Clone, Copy)]
pub(crate) struct IntlZones;

impl Zones for IntlZones {
    fn offset_seconds(&self, zone: &str, at: Timestamp) -> Option<i32> {
        let key = (zone.to_owned(), at.as_ms().div_euclid(SLOT_MS));
        OFFSETS.with_borrow_mut(|offsets| {
            if offsets.len() > MAX_OFFSETS {
                offsets.clear();
            }
            *offsets.entry(key).or_insert_with(|| {
                let options = [("timeZone", zone), ("timeZoneName", "longOffset")];
                parse_offset(&format("en-US", &options, at)?)
            })
        })
    }
}

/// Seconds of `11/20/2026, GMT+05:30`, where plain `GMT` is zero.
fn parse_offset(text: &str) -> Option<i32> {
    let (_, offset) = text.rsplit_once("GMT")?;
    let Some(digits) = offset.strip_prefix(['+', '-', '\u{2212}']) else { return Some(0) };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.trim().parse::<i32>().ok()? * unit;
    }
    Some(if offset.starts_with('+') { seconds } else { -seconds })
}

/// `at` as `Intl` writes it; `None` for options that it refuses (an unknown zone).
fn format(locale: &str, options: &[(&str, &str)], at: Timestamp) -> Option<String> {
    ask(["DateTimeFormat", "format", locale], options, at.as_ms() as f64)
}

/// Which form of a word belongs to so many: `one`, `few`, `other`….
pub(crate) fn plural_form(locale: &str, count: u32) -> String {
    ask(["PluralRules", "select", locale], &[], count.into()).unwrap_or_else(|| "other".into())
}

/// What a method of a class of `Intl`, made for a locale, says to a number.
fn ask(method: [&str; 3], options: &[(&str, &str)], number: f64) -> Option<String> {
    let key: String = options.iter().fold(method.join("|"), |key, (name, value)| key + "|" + name + "=" + value);
    let function = FORMATTERS.with_borrow_mut(|all| all.entry(key).or_insert_with(|| make(method, options)).clone())?;
    function.call1(&JsValue::UNDEFINED, &JsValue::from_f64(number)).ok()?.as_string()
}

/// The method of a new object, which throws for an unknown zone.
fn make([class, method, locale]: [&str; 3], options: &[(&str, &str)]) -> Option<Function> {
    let bag = Object::new();
    for (name, value) in options {
        Reflect::set(&bag, &JsValue::from_str(name), &JsValue::from_str(value)).ok()?;
    }
    let locale = if locale.is_empty() { JsValue::UNDEFINED } else { JsValue::from_str(locale) };
    let made = Reflect::construct(&constructor(class)?, &Array::of2(&locale, &bag)).ok()?;
    let method: Function = Reflect::get(&made, &method.into()).ok()?.dyn_into().ok()?;
    Some(method.bind0(&made))
}

fn constructor(class: &str) -> Option<Function> {
    let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    Reflect::get(&intl, &class.into()).ok()?.dyn_into().ok()
}

/// The zone that this device is in.
pub(crate) fn device_zone() -> String {
    resolved("timeZone").unwrap_or_else(|| "UTC".into())
}

/// What this device formats by, unless told otherwise.
fn resolved(option: &str) -> Option<String> {
    let made = Reflect::construct(&constructor("DateTimeFormat")?, &Array::new()).ok()?;
    let resolve: Function = Reflect::get(&made, &"resolvedOptions".into()).ok()?.dyn_into().ok()?;
    Reflect::get(&resolve.call0(&made).ok()?, &option.into()).ok()?.as_string()
}

/// The locale for what stands among the page's words: their language, in the order of this device's
/// region where it speaks that language (`20 November` in London, `November 20` in Boston).
fn words_locale() -> String {
    thread_local! {
        static LOCALE: String =
            resolved("locale").filter(|locale| locale.starts_with(tag())).unwrap_or_else(|| tag().into());
    }
    LOCALE.with(Clone::clone)
}

/// Every zone that this device knows; none in a browser that does not tell.
pub(crate) fn zones() -> Vec<String> {
    let ask = || {
        let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
        let list: Function = Reflect::get(&intl, &"supportedValuesOf".into()).ok()?.dyn_into().ok()?;
        let zones = Array::from(&list.call1(&intl, &"timeZone".into()).ok()?);
        Some(zones.iter().filter_map(|zone| zone.as_string()).collect())
    };
    ask().unwrap_or_default()
}

/// How times are written from now on: `12`, `24`, or anything else for what the page's language does.
pub(crate) fn set_clock(clock: &str) {
    HOUR_CYCLE.set(match clock {
        "12" => Some("h12"),
        "24" => Some("h23"),
        _ => None,
    });
}

/// The hour and minute, with 12 or 24 hours as [`set_clock`] has it.
pub(crate) fn time(zone: &str, at: Timestamp) -> String {
    let mut options = vec![("timeZone", zone), ("hour", "numeric"), ("minute", "2-digit")];
    options.extend(HOUR_CYCLE.get().map(|cycle| ("hourCycle", cycle)));
    format(&words_locale(), &options, at).unwrap_or_else(|| at.to_string())
}

/// A day with its weekday, in the page's language and the order of the region.
pub(crate) fn long_day(date: Date) -> String {
    let options = [("timeZone", "UTC"), ("weekday", "long"), ("day", "numeric"), ("month", "long")];
    format(&words_locale(), &options, utc_midnight(date)).unwrap_or_else(|| date.to_string())
}

/// A day that may lie in another year.
pub(crate) fn past_day(date: Date) -> String {
    let options =
        [("timeZone", "UTC"), ("weekday", "short"), ("day", "numeric"), ("month", "long"), ("year", "numeric")];
    format(&words_locale(), &options, utc_midnight(date)).unwrap_or_else(|| date.to_string())
}

/// A day without its weekday.
pub(crate) fn short_day(date: Date) -> String {
    let options = [("timeZone", "UTC"), ("day", "numeric"), ("month", "short")];
    format(&words_locale(), &options, utc_midnight(date)).unwrap_or_else(|| date.to_string())
}

/// The baby's local day of an instant.
pub(crate) fn day_of(zone: &str, at: Timestamp) -> Date {
    local_date(&IntlZones, zone, at)
}

/// The first instant of a local day.
pub(crate) fn start_of(zone: &str, date: Date) -> Timestamp {
    day_start(&IntlZones, zone, date)
}

/// `HH:MM` on the wall, as a time input has it.
pub(crate) fn wall_time(zone: &str, at: Timestamp) -> String {
    let minutes = local_ms(zone, at).rem_euclid(86_400_000) / MINUTE_MS;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The instant at which clocks in `zone` show this day and `HH:MM`. A time that was skipped is
/// moved by the length of the gap.
pub(crate) fn at_wall(zone: &str, date: Date, time: &str) -> Option<Timestamp> {
    let (hours, minutes) = time.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.get(..2)?.parse::<i64>().ok()?;
    let wall = utc_midnight(date).plus_ms(minutes * MINUTE_MS);
    let offset = |at| i64::from(IntlZones.offset_seconds(zone, at).unwrap_or(0)) * 1000;
    let guess = wall.plus_ms(-offset(wall));
    Some(wall.plus_ms(-offset(guess)))
}

fn local_ms(zone: &str, at: Timestamp) -> i64 {
    at.as_ms() + i64::from(IntlZones.offset_seconds(zone, at).unwrap_or(0)) * 1000
}

fn utc_midnight(date: Date) -> Timestamp {
    Timestamp::from_ms(date.days() * 86_400_000)
}
