//! An activity that the family made up: the catalogue that activities refer to.

use super::{
    field::{FieldDef, Kind, has_words},
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "custom_activity",
    timing: Timing::Timeless,
    fields: &[
        FieldDef::required("name", "name", Kind::Text { max_chars: 80 }),
        FieldDef::optional("icon", "icon", Kind::Text { max_chars: 40 }),
        // What is asked for beside the time; the answers are the activity's `details`.
        FieldDef::optional("fields", "fields", Kind::Words { max_chars: 40 }),
    ],
    alike: None,
    check: |fields| has_words(fields, "name"),
    is_timer: |_| false,
};
