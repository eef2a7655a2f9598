//! The wire contract between a device and the server, as types. Reading is lenient where the
//! contract says so (aliases, strings of JSON, fields left out) and strict everywhere else.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, json, value::RawValue};

use crate::domain::{
    field::{Fields, Invalid},
    hlc::Hlc,
    id::{BabyId, ClientId, EntityId, MutationId},
    mutation::{Mutation, Op, RejectionCode, Status, Verdict},
    registry::EntityType,
    time::Timestamp,
};

/// The version of this contract, as the `Sync-Protocol` header says it.
pub const PROTOCOL_VERSION: u32 = 1;
/// A push holds at most this many mutations.
pub const MAX_BATCH: usize = 100;
/// A request body holds at most this many bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// One mutation holds at most this many bytes of JSON: notes of 2,000 characters fit in any script.
pub const MAX_MUTATION_BYTES: usize = 16 * 1024;
/// A pull returns this many changes when it does not say.
pub const DEFAULT_PULL_LIMIT: u32 = 100;
/// A pull returns at most this many changes, whatever it says.
pub const MAX_PULL_LIMIT: u32 = 500;

/// `POST /api/sync/push`. Mutations stay raw here: one that cannot be read is refused by its own
/// verdict and never blocks the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushRequest {
    pub baby_id: BabyId,
    pub client_id: ClientId,
    /// SHA-256 of the mutation ids, hex; echoed, for tracing only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_operation_id: Option<String>,
    /// Every mutation up to this `seq` has been answered and the answer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_through: Option<u64>,
    /// The history that the device has heard from last; another one does not take the push, so that
    /// what it has lost arrives before what is built on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<uuid::Uuid>,
    pub mutations: Vec<Value>,
}

/// The answer: one verdict per mutation, in the same order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushResponse {
    pub results: Vec<WireVerdict>,
    #[serde(default)]
    pub sync_operation_id: Option<String>,
    pub server_time: Timestamp,
    /// The device's clock minus the server's, in ms, where the batch says what the clock was.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// The history that the versions of the verdicts count in; a server of earlier days does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<uuid::Uuid>,
}

/// The mutations of a request as they came. Reading keeps one more than [`MAX_BATCH`] and drops the rest,
/// so that a batch too large is refused by its count without having been held in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawMutations(pub Vec<Value>);

impl<'de> Deserialize<'de> for RawMutations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtMost;
        impl<'de> Visitor<'de> for AtMost {
            type Value = RawMutations;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of mutations")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawMutations, A::Error> {
                let mut kept = Vec::new();
                while kept.len() <= MAX_BATCH {
                    match list.next_element()? {
                        Some(mutation) => kept.push(mutation),
                        None => return Ok(RawMutations(kept)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(RawMutations(kept))
            }
        }
        deserializer.deserialize_seq(AtMost)
    }
}

/// A verdict, or a refusal of something that does not even have a readable id.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum WireVerdict {
    Verdict(Verdict),
    Unreadable(Unreadable),
}

impl<'de> Deserialize<'de> for WireVerdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = value.get("mutationId").and_then(Value::as_str).and_then(|id| id.parse::<MutationId>().ok());
        let read = match id {
            Some(_) => serde_json::from_value(value).map(Self::Verdict),
            None => serde_json::from_value(value).map(Self::Unreadable),
        };
        read.map_err(D::Error::custom)
    }
}

/// A mutation whose id is not a UUID; what it said is echoed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    pub mutation_id: Value,
    pub status: Status,
    pub version: Option<u64>,
    pub error: crate::domain::mutation::Rejection,
    pub server_data: Option<Value>,
}

/// One mutation as a device writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireMutation {
    pub mutation_id: MutationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    pub entity_type: EntityType,
    pub entity_id: EntityId,
    pub op: Op,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Fields>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hlc: Option<Hlc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// Reads one mutation of a push.
