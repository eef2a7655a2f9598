//! Quantities: kept as whole numbers in one unit, shown in the person's, with what was typed kept
//! beside so that 2.5 oz comes back as 2.5 oz.

use serde::{Deserialize, Serialize};

/// What the person typed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typed {
    pub value: f64,
    pub unit: VolumeUnit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeUnit {
    #[default]
    Ml,
    Oz,
}

/// A unit in which a quantity is typed and shown: how it stands to the one that is kept (ml, g, mm, m°C).
#[derive(Debug, PartialEq)]
pub struct Unit {
    /// As in [`super::field::Kind::Typed`].
    pub name: &'static str,
    factor: f64,
    /// What is 0 in the unit that is kept.
    zero: f64,
    /// What it is shown to.
    step: f64,
}

const UNITS: &[Unit] = &[
    Unit { name: "ml", factor: 1.0, zero: 0.0, step: 1.0 },
    // One US fluid ounce, exactly (231 in³ / 128), to the quarters that bottles are marked with.
    Unit { name: "oz", factor: 29.573_529_562_5, zero: 0.0, step: 0.25 },
    Unit { name: "g", factor: 1.0, zero: 0.0, step: 1.0 },
    Unit { name: "kg", factor: 1_000.0, zero: 0.0, step: 0.001 },
    // The pound and the inch are exact by definition.
    Unit { name: "lb", factor: 453.592_37, zero: 0.0, step: 0.01 },
    // In ounces: see `pounds_ounces`.
    Unit { name: "lb_oz", factor: 28.349_523_125, zero: 0.0, step: 0.25 },
    Unit { name: "mm", factor: 1.0, zero: 0.0, step: 1.0 },
    Unit { name: "cm", factor: 10.0, zero: 0.0, step: 0.1 },
    Unit { name: "in", factor: 25.4, zero: 0.0, step: 0.125 },
    Unit { name: "c", factor: 1_000.0, zero: 0.0, step: 0.01 },
    Unit { name: "f", factor: 5_000.0 / 9.0, zero: 32.0, step: 0.1 },
];

/// The unit of this name. Drops, tablets and the like are none: nothing is what they come to.
pub fn unit(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.name == name)
}

impl Unit {
    /// The nearest whole number of the unit that is kept.
    pub fn to_kept(&self, value: f64) -> i64 {
        ((value - self.zero) * self.factor).round() as i64
    }

    /// In this unit, to its step.
    pub fn of_kept(&self, kept: i64) -> f64 {
        let value = kept as f64 / self.factor + self.zero;
        // Dividing last: 0.1 has no exact number, 1 / 10 is the nearest one.
        let steps = (1.0 / self.step).round();
        (value * steps).round() / steps
    }

    /// What somebody typed, in this unit: as it was typed where the units are the same, so that nothing is lost
    /// on the way.
    pub fn shown(&self, kept: i64, typed: Option<(f64, &str)>) -> f64 {
        match typed {
            Some((value, name)) if name == self.name && self.to_kept(value) == kept => value,
            _ => self.of_kept(kept),
        }
    }
}

/// Whole pounds and the ounces over.
pub fn pounds_ounces(ounces: f64) -> (i64, f64) {
    let pounds = (ounces / 16.0).floor();
    (pounds as i64, ounces - pounds * 16.0)
}

/// The ounces of a [`Unit`] `lb_oz`.
pub fn ounces(pounds: f64, ounces: f64) -> f64 {
    pounds * 16.0 + ounces
}

impl VolumeUnit {
    fn unit(self) -> &'static Unit {
        match self {
            Self::Ml => &UNITS[0],
            Self::Oz => &UNITS[1],
        }
    }

    /// The nearest whole ml.
    pub fn to_ml(self, value: f64) -> i64 {
        self.unit().to_kept(value)
    }

    /// In this unit, to the quarter ounce that bottles are marked with.
    pub fn from_ml(self, ml: i64) -> f64 {
        self.unit().of_kept(ml)
    }

    /// What one press of − or + changes.
    pub fn step(self) -> f64 {
        match self {
            Self::Ml => 10.0,
            Self::Oz => 0.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{field::Kind, registry::EntityType};

    /// Trap 17.
    #[test]
    fn what_was_typed_in_quarter_ounces_comes_back() {
        for quarters in 0..80 {
            let oz = f64::from(quarters) / 4.0;
            assert_eq!(VolumeUnit::Oz.from_ml(VolumeUnit::Oz.to_ml(oz)), oz);
        }
        assert_eq!(VolumeUnit::Oz.to_ml(2.5), 74);
    }

    #[test]
    fn units_are_what_they_are_elsewhere() {
        let kept = |name: &str, value| unit(name).unwrap().to_kept(value);
        let told = |name: &str, kept| unit(name).unwrap().of_kept(kept);
        assert_eq!((kept("f", 100.4), told("f", 38_000)), (38_000, 100.4));
        assert_eq!((kept("c", 36.65), told("c", 36_650)), (36_650, 36.65));
        assert_eq!((kept("kg", 3.455), kept("lb", 7.5)), (3_455, 3_402));
        assert_eq!((kept("in", 20.5), told("cm", 521)), (521, 52.1));
        assert_eq!(pounds_ounces(told("lb_oz", 3_402)), (7, 8.0));
        assert_eq!(kept("lb_oz", ounces(7.0, 8.0)), 3_402);
        assert_eq!(unit("drops"), None, "drops are never made into millilitres");
    }

    #[test]
    fn what_was_typed_is_shown_as_typed_until_the_quantity_is_another() {
        let kg = unit("kg").unwrap();
        assert_eq!(kg.shown(3_455, Some((3.4551, "kg"))), 3.4551);
        assert_eq!(kg.shown(3_455, Some((121.9, "lb_oz"))), 3.455);
        assert_eq!(kg.shown(3_500, Some((3.4551, "kg"))), 3.5, "edited by a client that knows no typed");
    }

    /// Every unit that a field of the registry may be typed in is known here.
    #[test]
    fn every_typed_unit_is_known() {
        for field in EntityType::all().flat_map(EntityType::fields) {
            let Kind::Typed { units } = field.kind else { continue };
            assert!(units.iter().all(|name| unit(name).is_some()), "{}: {units:?}", field.name);
        }
    }

    proptest! {
        /// Trap 17: on its own scale every unit comes back as it was typed.
        #[test]
        fn every_unit_comes_back(steps in 0i64..4_000) {
            for unit in UNITS {
                let value = unit.zero + steps as f64 / (1.0 / unit.step).round();
                let again = unit.of_kept(unit.to_kept(value));
                prop_assert!((again - value).abs() < 1e-9, "{} {}: {}", value, unit.name, again);
            }
        }
    }
}
