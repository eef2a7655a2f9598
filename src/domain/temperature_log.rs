//! A temperature that was taken: an instant.

use super::{
    field::{FieldDef, Kind},
    registry::{EntityDef, Timing},
};

pub const DEF: EntityDef = EntityDef {
    name: "temperature_log",
    timing: Timing::Instant,
    fields: &[
        // No body is colder or hotter; degrees Fahrenheit sent as Celsius are noticed.
        FieldDef::required("milliCelsius", "temperature", Kind::Integer { min: 10_000, max: 50_000 }),
        FieldDef::optional("typed", "temperature", Kind::Typed { units: &["c", "f"] }),
        FieldDef::optional("site", "site", Kind::Choice(&["rectal", "armpit", "ear", "forehead", "oral", "other"])),
    ],
    // Taken again within minutes it is another measurement.
    alike: Some(&["milliCelsius"]),
    check: |_| Ok(()),
    is_timer: |_| false,
};
