//! History: what happened to one entry, newest first, for as long as its events are kept.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{
    Call,
    access::Action,
    error::internal,
    pull::{EVENT, change, clamped, cursor, optional, required},
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, Level},
    domain::id::{BabyId, UserId},
    sync::protocol::HistoryResponse,
};

/// The query string as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub baby_id: Option<String>,
    pub entity_id: Option<String>,
    pub before: Option<String>,
    pub limit: Option<String>,
}

struct Query {
    baby: BabyId,
    entity: Uuid,
    before: i64,
    limit: i64,
}

impl Asked {
    fn read(&self) -> Result<Query, ApiError> {
        Ok(Query {
            baby: required("babyId", self.baby_id.as_deref())?,
            entity: required("entityId", self.entity_id.as_deref())?,
            before: cursor("before", self.before.as_deref())?.unwrap_or(i64::MAX),
            limit: clamped(optional("limit", self.limit.as_deref(), "a whole number")?),
        })
    }
}

pub async fn history(call: &Call, asked: Asked) -> Result<HistoryResponse, ApiError> {
    let query = session::or_refused(call, asked.read()).await?;
    let hash = call.token.as_ref().ok_or_else(session::unauthenticated)?.hash();
    let mut lane = call.lane().await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select s.user_id, a.level::text as level, {EVENT}
         from sessions s
         left join access_now a on a.baby_id = $2 and a.user_id = s.user_id
         left join lateral (
           select *
           from sync_events v
           where v.baby_id = a.baby_id and v.entity_id = $3 and v.id < $4
           order by v.id desc
           limit $5
         ) e on true
         where s.id_hash = $1 and {ALIVE}
         order by e.id desc"
    )))
    .bind(&hash)
    .bind(query.baby.0)
    .bind(query.entity)
    .bind(query.before)
    .bind(query.limit + 1)
    .fetch_all(&mut *lane)
    .await?;
    lane.keep();
    let first = rows.first().ok_or_else(session::unauthenticated)?;
    call.proven(&hash, UserId(first.try_get("user_id")?));
    let level = first.try_get::<Option<&str>, _>("level")?.map(Level::from_sql).transpose()?;
    Action::Read.judge(query.baby, level)?;
    let found = if first.try_get::<Option<i64>, _>("id")?.is_some() { rows.as_slice() } else { &[] };
    let limit = usize::try_from(query.limit).map_err(|error| internal(&error))?;
    Ok(HistoryResponse {
        changes: found.iter().take(limit).map(|row| change(row, false)).collect::<Result<_, _>>()?,
        has_more: found.len() > limit,
    })
}
