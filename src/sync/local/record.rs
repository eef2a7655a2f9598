//! How things lie in the tables: keys, and the JSON of each record.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use super::gate::Touched;
use crate::{
    domain::{
        checksum::Checksum,
        id::{BabyId, EntityId, MutationId},
        registry::EntityType,
        row::Row,
        time::Timestamp,
    },
    sync::{
        defect::{Defect, planted},
        outbox::OutboxEntry,
        ports::{Index, Scan, StoreError, Table, Tx},
        status::{BabyAccess, DeadLetter, SyncError},
    },
};

/// Keys of [`Table::Kv`].
pub(super) const CLIENT_ID: &str = "clientId";
pub(super) const HLC: &str = "hlc";
pub(super) const SEQUENCE: &str = "sequence";
pub(super) const CLOCK_OFFSET_MS: &str = "clockOffsetMs";
pub(super) const LEADER_EPOCH: &str = "leaderEpoch";
pub(super) const ACCESS: &str = "access";
pub(super) const CAREGIVERS: &str = "caregivers";

/// How far the copy of one baby is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMeta {
    pub cursor: u64,
    /// Which history of the server the cursor counts in; `None` before the first pull.
    pub epoch: Option<Uuid>,
    /// Of the server images held here.
    #[serde(with = "hex")]
    pub checksum: Checksum,
    pub live_rows: u64,
    pub last_pull_at: Option<Timestamp>,
    pub last_push_at: Option<Timestamp>,
    /// The first copy, while it is being fetched.
    #[serde(default)]
    pub bootstrap: Option<Bootstrap>,
    /// Entries whose parents had not come when the gate last looked.
    #[serde(default)]
    pub open: Vec<Touched>,
    /// The first copy is complete, and was compared with the server's at its head.
    pub bootstrapped: bool,
    pub error: Option<SyncError>,
    /// How often this copy was found to differ and was fetched anew.
    pub repairs: u32,
}

impl SyncMeta {
    /// Whether the rows are to be fetched whole, by snapshot. The one rule: a copy that follows no
    /// history yet is; every other one pulls from its cursor.
    pub fn is_new(&self) -> bool {
        self.epoch.is_none()
    }
}

/// How far the fetching of a whole copy is: enough to go on from after a crash. The rows so far are
/// counted by [`SyncMeta::live_rows`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Where the pull goes on once all rows are here.
    pub snapshot_version: u64,
    /// What to ask for next, in the server's words.
    pub next: Option<String>,
    pub epoch: Uuid,
    /// The server's live rows, for the progress that a person sees.
    pub live_rows: u64,
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::domain::checksum::Checksum;

    pub(super) fn serialize<S: Serializer>(sum: &Checksum, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&sum.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Checksum, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Checksum).map_err(de::Error::custom)
    }
}

/// A row of a type that this version does not know, or cannot read: kept as it came, so that the
/// cursor may pass it and a later version finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opaque {
    pub(super) entity_type: String,
    pub(super) version: u64,
    pub(super) live: bool,
    pub(super) payload: Value,
}

pub(super) fn row_key(baby: BabyId, id: EntityId) -> String {
    format!("{baby}/{id}")
}

pub(super) fn outbox_key(baby: BabyId, seq: u64) -> String {
    format!("{baby}/{seq:016x}")
}

pub(super) fn letter_key(baby: BabyId, id: MutationId) -> String {
    format!("{baby}/{id}")
}

/// Everything of one baby in a table: its keys begin with `baby/`, and `0` follows `/`.
pub(super) fn of_baby(table: Table, index: Option<Index>, baby: BabyId) -> Scan {
    Scan { table, index, from: format!("{baby}/"), to: format!("{baby}0"), descending: false, limit: None }
}

/// Everything in a table: keys are ids and hex, which sort before `~`.
pub(super) fn every(table: Table) -> Scan {
    Scan { table, index: None, from: String::new(), to: "~".into(), descending: false, limit: None }
}

/// The entries of one entity, oldest first.
pub(super) fn of_entity(baby: BabyId, id: EntityId) -> Scan {
    let key = row_key(baby, id);
    let to = format!("{key}\0");
    Scan { table: Table::Outbox, index: Some(Index::Entity), from: key, to, descending: false, limit: None }
}

pub(super) async fn get<R: DeserializeOwned>(tx: &impl Tx, table: Table, key: &str) -> Result<Option<R>, StoreError> {
    tx.get(table, key).await?.map(|value| decode(table, key, value)).transpose()
}

pub(super) async fn put<R: Serialize>(tx: &impl Tx, table: Table, key: &str, record: &R) -> Result<(), StoreError> {
    tx.put(table, key, &encode(record)?).await
}

fn encode<R: Serialize>(record: &R) -> Result<Value, StoreError> {
    serde_json::to_value(record).map_err(|err| StoreError::Failed(err.to_string()))
}

pub(super) fn decode<R: DeserializeOwned>(table: Table, key: &str, value: Value) -> Result<R, StoreError> {
    serde_json::from_value(value).map_err(|err| StoreError::Damaged(format!("{} {key}: {err}", table.name())))
}

