//! Pull: what happened to one baby since a cursor.
//!
//! One statement proves the session and the access and reads the head and the events, so all of
//! them are of one instant: nothing is sent after a removal committed, and the checksum belongs to
//! exactly the events up to `head`. An idle poll is this one statement.

use std::{str::FromStr, sync::LazyLock};

use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Call,
    access::Action,
    error::internal,
    lanes,
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, ErrorCode, Level},
    domain::{
        checksum::Checksum,
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        time::Timestamp,
    },
    sync::protocol::{Change, ChangeOp, DEFAULT_PULL_LIMIT, MAX_PULL_LIMIT, PullResponse},
};

/// A device's place is written down at most this often while it does not move, in seconds.
const SEEN_EVERY_SECS: i32 = 60;

/// The columns of one event, for the alias `e`, as [`change`] reads them.
pub(super) const EVENT: &str =
    "e.id, e.entity_type, e.entity_id, e.op::text as op, e.payload, e.actor_id, e.client_id, e.mutation_id,
     (extract(epoch from e.created_at) * 1000)::bigint as created_ms";

/// The query string as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub baby_id: Option<String>,
    pub since: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<String>,
    pub epoch: Option<String>,
    pub client_id: Option<String>,
    pub payload: Option<String>,
}

/// What is pulled, once it has been read.
pub(super) struct Query {
    pub(super) baby: BabyId,
    pub(super) since: i64,
    pub(super) limit: i64,
    pub(super) epoch: Option<Uuid>,
    pub(super) client: Option<ClientId>,
    pub(super) payload_as_text: bool,
}

impl Asked {
    fn read(&self) -> Result<Query, ApiError> {
        let since = cursor("since", self.since.as_deref())?;
        let alias = cursor("cursor", self.cursor.as_deref())?;
        if let (Some(since), Some(alias)) = (since, alias)
            && since != alias
        {
            let why = "since and cursor mean the same and must not differ";
            return Err(ApiError { field: Some("since".into()), ..ApiError::new(ErrorCode::CursorAmbiguous, why) });
        }
        Ok(Query {
            baby: required("babyId", self.baby_id.as_deref())?,
            since: since.or(alias).unwrap_or_default(),
            limit: clamped(optional("limit", self.limit.as_deref(), "a whole number")?),
            epoch: optional("epoch", self.epoch.as_deref(), "a UUID")?,
            client: optional("clientId", self.client_id.as_deref(), "a UUID")?,
            payload_as_text: match self.payload.as_deref() {
                None | Some("object") => false,
                Some("string") => true,
                Some(_) => return Err(ApiError::malformed("payload", "payload must be object or string")),
            },
        })
    }
}

/// How many changes a page holds at most, from what was asked for.
pub(super) fn clamped(limit: Option<i64>) -> i64 {
    limit.unwrap_or(DEFAULT_PULL_LIMIT.into()).clamp(1, MAX_PULL_LIMIT.into())
}

pub(super) fn required<T: FromStr>(field: &str, text: Option<&str>) -> Result<T, ApiError> {
    optional(field, text, "a UUID")?.ok_or_else(|| ApiError::malformed(field, format!("{field} is missing")))
}

pub(super) fn cursor(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let number = optional(field, text, "a whole number, 0 or more")?;
    match number {
        Some(number) if number < 0 => Err(ApiError::malformed(field, format!("{field} must be 0 or more"))),
        number => Ok(number),
    }
}

pub(super) fn optional<T: FromStr>(field: &str, text: Option<&str>, what: &str) -> Result<Option<T>, ApiError> {
    let unreadable = |_| ApiError::malformed(field, format!("{field} must be {what}"));
    text.map(|text| text.parse().map_err(|_| ()).map_err(unreadable)).transpose()
}

pub async fn pull(call: &Call, asked: Asked) -> Result<PullResponse, ApiError> {
    let query = session::or_refused(call, asked.read()).await?;
    page(call, &query).await
}

/// One page of a pull.
pub(super) async fn page(call: &Call, query: &Query) -> Result<PullResponse, ApiError> {
    let hash = call.token.as_ref().ok_or_else(session::unauthenticated)?.hash();
    let mut lane = call.lane().await?;
    let mut rows = read(&mut lane, &hash, query).await;
    if rows.as_ref().is_err_and(lanes::is_gone) {
        lane = call.fresh_lane().await?;
        rows = read(&mut lane, &hash, query).await;
    }
    let rows = rows?;
    if let Some(first) = rows.first() {
        call.proven(&hash, UserId(first.try_get("user_id")?));
    }
    let response = answer(query, &rows);
    if response.is_ok() {
        note(&mut lane, &hash, query, &rows[0]).await?;
    }
    lane.keep();
    response
}

/// Writes down that the session and the device were here, where that is due.
async fn note(conn: &mut PgConnection, hash: &[u8], query: &Query, first: &PgRow) -> Result<(), ApiError> {
    if first.try_get("stale")? {
        session::touch(conn, hash).await?;
    }
    if let Some(client) = query.client
        && first.try_get("unseen")?
    {
        see(conn, query, client, hash).await?;
    }
    Ok(())
}

