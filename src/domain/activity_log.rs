//! Tummy time, play, a walk, or what the family calls its own: a span, running until somebody ends it.

use super::{
    field::{FieldDef, Fields, Invalid, Kind},
    registry::{EntityDef, PAUSES, Timing},
};

pub const KINDS: &[&str] = &["tummy_time", "indoor_play", "outdoor_play", "walk", "screen_time", "story", "other"];

pub const DEF: EntityDef = EntityDef {
    name: "activity_log",
    timing: Timing::Span,
    fields: &[
        PAUSES,
        FieldDef::optional("kind", "kind", Kind::Choice(KINDS)),
        FieldDef::optional("customActivityId", "kind", Kind::Reference { entity_type: "custom_activity" }),
        // By the names that the custom activity has in `fields`.
        FieldDef::optional("details", "details", Kind::Details { max_chars: 200 }),
    ],
    alike: Some(&["kind", "customActivityId"]),
    check,
    is_timer: |_| true,
};

fn check(fields: &Fields) -> Result<(), Invalid> {
    if fields.contains_key("kind") || fields.contains_key("customActivityId") {
        return Ok(());
    }
    Err(Invalid::at("kind", "activity_log needs kind or customActivityId"))
}