///
/// # Errors
/// The verdict that refuses it: always `rejected`, with the field that is wrong.
pub fn read_mutation(value: &Value) -> Result<(Mutation, Option<u64>), Box<WireVerdict>> {
    let id_value = key(value, "mutationId", "changeId");
    let Some(mutation_id) = id_value.and_then(Value::as_str).and_then(|id| id.parse().ok()) else {
        let why = Invalid::at("mutationId", "mutationId must be a UUID");
        let verdict = Verdict::rejected(MutationId(uuid::Uuid::nil()), RejectionCode::InvalidPayload, why);
        return Err(Box::new(WireVerdict::Unreadable(Unreadable {
            mutation_id: id_value.filter(|id| id.to_string().len() <= 64).cloned().unwrap_or(Value::Null),
            status: verdict.status,
            version: None,
            error: verdict.error.expect("a rejected verdict has an error"),
            server_data: None,
        })));
    };
    read_known(value, mutation_id)
        .map_err(|(code, why)| Box::new(WireVerdict::Verdict(Verdict::rejected(mutation_id, code, why))))
}

type Refusal = (RejectionCode, Invalid);

fn read_known(value: &Value, mutation_id: MutationId) -> Result<(Mutation, Option<u64>), Refusal> {
    let invalid = |field: &str, message: &str| (RejectionCode::InvalidPayload, Invalid::at(field, message));
    if is_too_long(value) {
        return Err(invalid("payload", "a mutation must be at most 16 KiB"));
    }
    let type_name =
        value.get("entityType").and_then(Value::as_str).ok_or(invalid("entityType", "entityType is missing"))?;
    let entity_type: EntityType = type_name.parse().map_err(|_| {
        let name: String = type_name.chars().take(40).collect();
        (RejectionCode::UnknownEntityType, Invalid::at("entityType", format!("unknown entity type {name:?}")))
    })?;
    let entity_id = value.get("entityId").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let op = key(value, "op", "type").and_then(Value::as_str).ok_or(invalid("op", "op is missing"))?;
    let op: Op = op.parse().map_err(|why| (RejectionCode::InvalidPayload, why))?;
    let payload = read_payload(key(value, "payload", "data"), op)?;
    let whole = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number.as_u64().map(Some).ok_or(invalid(name, "must be a whole number, 0 or more")),
    };
    let text = |name: &str, alias: &str| match key(value, name, alias) {
        None => Ok(None),
        Some(text) => text.as_str().map(Some).ok_or(invalid(name, "must be text")),
    };
    let hlc = text("hlc", "hlc")?.map(str::parse).transpose();
    let updated_at = text("updatedAt", "timestamp")?.map(str::parse).transpose();
    let mutation = Mutation {
        mutation_id,
        entity_type,
        entity_id: entity_id.ok_or(invalid("entityId", "entityId must be a UUID"))?,
        op,
        payload,
        base_version: whole("baseVersion")?,
        hlc: hlc.map_err(|_| invalid("hlc", "hlc must be <16 hex>-<4 hex>-<client id>"))?,
        updated_at: updated_at.map_err(|_| invalid("updatedAt", "updatedAt must be an RFC 3339 instant"))?,
    };
    Ok((mutation, whole("seq")?))
}

/// Whether a value is longer than a mutation may be, as JSON without spaces. Measuring means writing it,
/// so only what could be that long is measured.
fn is_too_long(value: &Value) -> bool {
    longest(value) > MAX_MUTATION_BYTES && serde_json::to_vec(value).map_or(0, |bytes| bytes.len()) > MAX_MUTATION_BYTES
}

/// A length that the value's JSON does not exceed: each byte of a text takes six at most (`\u0000`).
fn longest(value: &Value) -> usize {
    let text = |text: &str| 6 * text.len() + 3;
    match value {
        Value::Null | Value::Bool(_) => 6,
        Value::Number(_) => 32,
        Value::String(string) => text(string),
        Value::Array(list) => 3 + list.iter().map(longest).sum::<usize>(),
        Value::Object(map) => 3 + map.iter().map(|(key, value)| text(key) + longest(value) + 1).sum::<usize>(),
    }
}

