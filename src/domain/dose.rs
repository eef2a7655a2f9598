//! What is known about giving a medicine again: advice, and never a lock. Whoever gives it decides.

use super::{
    field::{Fields, thousandths},
    read,
    row::Row,
    time::Timestamp,
};

const DAY_MS: i64 = 86_400_000;
/// Devices that were heard of within this time are up to date for all that people can tell.
const HEARD_MS: i64 = 2 * 60_000;

/// What the medicine's own entry allows. `None` where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub min_interval_ms: Option<i64>,
    /// Within any 24 hours.
    pub max_count: Option<usize>,
    /// Within any 24 hours, in thousandths of `unit`.
    pub max_milli: Option<i64>,
    pub unit: Option<String>,
}

impl Limits {
    /// Of an entry of type `medicine`.
    pub fn of(medicine: &Fields) -> Self {
        Self {
            min_interval_ms: read::whole(medicine, "minIntervalS").map(|seconds| seconds * 1_000),
            max_count: read::whole(medicine, "maxCount24h").and_then(|count| count.try_into().ok()),
            max_milli: medicine.get("maxDose24h").and_then(thousandths),
            unit: read::text(medicine, "unit").map(str::to_owned),
        }
    }
}

/// One dose, given or about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dose {
    pub at: Timestamp,
    /// Thousandths of `unit`.
    pub milli: i64,
    pub unit: String,
}

impl Dose {
    /// Of a live entry of type `medication_log`; `None` for one that cannot be read.
    pub fn of(row: &Row) -> Option<Self> {
        let fields = &row.fields;
        let (milli, unit) = (fields.get("dose").and_then(thousandths)?, read::text(fields, "unit")?);
        Some(Self { at: row.started_at()?, milli, unit: unit.to_owned() })
    }
}

/// What there is to say before a dose is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// The dose before it or after it is nearer than the interval.
    pub too_close: bool,
    /// With it there would be more doses within 24 hours than allowed.
    pub too_many: bool,
    /// With it there would be more of the medicine within 24 hours than allowed.
    pub too_much: bool,
    /// When nothing of this would be said; the moment asked about when nothing is. `None`: never, as this dose
    /// alone is more than a day's.
    pub next_at: Option<Timestamp>,
    /// Doses within 24 hours in another unit than the maximum: they are in no sum.
    pub uncounted: usize,
    /// Since when another device may have given doses that are not known here.
    pub blind_since: Option<Timestamp>,
}

impl Advice {
    pub fn is_clear(&self) -> bool {
        !self.too_close && !self.too_many && !self.too_much && self.uncounted == 0 && self.blind_since.is_none()
    }
}

/// Advice on giving `dose`, by the doses of this medicine that are known, in any order. `heard` is when the
/// quietest other device of the baby's caregivers was last heard of, `None` when there is none.
pub fn advise(limits: &Limits, given: &[Dose], dose: &Dose, heard: Option<Timestamp>) -> Advice {
    let (too_close, too_many, too_much) = broken(limits, given, dose);
    let is_other_unit = |other: &&Dose| limits.unit.as_ref().is_some_and(|unit| *unit != other.unit);
    let near = given.iter().filter(|other| dose.at.since(other.at).abs() < DAY_MS);
    let uncounted = if limits.max_milli.is_some() { near.chain([dose]).filter(is_other_unit).count() } else { 0 };
    let blind_since = heard.filter(|heard| dose.at.since(*heard) > HEARD_MS);
    Advice { too_close, too_many, too_much, next_at: next(limits, given, dose), uncounted, blind_since }
}

/// The first moment from the dose's own on at which no limit is broken. Limits are only let go of when the
/// interval after a dose is over or a dose is a day old, so those are the moments to try.
fn next(limits: &Limits, given: &[Dose], dose: &Dose) -> Option<Timestamp> {
    let mut moments = vec![dose.at];
    for other in given {
        moments.push(other.at.plus_ms(DAY_MS));
        moments.extend(limits.min_interval_ms.map(|interval| other.at.plus_ms(interval)));
    }
    let allowed = |at: &Timestamp| {
        *at >= dose.at && broken(limits, given, &Dose { at: *at, ..dose.clone() }) == (false, false, false)
    };
    moments.into_iter().filter(allowed).min()
}

