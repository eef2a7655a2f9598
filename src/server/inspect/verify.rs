//! Verify: everything that must hold between a baby's head, rows and events, computed anew.
//!
//! Each baby is read in one transaction that sees one instant, so a server may go on writing
//! meanwhile and no finding is a matter of timing.

use std::{collections::BTreeMap, fmt};

use futures::TryStreamExt;
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::{
    domain::{checksum::Checksum, field::Fields, id::EntityId, registry::EntityType, relation::relations},
    server::compact::Retention,
};

/// So many findings of one kind are listed for one baby; a damaged table has thousands.
const LISTED: usize = 20;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub baby: Uuid,
    pub what: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub babies: usize,
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { baby, what } in &self.findings {
            writeln!(f, "baby {baby}: {what}")?;
        }
        writeln!(f, "babies checked: {}, findings: {}", self.babies, self.findings.len())
    }
}

/// Checks every baby that any table knows of, or one.
///
/// # Errors
/// The database failed.
pub async fn verify(pool: &PgPool, baby: Option<Uuid>) -> Result<Report, sqlx::Error> {
    let babies: Vec<Uuid> = sqlx::query_scalar(
        "select baby_id
         from (
           select baby_id from sync_head
           union select baby_id from entity
           union select baby_id from sync_events
           union select baby_id from baby_access
           union select baby_id from user_baby
         ) b
         where $1::uuid is null or baby_id = $1
         order by 1",
    )
    .bind(baby)
    .fetch_all(pool)
    .await?;
    let mut report = Report { babies: babies.len(), findings: Vec::new() };
    let mut conn = pool.acquire().await?;
    for baby in babies {
        let found = verify_one(&mut conn, baby).await?;
        report.findings.extend(found.into_iter().map(|what| Finding { baby, what }));
    }
    Ok(report)
}

async fn verify_one(conn: &mut PgConnection, baby: Uuid) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let mut found = Vec::new();
    match head(&mut tx, baby).await? {
        None => found.push("there is no head".to_owned()),
        Some(head) => {
            rows(&mut tx, baby, &head, &mut found).await?;
            gaps(&mut tx, baby, &head, &mut found).await?;
        }
    }
    for (what, query) in QUERIES {
        let sql = format!("{query} limit {}", LISTED + 1);
        let ids: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(baby).fetch_all(&mut *tx).await?;
        list(&mut found, what, &ids);
    }
    tx.rollback().await?;
    Ok(found)
}

/// What must not be found, each as a query of what is wrong.
const QUERIES: [(&str, &str); 7] = [
    (
        "events above the head",
        "select e.id::text from sync_events e join sync_head h using (baby_id)
         where baby_id = $1 and e.id > h.version",
    ),
    (
        "events without a row",
        "select e.id::text from sync_events e
         where e.baby_id = $1
           and not exists (select from entity r where r.baby_id = e.baby_id and r.id = e.entity_id)",
    ),
    (
        "rows that an event has overtaken",
        "select r.id::text from entity r
         where r.baby_id = $1
           and exists (select from sync_events e
             where e.baby_id = r.baby_id and e.entity_id = r.id and e.id > r.row_version)",
    ),
    (
        "devices ahead of the head",
        "select c.client_id::text from sync_client c join sync_head h using (baby_id)
         where baby_id = $1 and c.cursor > h.version",
    ),
    (
        "verdicts about versions that never were",
        "select m.mutation_id::text from sync_mutation m join sync_head h using (baby_id)
         where baby_id = $1 and m.event_id > h.version",
    ),
    (
        "people whose access is written on one side only",
        "select coalesce(a.user_id, u.user_id)::text
         from (select * from baby_access where baby_id = $1) a
         full join (select * from user_baby where baby_id = $1) u using (user_id)
         where a.user_id is null or u.user_id is null",
    ),
    (
        "a baby without an owner",
        "select h.baby_id::text from sync_head h
         where h.baby_id = $1
           and not exists (select from baby_access a where a.baby_id = h.baby_id and a.level = 'owner')",
    ),
];

struct Head {
    version: i64,
    floor: i64,
    checksum: Checksum,
    live_rows: i64,
}

async fn head(conn: &mut PgConnection, baby: Uuid) -> Result<Option<Head>, sqlx::Error> {
    let row = sqlx::query("select version, floor, checksum, live_rows from sync_head where baby_id = $1")
        .bind(baby)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(Head {
            version: row.try_get("version")?,
            floor: row.try_get("floor")?,
            checksum: Checksum(row.try_get::<i64, _>("checksum")?.cast_unsigned()),
            live_rows: row.try_get("live_rows")?,
        })
    })
    .transpose()
}

