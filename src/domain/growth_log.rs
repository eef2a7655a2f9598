//! A measurement of how the baby grows: an instant, with at least one of weight, length and head.

use super::{
    field::{FieldDef, Fields, Invalid, Kind, MAX_QUANTITY},
    registry::{EntityDef, Timing},
};

const MEASURE: Kind = Kind::Integer { min: 0, max: MAX_QUANTITY };
const TYPED_LENGTH: Kind = Kind::Typed { units: &["mm", "cm", "in"] };

/// What is measured.
pub const MEASURES: [&str; 3] = ["weightG", "lengthMm", "headMm"];

pub const DEF: EntityDef = EntityDef {
    name: "growth_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::optional("weightG", "weight", MEASURE),
        // `lb_oz` counts in ounces and is shown as pounds and ounces.
        FieldDef::optional("typedWeight", "weight", Kind::Typed { units: &["g", "kg", "lb", "lb_oz"] }),
        FieldDef::optional("lengthMm", "length", MEASURE),
        FieldDef::optional("typedLength", "length", TYPED_LENGTH),
        FieldDef::optional("headMm", "head", MEASURE),
        FieldDef::optional("typedHead", "head", TYPED_LENGTH),
    ],
    alike: Some(&[]),
    check,
    is_timer: |_| false,
};

fn check(fields: &Fields) -> Result<(), Invalid> {
    if MEASURES.iter().any(|name| fields.contains_key(*name)) {
        return Ok(());
    }
    Err(Invalid::at("weightG", "growth_log needs weightG, lengthMm or headMm"))
}
