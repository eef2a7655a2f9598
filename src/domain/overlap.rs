//! Spans of one baby that cannot both be right as they stand, and what a person can make of them: cut one, join
//! them, or keep both. Nothing is done by itself.

use serde_json::Value;

use super::{
    field::{Fields, MAX_ITEMS, MAX_NOTES_CHARS},
    read,
    registry::{EntityType, KEPT_WITH, Timing},
    row::Row,
    time::Timestamp,
    timer,
};

/// Clocks and fingers are not more exact than this.
const SLACK_MS: i64 = 60_000;
/// What nobody does asleep. A walk is slept through in the pram, and a breastfeed at the breast.
const AWAKE: [&str; 3] = ["tummy_time", "indoor_play", "screen_time"];

/// From when to when; a running one until `now`. `None` for what is no span, or has no length that anybody
/// wrote down (a bottle).
pub fn bounds(row: &Row, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let from = row.started_at().filter(|_| row.entity_type.timing() == Timing::Span && !row.is_deleted())?;
    let running = row.entity_type.is_running(&row.fields).then_some(now);
    let to = read::instant(&row.fields, "endedAt").or(running)?;
    (to > from).then_some((from, to))
}

/// Whether the two overlap and cannot both be, and nobody has said that they are.
pub fn clash(one: &Row, other: &Row, now: Timestamp) -> bool {
    let (Some((from, to)), Some((other_from, other_to))) = (bounds(one, now), bounds(other, now)) else { return false };
    let shared = to.min(other_to).since(from.max(other_from));
    one.id != other.id
        && one.baby_id == other.baby_id
        && shared >= SLACK_MS
        && (exclude(one, other) || exclude(other, one))
        && !is_kept(one, other)
        && !is_kept(other, one)
}

fn exclude(one: &Row, other: &Row) -> bool {
    let is_sleep = one.entity_type == EntityType::SLEEP_LOG;
    if one.entity_type == EntityType::ACTIVITY_LOG && other.entity_type == one.entity_type {
        return one.entity_type.is_alike(&one.fields, &other.fields);
    }
    one.entity_type == other.entity_type
        || (is_sleep && other.entity_type == EntityType::BATH_LOG)
        || (is_sleep && read::text(&other.fields, "kind").is_some_and(|kind| AWAKE.contains(&kind)))
}

fn is_kept(one: &Row, other: &Row) -> bool {
    read::list(&one.fields, KEPT_WITH).iter().any(|id| id.as_str() == Some(other.id.to_string().as_str()))
}

/// The pairs that clash, as indexes into `rows`, the earlier start first.
pub fn clashes(rows: &[Row], now: Timestamp) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (n, one) in rows.iter().enumerate() {
        for (m, other) in rows.iter().enumerate().skip(n + 1) {
            if clash(one, other, now) {
                found.push(if one.started_at() <= other.started_at() { (n, m) } else { (m, n) });
            }
        }
    }
    found
}

/// How long any of these spans lasts together, and how much of it is told more than once. Milliseconds, over
/// `from <= t < to`.
pub fn covered_ms(spans: &mut [(Timestamp, Timestamp)], from: Timestamp, to: Timestamp) -> (i64, i64) {
    spans.sort_unstable();
    let (mut covered, mut told, mut reached) = (0, 0, from);
    for (start, end) in spans {
        let (start, end) = ((*start).max(from), (*end).min(to));
        told += end.since(start).max(0);
        covered += end.since(start.max(reached)).max(0);
        reached = reached.max(end);
    }
    (covered, told - covered)
}

/// This span without what it shares with the other one. `None` where nothing would be left, or two pieces.
pub fn trimmed(row: &Row, other: &Row, now: Timestamp) -> Option<Fields> {
    let ((from, to), (other_from, other_to)) = (bounds(row, now)?, bounds(other, now)?);
    let mut fields = row.fields.clone();
    if from < other_from && to <= other_to {
        timer::cut(&mut fields, from, Some(other_from));
    } else if other_from <= from && other_to < to {
        timer::cut(&mut fields, other_to, read::instant(&row.fields, "endedAt"));
    } else {
        return None;
    }
    Some(fields)
}