/// Every row with its last event: whether it is there and says the same, and what all rows sum up to.
async fn rows(conn: &mut PgConnection, baby: Uuid, head: &Head, found: &mut Vec<String>) -> Result<(), sqlx::Error> {
    let mut rows = sqlx::query(
        "select r.id, r.row_version, r.entity_type, r.deleted_at is null as is_live, e.payload
         from entity r
         left join sync_events e on e.baby_id = r.baby_id and e.id = r.row_version and e.entity_id = r.id
         where r.baby_id = $1",
    )
    .bind(baby)
    .fetch(conn);
    let (mut checksum, mut live_rows) = (Checksum::default(), 0);
    let mut wanted = BTreeMap::<EntityId, Vec<EntityId>>::new();
    let mut here = Vec::new();
    let (mut eventless, mut differing) = (Vec::new(), Vec::new());
    while let Some(row) = rows.try_next().await? {
        let id = EntityId(row.try_get("id")?);
        let version = row.try_get::<i64, _>("row_version")?.unsigned_abs();
        let is_live: bool = row.try_get("is_live")?;
        here.push(id);
        if is_live {
            checksum.add(id, version);
            live_rows += 1;
        }
        let Some(payload) = row.try_get::<Option<&str>, _>("payload")? else {
            eventless.push(id.to_string());
            continue;
        };
        let fields: Fields = serde_json::from_str(payload).unwrap_or_default();
        let says = |name: &str| fields.get(name);
        let is_same = says("id").and_then(Value::as_str) == Some(id.to_string().as_str())
            && says("rowVersion").and_then(Value::as_u64) == Some(version)
            && says("deletedAt").is_none_or(Value::is_null) == is_live;
        if !is_same {
            differing.push(id.to_string());
        }
        if let (true, Ok(entity_type)) = (is_live, row.try_get::<&str, _>("entity_type")?.parse::<EntityType>()) {
            // What is only nice to have may have gone with its tombstone.
            for relation in relations(entity_type).filter(|relation| relation.required) {
                relation.targets(&fields).into_iter().for_each(|parent| wanted.entry(parent).or_default().push(id));
            }
        }
    }
    list(found, "rows without their event", &eventless);
    list(found, "rows whose event says something else", &differing);
    here.iter().for_each(|id| drop(wanted.remove(id)));
    let orphans: Vec<String> = wanted.values().flatten().map(ToString::to_string).collect();
    list(found, "orphans: rows that refer to rows that are not there", &orphans);
    if !here.contains(&EntityId(baby)) {
        found.push("orphaned: the baby's own row is not there".to_owned());
    }
    if (checksum, live_rows) != (head.checksum, head.live_rows) {
        let (is, says) = (checksum.to_hex(), head.checksum.to_hex());
        let what = format!("the head says {} rows, {says}; there are {live_rows}, {is}", head.live_rows);
        found.push(what);
    }
    Ok(())
}

/// Versions without an event. Older ones may have been let go by compaction; younger ones, never.
async fn gaps(conn: &mut PgConnection, baby: Uuid, head: &Head, found: &mut Vec<String>) -> Result<(), sqlx::Error> {
    let missing: Vec<String> = sqlx::query_scalar(
        "select v::text
         from generate_series(
           1 + greatest($3, coalesce((
             select id
             from sync_events
             where baby_id = $1 and created_at <= now() - make_interval(secs => $4)
             order by id desc
             limit 1
           ), 0)),
           $2::bigint
         ) v
         where not exists (select from sync_events e where e.baby_id = $1 and e.id = v)
         limit $5",
    )
    .bind(baby)
    .bind(head.version)
    .bind(head.floor)
    .bind(Retention::default().superseded.as_secs_f64())
    .bind((LISTED + 1) as i64)
    .fetch_all(conn)
    .await?;
    list(found, "gaps: versions without an event", &missing);
    Ok(())
}

fn list(found: &mut Vec<String>, what: &str, ids: &[String]) {
    if !ids.is_empty() {
        let shown = ids[..ids.len().min(LISTED)].join(", ");
        let more = if ids.len() > LISTED { ", and more" } else { "" };
        found.push(format!("{what}: {shown}{more}"));
    }
}
