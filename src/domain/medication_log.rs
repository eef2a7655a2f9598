//! A dose that was given: an instant. Two doses are never taken for one, whoever wrote them down.

use super::{
    field::{FieldDef, Kind, MAX_QUANTITY},
    medicine::UNITS,
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "medication_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::required("medicineId", "dose", Kind::Reference { entity_type: "medicine" }),
        FieldDef::required("dose", "dose", Kind::Decimal { max: MAX_QUANTITY }),
        FieldDef::required("unit", "dose", Kind::Choice(UNITS)),
        // Absent: whoever wrote it down.
        FieldDef::optional("givenBy", "givenBy", Kind::Text { max_chars: 80 }),
    ],
    alike: None,
    check: |_| Ok(()),
    is_timer: |_| false,
};
