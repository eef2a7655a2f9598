//! The one place where a baby's rows, events and remembered verdicts are read for judging and
//! written after it. Whatever changes a baby goes through [`write`]; nothing else inserts an event.
//!
//! Invariant: both run in the transaction that holds the row lock of the baby's `sync_head`. One
//! statement writes everything, so a push of a hundred mutations takes as many round trips as a
//! push of one.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::error::internal;
use crate::{
    api::ApiError,
    domain::{
        apply::{Bench, Push, Remembered, TWINS_WITHIN_MS},
        field::Fields,
        id::{BabyId, EntityId, MutationId, UserId},
        merge::{Groups, Stored},
        mutation::{Mutation, Status},
        row::{Row, ServerFields},
        time::Timestamp,
    },
};

/// What a batch is judged by.
pub(super) type Past = (BTreeMap<EntityId, Stored>, BTreeMap<MutationId, Remembered>);

/// Loads the rows and the earlier verdicts that `batch` is judged by, in one round trip.
pub(super) async fn load(
    conn: &mut PgConnection,
    baby: BabyId,
    actor: UserId,
    batch: &[Mutation],
) -> Result<Past, ApiError> {
    let ids: Vec<Uuid> = Bench::wanted(baby, batch).iter().map(|id| id.0).collect();
    let mutation_ids: Vec<Uuid> = batch.iter().map(|mutation| mutation.mutation_id.0).collect();
    let times: Vec<i64> = Bench::times(batch).into_iter().map(Timestamp::as_ms).collect();
    let found = sqlx::query(
        "with rows as (
           select *
           from entity
           where baby_id = $1 and id = any($2)
           union all
           select e.*
           from unnest($4::bigint[]) ms
           join entity e on e.baby_id = $1
             and e.started_at between to_timestamp((ms - $5) / 1000.0) and to_timestamp((ms + $5) / 1000.0)
             and e.deleted_at is null
             and e.created_by <> $6
         )
         select id, entity_type, data, groups, row_version, created_by, updated_by,
           (extract(epoch from created_at) * 1000)::bigint as created_ms,
           (extract(epoch from updated_at) * 1000)::bigint as updated_ms,
           (extract(epoch from deleted_at) * 1000)::bigint as deleted_ms,
           possible_duplicate_of, null as body_sha256, null as result
         from rows
         union all
         select mutation_id, null, null, null, null, null, null, null, null, null, null, body_sha256, result
         from sync_mutation
         where baby_id = $1 and mutation_id = any($3)",
    )
    .bind(baby.0)
    .bind(ids)
    .bind(mutation_ids)
    .bind(times)
    .bind(TWINS_WITHIN_MS)
    .bind(actor.0)
    .fetch_all(conn)
    .await?;
    let (mut rows, mut known) = (BTreeMap::new(), BTreeMap::new());
    for row in &found {
        if row.try_get::<Option<&str>, _>("result")?.is_some() {
            known.extend([remembered(row)?]);
        } else {
            let stored = stored(baby, row)?;
            rows.insert(stored.row.id, stored);
        }
    }
    Ok((rows, known))
}

fn stored(baby: BabyId, row: &PgRow) -> Result<Stored, ApiError> {
    let entity_type: &str = row.try_get("entity_type")?;
    // A row of a type that only a newer server knows: to judge it here would be to overwrite it.
    let entity_type = entity_type.parse().map_err(|error| internal(&error))?;
    let Json(fields) = row.try_get::<Json<Fields>, _>("data")?;
    let Json(groups) = row.try_get::<Json<Groups>, _>("groups")?;
    let time = |name: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_ms));
    let server = ServerFields {
        row_version: row.try_get::<i64, _>("row_version")?.unsigned_abs(),
        logged_by: Some(UserId(row.try_get("created_by")?)),
        created_at: time("created_ms")?,
        updated_by: Some(UserId(row.try_get("updated_by")?)),
        updated_at: time("updated_ms")?,
        deleted_at: time("deleted_ms")?,
        possible_duplicate_of: row.try_get::<Option<_>, _>("possible_duplicate_of")?.map(EntityId),
    };
    Ok(Stored { row: Row { entity_type, id: EntityId(row.try_get("id")?), baby_id: baby, fields, server }, groups })
}

