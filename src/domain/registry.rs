//! Everything that can be recorded. This one list drives the local stores, the outbox, the
//! server's checks and views, and the sync tests, so that no type can be forgotten by one of them.
//!
//! To add a type: one file beside this one with its [`EntityDef`], one line in [`REGISTRY`].

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{
    field::{FieldDef, Fields, Invalid, Kind, MAX_NOTES_CHARS},
    set::set,
};

pub const REGISTRY: &[&EntityDef] = &[
    &super::baby::DEF,
    &super::feed_log::DEF,
    &super::sleep_log::DEF,
    &super::nappy_log::DEF,
    &super::pumping_log::DEF,
    &super::milk_bag::DEF,
    &super::food::DEF,
    &super::solids_log::DEF,
    &super::medicine::DEF,
    &super::medication_log::DEF,
    &super::growth_log::DEF,
    &super::temperature_log::DEF,
    &super::bath_log::DEF,
    &super::custom_activity::DEF,
    &super::activity_log::DEF,
    &super::vaccine_log::DEF,
    &super::milestone_log::DEF,
    &super::note_log::DEF,
    #[cfg(test)]
    &dummy_log::DEF,
];

/// When a thing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// It does not happen, it is (a baby, a catalogue entry).
    Timeless,
    /// At `startedAt`.
    Instant,
    /// From `startedAt` to `endedAt`; without `endedAt` it is running, and is a timer that any
    /// caregiver's device can see and stop.
    Span,
}

/// One entity type.
#[derive(Debug)]
pub struct EntityDef {
    /// The wire name, the name of the local store and of the SQL view.
    pub name: &'static str,
    pub timing: Timing,
    /// The fields beyond those that `timing` brings (see [`EntityType::fields`]).
    pub fields: &'static [FieldDef],
    /// What two entries must agree in, beside being near in time, to be taken for the same thing
    /// written down by two caregivers. `None`: they never are.
    pub alike: Option<&'static [&'static str]>,
    /// Rules across fields, on a whole entry whose fields are each valid.
    pub check: fn(&Fields) -> Result<(), Invalid>,
    /// Whether a span with these fields and without an end is a timer that runs, rather than one
    /// whose length nobody wrote down.
    pub is_timer: fn(&Fields) -> bool,
}

/// The group of the fields that say when.
pub const TIME: &str = "time";

const INSTANT_FIELDS: &[FieldDef] = &[
    FieldDef::required("startedAt", TIME, Kind::Instant),
    FieldDef::optional("zone", TIME, Kind::Zone),
    FieldDef::optional("notes", "notes", Kind::Text { max_chars: MAX_NOTES_CHARS }),
    FieldDef::optional(DISTINCT, DISTINCT, Kind::Bool),
];
/// A caregiver says of an entry that it is not the one that `possibleDuplicateOf` names.
pub const DISTINCT: &str = "isDistinct";
const SPAN_FIELDS: &[FieldDef] =
    &[FieldDef::optional("endedAt", TIME, Kind::Instant), FieldDef::optional(KEPT_WITH, KEPT_WITH, Kind::Ids)];
/// A caregiver says of a span that it and these others are both right, though they overlap.
pub const KEPT_WITH: &str = "keptWith";
/// Of a span without sides: when it stood still.
pub const PAUSES: FieldDef = FieldDef::optional("pauses", TIME, Kind::Segments { sides: &[] });

/// What no form of an entry shows: marks, and what a timer's buttons leave behind.
pub const UNSHOWN: [&str; 3] = [DISTINCT, KEPT_WITH, PAUSES.name];

/// Set by the server alone. A payload may carry them (a simple client sends a whole row back);
/// they are never taken from it.
const SERVER_FIELDS: &[&str] = &[
    "id",
    "babyId",
    "loggedBy",
    "createdAt",
    "updatedBy",
    "updatedAt",
    "deletedAt",
    "rowVersion",
    "possibleDuplicateOf",
];

