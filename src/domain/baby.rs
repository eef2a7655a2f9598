//! The baby: the tenant that everything else belongs to, and its own profile row.

use serde::{Deserialize, Serialize};

use super::{
    field::{FieldDef, Kind, MAX_QUANTITY},
    registry::{EntityDef, Timing},
    time::Timestamp,
};

/// A deleted baby can be had back for so long; then it goes whole, for everyone.
pub const KEPT_DAYS: i64 = 30;

pub const DEF: EntityDef = EntityDef {
    name: "baby",
    timing: Timing::Timeless,
    fields: &[
        FieldDef::required("name", "name", Kind::Text { max_chars: 80 }),
        FieldDef::optional("birthDate", "birth", Kind::Date),
        FieldDef::optional("dueDate", "birth", Kind::Date),
        FieldDef::optional("sex", "sex", Kind::Choice(&["male", "female", "other", "unknown"])),
        FieldDef::optional("birthWeightG", "birthWeight", Kind::Integer { min: 0, max: MAX_QUANTITY }),
        FieldDef::optional("zone", "zone", Kind::Zone),
        FieldDef::optional("nightStart", "night", Kind::TimeOfDay),
        FieldDef::optional("nightEnd", "night", Kind::TimeOfDay),
        FieldDef::optional("archivedAt", "archived", Kind::Instant),
    ],
    alike: None,
    check: |fields| match fields.get("name").and_then(|name| name.as_str()) {
        Some(name) if name.trim().is_empty() => Err(super::field::Invalid::at("name", "name must not be empty")),
        _ => Ok(()),
    },
    is_timer: |_| false,
};

/// A baby's profile as the screens read and write it. Dates are `2026-11-20`, night hours `19:30`
/// in the baby's zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baby {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_weight_g: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_end: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}
