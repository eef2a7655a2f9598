//! A note: an instant, and words.

use super::{
    field::{FieldDef, Kind, MAX_NOTES_CHARS, has_words},
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "note_log",
    timing: Timing::Instant,
    fields: &[FieldDef::required("text", "text", Kind::Text { max_chars: MAX_NOTES_CHARS })],
    // Two notes are two thoughts, unless they say the same.
    alike: Some(&["text"]),
    check: |fields| has_words(fields, "text"),
    is_timer: |_| false,
};