fn remembered(row: &PgRow) -> Result<(MutationId, Remembered), ApiError> {
    let hash: &[u8] = row.try_get("body_sha256")?;
    let body_sha256 = hash.try_into().map_err(|error| internal(&error))?;
    let verdict = serde_json::from_str(row.try_get("result")?).map_err(|error| internal(&error))?;
    Ok((MutationId(row.try_get("id")?), Remembered { body_sha256, verdict }))
}

/// What the device says about its own outbox.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The device's own numbers of its mutations.
    pub(super) seqs: BTreeMap<MutationId, u64>,
    pub(super) acked_through: u64,
}

/// Writes what the bench decided: rows, events, verdicts, head, and the device's place.
pub(super) async fn write(conn: &mut PgConnection, push: Push, bench: &Bench, told: &Told) -> Result<(), ApiError> {
    let head = bench.head();
    let rows = RowColumns::of(bench)?;
    let events = EventColumns::of(bench)?;
    let judged = VerdictColumns::of(bench, told)?;
    sqlx::query(WRITE)
        .bind(push.baby_id.0)
        .bind(push.client_id.0)
        .bind(push.actor.0)
        .bind(push.now.as_ms())
        .bind(signed(head.version))
        .bind(head.checksum.0.cast_signed())
        .bind(signed(head.live_rows))
        .bind(rows.ids)
        .bind(rows.types)
        .bind(rows.data)
        .bind(rows.groups)
        .bind(rows.versions)
        .bind(rows.started_ms)
        .bind(rows.deleted_ms)
        .bind(rows.created_by)
        .bind(rows.created_ms)
        .bind(rows.updated_by)
        .bind(rows.updated_ms)
        .bind(rows.twins)
        .bind(events.ids)
        .bind(events.types)
        .bind(events.entity_ids)
        .bind(events.ops)
        .bind(events.payloads)
        .bind(events.mutation_ids)
        .bind(judged.ids)
        .bind(judged.seqs)
        .bind(judged.hashes)
        .bind(judged.statuses)
        .bind(judged.results)
        .bind(judged.event_ids)
        .bind(told.seqs.values().copied().max().map_or(0, signed))
        .bind(signed(told.acked_through))
        .execute(conn)
        .await?;
    Ok(())
}