/// Put together once: a poll spends less on all else that it is.
static READ: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select s.user_id, s.last_seen_at < now() - interval '1 hour' as stale, a.level::text as level,
           h.version as head, h.floor, h.epoch, h.checksum, h.live_rows,
           (extract(epoch from now()) * 1000)::bigint as now_ms,
           c.seen_at is null or c.cursor < $3 or c.seen_at < now() - make_interval(secs => $6) as unseen,
           {EVENT}
         from sessions s
         left join access_now a on a.baby_id = $2 and a.user_id = s.user_id
         left join sync_head h on h.baby_id = a.baby_id
         left join sync_client c on c.baby_id = a.baby_id and c.client_id = $5
         left join lateral (
           select *
           from sync_events e
           where e.baby_id = a.baby_id and e.id > $3
           order by e.id
           limit $4
         ) e on true
         where s.id_hash = $1 and {ALIVE}
         order by e.id"
    )
});

/// At least one row if the session lives; each carries the head, and one event if there is one.
async fn read(conn: &mut PgConnection, hash: &[u8], query: &Query) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query(AssertSqlSafe(READ.as_str()))
        .bind(hash)
        .bind(query.baby.0)
        .bind(query.since)
        .bind(query.limit + 1)
        .bind(query.client.map(|client| client.0))
        .bind(f64::from(SEEN_EVERY_SECS))
        .fetch_all(conn)
        .await
}

fn answer(query: &Query, rows: &[PgRow]) -> Result<PullResponse, ApiError> {
    let first = rows.first().ok_or_else(session::unauthenticated)?;
    let level = first.try_get::<Option<&str>, _>("level")?.map(Level::from_sql).transpose()?;
    Action::Read.judge(query.baby, level)?;
    let head: i64 = first.try_get("head")?;
    let epoch: Uuid = first.try_get("epoch")?;
    if query.since > head || query.epoch.is_some_and(|known| known != epoch) {
        return Err(ApiError::new(ErrorCode::EpochChanged, "this cursor is of another history; start over"));
    }
    if query.since < first.try_get("floor")? {
        return Err(ApiError::new(ErrorCode::CursorExpired, "the events after this cursor are gone; start over"));
    }
    let found = if first.try_get::<Option<i64>, _>("id")?.is_some() { rows } else { &[] };
    let limit = usize::try_from(query.limit).map_err(|error| internal(&error))?;
    let has_more = found.len() > limit;
    let page = &found[..found.len().min(limit)];
    let changes = page.iter().map(|row| change(row, query.payload_as_text)).collect::<Result<Vec<_>, _>>()?;
    let next_cursor = changes.last().map_or(query.since.unsigned_abs(), |change| change.id);
    Ok(PullResponse {
        changes,
        next_cursor,
        new_cursor: next_cursor,
        has_more,
        head: head.unsigned_abs(),
        epoch,
        checksum: Checksum(first.try_get::<i64, _>("checksum")?.cast_unsigned()).to_hex(),
        live_rows: first.try_get::<i64, _>("live_rows")?.unsigned_abs(),
        server_time: Timestamp::from_ms(first.try_get("now_ms")?),
    })
}

pub(super) fn change(row: &PgRow, payload_as_text: bool) -> Result<Change, ApiError> {
    let id = row.try_get::<i64, _>("id")?.unsigned_abs();
    let payload: String = row.try_get("payload")?;
    let payload = if payload_as_text { serde_json::Value::String(payload).to_string() } else { payload };
    Ok(Change {
        id,
        entity_type: row.try_get("entity_type")?,
        entity_id: EntityId(row.try_get("entity_id")?),
        op: match row.try_get("op")? {
            "create" => ChangeOp::Create,
            "update" => ChangeOp::Update,
            "delete" => ChangeOp::Delete,
            other => return Err(internal(&format_args!("unknown op {other:?}"))),
        },
        version: id,
        payload: RawValue::from_string(payload).map_err(|error| internal(&error))?,
        actor_id: Some(UserId(row.try_get("actor_id")?)),
        client_id: Some(ClientId(row.try_get("client_id")?)),
        mutation_id: Some(MutationId(row.try_get("mutation_id")?)),
        created_at: Timestamp::from_ms(row.try_get("created_ms")?),
    })
}

/// Writes down how far a device has come, for "seen by the other parent", for the list of devices and
/// for compaction. Only while the caller still has access.
async fn see(conn: &mut PgConnection, query: &Query, client: ClientId, hash: &[u8]) -> Result<(), ApiError> {
    sqlx::query(
        "insert into sync_client as c (baby_id, client_id, user_id, cursor, seen_at, session_id)
         select a.baby_id, $2, a.user_id, $4, now(), s.id
         from sessions s
         join access_now a on a.baby_id = $1 and a.user_id = s.user_id
         where s.id_hash = $3
         on conflict (baby_id, client_id) do update
         set cursor = greatest(c.cursor, excluded.cursor),
             seen_at = excluded.seen_at,
             session_id = excluded.session_id
         where c.user_id = excluded.user_id",
    )
    .bind(query.baby.0)
    .bind(client.0)
    .bind(hash)
    .bind(query.since)
    .execute(conn)
    .await?;
    Ok(())
}
