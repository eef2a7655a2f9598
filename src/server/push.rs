//! Push: a device's mutations, judged and written in one transaction.
//!
//! The caller's access row is locked for share and the baby's head for update, by one statement;
//! known ids and current rows are read; `domain::apply` decides; one statement writes. The lock on
//! the head is held until commit, which is what gives events gapless ids in commit order.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Call,
    access::{self, Action},
    journal::{self, Told},
    lanes::{self, Lane},
    session::{self, ALIVE},
};
use crate::{
    api::{ApiError, ErrorCode, Level},
    domain::{
        apply::{Bench, Head, Push},
        checksum::Checksum,
        id::{BabyId, UserId},
        mutation::{Mutation, Op},
        registry::EntityType,
        time::Timestamp,
    },
    sync::protocol::{MAX_BATCH, PushRequest, PushResponse, WireVerdict, read_mutation},
};

pub async fn push(call: &Call, request: PushRequest) -> Result<PushResponse, ApiError> {
    if request.mutations.len() > MAX_BATCH {
        let why = format!("a push holds at most {MAX_BATCH} mutations");
        return Err(ApiError { field: Some("mutations".into()), ..ApiError::new(ErrorCode::BatchTooLarge, why) });
    }
    let batch = Batch::read(&request);
    if let Some(answer) = attempt(call, call.lane().await?, &request, &batch).await? {
        return Ok(answer);
    }
    let answer = attempt(call, call.fresh_lane().await?, &request, &batch).await?;
    answer.ok_or_else(|| sqlx::Error::PoolTimedOut.into())
}

/// Judges and writes the batch over `lane`. `None` if its connection turns out to be gone before
/// anything was asked of it.
async fn attempt(
    call: &Call,
    mut lane: Lane<'_>,
    request: &PushRequest,
    batch: &Batch,
) -> Result<Option<PushResponse>, ApiError> {
    let baby = request.baby_id;
    let mut tx = match lane.begin().await {
        Ok(tx) => tx,
        Err(error) if lanes::is_gone(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let door = match lock(&mut tx, call, baby).await? {
        Some(door) => door,
        None => enter(&mut tx, call, baby, batch.creates(baby)).await?,
    };
    Action::Write.judge(baby, Some(door.level))?;
    if request.epoch.is_some_and(|known| known != door.epoch) {
        let why = "the history that this device follows is another one; start over";
        return Err(ApiError::new(ErrorCode::EpochChanged, why));
    }

    let (rows, known) = journal::load(&mut tx, baby, door.user, &batch.mutations).await?;
    let push = Push { baby_id: baby, client_id: request.client_id, actor: door.user, now: door.now };
    let mut bench = Bench::new(push, door.head, rows, known);
    let judged = batch.answers.iter().map(|answer| answer.judged(&mut bench, &batch.mutations, door.level));
    let results: Vec<_> = judged.collect();
    if door.is_new && bench.head().version == 0 {
        // The baby's own create was refused, so there is no baby; the verdicts say why.
        tx.rollback().await?;
    } else {
        journal::write(&mut tx, push, &bench, &batch.told).await?;
        tx.commit().await?;
        if bench.head().version > door.head.version {
            call.app.announce(baby);
        }
    }
    lane.keep();
    if let Some(metrics) = call.app.metrics() {
        metrics.judged(&results);
    }
    Ok(Some(PushResponse {
        results,
        sync_operation_id: request.sync_operation_id.clone(),
        server_time: door.now,
        clock_skew_ms: batch.newest_clock().map(|clock| clock.since(door.now)),
        epoch: Some(door.epoch),
    }))
}

/// A request's mutations, each readable one with its place in the answer.
struct Batch {
    mutations: Vec<Mutation>,
    answers: Vec<Answer>,
    told: Told,
}

enum Answer {
    /// The index of a readable mutation.
    Judge(usize),
    Refused(WireVerdict),
}

impl Answer {
    fn judged(&self, bench: &mut Bench, mutations: &[Mutation], level: Level) -> WireVerdict {
        match self {
            Self::Judge(index) => {
                let mutation = &mutations[*index];
                WireVerdict::Verdict(level.forbids(mutation).unwrap_or_else(|| bench.judge(mutation)))
            }
            Self::Refused(verdict) => verdict.clone(),
        }
    }
}

impl Batch {
    fn read(request: &PushRequest) -> Self {
        let told = Told { acked_through: request.acked_through.unwrap_or_default(), ..Told::default() };
        let mut batch = Self { mutations: Vec::new(), answers: Vec::new(), told };
        for value in &request.mutations {
            batch.answers.push(match read_mutation(value) {
                Ok((mutation, seq)) => {
                    batch.told.seqs.extend(seq.map(|seq| (mutation.mutation_id, seq)));
                    batch.mutations.push(mutation);
                    Answer::Judge(batch.mutations.len() - 1)
                }
                Err(refused) => Answer::Refused(*refused),
            });
        }
        batch
    }

    /// Whether the batch would make the baby it is addressed to.
    fn creates(&self, baby: BabyId) -> bool {
        self.mutations.iter().any(|mutation| {
            mutation.op == Op::Create && mutation.entity_type == EntityType::BABY && mutation.entity_id == baby.entity()
        })
    }

    /// What the device's clock said last, as far as the batch tells.
    fn newest_clock(&self) -> Option<Timestamp> {
        self.mutations.iter().filter_map(|mutation| mutation.updated_at).max()
    }
}

/// Where a push stands once access is proven and the head is locked.
struct Door {
    user: UserId,
    level: Level,
    head: Head,
    epoch: Uuid,
    now: Timestamp,
    /// The baby was made by this very transaction.
    is_new: bool,
}

static LOCK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select s.user_id, s.last_seen_at < now() - interval '1 hour' as stale, a.level::text as level,
           h.version, h.checksum, h.live_rows, h.epoch,
           (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms
         from sessions s
         join access_now a on a.baby_id = $2 and a.user_id = s.user_id
         join sync_head h on h.baby_id = a.baby_id
         where s.id_hash = $1 and {ALIVE}
         for share of a
         for update of h"
    )
});

