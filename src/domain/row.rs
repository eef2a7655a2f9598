//! An entry as it stands after a version of it was accepted: its fields, and what the server alone
//! says about it. On the wire, in events and in exports it is one flat JSON object.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    field::Fields,
    id::{BabyId, EntityId, UserId},
    registry::EntityType,
    time::Timestamp,
};

/// One entry. `row_version` is the baby's version (`sync_events.id`) at which it last changed.
/// Serialised, it is the flat object: its fields, `id`, `babyId`, and the server's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    #[serde(skip)]
    pub entity_type: EntityType,
    pub id: EntityId,
    pub baby_id: BabyId,
    #[serde(flatten)]
    pub fields: Fields,
    #[serde(flatten)]
    pub server: ServerFields,
}

/// Set by the server alone. On a device, a row that the server has not seen has version 0 and
/// no author.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerFields {
    pub row_version: u64,
    #[serde(default)]
    pub logged_by: Option<UserId>,
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    #[serde(default)]
    pub updated_by: Option<UserId>,
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Advice given at the create: another caregiver's entry that looks like the same happening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible_duplicate_of: Option<EntityId>,
}

/// A payload that is not a row of the type it came as: a server that is broken or far ahead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {entity_type} row: {why}")]
pub struct NotARow {
    pub entity_type: EntityType,
    pub why: String,
}

impl Row {
    pub fn is_deleted(&self) -> bool {
        self.server.deleted_at.is_some()
    }

    /// When it happened; `None` for what does not happen (a baby).
    pub fn started_at(&self) -> Option<Timestamp> {
        self.fields.get("startedAt")?.as_str()?.parse().ok()
    }

    /// The fields as the type's own struct (`row.read::<FeedLog>()`).
    ///
    /// # Errors
    /// A field is missing or of another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(Value::Object(self.fields.clone()))
    }

    /// The flat object as a value.
    pub fn to_payload(&self) -> Value {
        serde_json::to_value(self).expect("names, ids and JSON values always serialise")
    }

    /// Reads what [`Row::to_payload`] wrote. Fields that this version does not know are left out:
    /// the server keeps them, and a newer version of the app reads them again.
    ///
    /// # Errors
    /// It is not an object, or the ids or the server's fields are missing.
    pub fn from_payload(entity_type: EntityType, payload: &Value) -> Result<Self, NotARow> {
        let not_a_row = |why: String| NotARow { entity_type, why };
        let flat = payload.as_object().ok_or_else(|| not_a_row("not an object".into()))?;
        let id = |name: &str| {
            let id = flat.get(name).and_then(Value::as_str).and_then(|id| id.parse().ok());
            id.ok_or_else(|| not_a_row(format!("{name} is not an id")))
        };
        let (id, baby_id) = (EntityId(id("id")?), BabyId(id("babyId")?));
        let server = serde_json::from_value(payload.clone()).map_err(|err| not_a_row(err.to_string()))?;
        let fields = entity_type
            .fields()
            .filter_map(|field| {
                let value = flat.get(field.name).filter(|value| !value.is_null())?;
                Some((field.name.to_owned(), value.clone()))
            })
            .collect();
        Ok(Self { entity_type, id, baby_id, fields, server })
    }
}

/// Turns a type's own struct into fields, for a create.
///
/// # Errors
/// The value is not an object of JSON; no type of ours is.
pub fn to_fields<T: Serialize>(value: &T) -> Result<Fields, serde_json::Error> {
    let mut fields: Fields = serde_json::from_value(serde_json::to_value(value)?)?;
    fields.retain(|_, value| !value.is_null());
    Ok(fields)
}

/// What changed from `before` to `after`, grown to whole field groups: fields of a group must
/// agree, so a concurrent edit has to win or lose with all of them. `null` takes a value away.
pub fn patch(entity_type: EntityType, before: &Fields, after: &Fields) -> Fields {
    let differs = |name: &str| before.get(name) != after.get(name);
    let changed: Vec<&str> =
        entity_type.fields().filter(|field| differs(field.name)).map(|field| field.group).collect();
    entity_type
        .fields()
        .filter(|field| changed.contains(&field.group))
        .filter(|field| before.contains_key(field.name) || after.contains_key(field.name))
        .map(|field| (field.name.to_owned(), after.get(field.name).cloned().unwrap_or(Value::Null)))
        .collect()
}

/// Puts a patch over fields; `null` takes a value away.
pub fn apply_patch(fields: &mut Fields, patch: &Fields) {
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_row_survives_the_wire() {
        let row = Row {
            entity_type: EntityType::NAPPY_LOG,
            id: EntityId(Uuid::from_u128(1)),
            baby_id: BabyId(Uuid::from_u128(2)),
            fields: fields(json!({"type": "wee", "startedAt": "2026-11-20T02:10:00.000Z"})),
            server: ServerFields { row_version: 3, logged_by: Some(UserId(Uuid::from_u128(4))), ..Default::default() },
        };
        assert_eq!(Row::from_payload(EntityType::NAPPY_LOG, &row.to_payload()), Ok(row));
    }

    /// C22, X9.
    #[test]
    fn a_patch_holds_whole_groups_and_only_the_changed_ones() {
        let before = fields(json!({"startedAt": "a", "endedAt": "b", "notes": "n", "kind": "nap"}));
        let mut after = before.clone();
        after.insert("startedAt".into(), json!("c"));
        after.remove("kind");
        let patch = patch(EntityType::SLEEP_LOG, &before, &after);
        assert_eq!(patch, fields(json!({"startedAt": "c", "endedAt": "b", "kind": null})));
        let mut patched = before.clone();
        apply_patch(&mut patched, &patch);
        assert_eq!(patched, after);
    }
}
