//! A food that the baby was offered: the catalogue that meals refer to.

use super::{
    field::{FieldDef, Kind, has_words},
    registry::{EntityDef, Timing},
};

/// The allergens that a screen offers by name; any other may be written.
pub const ALLERGENS: &[&str] = &[
    "milk",
    "egg",
    "peanut",
    "tree_nuts",
    "wheat",
    "soy",
    "fish",
    "crustaceans",
    "molluscs",
    "sesame",
    "celery",
    "mustard",
    "lupin",
    "sulphites",
];

pub const DEF: EntityDef = EntityDef {
    name: "food",
    timing: Timing::Timeless,
    fields: &[
        FieldDef::required("name", "name", Kind::Text { max_chars: 80 }),
        FieldDef::optional("allergen", "allergen", Kind::Text { max_chars: 40 }),
    ],
    alike: None,
    check: |fields| has_words(fields, "name"),
    is_timer: |_| false,
};
