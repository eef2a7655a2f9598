//! A running span, of any type: paused, gone on with, switched to another side, its start moved, and
//! stopped; and what becomes of two people's changes of it at the same time.
//!
//! A span that has sides counts in `segments`: between two of them it stood still. Any other has
//! `pauses`. Both lists are in the group of the times, so they are merged together with start and end.

use serde_json::{Map, Value};

use super::{
    field::{Fields, MAX_ITEMS},
    policy::Standing,
    read,
    registry::EntityType,
    time::Timestamp,
};

const SEGMENTS: &str = "segments";
const PAUSES: &str = "pauses";

/// A segment or a pause.
struct Part {
    side: Option<Value>,
    from: Timestamp,
    to: Option<Timestamp>,
}

fn parts(fields: &Fields, name: &str) -> Vec<Part> {
    let at = |part: &Value, name: &str| part.get(name).and_then(Value::as_str).and_then(|at| at.parse().ok());
    let part = |value: &Value| {
        Some(Part { side: value.get("side").cloned(), from: at(value, "startedAt")?, to: at(value, "endedAt") })
    };
    read::list(fields, name).iter().filter_map(part).collect()
}

fn put(fields: &mut Fields, name: &str, parts: Vec<Part>) {
    if parts.is_empty() {
        fields.remove(name);
        return;
    }
    let mut list = Vec::with_capacity(parts.len());
    for part in parts {
        let mut object = Map::new();
        if let Some(side) = part.side {
            object.insert("side".into(), side);
        }
        object.insert("startedAt".into(), part.from.to_string().into());
        if let Some(to) = part.to {
            object.insert("endedAt".into(), to.to_string().into());
        }
        list.push(Value::Object(object));
    }
    fields.insert(name.into(), list.into());
}

fn put_at(fields: &mut Fields, name: &str, at: Timestamp) {
    fields.insert(name.into(), at.to_string().into());
}

/// Since when it stands still: a timer that nobody stopped, but paused.
pub fn paused_at(fields: &Fields) -> Option<Timestamp> {
    if fields.contains_key("endedAt") {
        return None;
    }
    match (parts(fields, SEGMENTS).pop(), parts(fields, PAUSES).pop()) {
        (Some(segment), _) => segment.to,
        (None, Some(Part { from, to: None, .. })) => Some(from),
        _ => None,
    }
}

/// The side that is being timed, or that it ended on.
pub fn side(fields: &Fields) -> Option<&str> {
    let last = read::list(fields, SEGMENTS).last();
    read::text(fields, "endSide").or_else(|| last?.get("side")?.as_str())
}

/// How long it went on, without its pauses; up to `now` while it runs. In milliseconds.
pub fn elapsed_ms(fields: &Fields, now: Timestamp) -> i64 {
    let Some(start) = read::instant(fields, "startedAt") else { return 0 };
    let end = read::instant(fields, "endedAt").unwrap_or(now);
    let sum = |parts: Vec<Part>| parts.iter().map(|part| part.to.unwrap_or(end).since(part.from).max(0)).sum::<i64>();
    match parts(fields, SEGMENTS) {
        none if none.is_empty() => (end.since(start) - sum(parts(fields, PAUSES))).max(0),
        segments => sum(segments),
    }
}

/// Milliseconds at one side, up to `now` while it runs.
pub fn side_ms(fields: &Fields, side: &str, now: Timestamp) -> i64 {
    let end = read::instant(fields, "endedAt").unwrap_or(now);
    let here = |part: &&Part| part.side.as_ref().and_then(Value::as_str) == Some(side);
    let parts = parts(fields, SEGMENTS);
    parts.iter().filter(here).map(|part| part.to.unwrap_or(end).since(part.from).max(0)).sum()
}