/// A registered entity type; equal when the names are.
#[derive(Clone, Copy)]
pub struct EntityType(&'static EntityDef);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown entity type")]
pub struct UnknownEntityType;

impl EntityType {
    pub const BABY: Self = Self(&super::baby::DEF);
    pub const FEED_LOG: Self = Self(&super::feed_log::DEF);
    pub const SLEEP_LOG: Self = Self(&super::sleep_log::DEF);
    pub const NAPPY_LOG: Self = Self(&super::nappy_log::DEF);
    pub const PUMPING_LOG: Self = Self(&super::pumping_log::DEF);
    pub const MILK_BAG: Self = Self(&super::milk_bag::DEF);
    pub const FOOD: Self = Self(&super::food::DEF);
    pub const SOLIDS_LOG: Self = Self(&super::solids_log::DEF);
    pub const MEDICINE: Self = Self(&super::medicine::DEF);
    pub const MEDICATION_LOG: Self = Self(&super::medication_log::DEF);
    pub const GROWTH_LOG: Self = Self(&super::growth_log::DEF);
    pub const TEMPERATURE_LOG: Self = Self(&super::temperature_log::DEF);
    pub const BATH_LOG: Self = Self(&super::bath_log::DEF);
    pub const CUSTOM_ACTIVITY: Self = Self(&super::custom_activity::DEF);
    pub const ACTIVITY_LOG: Self = Self(&super::activity_log::DEF);
    pub const VACCINE_LOG: Self = Self(&super::vaccine_log::DEF);
    pub const MILESTONE_LOG: Self = Self(&super::milestone_log::DEF);
    pub const NOTE_LOG: Self = Self(&super::note_log::DEF);

    /// Every type, parents before children.
    pub fn all() -> impl Iterator<Item = Self> {
        REGISTRY.iter().copied().map(Self)
    }

    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub fn timing(self) -> Timing {
        self.0.timing
    }

    /// Whether an entry with these fields is a timer that runs.
    pub fn is_running(self, fields: &Fields) -> bool {
        self.0.timing == Timing::Span && !fields.contains_key("endedAt") && (self.0.is_timer)(fields)
    }

    pub fn is_log(self) -> bool {
        self.0.timing != Timing::Timeless
    }

    pub fn fields(self) -> impl Iterator<Item = &'static FieldDef> {
        let instant = if self.is_log() { INSTANT_FIELDS } else { &[] };
        let span = if self.0.timing == Timing::Span { SPAN_FIELDS } else { &[] };
        instant.iter().chain(span).chain(self.0.fields)
    }

    pub fn field(self, name: &str) -> Option<&'static FieldDef> {
        self.fields().find(|field| field.name == name)
    }

    /// Whether two entries of this type agree in what tells one happening from another.
    pub fn is_alike(self, one: &Fields, other: &Fields) -> bool {
        self.0.alike.is_some_and(|alike| alike.iter().all(|name| one.get(*name) == other.get(*name)))
    }

    /// The groups that a patch touches.
    pub fn groups(self, patch: &Fields) -> BTreeSet<&'static str> {
        set(patch.keys().filter_map(|name| self.field(name)).map(|field| field.group))
    }

    /// The patch in canonical form, without the server's own fields. `null` stays: it takes a
    /// value away.
    ///
    /// # Errors
    /// The first unknown or ill-formed field.
    pub fn canonical(self, patch: &Fields) -> Result<Fields, Invalid> {
        let mut kept = Fields::new();
        for (name, value) in patch {
            if SERVER_FIELDS.contains(&name.as_str()) {
                continue;
            }
            let field = self.field(name).ok_or_else(|| {
                let name: String = name.chars().take(40).collect();
                Invalid::at(&name, format!("{} has no field {name:?}", self.name()))
            })?;
            let value = match value {
                Value::Null => Value::Null,
                value => field
                    .kind
                    .canonical(value)
                    .map_err(|why| Invalid::at(field.name, format!("{} {why}", field.name)))?,
            };
            kept.insert(field.name.to_owned(), value);
        }
        Ok(kept)
    }

    /// Whether a whole entry (canonical, without nulls) can be true.
    ///
    /// # Errors
    /// A required field is missing, the end lies before the start, or the type's own rule fails.
    pub fn check(self, fields: &Fields) -> Result<(), Invalid> {
        for field in self.fields().filter(|field| field.required) {
            if !fields.contains_key(field.name) {
                return Err(Invalid::at(field.name, format!("{} needs {}", self.name(), field.name)));
            }
        }
        let at = |name: &str| fields.get(name).and_then(Value::as_str);
        // Canonical instants compare as text.
        if let (Some(start), Some(end)) = (at("startedAt"), at("endedAt"))
            && end < start
        {
            return Err(Invalid::at("endedAt", "endedAt lies before startedAt"));
        }
        (self.0.check)(fields)
    }
}

impl PartialEq for EntityType {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}
impl Eq for EntityType {}

impl PartialOrd for EntityType {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for EntityType {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.name.cmp(other.0.name)
    }
}

impl fmt::Debug for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}
impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl FromStr for EntityType {
    type Err = UnknownEntityType;
    fn from_str(name: &str) -> Result<Self, UnknownEntityType> {
        Self::all().find(|known| known.name() == name).ok_or(UnknownEntityType)
    }
}

impl Serialize for EntityType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}
impl<'de> Deserialize<'de> for EntityType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

/// A type that no room knows by name: it exists in tests only, and shows that one definition and
/// one line in the list are enough to travel from an outbox to the other device.
#[cfg(test)]
pub mod dummy_log {
    use super::*;
    use crate::domain::policy::Policy;

    pub const DEF: EntityDef = EntityDef {
        name: "dummy_log",
        timing: Timing::Instant,
        fields: &[
            FieldDef::optional("wobble", "wobble", Kind::Integer { min: 0, max: 9 }).by(Policy::Monotonic),
            FieldDef::optional("sleepId", "sleepId", Kind::Reference { entity_type: "sleep_log" }),
        ],
        alike: Some(&[]),
        check: |_| Ok(()),
        is_timer: |_| true,
    };
}

#[cfg(test)]
mod tests;