/// An object, or a JSON string of one; may be left out for delete and restore.
fn read_payload(value: Option<&Value>, op: Op) -> Result<Fields, Refusal> {
    let invalid = |message: &str| (RejectionCode::InvalidPayload, Invalid::at("payload", message));
    match value {
        None if matches!(op, Op::Delete | Op::Restore) => Ok(Fields::new()),
        None => Err(invalid("payload is missing")),
        // A delete needs no fields, and what an earlier design puts there is not looked at.
        Some(_) if op == Op::Delete => Ok(Fields::new()),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| invalid("payload is not JSON of an object"))
        }
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(invalid("payload must be an object")),
    }
}

/// A key or its alias from an earlier design; `null` is the same as absent.
fn key<'v>(value: &'v Value, name: &str, alias: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| value.get(alias)).filter(|value| !value.is_null())
}

/// One event as pulled. `payload` is the whole row after the merge, spliced unparsed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The baby's version: 1, 2, 3… without gaps.
    pub id: u64,
    /// A name, not a type: a newer server may know more types than this device.
    pub entity_type: String,
    pub entity_id: EntityId,
    pub op: ChangeOp,
    pub version: u64,
    pub payload: Box<RawValue>,
    #[serde(default)]
    pub actor_id: Option<crate::domain::id::UserId>,
    #[serde(default)]
    pub client_id: Option<ClientId>,
    #[serde(default)]
    pub mutation_id: Option<MutationId>,
    pub created_at: Timestamp,
}

/// What an event says was done; a restore is told as an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeOp {
    Create,
    Update,
    Delete,
}

/// `GET /api/sync/pull`. Both cursor keys carry the same value, and so do both version keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullResponse {
    pub changes: Vec<Change>,
    pub next_cursor: u64,
    pub new_cursor: u64,
    pub has_more: bool,
    pub head: u64,
    pub epoch: uuid::Uuid,
    /// Of the live rows at `head`, 16 hex digits.
    pub checksum: String,
    pub live_rows: u64,
    pub server_time: Timestamp,
}

/// `POST /api/sync/v2`: a push and a pull in one round trip. `changes` takes the mutations of a
/// push, under their names there or under those of the earlier design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    pub baby_id: BabyId,
    pub client_id: ClientId,
    /// The cursor: the version up to which this device has applied everything.
    #[serde(default)]
    pub last_known_server_version: u64,
    /// The epoch that the cursor belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<uuid::Uuid>,
    #[serde(default)]
    pub changes: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_operation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_through: Option<u64>,
}

/// The answer: the verdicts of the push, and the page of a pull that was made after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    pub results: Vec<WireVerdict>,
    #[serde(default)]
    pub sync_operation_id: Option<String>,
    pub server_time: Timestamp,
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// The verdicts that did not go the device's way, in short.
    pub conflicts: Vec<ConflictNote>,
    /// Everything after the cursor, what this request wrote included.
    pub new_changes: Vec<Change>,
    /// Where to go on from: the version of the last change here. The head when `has_more` is false.
    pub latest_server_version: u64,
    pub has_more: bool,
    pub head: u64,
    pub epoch: uuid::Uuid,
    pub checksum: String,
    pub live_rows: u64,
}

impl SyncResponse {
    /// Of an answered push, and of the page that was read after it.
    pub fn new(pushed: PushResponse, page: PullResponse) -> Self {
        Self {
            conflicts: pushed.results.iter().filter_map(ConflictNote::of).collect(),
            results: pushed.results,
            sync_operation_id: pushed.sync_operation_id,
            server_time: pushed.server_time,
            clock_skew_ms: pushed.clock_skew_ms,
            new_changes: page.changes,
            latest_server_version: page.next_cursor,
            has_more: page.has_more,
            head: page.head,
            epoch: page.epoch,
            checksum: page.checksum,
            live_rows: page.live_rows,
        }
    }