/// Lets it stand still from `at` on. Nothing happens to one that is over or stands still, nor to one
/// that has sides and never named any.
pub fn pause(entity_type: EntityType, fields: &mut Fields, at: Timestamp) {
    let start = read::instant(fields, "startedAt");
    let (false, None, Some(start)) = (fields.contains_key("endedAt"), paused_at(fields), start) else { return };
    if entity_type.field(SEGMENTS).is_some() {
        let mut segments = parts(fields, SEGMENTS);
        close(&mut segments, at);
        put(fields, SEGMENTS, segments);
    } else if entity_type.field(PAUSES).is_some() {
        let mut pauses = parts(fields, PAUSES);
        let from = pauses.last().and_then(|last| last.to).unwrap_or(start).max(at);
        pauses.push(Part { side: None, from, to: None });
        put(fields, PAUSES, pauses);
    }
}

/// Goes on from `at`, at the side where it stood.
pub fn resume(entity_type: EntityType, fields: &mut Fields, at: Timestamp) {
    if paused_at(fields).is_none() {
        return;
    }
    match side(fields).map(str::to_owned) {
        Some(side) => switch(entity_type, fields, &side, at),
        None => {
            let mut pauses = parts(fields, PAUSES);
            close(&mut pauses, at);
            put(fields, PAUSES, pauses);
        }
    }
}

/// Goes on at this side from `at`, whether it stood still or not.
pub fn switch(entity_type: EntityType, fields: &mut Fields, side: &str, at: Timestamp) {
    let start = read::instant(fields, "startedAt").filter(|_| !fields.contains_key("endedAt"));
    let (Some(start), Some(_)) = (start, entity_type.field(SEGMENTS)) else { return };
    let mut segments = parts(fields, SEGMENTS);
    close(&mut segments, at);
    let from = segments.last().and_then(|last| last.to).unwrap_or(start).max(at);
    segments.push(Part { side: Some(side.into()), from, to: None });
    put(fields, SEGMENTS, segments);
}

/// Ends it: at `at`, or where it stood still, but never before anything that is known of it.
pub fn stop(entity_type: EntityType, fields: &mut Fields, at: Timestamp) {
    let start = read::instant(fields, "startedAt").filter(|_| !fields.contains_key("endedAt"));
    let Some(start) = start else { return };
    let mut end = paused_at(fields).unwrap_or(at).max(start);
    let mut pauses = parts(fields, PAUSES);
    if pauses.last().is_some_and(|last| last.to.is_none()) {
        pauses.pop();
    }
    let mut segments = parts(fields, SEGMENTS);
    for part in segments.iter().chain(&pauses) {
        end = end.max(part.to.unwrap_or(part.from));
    }
    close(&mut segments, end);
    let side = segments.last().and_then(|last| last.side.clone());
    if let (Some(side), Some(_)) = (side, entity_type.field("endSide")) {
        fields.insert("endSide".into(), side);
    }
    put(fields, SEGMENTS, segments);
    put(fields, PAUSES, pauses);
    put_at(fields, "endedAt", end);
}

/// Moves the start. One that is over moves as a whole; a running one began earlier or later, with what
/// lies before its new start cut off.
pub fn move_start(fields: &mut Fields, to: Timestamp) {
    let Some(start) = read::instant(fields, "startedAt") else { return };
    let (by, end) = (to.since(start), read::instant(fields, "endedAt"));
    put_at(fields, "startedAt", to);
    if let Some(end) = end {
        put_at(fields, "endedAt", end.plus_ms(by));
    }
    for name in [SEGMENTS, PAUSES] {
        let mut moved = parts(fields, name);
        for (index, part) in moved.iter_mut().enumerate() {
            if end.is_some() {
                part.from = part.from.plus_ms(by);
                part.to = part.to.map(|to| to.plus_ms(by));
            } else {
                // The first segment begins with the whole.
                let is_first = index == 0 && name == SEGMENTS;
                part.from = if is_first && part.from <= start { to } else { part.from.max(to) };
                part.to = part.to.map(|end| end.max(part.from));
            }
        }
        put(fields, name, moved);
    }
}