/// Proves session and access and locks the head, in one round trip. `None` if any is missing.
/// The database's clock is the one clock of all servers.
async fn lock(conn: &mut PgConnection, call: &Call, baby: BabyId) -> Result<Option<Door>, ApiError> {
    let Some(token) = &call.token else { return Err(session::unauthenticated()) };
    let hash = token.hash();
    let found = sqlx::query(AssertSqlSafe(LOCK.as_str())).bind(&hash).bind(baby.0).fetch_optional(&mut *conn).await?;
    let Some(row) = found else { return Ok(None) };
    let user = UserId(row.try_get("user_id")?);
    call.proven(&hash, user);
    if row.try_get("stale")? {
        session::touch(conn, &hash).await?;
    }
    Ok(Some(Door {
        user,
        level: Level::from_sql(row.try_get("level")?)?,
        head: head(&row)?,
        epoch: row.try_get("epoch")?,
        now: Timestamp::from_ms(row.try_get("now_ms")?),
        is_new: false,
    }))
}

/// The head, out of its columns.
pub(super) fn head(row: &PgRow) -> Result<Head, sqlx::Error> {
    Ok(Head {
        version: row.try_get::<i64, _>("version")?.unsigned_abs(),
        checksum: Checksum(row.try_get::<i64, _>("checksum")?.cast_unsigned()),
        live_rows: row.try_get::<i64, _>("live_rows")?.unsigned_abs(),
    })
}

/// The way in for someone without access: to make the baby, if nobody has.
async fn enter(conn: &mut PgConnection, call: &Call, baby: BabyId, creates: bool) -> Result<Door, ApiError> {
    let user = session::authenticate_on(conn, call).await?;
    if creates && let Some(epoch) = make_head(conn, baby).await? {
        access::grant(conn, user, baby, Level::Owner, None, None).await?;
        let now_ms: i64 =
            sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint").fetch_one(conn).await?;
        let now = Timestamp::from_ms(now_ms);
        return Ok(Door { user, level: Level::Owner, head: Head::default(), epoch, now, is_new: true });
    }
    // Someone was faster. If it was this caller's own repeated push, access is there by now.
    let door = if creates { lock(conn, call, baby).await? } else { None };
    match door {
        Some(door) => Ok(door),
        None => Err(Action::Write.judge(baby, None).err().unwrap_or_else(session::unauthenticated)),
    }
}

/// Makes the head of a baby's history; `None` if it exists. Waits for whoever is making it now.
async fn make_head(conn: &mut PgConnection, baby: BabyId) -> Result<Option<Uuid>, ApiError> {
    let epoch = Uuid::now_v7();
    let made = sqlx::query(
        "insert into sync_head (baby_id, epoch)
         values ($1, $2)
         on conflict do nothing",
    )
    .bind(baby.0)
    .bind(epoch)
    .execute(conn)
    .await?;
    Ok((made.rows_affected() == 1).then_some(epoch))
}
