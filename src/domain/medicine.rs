//! A medicine that the baby gets: the catalogue that doses refer to, with what the leaflet or the doctor
//! says. Deleted means that it is not offered any more; its doses stay true.

use super::{
    field::{FieldDef, Kind, MAX_NOTES_CHARS, MAX_QUANTITY, has_words},
    registry::{EntityDef, Timing},
};

/// How doses are counted. Each is a unit of its own: drops are never made into millilitres.
pub const UNITS: &[&str] = &["ml", "drops", "mg", "tablet", "capsule", "sachet", "dose"];

const DOSE: Kind = Kind::Decimal { max: MAX_QUANTITY };

pub const DEF: EntityDef = EntityDef {
    name: "medicine",
    timing: Timing::Timeless,
    fields: &[
        FieldDef::required("name", "name", Kind::Text { max_chars: 80 }),
        FieldDef::optional("usualDose", "dose", DOSE),
        FieldDef::optional("unit", "dose", Kind::Choice(UNITS)),
        FieldDef::optional("maxDose24h", "dose", DOSE),
        FieldDef::optional("minIntervalS", "interval", Kind::Integer { min: 0, max: MAX_QUANTITY }),
        FieldDef::optional("maxCount24h", "count", Kind::Integer { min: 1, max: 100 }),
        FieldDef::optional("notes", "notes", Kind::Text { max_chars: MAX_NOTES_CHARS }),
    ],
    alike: None,
    check: |fields| has_words(fields, "name"),
    is_timer: |_| false,
};
