//! Status: where a baby's history stands, in one statement, for a person who wonders and for a
//! device that compares.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{
    Call,
    access::Action,
    pull::{optional, required},
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, Level},
    domain::{
        checksum::Checksum,
        id::{BabyId, ClientId, UserId},
        time::Timestamp,
    },
    sync::protocol::{DayVolume, StatusResponse},
};

/// Days are counted over so many of the newest events, so that a long history costs no more.
const COUNTED_EVENTS: i64 = 20_000;
const DAYS: i64 = 30;

/// The query string as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub baby_id: Option<String>,
    pub client_id: Option<String>,
}

impl Asked {
    fn read(&self) -> Result<(BabyId, Option<ClientId>), ApiError> {
        let baby = required("babyId", self.baby_id.as_deref())?;
        Ok((baby, optional("clientId", self.client_id.as_deref(), "a UUID")?))
    }
}

pub async fn status(call: &Call, asked: Asked) -> Result<StatusResponse, ApiError> {
    let (baby, client) = session::or_refused(call, asked.read()).await?;
    let hash = call.token.as_ref().ok_or_else(session::unauthenticated)?.hash();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select s.user_id, a.level::text as level, h.version, h.floor, h.epoch, h.checksum, h.live_rows,
           (extract(epoch from c.seen_at) * 1000)::bigint as seen_ms, d.day, d.events
         from sessions s
         left join access_now a on a.baby_id = $2 and a.user_id = s.user_id
         left join sync_head h on h.baby_id = a.baby_id
         left join sync_client c on c.baby_id = a.baby_id and c.client_id = $3 and c.user_id = s.user_id
         left join lateral (
           select to_char(e.created_at at time zone 'utc', 'YYYY-MM-DD') as day, count(*) as events
           from (
             select created_at
             from sync_events
             where baby_id = a.baby_id
             order by id desc
             limit $4
           ) e
           group by 1
           order by 1 desc
           limit $5
         ) d on true
         where s.id_hash = $1 and {ALIVE}
         order by d.day"
    )))
    .bind(&hash)
    .bind(baby.0)
    .bind(client.map(|client| client.0))
    .bind(COUNTED_EVENTS)
    .bind(DAYS)
    .fetch_all(call.pool())
    .await?;
    let first = rows.first().ok_or_else(session::unauthenticated)?;
    call.proven(&hash, UserId(first.try_get("user_id")?));
    let level = first.try_get::<Option<&str>, _>("level")?.map(Level::from_sql).transpose()?;
    Action::Read.judge(baby, level)?;
    let number = |name: &str| first.try_get::<i64, _>(name);
    let mut events_per_day = Vec::new();
    for row in &rows {
        if let Some(day) = row.try_get("day")? {
            events_per_day.push(DayVolume { day, events: row.try_get::<i64, _>("events")?.unsigned_abs() });
        }
    }
    Ok(StatusResponse {
        head: number("version")?.unsigned_abs(),
        floor: number("floor")?.unsigned_abs(),
        epoch: first.try_get::<Uuid, _>("epoch")?,
        live_rows: number("live_rows")?.unsigned_abs(),
        checksum: Checksum(number("checksum")?.cast_unsigned()).to_hex(),
        last_seen_at: first.try_get::<Option<i64>, _>("seen_ms")?.map(Timestamp::from_ms),
        events_per_day,
    })
}
