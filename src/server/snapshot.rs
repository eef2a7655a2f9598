//! Snapshot: a baby's rows as they are, for a device that has none or too old ones.
//!
//! A row is told by its last event, so a page looks like a page of a pull. Pages follow the entity
//! ids; what changes between two pages, wherever it stands, has a version above the one that the
//! first page fixed, and comes with the pull from there. Each page is one statement, which proves
//! session and access and reads head and rows at one instant.

use std::{fmt, str::FromStr};

use sqlx::{AssertSqlSafe, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Call,
    access::Action,
    error::internal,
    leases::Holder,
    pull::{EVENT, change, clamped, optional, required},
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, ErrorCode, Level},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
    sync::protocol::{LeaseKind, SnapshotResponse},
};

/// The query string as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub baby_id: Option<String>,
    pub after: Option<String>,
    pub limit: Option<String>,
}

struct Query {
    baby: BabyId,
    after: Option<Place>,
    limit: i64,
}

impl Asked {
    fn read(&self) -> Result<Query, ApiError> {
        Ok(Query {
            baby: required("babyId", self.baby_id.as_deref())?,
            after: optional("after", self.after.as_deref(), "the next of an earlier page")?,
            limit: clamped(optional("limit", self.limit.as_deref(), "a whole number")?),
        })
    }
}

/// Where a page ended, and in which snapshot. Opaque to devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The head when the first page was read.
    version: i64,
    epoch: Uuid,
    /// The last row that was sent.
    entity: Uuid,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.version, self.epoch.simple(), self.entity.simple())
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(());
        let version = part()?.parse().ok().filter(|version| *version >= 0).ok_or(())?;
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| ());
        let place = Self { version, epoch: id(part()?)?, entity: id(part()?)? };
        if parts.next().is_none() { Ok(place) } else { Err(()) }
    }
}

pub async fn snapshot(call: &Call, asked: Asked) -> Result<SnapshotResponse, ApiError> {
    let query = session::or_refused(call, asked.read()).await?;
    let hash = call.token.as_ref().ok_or_else(session::unauthenticated)?.hash();
    let mut lane = call.lane().await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select s.user_id, a.level::text as level, h.version as head, h.floor, h.epoch, h.live_rows,
           (extract(epoch from now()) * 1000)::bigint as now_ms,
           {EVENT}
         from sessions s
         left join access_now a on a.baby_id = $2 and a.user_id = s.user_id
         left join sync_head h on h.baby_id = a.baby_id
         left join lateral (
           select v.*
           from entity r
           join sync_events v on v.baby_id = r.baby_id and v.id = r.row_version
           where r.baby_id = a.baby_id and r.id >= coalesce($3, '00000000-0000-0000-0000-000000000000') and r.id is distinct from $3
           order by r.id
           limit $4
         ) e on true
         where s.id_hash = $1 and {ALIVE}
         order by e.entity_id"
    )))
    .bind(&hash)
    .bind(query.baby.0)
    .bind(query.after.map(|place| place.entity))
    .bind(query.limit + 1)
    .fetch_all(&mut *lane)
    .await?;
    lane.keep();
    let first = rows.first().ok_or_else(session::unauthenticated)?;
    let user = UserId(first.try_get("user_id")?);
    call.proven(&hash, user);
    let level = first.try_get::<Option<&str>, _>("level")?.map(Level::from_sql).transpose()?;
    Action::Read.judge(query.baby, level)?;
    let response = answer(&query, first, &rows)?;
    if !response.has_more {
        call.app.leases().give_back(Holder { user, baby: query.baby, kind: LeaseKind::Bootstrap });
    }
    Ok(response)
}

fn answer(query: &Query, first: &PgRow, rows: &[PgRow]) -> Result<SnapshotResponse, ApiError> {
    let head: i64 = first.try_get("head")?;
    let epoch: Uuid = first.try_get("epoch")?;
    let version = query.after.map_or(head, |place| place.version);
    if version > head || query.after.is_some_and(|place| place.epoch != epoch) {
        return Err(ApiError::new(ErrorCode::EpochChanged, "this snapshot is of another history; start over"));
    }
    // What was deleted since the first page and is gone by now could neither be sent nor pulled.
    if version < first.try_get("floor")? {
        return Err(ApiError::new(ErrorCode::CursorExpired, "this snapshot is too old to be continued; start over"));
    }
    let found = if first.try_get::<Option<i64>, _>("id")?.is_some() { rows } else { &[] };
    let limit = usize::try_from(query.limit).map_err(|error| internal(&error))?;
    let page = &found[..found.len().min(limit)];
    let has_more = found.len() > limit;
    let last = page.last().filter(|_| has_more).map(|row| row.try_get("entity_id")).transpose()?;
    Ok(SnapshotResponse {
        rows: page.iter().map(|row| change(row, false)).collect::<Result<_, _>>()?,
        snapshot_version: version.unsigned_abs(),
        next: last.map(|entity| Place { version, epoch, entity }.to_string()),
        has_more,
        epoch,
        live_rows: first.try_get::<i64, _>("live_rows")?.unsigned_abs(),
        server_time: Timestamp::from_ms(first.try_get("now_ms")?),
    })
}