    /// The two answers that it is made of.
    pub fn into_parts(self) -> (PushResponse, PullResponse) {
        let page = PullResponse {
            changes: self.new_changes,
            next_cursor: self.latest_server_version,
            new_cursor: self.latest_server_version,
            has_more: self.has_more,
            head: self.head,
            epoch: self.epoch,
            checksum: self.checksum,
            live_rows: self.live_rows,
            server_time: self.server_time,
        };
        let pushed = PushResponse {
            results: self.results,
            sync_operation_id: self.sync_operation_id,
            server_time: self.server_time,
            clock_skew_ms: self.clock_skew_ms,
            epoch: Some(self.epoch),
        };
        (pushed, page)
    }
}

/// One mutation that lost, or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictNote {
    pub change_id: Value,
    /// `conflict`, `merged`, or the code of the rejection.
    pub reason: String,
}

impl ConflictNote {
    fn of(verdict: &WireVerdict) -> Option<Self> {
        let (change_id, status, error) = match verdict {
            WireVerdict::Verdict(verdict) => (json!(verdict.mutation_id), verdict.status, verdict.error.as_ref()),
            WireVerdict::Unreadable(refused) => (refused.mutation_id.clone(), refused.status, Some(&refused.error)),
        };
        let word = match (status, error) {
            (Status::Rejected, Some(error)) => json!(error.code),
            (Status::Conflict | Status::Merged, _) => json!(status),
            _ => return None,
        };
        Some(Self { change_id, reason: word.as_str().map(str::to_owned).unwrap_or_default() })
    }
}

/// `GET /api/sync/snapshot`: one page of the rows as they are, for a device that has none. The
/// device sets its cursor to `snapshot_version` after the last page and pulls; rows that changed
/// meanwhile come again, and the version guard makes that exact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotResponse {
    /// The last event of each row, tombstones included, in no order that means anything.
    pub rows: Vec<Change>,
    /// The head as it was before the scan began: the same on every page of one bootstrap.
    pub snapshot_version: u64,
    /// `after` of the next page; opaque; `None` after the last one.
    pub next: Option<String>,
    pub has_more: bool,
    pub epoch: uuid::Uuid,
    /// Live rows at the head, for the progress that a person sees.
    pub live_rows: u64,
    pub server_time: Timestamp,
}

/// `GET /api/babies/history`: what happened to one entry, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryResponse {
    pub changes: Vec<Change>,
    /// Older ones are there: ask again with `before` set to the last version here.
    pub has_more: bool,
}

/// One message of `GET /api/sync/hints`: this baby has reached this version. A nudge and no more.
/// Version 0 says that the caller's access to it has changed: granted, another level, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hint {
    pub baby_id: BabyId,
    pub head: u64,
}

/// What a lease is for: work that is worth waiting with while the server is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseKind {
    Bootstrap,
    Import,
}

/// `POST /api/sync/lease`: admission for bulk work. Refused with 429 or 503 and `Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    pub lease_id: uuid::Uuid,
    pub expires_at: Timestamp,
}

/// `GET /api/sync/status`: where a baby's history stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusResponse {
    pub head: u64,
    pub floor: u64,
    pub epoch: uuid::Uuid,
    pub live_rows: u64,
    pub checksum: String,
    /// When the asking client last spoke about this baby before; `None` if never, or unnamed.
    pub last_seen_at: Option<Timestamp>,
    /// The last 30 days that have events, oldest first.
    pub events_per_day: Vec<DayVolume>,
}