/// Gives it another start and end; what lies outside of them is cut off.
pub fn cut(fields: &mut Fields, from: Timestamp, to: Option<Timestamp>) {
    put_at(fields, "startedAt", from);
    if let Some(to) = to {
        put_at(fields, "endedAt", to);
    }
    let within = |at: Timestamp| to.map_or(at, |to| at.min(to)).max(from);
    for name in [SEGMENTS, PAUSES] {
        let mut kept = Vec::new();
        for mut part in parts(fields, name) {
            let end = part.to.or(to).map(within);
            part.from = within(part.from);
            // What is left of a part that lay outside is nothing.
            if end != Some(part.from) {
                kept.push(Part { to: end, ..part });
            }
        }
        put(fields, name, kept);
    }
}

/// Makes it last over another one of its type as well: from the earlier start to the later end, and without an
/// end when one of them runs.
pub fn join(entity_type: EntityType, fields: &mut Fields, other: &Fields) {
    let of = |name: &str, one: &Fields| read::instant(one, name);
    let starts = (of("startedAt", fields), of("startedAt", other));
    let (Some(start), Some(other_start)) = starts else { return };
    let end = of("endedAt", fields).zip(of("endedAt", other)).map(|(one, two)| one.max(two));
    // Where both were going on, one of them says so; where only one stood still, the other one did not.
    let mut segments = parts(fields, SEGMENTS);
    segments.extend(parts(other, SEGMENTS));
    segments.sort_by_key(|part| (part.from, part.to.is_none(), part.to));
    let mut course: Vec<Part> = Vec::new();
    for mut part in segments {
        if let Some(last) = course.last_mut() {
            if last.to.is_none() {
                last.to = Some(part.from);
            }
            part.from = part.from.max(last.to.unwrap_or(part.from));
        }
        if part.to.is_none_or(|to| to > part.from) {
            course.push(part);
        }
    }
    course.truncate(MAX_ITEMS);
    put(fields, SEGMENTS, course);
    if other_start < start {
        put_at(fields, "startedAt", other_start);
    }
    match end {
        Some(end) => put_at(fields, "endedAt", end),
        None => drop(["endedAt", "endSide"].map(|name| fields.remove(name))),
    }
    if let (Some(_), Some(side)) = (end.filter(|_| entity_type.field("endSide").is_some()), last_side(fields)) {
        fields.insert("endSide".into(), side);
    }
    // Pauses of one lay within what the other one says went on: none of them is sure.
    fields.remove(PAUSES);
}

fn last_side(fields: &Fields) -> Option<Value> {
    parts(fields, SEGMENTS).pop()?.side
}

fn close(parts: &mut [Part], at: Timestamp) {
    if let Some(last) = parts.last_mut()
        && last.to.is_none()
    {
        last.to = Some(at.max(last.from));
    }
}

/// What becomes of a span that two people changed at the same time, when the one whose change arrives now
/// had it running before them: `theirs` is the row as it is, `mine` the row as that change would have it.
/// `None` where the later clock decides as it does of everything else.
///
/// A stop is never lost: of two stops the earlier one is the end, as after it there was nothing left to
/// stop; and whatever else was changed of a span that somebody stopped, it stays stopped. Where the two
/// tell different starts as well, one of them would be lost unseen: then the clock decides, and the loser
/// is told.
pub fn agreed(entity_type: EntityType, theirs: &Fields, mine: &Fields, standing: Standing) -> Option<Fields> {
    let end = |fields: &Fields| read::instant(fields, "endedAt");
    let same_start = theirs.get("startedAt") == mine.get("startedAt");
    match (end(theirs), end(mine)) {
        (Some(first), Some(second)) if same_start => Some(if second < first { mine } else { theirs }.clone()),
        // The change arrives without an end, and leaves the one that is there.
        (Some(first), None) if standing == Standing::Won => Some(stopped(entity_type, mine, first)),
        (None, Some(second)) if standing == Standing::Lost && same_start => Some(stopped(entity_type, theirs, second)),
        _ => None,
    }
}

fn stopped(entity_type: EntityType, fields: &Fields, at: Timestamp) -> Fields {
    let mut fields = fields.clone();
    stop(entity_type, &mut fields, at);
    fields
}

#[cfg(test)]
mod tests;
