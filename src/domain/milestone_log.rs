//! Something for the first time: an instant.

use super::{
    field::{FieldDef, Kind, has_words},
    registry::{EntityDef, Timing},
};

/// The categories that a screen offers by name; any other may be written.
pub const CATEGORIES: &[&str] = &["motor", "language", "social", "cognitive", "feeding", "sleep", "other"];

pub const DEF: EntityDef = EntityDef {
    name: "milestone_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::required("title", "title", Kind::Text { max_chars: 120 }),
        FieldDef::optional("category", "category", Kind::Text { max_chars: 40 }),
    ],
    alike: Some(&[]),
    check: |fields| has_words(fields, "title"),
    is_timer: |_| false,
};
