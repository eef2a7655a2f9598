//! Milk that was put aside: a bag or a bottle in the fridge or the freezer, until a feed uses it.

use super::{
    field::{FieldDef, Fields, Invalid, Kind, MAX_NOTES_CHARS, MAX_QUANTITY},
    registry::{EntityDef, TIME, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "milk_bag",
    timing: Timing::Timeless,
    fields: &[
        FieldDef::required("amountMl", "amount", Kind::Integer { min: 0, max: MAX_QUANTITY }),
        FieldDef::optional("typed", "amount", Kind::Typed { units: &["ml", "oz"] }),
        FieldDef::required("pumpedAt", TIME, Kind::Instant),
        FieldDef::optional("frozenAt", TIME, Kind::Instant),
        FieldDef::optional("thawedAt", TIME, Kind::Instant),
        FieldDef::optional("usedBy", "usedBy", Kind::Reference { entity_type: "feed_log" }),
        FieldDef::optional("notes", "notes", Kind::Text { max_chars: MAX_NOTES_CHARS }),
    ],
    alike: None,
    check,
    is_timer: |_| false,
};

fn check(fields: &Fields) -> Result<(), Invalid> {
    let at = |name: &str| fields.get(name).and_then(|value| value.as_str());
    // Canonical instants compare as text.
    for (earlier, later) in [("pumpedAt", "frozenAt"), ("pumpedAt", "thawedAt"), ("frozenAt", "thawedAt")] {
        if matches!((at(earlier), at(later)), (Some(before), Some(after)) if after < before) {
            return Err(Invalid::at(later, format!("{later} lies before {earlier}")));
        }
    }
    Ok(())
}