/// The two as one: from the earlier start to the later end, running if one of them is. What only the other one
/// says is taken over, and both notes stay. The other entry is then to be deleted. `None` for two types.
pub fn joined(row: &Row, other: &Row) -> Option<Fields> {
    if row.entity_type != other.entity_type {
        return None;
    }
    let mut fields = row.fields.clone();
    let entity_type = row.entity_type;
    for field in entity_type.fields() {
        // Fields of a group agree with each other: all of them come from one of the two.
        let group = || entity_type.fields().filter(|known| known.group == field.group);
        if group().all(|known| !row.fields.contains_key(known.name))
            && let Some(value) = other.fields.get(field.name)
        {
            fields.insert(field.name.into(), value.clone());
        }
    }
    timer::join(entity_type, &mut fields, &other.fields);
    if let (Some(one), Some(two)) = (read::text(&row.fields, "notes"), read::text(&other.fields, "notes"))
        && one != two
    {
        let both: String = format!("{one}\n{two}").chars().take(MAX_NOTES_CHARS).collect();
        fields.insert("notes".into(), both.into());
    }
    Some(fields)
}

/// The mark that both are right.
pub fn kept(row: &Row, other: &Row) -> Fields {
    let mut fields = row.fields.clone();
    let mut ids = read::list(&fields, KEPT_WITH).to_vec();
    let id = Value::from(other.id.to_string());
    if !ids.contains(&id) {
        // The oldest mark is the one that is needed least.
        if ids.len() >= MAX_ITEMS {
            ids.remove(0);
        }
        ids.push(id);
    }
    fields.insert(KEPT_WITH.into(), ids.into());
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{BabyId, EntityId};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_ms(minute * 60_000)
    }

    fn row(n: u128, entity_type: EntityType, from: i64, to: Option<i64>, more: Value) -> Row {
        let mut fields: Fields = serde_json::from_value(more).unwrap();
        fields.insert("startedAt".into(), json!(at(from)));
        fields.extend(to.map(|to| ("endedAt".to_owned(), json!(at(to)))));
        let (id, baby_id) = (EntityId(Uuid::from_u128(n)), BabyId(Uuid::nil()));
        Row { entity_type, id, baby_id, fields, server: Default::default() }
    }

    fn sleep(n: u128, from: i64, to: Option<i64>) -> Row {
        row(n, EntityType::SLEEP_LOG, from, to, json!({}))
    }

    #[test]
    fn what_cannot_both_be_clashes() {
        let nap = sleep(1, 0, Some(60));
        let with = |entity_type, more| clash(&nap, &row(2, entity_type, 30, Some(90), more), at(200));
        assert!(with(EntityType::SLEEP_LOG, json!({})));
        assert!(with(EntityType::BATH_LOG, json!({})));
        assert!(with(EntityType::ACTIVITY_LOG, json!({"kind": "tummy_time"})));
        assert!(!with(EntityType::ACTIVITY_LOG, json!({"kind": "walk"})), "asleep in the pram");
        assert!(!with(EntityType::FEED_LOG, json!({"method": "breast"})), "asleep at the breast");
        assert!(!with(EntityType::PUMPING_LOG, json!({})), "that is the mother");
        assert!(!clash(&nap, &sleep(2, 60, Some(90)), at(200)), "one after the other");
        assert!(clash(&sleep(1, 0, None), &sleep(2, 30, Some(40)), at(200)), "a running one lasts until now");
        assert!(!clash(&nap, &nap, at(200)));
        let bottle = |n| row(n, EntityType::FEED_LOG, 0, None, json!({"method": "bottle", "amountMl": 90}));
        assert!(!clash(&bottle(1), &bottle(2), at(200)), "a bottle has no length");
    }

    #[test]
    fn each_way_out_ends_the_clash() {
        let (one, two) = (sleep(1, 0, Some(60)), sleep(2, 40, Some(100)));
        assert_eq!(clashes(&[two.clone(), one.clone()], at(200)), [(1, 0)]);
        let first = Row { fields: trimmed(&one, &two, at(200)).unwrap(), ..one.clone() };
        assert_eq!(bounds(&first, at(200)), Some((at(0), at(40))));
        let second = Row { fields: trimmed(&two, &one, at(200)).unwrap(), ..two.clone() };
        assert_eq!(bounds(&second, at(200)), Some((at(60), at(100))));
        let marked = Row { fields: kept(&one, &two), ..one.clone() };
        assert!(!clash(&first, &two, at(200)) && !clash(&one, &second, at(200)));
        assert!(!clash(&marked, &two, at(200)) && !clash(&two, &marked, at(200)));
        let whole = Row { fields: joined(&one, &two).unwrap(), ..one.clone() };
        assert_eq!(bounds(&whole, at(200)), Some((at(0), at(100))));
        let inner = sleep(3, 10, Some(20));
        assert_eq!(trimmed(&one, &inner, at(200)), None, "two pieces");
        assert_eq!(trimmed(&inner, &one, at(200)), None, "nothing left");
        assert_eq!(joined(&one, &row(4, EntityType::BATH_LOG, 0, Some(9), json!({}))), None);
    }

    #[test]
    fn joining_keeps_what_both_say() {
        let one = row(1, EntityType::SLEEP_LOG, 0, Some(60), json!({"notes": "in the pram", "kind": "nap"}));
        let two = row(2, EntityType::SLEEP_LOG, 40, None, json!({"notes": "by the sea", "quality": "sound"}));
        let both = joined(&one, &two).unwrap();
        assert_eq!((&both["notes"], &both["kind"]), (&json!("in the pram\nby the sea"), &json!("nap")));
        assert_eq!((both.get("endedAt"), &both["quality"]), (None, &json!("sound")), "it runs still");
    }

    proptest! {
        /// Minutes by minutes: what is covered and what is told twice is what a person would count.
        #[test]
        fn covered_and_disputed_are_counted_once(
            spans in proptest::collection::vec((-20i64..60, 0i64..40), 0..8), from in 0i64..20, length in 0i64..30,
        ) {
            let mut all: Vec<_> = spans.iter().map(|(start, length)| (at(*start), at(start + length))).collect();
            let hits = |minute: i64| all.iter().filter(|(start, end)| *start <= at(minute) && at(minute) < *end).count() as i64;
            let window = from..from + length;
            let expected: (i64, i64) = window.map(hits).fold((0, 0), |(one, more), hits| (one + hits.min(1), more + (hits - 1).max(0)));
            let (covered, disputed) = covered_ms(&mut all, at(from), at(from + length));
            prop_assert_eq!((covered / 60_000, disputed / 60_000), expected);
        }

        /// Whatever two spans look like, each way out makes entries that can be true.
        #[test]
        fn every_way_out_can_be_saved(a in 0i64..90, b in 0i64..90, c in 0i64..90, d in 0i64..90, left in any::<bool>()) {
            let segment = |from: i64, to: i64| json!([{"side": if left { "left" } else { "right" }, "startedAt": at(from), "endedAt": at(to)}]);
            for entity_type in [EntityType::SLEEP_LOG, EntityType::FEED_LOG] {
                let more = |from, to| if entity_type == EntityType::FEED_LOG {
                    json!({"method": "breast", "segments": segment(from, to)})
                } else {
                    json!({"pauses": [{"startedAt": at(from), "endedAt": at((from + to) / 2)}]})
                };
                let one = row(1, entity_type, a.min(b), Some(a.max(b)), more(a.min(b), a.max(b)));
                let two = row(2, entity_type, c.min(d), Some(c.max(d)), more(c.min(d), c.max(d)));
                let ways = [trimmed(&one, &two, at(99)), trimmed(&two, &one, at(99)), joined(&one, &two), Some(kept(&one, &two))];
                for fields in ways.into_iter().flatten() {
                    prop_assert_eq!(entity_type.canonical(&fields), Ok(fields.clone()));
                    prop_assert_eq!(entity_type.check(&fields), Ok(()));
                    prop_assert!(timer::elapsed_ms(&fields, at(99)) <= at(99).since(at(0)));
                }
            }
        }
    }
}
