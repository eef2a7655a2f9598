//! A nappy change: an instant.

use serde::{Deserialize, Serialize};

use super::{
    field::{FieldDef, Kind},
    registry::{EntityDef, Timing},
    time::Timestamp,
};

pub const DEF: EntityDef = EntityDef {
    name: "nappy_log",
    timing: Timing::Instant,
    fields: &[
        FieldDef::required("type", "type", Kind::Choice(&["wee", "poo", "mixed", "dry", "clean"])),
        FieldDef::optional("colour", "poo", Kind::Choice(&["green", "yellow", "brown", "black", "red", "grey"])),
        FieldDef::optional(
            "consistency",
            "poo",
            Kind::Choice(&["watery", "runny", "mushy", "pasty", "formed", "hard_pellets"]),
        ),
        FieldDef::optional("rash", "rash", Kind::Bool),
    ],
    alike: Some(&[]),
    check: |_| Ok(()),
    is_timer: |_| false,
};

/// A nappy change as the screens read and write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NappyLog {
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(rename = "type")]
    pub nappy_type: NappyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rash: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NappyType {
    Wee,
    Poo,
    Mixed,
    Dry,
    Clean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    Green,
    Yellow,
    Brown,
    Black,
    Red,
    Grey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    Watery,
    Runny,
    Mushy,
    Pasty,
    Formed,
    HardPellets,
}