const WRITE: &str = "
    with rows as (
      insert into entity (baby_id, id, entity_type, data, groups, row_version, started_at, deleted_at,
        created_by, created_at, updated_by, updated_at, possible_duplicate_of)
      select $1, id, entity_type, data::jsonb, groups::jsonb, row_version, to_timestamp(started / 1000.0),
        to_timestamp(deleted / 1000.0), created_by, to_timestamp(created / 1000.0), updated_by,
        to_timestamp(updated / 1000.0), twin
      from unnest($8::uuid[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[],
        $15::uuid[], $16::bigint[], $17::uuid[], $18::bigint[], $19::uuid[])
        as t (id, entity_type, data, groups, row_version, started, deleted, created_by, created, updated_by, updated,
          twin)
      on conflict (baby_id, id) do update
      set data = excluded.data,
          groups = excluded.groups,
          row_version = excluded.row_version,
          started_at = excluded.started_at,
          deleted_at = excluded.deleted_at,
          updated_by = excluded.updated_by,
          updated_at = excluded.updated_at
    ), events as (
      insert into sync_events (baby_id, id, entity_type, entity_id, op, payload, actor_id, client_id, mutation_id,
        created_at)
      select $1, id, entity_type, entity_id, op::sync_op_enum, payload, $3, $2, mutation_id,
        to_timestamp($4 / 1000.0)
      from unnest($20::bigint[], $21::text[], $22::uuid[], $23::text[], $24::text[], $25::uuid[])
        as t (id, entity_type, entity_id, op, payload, mutation_id)
    ), verdicts as (
      insert into sync_mutation (baby_id, mutation_id, client_id, seq, body_sha256, status, result, event_id,
        created_at)
      select $1, mutation_id, $2, seq, body_sha256, status, result, event_id, to_timestamp($4 / 1000.0)
      from unnest($26::uuid[], $27::bigint[], $28::bytea[], $29::text[], $30::text[], $31::bigint[])
        as t (mutation_id, seq, body_sha256, status, result, event_id)
    ), head as (
      update sync_head
      set version = $5,
          checksum = $6,
          live_rows = $7
      where baby_id = $1 and version < $5
    )
    insert into sync_client as c (baby_id, client_id, user_id, last_seq, acked_seq, seen_at)
    values ($1, $2, $3, $32, $33, to_timestamp($4 / 1000.0))
    on conflict (baby_id, client_id) do update
    set last_seq = greatest(c.last_seq, excluded.last_seq),
        acked_seq = greatest(c.acked_seq, excluded.acked_seq),
        seen_at = greatest(c.seen_at, excluded.seen_at)
    where c.user_id = excluded.user_id";

#[derive(Default)]
struct RowColumns {
    ids: Vec<Uuid>,
    types: Vec<&'static str>,
    data: Vec<String>,
    groups: Vec<String>,
    versions: Vec<i64>,
    started_ms: Vec<Option<i64>>,
    deleted_ms: Vec<Option<i64>>,
    created_by: Vec<Option<Uuid>>,
    created_ms: Vec<Option<i64>>,
    updated_by: Vec<Option<Uuid>>,
    updated_ms: Vec<Option<i64>>,
    twins: Vec<Option<Uuid>>,
}

impl RowColumns {
    fn of(bench: &Bench) -> Result<Self, ApiError> {
        let mut columns = Self::default();
        for Stored { row, groups } in bench.written() {
            columns.ids.push(row.id.0);
            columns.types.push(row.entity_type.name());
            columns.data.push(json(&row.fields)?);
            columns.groups.push(json(groups)?);
            columns.versions.push(signed(row.server.row_version));
            columns.started_ms.push(row.started_at().map(Timestamp::as_ms));
            columns.deleted_ms.push(row.server.deleted_at.map(Timestamp::as_ms));
            columns.created_by.push(row.server.logged_by.map(|user| user.0));
            columns.created_ms.push(row.server.created_at.map(Timestamp::as_ms));
            columns.updated_by.push(row.server.updated_by.map(|user| user.0));
            columns.updated_ms.push(row.server.updated_at.map(Timestamp::as_ms));
            columns.twins.push(row.server.possible_duplicate_of.map(|twin| twin.0));
        }
        Ok(columns)
    }
}

#[derive(Default)]
struct EventColumns {
    ids: Vec<i64>,
    types: Vec<&'static str>,
    entity_ids: Vec<Uuid>,
    ops: Vec<&'static str>,
    payloads: Vec<String>,
    mutation_ids: Vec<Uuid>,
}

impl EventColumns {
    fn of(bench: &Bench) -> Result<Self, ApiError> {
        let mut columns = Self::default();
        for event in bench.events() {
            columns.ids.push(signed(event.id));
            columns.types.push(event.row.entity_type.name());
            columns.entity_ids.push(event.row.id.0);
            columns.ops.push(event.op.as_str());
            columns.payloads.push(json(&event.row)?);
            columns.mutation_ids.push(event.mutation_id.0);
        }
        Ok(columns)
    }
}

#[derive(Default)]
struct VerdictColumns {
    ids: Vec<Uuid>,
    seqs: Vec<Option<i64>>,
    hashes: Vec<Vec<u8>>,
    statuses: Vec<&'static str>,
    results: Vec<String>,
    event_ids: Vec<Option<i64>>,
}

impl VerdictColumns {
    fn of(bench: &Bench, told: &Told) -> Result<Self, ApiError> {
        let mut columns = Self::default();
        for (id, Remembered { body_sha256, verdict }) in bench.judged() {
            columns.ids.push(id.0);
            columns.seqs.push(told.seqs.get(id).copied().map(signed));
            columns.hashes.push(body_sha256.to_vec());
            columns.statuses.push(status_word(verdict.status));
            columns.results.push(json(verdict)?);
            columns.event_ids.push(verdict.version.map(signed));
        }
        Ok(columns)
    }
}

/// A status as the table and the metrics say it.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Applied => "applied",
        Status::Merged => "merged",
        Status::Duplicate => "duplicate",
        Status::Noop => "noop",
        Status::Conflict => "conflict",
        Status::Rejected => "rejected",
    }
}

/// Versions and device numbers count up from zero; one beyond 2⁶³ can only be nonsense.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json(value: &impl serde::Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(|error| internal(&error))
}
