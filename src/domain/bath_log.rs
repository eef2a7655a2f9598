//! A bath: a span, running until somebody ends it.

use super::registry::{EntityDef, PAUSES, Timing};

pub const DEF: EntityDef = EntityDef {
    name: "bath_log",
    timing: Timing::Span,
    fields: &[PAUSES],
    alike: Some(&[]),
    check: |_| Ok(()),
    is_timer: |_| true,
};
