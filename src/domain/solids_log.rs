//! A meal of solid food: an instant.

use super::{
    field::{FieldDef, Kind},
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "solids_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::required("foods", "foods", Kind::References { entity_type: "food" }),
        // In the person's words: half a jar, three spoons.
        FieldDef::optional("amount", "amount", Kind::Text { max_chars: 80 }),
        FieldDef::optional("reaction", "reaction", Kind::Choice(&["allergic", "hated", "liked", "loved"])),
    ],
    alike: Some(&[]),
    check: |_| Ok(()),
    is_timer: |_| false,
};