/// Within a transaction over the row's table and [`Table::Kv`].
pub(super) async fn put_row(tx: &impl Tx, row: &Row, pending: bool) -> Result<(), StoreError> {
    let key = row_key(row.baby_id, row.id);
    if row.entity_type == EntityType::BABY {
        list_as_here(tx, row).await?;
    }
    let mut record = json!({ "row": row.to_payload(), "pending": pending });
    if let Some(at) = row.started_at().filter(|_| !row.is_deleted()) {
        record["at"] = format!("{}/{at}", row.baby_id).into();
        if row.entity_type.is_running(&row.fields) {
            record["running"] = record["at"].clone();
        }
    }
    if let Some(at) = row.server.deleted_at {
        record[Index::Deleted.name()] = format!("{}/{at}", row.baby_id).into();
    }
    tx.put(Table::Rows(row.entity_type), &key, &record).await
}

/// The name of a baby as its profile on this device has it.
fn name_in(profile: &Row) -> Option<&str> {
    profile.fields.get("name")?.as_str()
}

/// What the list of babies says of a baby is what its profile says, whoever changed that.
fn adopt(access: &mut BabyAccess, profile: &Row) {
    if let Some(name) = name_in(profile) {
        access.name = name.to_owned();
    }
    access.deleted_at = profile.server.deleted_at;
}

async fn list_as_here(tx: &impl Tx, profile: &Row) -> Result<(), StoreError> {
    let mut list: Vec<BabyAccess> = get(tx, Table::Kv, ACCESS).await?.unwrap_or_default();
    let Some(known) = list.iter_mut().find(|access| access.baby_id == profile.baby_id) else { return Ok(()) };
    let before = known.clone();
    adopt(known, profile);
    if *known == before { Ok(()) } else { put(tx, Table::Kv, ACCESS, &list).await }
}

/// What the profile on this device says beats the server's list, which knows nothing of an edit that
/// waits; without a profile here the list's word stays.
pub(super) async fn name_as_here(tx: &impl Tx, access: &mut BabyAccess) -> Result<(), StoreError> {
    let key = row_key(access.baby_id, access.baby_id.entity());
    if let Some(profile) = get_row(tx, EntityType::BABY, &key).await? {
        adopt(access, &profile);
    }
    Ok(())
}

pub(super) fn read_row(entity_type: EntityType, key: &str, record: &Value) -> Result<Row, StoreError> {
    Row::from_payload(entity_type, &record["row"])
        .map_err(|err| StoreError::Damaged(format!("{} {key}: {err}", entity_type.name())))
}

pub(super) async fn get_row(tx: &impl Tx, entity_type: EntityType, key: &str) -> Result<Option<Row>, StoreError> {
    let record = tx.get(Table::Rows(entity_type), key).await?;
    record.map(|record| read_row(entity_type, key, &record)).transpose()
}

/// The last server image of a row with pending edits.
pub(super) async fn get_shadow(tx: &impl Tx, entity_type: EntityType, key: &str) -> Result<Option<Row>, StoreError> {
    let record = tx.get(Table::Shadow, key).await?;
    record.map(|record| read_row(entity_type, key, &record)).transpose()
}

pub(super) async fn put_shadow(tx: &impl Tx, row: &Row) -> Result<(), StoreError> {
    tx.put(Table::Shadow, &row_key(row.baby_id, row.id), &json!({ "row": row.to_payload() })).await
}

pub(super) async fn put_entry(tx: &impl Tx, entry: &OutboxEntry) -> Result<(), StoreError> {
    let mut record = encode(entry)?;
    record[Index::Entity.name()] = row_key(entry.baby_id, entry.mutated.entity_id).into();
    tx.put(Table::Outbox, &outbox_key(entry.baby_id, entry.seq), &record).await
}

/// The readable entries of a scan of the outbox.
pub(super) async fn entries(tx: &impl Tx, scan: &Scan) -> Result<Vec<OutboxEntry>, StoreError> {
    let found = tx.scan(scan).await?;
    found.into_iter().map(|(key, value)| decode(Table::Outbox, &key, value)).collect()
}

pub(super) async fn put_letter(tx: &impl Tx, letter: &DeadLetter) -> Result<(), StoreError> {
    put(tx, Table::DeadLetters, &letter_key(letter.baby_id, letter.mutation_id), letter).await
}

pub(super) async fn meta(tx: &impl Tx, baby: BabyId) -> Result<SyncMeta, StoreError> {
    let mut known: SyncMeta = get(tx, Table::SyncMeta, &baby.to_string()).await?.unwrap_or_default();
    if planted(Defect::SharedCursor) {
        let others = tx.scan(&every(Table::SyncMeta)).await?.into_iter();
        known.cursor = others.filter_map(|(_, meta)| meta["cursor"].as_u64()).fold(known.cursor, u64::max);
    }
    Ok(known)
}

pub(super) async fn put_meta(tx: &impl Tx, baby: BabyId, meta: &SyncMeta) -> Result<(), StoreError> {
    put(tx, Table::SyncMeta, &baby.to_string(), meta).await
}

/// Whether the baby is one of this account's, as far as this device knows.
pub(super) async fn is_listed(tx: &impl Tx, baby: BabyId) -> Result<bool, StoreError> {
    let list: Vec<BabyAccess> = get(tx, Table::Kv, ACCESS).await?.unwrap_or_default();
    Ok(list.iter().any(|access| access.baby_id == baby))
}
