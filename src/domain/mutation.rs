//! A mutation: one person's intent, made on a device, judged once by the server, and the verdict.

use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    field::{Fields, Invalid},
    hlc::Hlc,
    id::{EntityId, MutationId},
    registry::EntityType,
    time::Timestamp,
};

/// What is to be done with the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Create,
    Update,
    Delete,
    /// Undo of a delete, with or without a change on top.
    Restore,
}

impl FromStr for Op {
    type Err = Invalid;

    /// Lower case is canonical; `CREATE`, `CREATED` and so on are the earlier designs' words.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.to_ascii_lowercase().as_str() {
            "create" | "created" => Ok(Self::Create),
            "update" | "updated" => Ok(Self::Update),
            "delete" | "deleted" => Ok(Self::Delete),
            "restore" | "restored" => Ok(Self::Restore),
            _ => Err(Invalid::at("op", "op must be one of create, update, delete, restore")),
        }
    }
}

/// One intent as the judge reads it. `payload` holds the changed fields, not yet checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    pub mutation_id: MutationId,
    pub entity_type: EntityType,
    pub entity_id: EntityId,
    pub op: Op,
    pub payload: Fields,
    /// The row version that the person saw; `None` when they saw none or did not say.
    pub base_version: Option<u64>,
    pub hlc: Option<Hlc>,
    /// The device's wall clock; only judges mutations with neither base version nor HLC.
    pub updated_at: Option<Timestamp>,
}

impl Mutation {
    /// SHA-256 over everything that the verdict depends on: the same id with another body is
    /// another intent, and is refused.
    pub fn body_sha256(&self) -> [u8; 32] {
        let payload = sorted(&self.payload);
        let body = (self.entity_type, self.entity_id, self.op, payload, self.base_version, self.hlc, self.updated_at);
        let text = serde_json::to_vec(&body).expect("names, numbers and JSON values always serialise");
        Sha256::digest(text).into()
    }
}

/// A value whose objects are written as sorted lists of pairs, so that the key order of a JSON writer
/// does not matter.
struct Canonical<'v>(&'v Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => sorted(map).serialize(serializer),
            Value::Array(list) => serializer.collect_seq(list.iter().map(Canonical)),
            other => other.serialize(serializer),
        }
    }
}

fn sorted(map: &Fields) -> Vec<(&String, Canonical<'_>)> {
    let mut pairs: Vec<_> = map.iter().map(|(key, value)| (key, Canonical(value))).collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs
}

/// How a mutation was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Written as meant.
    Applied,
    /// Some field groups won, some lost to a concurrent edit.
    Merged,
    /// Seen before; the first verdict's version and data come again.
    Duplicate,
    /// Nothing to do.
    Noop,
    /// Lost to a concurrent edit or a delete: nothing written, no event.
    Conflict,
    /// Cannot be true or is not allowed: nothing written, no event.
    Rejected,
}

/// The server's answer to one mutation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub mutation_id: MutationId,
    pub status: Status,
    /// The baby's version at which the mutation was written.
    #[serde(default)]
    pub version: Option<u64>,
    #[serde(default)]
    pub error: Option<Rejection>,
    /// The row as it is now, when the mutation lost in whole or in part.
    #[serde(default)]
    pub server_data: Option<Value>,
}

/// Why a mutation was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub code: RejectionCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    InvalidPayload,
    UnknownEntityType,
    ParentMissing,
    IdReused,
    Forbidden,
    /// A code of a later server.
    #[serde(other)]
    Unknown,
}

impl Verdict {
    pub fn rejected(mutation_id: MutationId, code: RejectionCode, why: Invalid) -> Self {
        let error = Rejection { code, field: why.field, message: why.message };
        Self { mutation_id, status: Status::Rejected, version: None, error: Some(error), server_data: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn mutation(payload: &str) -> Mutation {
        Mutation {
            mutation_id: MutationId(Uuid::from_u128(1)),
            entity_type: EntityType::FEED_LOG,
            entity_id: EntityId(Uuid::from_u128(2)),
            op: Op::Create,
            payload: serde_json::from_str(payload).unwrap(),
            base_version: None,
            hlc: None,
            updated_at: None,
        }
    }

    /// B76, X20.
    #[test]
    fn the_body_hash_ignores_key_order_and_sees_every_value() {
        let a = mutation(r#"{"typed": {"value": 2.5, "unit": "oz"}, "amountMl": 74}"#);
        let b = mutation(r#"{"amountMl": 74, "typed": {"unit": "oz", "value": 2.5}}"#);
        assert_eq!(a.body_sha256(), b.body_sha256());
        let c = mutation(r#"{"amountMl": 74, "typed": {"unit": "oz", "value": 2.25}}"#);
        assert_ne!(a.body_sha256(), c.body_sha256());
        assert_ne!(a.body_sha256(), Mutation { op: Op::Update, ..a.clone() }.body_sha256());
        assert_ne!(a.body_sha256(), Mutation { base_version: Some(1), ..a }.body_sha256());
    }

    /// A01: any other op is refused.
    #[test]
    fn earlier_words_for_ops_are_understood_and_others_refused() {
        for (text, op) in
            [("create", Op::Create), ("CREATED", Op::Create), ("Update", Op::Update), ("DELETE", Op::Delete)]
        {
            assert_eq!(text.parse(), Ok(op));
        }
        assert_eq!("upsert".parse::<Op>().unwrap_err().field.as_deref(), Some("op"));
        assert_eq!(serde_json::to_value(Op::Restore).unwrap(), json!("restore"));
    }
}