fn broken(limits: &Limits, given: &[Dose], dose: &Dose) -> (bool, bool, bool) {
    let too_close = limits
        .min_interval_ms
        .is_some_and(|interval| given.iter().any(|other| dose.at.since(other.at).abs() < interval));
    let (mut too_many, mut too_much) = (false, false);
    // Every 24 hours that hold this dose: they end with it, or with one that was given after it.
    let later = given.iter().map(|other| other.at).filter(|at| *at > dose.at && at.since(dose.at) < DAY_MS);
    for end in later.chain([dose.at]) {
        let within = |other: &&Dose| other.at <= end && end.since(other.at) < DAY_MS;
        let count = given.iter().filter(within).count() + 1;
        too_many |= limits.max_count.is_some_and(|most| count > most);
        let counts = |other: &Dose| limits.unit.as_ref().is_none_or(|unit| *unit == other.unit);
        let milli: i64 =
            given.iter().filter(within).chain([dose]).filter(|other| counts(other)).map(|other| other.milli).sum();
        too_much |= limits.max_milli.is_some_and(|most| milli > most);
    }
    (too_close, too_many, too_much)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000 + hours * HOUR)
    }

    fn ml(hours: i64, milli: i64) -> Dose {
        Dose { at: at(hours), milli, unit: "ml".into() }
    }

    /// Every six hours, at most four times and 10 ml a day.
    fn syrup() -> Limits {
        let medicine = json!({
            "name": "Syrup", "unit": "ml", "usualDose": 2.5, "maxDose24h": 10, "minIntervalS": 21_600, "maxCount24h": 4,
        });
        Limits::of(&serde_json::from_value(medicine).unwrap())
    }

    #[test]
    fn a_dose_too_early_is_told_until_when() {
        let advice = advise(&syrup(), &[ml(0, 2_500)], &ml(4, 2_500), None);
        assert!(advice.too_close && !advice.too_many && !advice.too_much && !advice.is_clear());
        assert_eq!(advice.next_at, Some(at(6)));
        assert!(advise(&syrup(), &[ml(0, 2_500)], &ml(6, 2_500), None).is_clear(), "exactly the interval");
        let before = advise(&syrup(), &[ml(10, 2_500)], &ml(8, 2_500), None);
        assert!(before.too_close, "one written down late is near to the dose after it");
        assert_eq!(before.next_at, Some(at(16)));
    }

    #[test]
    fn a_days_maximum_counts_any_twenty_four_hours() {
        let day = [ml(0, 2_500), ml(6, 2_500), ml(12, 2_500), ml(18, 2_500)];
        let fifth = advise(&Limits { min_interval_ms: None, ..syrup() }, &day, &ml(23, 2_500), None);
        assert!(fifth.too_many && fifth.too_much);
        assert_eq!(fifth.next_at, Some(at(24)));
        let half = Limits { max_milli: Some(11_000), max_count: None, min_interval_ms: None, ..syrup() };
        assert!(advise(&half, &day, &ml(23, 1_000), None).is_clear());
        assert!(advise(&half, &day, &ml(23, 1_001), None).too_much);
        let late = advise(&Limits { min_interval_ms: None, ..syrup() }, &day, &ml(-3, 2_500), None);
        assert!(late.too_many, "one written down late makes five within the day after it");
        let never = advise(&syrup(), &[], &ml(0, 10_001), None);
        assert_eq!((never.too_much, never.next_at), (true, None));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let drops = Dose { unit: "drops".into(), ..ml(-2, 20_000) };
        let advice = advise(&Limits { min_interval_ms: None, ..syrup() }, &[drops], &ml(0, 2_500), Some(at(-1)));
        assert_eq!((advice.uncounted, advice.too_much), (1, false), "drops are never made into millilitres");
        assert_eq!(advice.blind_since, Some(at(-1)));
        assert!(advise(&syrup(), &[], &ml(0, 2_500), Some(at(0))).is_clear());
        assert!(advise(&Limits::default(), &[ml(0, 9)], &ml(0, 9), None).is_clear(), "nothing was said of limits");
    }

    proptest! {
        /// The moment that is named is clear and not before the dose; and nothing before it is, by the hour.
        #[test]
        fn the_next_moment_is_the_first_clear_one(
            given in proptest::collection::vec((-30i64..30, 0i64..4_000), 0..8),
            now in -10i64..30,
            milli in 0i64..4_000,
        ) {
            let given: Vec<Dose> = given.into_iter().map(|(hour, milli)| ml(hour, milli)).collect();
            let clear = |hour: i64| broken(&syrup(), &given, &ml(hour, milli)) == (false, false, false);
            let next = advise(&syrup(), &given, &ml(now, milli), None).next_at;
            let first = (now..100).find(|hour| clear(*hour)).map(at);
            prop_assert_eq!(next, first);
        }
    }
}
