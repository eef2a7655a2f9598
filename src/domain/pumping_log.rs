//! Pumping: a span in segments by side, and how much came of it.

use super::{
    field::{FieldDef, Fields, Invalid, Kind, MAX_QUANTITY},
    registry::{EntityDef, TIME, Timing},
};

const ML: Kind = Kind::Integer { min: 0, max: MAX_QUANTITY };
const TYPED: Kind = Kind::Typed { units: &["ml", "oz"] };

pub const DEF: EntityDef = EntityDef {
    name: "pumping_log",
    timing: Timing::Span,
    fields: &[
        FieldDef::optional("segments", TIME, Kind::Segments { sides: &["left", "right", "both"] }),
        FieldDef::optional("leftMl", "amount", ML),
        FieldDef::optional("rightMl", "amount", ML),
        FieldDef::optional("totalMl", "amount", ML),
        FieldDef::optional("typedLeft", "amount", TYPED),
        FieldDef::optional("typedRight", "amount", TYPED),
        FieldDef::optional("typed", "amount", TYPED),
        FieldDef::optional("use", "use", Kind::Choice(&["stored", "fed", "discarded"])),
    ],
    alike: Some(&[]),
    check,
    // Written down afterwards, it has an amount and no end to wait for.
    is_timer: |fields| !fields.contains_key("totalMl"),
};

fn check(fields: &Fields) -> Result<(), Invalid> {
    let ml = |name: &str| fields.get(name).and_then(|value| value.as_i64());
    let sides = ml("leftMl").unwrap_or(0) + ml("rightMl").unwrap_or(0);
    match ml("totalMl") {
        Some(total) if sides > total => Err(Invalid::at("totalMl", "totalMl is less than leftMl and rightMl")),
        _ => Ok(()),
    }
}
