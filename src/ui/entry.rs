//! An entry in words: what the tiles, the timeline and the Sync page say about one.

use serde_json::Value;

use super::{
    components::icon::Glyph,
    format::{amount, length},
    intl,
    words::tr,
};
use crate::domain::{
    feed_log::{Content, FeedLog, Method, Side},
    field::{Fields, Kind},
    nappy_log::{Colour, Consistency, NappyLog, NappyType},
    registry::{DISTINCT, EntityType},
    row::Row,
    sleep_log::{Quality, SleepLog},
    time::Timestamp,
    units::VolumeUnit,
};

/// The picture of an entry.
pub(crate) fn glyph(entity_type: EntityType, fields: &Fields) -> Glyph {
    if entity_type == EntityType::SLEEP_LOG {
        Glyph::Moon
    } else if entity_type == EntityType::NAPPY_LOG {
        Glyph::Nappy
    } else if entity_type == EntityType::BABY {
        Glyph::People
    } else if entity_type != EntityType::FEED_LOG {
        Glyph::List
    } else if fields.get("method").and_then(|method| method.as_str()) == Some("breast") {
        Glyph::Breast
    } else {
        Glyph::Bottle
    }
}

/// The kind of entry, for a colour.
pub(crate) fn kind(entity_type: EntityType) -> &'static str {
    if entity_type == EntityType::SLEEP_LOG {
        "sleep"
    } else if entity_type == EntityType::NAPPY_LOG {
        "nappy"
    } else if entity_type == EntityType::FEED_LOG {
        "feed"
    } else {
        "other"
    }
}

/// One line that says what it was: `Bottle 90 ml, formula`.
pub(crate) fn summary(row: &Row, unit: VolumeUnit, now: Timestamp) -> String {
    let words = if row.entity_type == EntityType::FEED_LOG {
        row.read().ok().map(|feed| feed_words(&feed, unit, now))
    } else if row.entity_type == EntityType::SLEEP_LOG {
        row.read().ok().map(|sleep| sleep_words(&sleep, now))
    } else if row.entity_type == EntityType::NAPPY_LOG {
        row.read().ok().map(|nappy| nappy_words(&nappy))
    } else {
        row.fields.get("name").and_then(|name| name.as_str()).map(str::to_owned)
    };
    // A part of an entry (an edit) or one of a newer version: the type is all there is to say.
    words.unwrap_or_else(|| type_words(row.entity_type).to_owned())
}

/// All that an entry says, for a search: what the timeline shows of it, and what somebody typed.
pub(crate) fn says(row: &Row, unit: VolumeUnit, now: Timestamp) -> String {
    let mut said = summary(row, unit, now);
    let mut add = |text: &str| {
        said.push('\n');
        said.push_str(text);
    };
    add(type_words(row.entity_type));
    let is_typed = |kind: Kind| matches!(kind, Kind::Text { .. } | Kind::Words { .. } | Kind::Details { .. });
    for field in row.entity_type.fields().filter(|field| is_typed(field.kind)) {
        match row.fields.get(field.name) {
            Some(Value::String(text)) => add(text),
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).for_each(&mut add),
            Some(Value::Object(texts)) => texts.values().filter_map(Value::as_str).for_each(&mut add),
            _ => {}
        }
    }
    said
}

pub(crate) fn type_words(entity_type: EntityType) -> &'static str {
    if entity_type == EntityType::FEED_LOG {
        tr!(entry.feed)
    } else if entity_type == EntityType::SLEEP_LOG {
        tr!(entry.sleep)
    } else if entity_type == EntityType::NAPPY_LOG {
        tr!(entry.nappy)
    } else if entity_type == EntityType::BABY {
        tr!(entry.baby)
    } else {
        tr!(entry.other)
    }
}

/// How much was logged: `2 feeds, 1 nappy`.
pub(crate) fn count_words(counts: &[(EntityType, usize)]) -> String {
    let (known, others): (Vec<_>, Vec<_>) = counts.iter().partition(|(of, _)| kind(*of) != "other");
    let mut words: Vec<_> = known
        .into_iter()
        .map(|(entity_type, count)| match kind(entity_type) {
            "sleep" => tr!(guest.sleeps, count = count),
            "nappy" => tr!(guest.nappies, count = count),
            _ => tr!(guest.feeds, count = count),
        })
        .collect();
    let others: usize = others.into_iter().map(|(_, count)| count).sum();
    if others > 0 {
        words.push(tr!(guest.others, count = others));
    }
    words.join(", ")
}

pub(crate) fn feed_words(feed: &FeedLog, unit: VolumeUnit, now: Timestamp) -> String {
    match feed.method {
        Method::Breast => breast_words(feed, now),
        Method::Bottle => {
            let what = match feed.amount_ml {
                Some(ml) => tr!(entry.bottle_amount, amount = amount(ml, feed.typed, unit)),
                None => tr!(entry.bottle).to_owned(),
            };
            match feed.content {
                Some(Content::Mixed) if let Some(part) = feed.breast_milk_ml => {
                    tr!(entry.bottle_mixed, what = what, part = amount(part, None, unit))
                }
                Some(content) => tr!(entry.list, first = what, second = content_words(content)),
                None => what,
            }
        }
    }
}

