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

/// One US fluid ounce in ml, exactly (231 in³ / 128, and 1 in = 25.4 mm exactly).
const ML_PER_OZ: f64 = 29.573_529_562_5;

impl VolumeUnit {
    /// The nearest whole ml.
    pub fn to_ml(self, value: f64) -> i64 {
        match self {
            Self::Ml => value.round() as i64,
            Self::Oz => (value * ML_PER_OZ).round() as i64,
        }
    }

    /// In this unit, to the quarter ounce that bottles are marked with.
    pub fn from_ml(self, ml: i64) -> f64 {
        match self {
            Self::Ml => ml as f64,
            Self::Oz => (ml as f64 / ML_PER_OZ * 4.0).round() / 4.0,
        }
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
    use super::*;

    /// Trap 17.
    #[test]
    fn what_was_typed_in_quarter_ounces_comes_back() {
        for quarters in 0..80 {
            let oz = f64::from(quarters) / 4.0;
            assert_eq!(VolumeUnit::Oz.from_ml(VolumeUnit::Oz.to_ml(oz)), oz);
        }
        assert_eq!(VolumeUnit::Oz.to_ml(2.5), 74);
    }
}
