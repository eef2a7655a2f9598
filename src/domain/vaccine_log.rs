//! A vaccination: an instant.

use super::{
    field::{FieldDef, Kind, has_words},
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "vaccine_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::required("name", "vaccine", Kind::Text { max_chars: 80 }),
        FieldDef::optional("doseNumber", "vaccine", Kind::Integer { min: 1, max: 99 }),
    ],
    alike: Some(&["name", "doseNumber"]),
    check: |fields| has_words(fields, "name"),
    is_timer: |_| false,
};
