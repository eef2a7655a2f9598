//! What happened since somebody was here last: how often, how much, and the last of each.

use super::{
    dose::Dose,
    id::EntityId,
    overlap::bounds,
    read,
    registry::EntityType,
    row::Row,
    time::Timestamp,
    totals::{Totals, totals},
};

/// Of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened<'r> {
    pub entity_type: EntityType,
    pub count: usize,
    pub last: &'r Row,
}

/// Of one medicine; amounts in thousandths, and only of doses in the unit of the last one.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    pub medicine: EntityId,
    pub count: usize,
    pub milli: i64,
    pub last: Dose,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Handover<'r> {
    pub totals: Totals,
    /// In the order of the registry; types of which nothing happened are left out.
    pub happened: Vec<Happened<'r>>,
    pub given: Vec<Given>,
    /// What runs now.
    pub running: Vec<&'r Row>,
}

/// Over `since <= t <= now`, of the live logs of one baby in any order. A span counts when any of it lies within.
pub fn handover(rows: &[Row], since: Timestamp, now: Timestamp) -> Handover<'_> {
    let (mut happened, mut doses, mut running) = (Vec::<Happened>::new(), Vec::new(), Vec::new());
    for row in rows.iter().filter(|row| row.entity_type.is_log() && !row.is_deleted()) {
        let Some(start) = row.started_at().filter(|start| *start <= now) else { continue };
        let end = bounds(row, now).map_or(start, |(_, end)| end);
        if start.max(end) < since {
            continue;
        }
        if row.entity_type.is_running(&row.fields) {
            running.push(row);
        }
        match happened.iter_mut().find(|known| known.entity_type == row.entity_type) {
            Some(known) => {
                known.count += 1;
                if known.last.started_at() < Some(start) {
                    known.last = row;
                }
            }
            None => happened.push(Happened { entity_type: row.entity_type, count: 1, last: row }),
        }
        if row.entity_type == EntityType::MEDICATION_LOG {
            doses.extend(dose_of(row));
        }
    }
    let place = |of: EntityType| EntityType::all().position(|known| known == of);
    happened.sort_by_key(|of| place(of.entity_type));
    let given = per_medicine(doses);
    Handover { totals: totals(rows, since, now, now), happened, given, running }
}

/// The doses of each medicine, in the order in which the medicines were given first.
fn per_medicine(mut doses: Vec<(EntityId, Dose)>) -> Vec<Given> {
    doses.sort_by_key(|(_, dose)| dose.at);
    let mut given = Vec::<Given>::new();
    for (medicine, last) in doses.iter().cloned() {
        match given.iter_mut().find(|known| known.medicine == medicine) {
            Some(known) => (known.count, known.last) = (known.count + 1, last),
            None => given.push(Given { medicine, count: 1, milli: 0, last }),
        }
    }
    for one in &mut given {
        let of_it = doses.iter().filter(|(of, dose)| *of == one.medicine && dose.unit == one.last.unit);
        one.milli = of_it.map(|(_, dose)| dose.milli).sum();
    }
    given
}

fn dose_of(row: &Row) -> Option<(EntityId, Dose)> {
    Some((read::text(&row.fields, "medicineId")?.parse().ok()?, Dose::of(row)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::BabyId;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_ms(hour * 3_600_000)
    }

    fn row(n: u128, entity_type: EntityType, hour: i64, more: Value) -> Row {
        let mut fields: super::super::field::Fields = serde_json::from_value(more).unwrap();
        fields.insert("startedAt".into(), json!(at(hour)));
        let (id, baby_id) = (EntityId(Uuid::from_u128(n)), BabyId(Uuid::nil()));
        Row { entity_type, id, baby_id, fields, server: Default::default() }
    }

    #[test]
    fn a_handover_tells_counts_sums_and_the_last_of_each() {
        let dose = |n, hour, dose: f64, unit: &str| {
            let given = json!({"medicineId": EntityId(Uuid::from_u128(99)), "dose": dose, "unit": unit});
            row(n, EntityType::MEDICATION_LOG, hour, given)
        };
        let rows = [
            row(1, EntityType::FEED_LOG, 3, json!({"method": "bottle", "amountMl": 90})),
            row(2, EntityType::FEED_LOG, 6, json!({"method": "bottle", "amountMl": 60})),
            row(3, EntityType::FEED_LOG, 1, json!({"method": "bottle", "amountMl": 500})),
            row(4, EntityType::SLEEP_LOG, 1, json!({"endedAt": at(4)})),
            row(5, EntityType::SLEEP_LOG, 7, json!({})),
            dose(6, 3, 20.0, "drops"),
            dose(7, 5, 0.1, "ml"),
            dose(8, 4, 0.2, "ml"),
            row(9, EntityType::NOTE_LOG, 99, json!({"text": "not yet"})),
        ];
        let told = handover(&rows, at(2), at(8));
        let counts: Vec<_> =
            told.happened.iter().map(|of| (of.entity_type, of.count, of.last.id.0.as_u128())).collect();
        assert_eq!(
            counts,
            [(EntityType::FEED_LOG, 2, 2), (EntityType::SLEEP_LOG, 2, 5), (EntityType::MEDICATION_LOG, 3, 7)]
        );
        assert_eq!((told.totals.feeds, told.totals.bottle_ml, told.totals.sleep_ms), (2, 150, 3 * 3_600_000));
        let given = &told.given[0];
        assert_eq!((given.count, given.milli, given.last.at), (3, 300, at(5)));
        assert_eq!(told.running.iter().map(|row| row.id.0.as_u128()).collect::<Vec<_>>(), [5]);
    }

    proptest! {
        /// Nothing that is deleted or lies outside counts, and the order in which rows come tells nothing.
        #[test]
        fn the_order_of_rows_tells_nothing(hours in proptest::collection::vec(-9i64..9, 0..12), since in -9i64..9) {
            let rows: Vec<Row> =
                hours.iter().zip(1..).map(|(hour, n)| row(n, EntityType::NAPPY_LOG, *hour, json!({"type": "wee"}))).collect();
            let mut turned = rows.clone();
            turned.reverse();
            let told = |rows: &[Row]| {
                let told = handover(rows, at(since), at(5));
                told.happened.iter().map(|of| (of.count, of.last.started_at())).collect::<Vec<_>>()
            };
            let within: Vec<i64> = hours.iter().copied().filter(|hour| (since..=5).contains(hour)).collect();
            let expected: Vec<_> = within.iter().max().map(|last| (within.len(), Some(at(*last)))).into_iter().collect();
            prop_assert_eq!(told(&rows), expected.clone());
            prop_assert_eq!(told(&turned), expected);
        }
    }
}
