//! A sleep: a span, running until somebody ends it.

use serde::{Deserialize, Serialize};

use super::{
    field::{FieldDef, Kind},
    registry::{EntityDef, PAUSES, Timing},
    time::Timestamp,
};

pub const DEF: EntityDef = EntityDef {
    name: "sleep_log",
    timing: Timing::Span,
    fields: &[
        PAUSES,
        FieldDef::optional("kind", "kind", Kind::Choice(&["nap", "night"])),
        FieldDef::optional("place", "place", Kind::Text { max_chars: 80 }),
        FieldDef::optional("quality", "quality", Kind::Choice(&["restless", "fair", "sound"])),
    ],
    alike: Some(&[]),
    check: |_| Ok(()),
    is_timer: |_| true,
};

/// A sleep as the screens read and write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SleepLog {
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SleepKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SleepKind {
    Nap,
    Night,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    Restless,
    Fair,
    Sound,
}