/// One UTC day's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DayVolume {
    /// `YYYY-MM-DD`.
    pub day: String,
    pub events: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-7000-8000-000000000001";

    fn refusal(value: Value) -> (RejectionCode, Option<String>) {
        match *read_mutation(&value).unwrap_err() {
            WireVerdict::Verdict(verdict) => verdict.error.map(|error| (error.code, error.field)).unwrap(),
            WireVerdict::Unreadable(unreadable) => (unreadable.error.code, unreadable.error.field),
        }
    }

    /// C45: a batch too large is refused by its count, and never held whole.
    #[test]
    fn of_a_batch_too_large_no_more_is_kept_than_tells_so() {
        let kept = |count: usize| {
            let text = Value::from(vec![json!({ "n": 1 }); count]).to_string();
            serde_json::from_str::<RawMutations>(&text).unwrap().0.len()
        };
        assert_eq!([0, 1, MAX_BATCH].map(kept), [0, 1, MAX_BATCH]);
        assert_eq!(kept(MAX_BATCH * 40), MAX_BATCH + 1);
        assert!(serde_json::from_str::<RawMutations>(r#"{ "n": 1 }"#).is_err());
    }

    #[test]
    fn a_simple_client_may_leave_out_all_but_the_required() {
        let value = json!({"mutationId": ID, "entityType": "nappy_log", "entityId": ID, "op": "create", "payload": {"type": "wee"}});
        let (mutation, seq) = read_mutation(&value).unwrap();
        assert_eq!((mutation.op, mutation.base_version, mutation.hlc, seq), (Op::Create, None, None, None));
    }

    /// C17, X4, X5, X19, A12: a payload may be an object or a JSON string of one.
    #[test]
    fn aliases_and_strings_read_the_same() {
        let canonical = json!({"mutationId": ID, "entityType": "nappy_log", "entityId": ID, "op": "create",
            "payload": {"type": "wee"}, "updatedAt": "2026-11-20T02:10:00.000Z"});
        let aliased = json!({"changeId": ID, "entityType": "nappy_log", "entityId": ID, "type": "CREATED",
            "data": "{\"type\":\"wee\"}", "timestamp": "2026-11-20T02:10:00Z"});
        assert_eq!(read_mutation(&canonical), read_mutation(&aliased));
    }

    /// A02, trap 16: what cannot be read is refused by name, field by field.
    #[test]
    fn what_cannot_be_read_is_refused_with_its_field() {
        let base = json!({"mutationId": ID, "entityType": "nappy_log", "entityId": ID, "op": "create", "payload": {}});
        let with = |key: &str, value: Value| {
            let mut changed = base.clone();
            changed[key] = value;
            refusal(changed)
        };
        let at = |field: &str| (RejectionCode::InvalidPayload, Some(field.to_owned()));
        assert_eq!(with("mutationId", json!(7)), at("mutationId"));
        assert_eq!(with("mutationId", Value::Null), at("mutationId"));
        assert_eq!(
            with("entityType", json!("spaceship")),
            (RejectionCode::UnknownEntityType, Some("entityType".into()))
        );
        assert_eq!(with("entityId", json!("1")), at("entityId"));
        assert_eq!(with("op", json!("upsert")), at("op"));
        assert_eq!(with("payload", json!([1])), at("payload"));
        assert_eq!(with("payload", json!("{")), at("payload"));
        assert_eq!(with("payload", Value::Null), at("payload"));
        assert_eq!(with("payload", json!({"notes": "x".repeat(20_000)})), at("payload"));
        assert_eq!(with("baseVersion", json!(-1)), at("baseVersion"));
        assert_eq!(with("hlc", json!("now")), at("hlc"));
        assert_eq!(with("updatedAt", json!(12)), at("updatedAt"));
        assert_eq!(refusal(json!("a mutation")), at("mutationId"));
    }

    /// Trap 1: deletes with a null payload must sync.
    #[test]
    fn trap_01_a_delete_needs_no_payload() {
        let value =
            json!({"mutationId": ID, "entityType": "feed_log", "entityId": ID, "op": "delete", "payload": null});
        assert_eq!(read_mutation(&value).unwrap().0.payload, Fields::new());
    }
}