fn breast_words(feed: &FeedLog, now: Timestamp) -> String {
    let (left, right) = feed.side_ms(now);
    match (left > 0, right > 0) {
        (true, true) => tr!(entry.breast_both, left = length(left), right = length(right)),
        (true, false) => tr!(entry.breast_left, length = length(left)),
        (false, true) => tr!(entry.breast_right, length = length(right)),
        (false, false) => match feed.last_side() {
            Some(side) => tr!(entry.breast_side, side = side_words(side)),
            None => tr!(entry.breast).to_owned(),
        },
    }
}

pub(crate) fn sleep_words(sleep: &SleepLog, now: Timestamp) -> String {
    let what = match sleep.ended_at {
        Some(end) => tr!(entry.slept, length = length(end.since(sleep.started_at))),
        None => tr!(entry.asleep_for, length = length(now.since(sleep.started_at))),
    };
    match sleep.quality {
        Some(quality) => tr!(entry.list, first = what, second = quality_words(quality)),
        None => what,
    }
}

pub(crate) fn nappy_words(nappy: &NappyLog) -> String {
    let mut words = nappy_type_words(nappy.nappy_type).to_owned();
    let details = [
        nappy.colour.map(colour_words),
        nappy.consistency.map(consistency_words),
        (nappy.rash == Some(true)).then_some(tr!(nappy.rash_seen)),
    ];
    for detail in details.into_iter().flatten() {
        words = tr!(entry.list, first = words, second = detail);
    }
    words
}

pub(crate) fn side_words(side: Side) -> &'static str {
    match side {
        Side::Left => tr!(feed.left_lower),
        Side::Right => tr!(feed.right_lower),
    }
}

fn content_words(content: Content) -> &'static str {
    match content {
        Content::BreastMilk => tr!(feed.breast_milk_lower),
        Content::Formula => tr!(feed.formula_lower),
        Content::Mixed => tr!(feed.mixed_lower),
        Content::Other => tr!(feed.other_lower),
    }
}

fn quality_words(quality: Quality) -> &'static str {
    match quality {
        Quality::Restless => tr!(sleep.restless_lower),
        Quality::Fair => tr!(sleep.fair_lower),
        Quality::Sound => tr!(sleep.sound_lower),
    }
}

pub(crate) fn nappy_type_words(nappy_type: NappyType) -> &'static str {
    match nappy_type {
        NappyType::Wee => tr!(nappy.wee),
        NappyType::Poo => tr!(nappy.poo),
        NappyType::Mixed => tr!(nappy.mixed),
        NappyType::Dry => tr!(nappy.dry),
        NappyType::Clean => tr!(nappy.clean),
    }
}

fn colour_words(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => tr!(nappy.green_lower),
        Colour::Yellow => tr!(nappy.yellow_lower),
        Colour::Brown => tr!(nappy.brown_lower),
        Colour::Black => tr!(nappy.black_lower),
        Colour::Red => tr!(nappy.red_lower),
        Colour::Grey => tr!(nappy.grey_lower),
    }
}

fn consistency_words(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Watery => tr!(nappy.watery_lower),
        Consistency::Runny => tr!(nappy.runny_lower),
        Consistency::Mushy => tr!(nappy.mushy_lower),
        Consistency::Pasty => tr!(nappy.pasty_lower),
        Consistency::Formed => tr!(nappy.formed_lower),
        Consistency::HardPellets => tr!(nappy.hard_pellets_lower),
    }
}

/// One field in words; what only machines read is left out.
pub(crate) fn field_words(zone: &str, name: &str, value: &Value) -> Option<String> {
    let label = match name {
        "startedAt" => tr!(letter.started),
        "endedAt" => tr!(letter.ended),
        "notes" => tr!(field.notes),
        "amountMl" => tr!(field.amount),
        "breastMilkMl" => tr!(feed.share_ml),
        "content" => tr!(feed.content),
        "endSide" => tr!(feed.ended_on),
        "type" => tr!(nappy.type_label),
        "colour" => tr!(nappy.colour),
        "consistency" => tr!(nappy.consistency),
        "rash" => tr!(nappy.rash),
        "kind" => tr!(sleep.kind),
        "place" => tr!(sleep.place),
        "quality" => tr!(sleep.quality),
        "name" => tr!(welcome.name),
        "birthDate" => tr!(welcome.birth_date),
        "dueDate" => tr!(baby.due_date),
        "sex" => tr!(baby.sex),
        "birthWeightG" => tr!(baby.birth_weight),
        "nightStart" => tr!(baby.night_start),
        "nightEnd" => tr!(baby.night_end),
        DISTINCT => tr!(twin.distinct),
        _ => return None,
    };
    let value = match value {
        Value::Null => tr!(letter.removed).to_owned(),
        Value::Bool(true) => tr!(letter.yes).to_owned(),
        Value::Bool(false) => tr!(letter.no).to_owned(),
        Value::String(text) if name == "notes" => text.clone(),
        Value::String(text) => match text.parse() {
            Ok(at) => intl::time(zone, at),
            Err(_) => text.replace('_', " "),
        },
        Value::Number(ml) if name == "amountMl" => tr!(unit.ml, value = ml.to_string()),
        other => other.to_string(),
    };
    Some(tr!(letter.field, label = label, value = value))
}

/// The moment in the baby's day: `14:05, 21 Nov`.
pub(crate) fn moment_words(zone: &str, at: Timestamp) -> String {
    tr!(time.on_day, time = intl::time(zone, at), day = intl::short_day(intl::day_of(zone, at)))
}
