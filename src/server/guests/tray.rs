//! The tray: what a guest's device could not send before the guest's time was over. Nothing of it is in
//! the log until an owner keeps it; then it goes through the judge that every push goes through, with the
//! guest as its author.
//!
//! Invariant: a mutation that the device was told is held is here or in the log, whatever was lost on the
//! way and however often it was sent.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::AFTERWARDS_DAYS;
use crate::{
    api::{ApiError, Done, ErrorCode, Late, Level},
    domain::{
        apply::{Bench, Head, Push},
        field::Invalid,
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        mutation::{Mutation, RejectionCode, Status, Verdict},
        time::Timestamp,
    },
    server::{
        Call,
        access::{self, Action},
        error::internal,
        journal::{self, Told},
        push, session,
    },
    sync::protocol::{MAX_BATCH, PushResponse, WireVerdict, read_mutation},
};

/// One guest leaves at most this many mutations for one baby: more than anybody does in a day.
const MOST: i64 = 500;

/// Takes in what an ended guest could not send. What cannot be read, or is not a guest's to do, is not held.
pub async fn receive(
    call: &Call,
    baby: BabyId,
    client: ClientId,
    mutations: Vec<Value>,
) -> Result<PushResponse, ApiError> {
    let too_large = |why| ApiError { field: Some("mutations".into()), ..ApiError::new(ErrorCode::BatchTooLarge, why) };
    if mutations.len() > MAX_BATCH {
        return Err(too_large(format!("the tray takes at most {MAX_BATCH} mutations at once")));
    }
    let mut tx = call.pool().begin().await?;
    let user = session::authenticate_on(&mut tx, call).await?;
    has_ended(&mut tx, user, baby).await?;
    let batch = Batch::read(&mutations)?;
    let count: i64 = sqlx::query_scalar("select count(*) from guest_tray where baby_id = $1 and user_id = $2")
        .bind(baby.0)
        .bind(user.0)
        .fetch_one(&mut *tx)
        .await?;
    if count.saturating_add_unsigned(batch.ids.len() as u64) > MOST {
        return Err(too_large(format!("a tray holds at most {MOST} mutations of one guest")));
    }
    sqlx::query(
        "insert into guest_tray (baby_id, mutation_id, user_id, client_id, entity_id, seq, body)
         select $1, t.id, $2, $3, t.entity_id, t.seq, t.body
         from unnest($4::uuid[], $5::uuid[], $6::bigint[], $7::text[]) as t (id, entity_id, seq, body)
         where not exists (select from sync_mutation m where m.baby_id = $1 and m.mutation_id = t.id)
         on conflict do nothing",
    )
    .bind(baby.0)
    .bind(user.0)
    .bind(client.0)
    .bind(&batch.ids)
    .bind(&batch.entities)
    .bind(&batch.seqs)
    .bind(&batch.bodies)
    .execute(&mut *tx)
    .await?;
    let (held, now_ms): (Vec<Uuid>, i64) = sqlx::query_as(
        "select coalesce(array_agg(t.id), '{}'), (extract(epoch from clock_timestamp()) * 1000)::bigint
         from unnest($3::uuid[], $4::text[]) as t (id, body)
         where exists (select from sync_mutation m where m.baby_id = $1 and m.mutation_id = t.id)
           or exists (
             select
             from guest_tray g
             where g.baby_id = $1 and g.mutation_id = t.id and g.user_id = $2 and g.body = t.body
           )",
    )
    .bind(baby.0)
    .bind(user.0)
    .bind(&batch.ids)
    .bind(&batch.bodies)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    call.app.announce(baby);
    Ok(PushResponse {
        results: batch.answers.into_iter().map(|answer| answer.told(&held)).collect(),
        sync_operation_id: None,
        server_time: Timestamp::from_ms(now_ms),
        clock_skew_ms: None,
        epoch: None,
    })
}

/// Lets through only somebody whose time as a guest ended lately. Whoever never had access learns no more
/// than from a push.
async fn has_ended(conn: &mut PgConnection, user: UserId, baby: BabyId) -> Result<(), ApiError> {
    let over: Option<bool> = sqlx::query_scalar(
        "select until is not null and until <= clock_timestamp()
         from baby_access
         where baby_id = $1 and user_id = $2
           and (until is null or until > clock_timestamp() - make_interval(days => $3))
         for update",
    )
    .bind(baby.0)
    .bind(user.0)
    .bind(AFTERWARDS_DAYS)
    .fetch_optional(&mut *conn)
    .await?;
    match over {
        Some(true) => Ok(()),
        Some(false) => Err(ApiError::new(ErrorCode::Forbidden, "access has not ended: push")),
        None => Action::Write.judge(baby, None).map(drop),
    }
}

/// What is said about one mutation of a request.
enum Answer {
    Offered(MutationId),
    Refused(Box<WireVerdict>),
}

impl Answer {
    /// For the device there is nothing left to do about what is held.
    fn told(self, held: &[Uuid]) -> WireVerdict {
        match self {
            Self::Refused(verdict) => *verdict,
            Self::Offered(mutation_id) if held.contains(&mutation_id.0) => {
                let status = Status::Noop;
                WireVerdict::Verdict(Verdict { mutation_id, status, version: None, error: None, server_data: None })
            }
            Self::Offered(mutation_id) => {
                let why = Invalid::at("mutationId", "this mutationId was used before with another body");
                WireVerdict::Verdict(Verdict::rejected(mutation_id, RejectionCode::IdReused, why))
            }
        }
    }
}

/// What can be kept of a request, column by column.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    ids: Vec<Uuid>,
    entities: Vec<Uuid>,
    seqs: Vec<i64>,
    bodies: Vec<String>,
}

impl Batch {
    fn read(mutations: &[Value]) -> Result<Self, ApiError> {
        let mut batch = Self::default();
        for value in mutations {
            let (mutation, seq) = match read_mutation(value) {
                Ok(read) => read,
                Err(refused) => {
                    batch.answers.push(Answer::Refused(refused));
                    continue;
                }
            };
            if let Some(forbidden) = Level::Editor.forbids(&mutation) {
                batch.answers.push(Answer::Refused(Box::new(WireVerdict::Verdict(forbidden))));
                continue;
            }
            batch.answers.push(Answer::Offered(mutation.mutation_id));
            if batch.ids.contains(&mutation.mutation_id.0) {
                continue;
            }
            batch.ids.push(mutation.mutation_id.0);
            batch.entities.push(mutation.entity_id.0);
            batch.seqs.push(seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX)));
            batch.bodies.push(serde_json::to_string(value).map_err(|error| internal(&error))?);
        }
        Ok(batch)
    }
}

/// One mutation in the tray.
struct Kept {
    user: UserId,
    name: String,
    client: ClientId,
    mutation: Mutation,
}

/// What waits, oldest first; with `entity` only one guest's mutations of that, what was left out included.
/// Locked for the rest of the transaction.
async fn load(
    conn: &mut PgConnection,
    baby: BabyId,
    entity: Option<(UserId, EntityId)>,
) -> Result<Vec<Kept>, ApiError> {
    let rows = sqlx::query(
        "select t.user_id, t.client_id, t.body, coalesce(u.display_name, '') as name
         from guest_tray t
         left join users u on u.id = t.user_id
         where t.baby_id = $1 and not t.kept
           and case when $2::uuid is null then t.decided_at is null else t.user_id = $2 and t.entity_id = $3 end
         order by t.received_at, t.client_id, t.seq, t.mutation_id
         for update of t",
    )
    .bind(baby.0)
    .bind(entity.map(|(user, _)| user.0))
    .bind(entity.map(|(_, entity)| entity.0))
    .fetch_all(conn)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        let body: Value = serde_json::from_str(row.try_get("body")?).map_err(|error| internal(&error))?;
        // It could be read when it came.
        let (mutation, _) = read_mutation(&body).map_err(|_| internal(&"a mutation in the tray cannot be read"))?;
        let (user, client) = (UserId(row.try_get("user_id")?), ClientId(row.try_get("client_id")?));
        Ok(Kept { user, name: row.try_get("name")?, client, mutation })
    };
    rows.iter().map(read).collect()
}

/// Every entry that waits for a yes or no.
pub async fn list(call: &Call, baby: BabyId) -> Result<Vec<Late>, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let waiting = load(&mut tx, baby, None).await?;
    tx.commit().await?;
    let mut entries: Vec<Late> = Vec::new();
    let mut places = BTreeMap::new();
    for Kept { user, name, mutation, .. } in waiting {
        let place = *places.entry((user, mutation.entity_id)).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.payload.extend(mutation.payload),
            None => entries.push(Late {
                user_id: user,
                display_name: name,
                entity_id: mutation.entity_id,
                entity_type: mutation.entity_type,
                op: mutation.op,
                payload: mutation.payload,
            }),
        }
    }
    Ok(entries)
}

/// An owner's yes or no to an entry of a guest. Said twice it is said once; a no can become a yes for as
/// long as the tray holds it.
pub async fn settle(call: &Call, baby: BabyId, guest: UserId, entity: EntityId, keep: bool) -> Result<Done, ApiError> {
    let owner = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, owner, baby, Action::Manage).await?;
    if keep {
        let (mut head, now) = lock(&mut tx, baby).await?;
        for kept in load(&mut tx, baby, Some((guest, entity))).await? {
            head = apply(&mut tx, baby, head, now, &kept).await?;
        }
    }
    let decided = sqlx::query(
        "update guest_tray
         set kept = kept or $4, decided_by = coalesce(decided_by, $5), decided_at = coalesce(decided_at, now())
         where baby_id = $1 and user_id = $2 and entity_id = $3",
    )
    .bind(baby.0)
    .bind(guest.0)
    .bind(entity.0)
    .bind(keep)
    .bind(owner.0)
    .execute(&mut *tx)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(ApiError::new(ErrorCode::NotFound, "nothing of this entry is in the tray"));
    }
    tx.commit().await?;
    call.app.announce(baby);
    Ok(Done {})
}

/// Locks the baby's head, as a push does.
async fn lock(conn: &mut PgConnection, baby: BabyId) -> Result<(Head, Timestamp), ApiError> {
    let row = sqlx::query(
        "select version, checksum, live_rows, (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms
         from sync_head
         where baby_id = $1
         for update",
    )
    .bind(baby.0)
    .fetch_one(conn)
    .await?;
    Ok((push::head(&row)?, Timestamp::from_ms(row.try_get("now_ms")?)))
}

/// Writes one mutation as its guest's own. Returns the head after it.
async fn apply(
    conn: &mut PgConnection,
    baby: BabyId,
    head: Head,
    now: Timestamp,
    kept: &Kept,
) -> Result<Head, ApiError> {
    let batch = std::slice::from_ref(&kept.mutation);
    let (rows, known) = journal::load(conn, baby, kept.user, batch).await?;
    let push = Push { baby_id: baby, client_id: kept.client, actor: kept.user, now };
    let mut bench = Bench::new(push, head, rows, known);
    let verdict = bench.judge(&kept.mutation);
    if matches!(verdict.status, Status::Conflict | Status::Rejected) {
        let why = verdict.error.map_or_else(|| "another change has won over it".to_owned(), |error| error.message);
        return Err(ApiError::invalid("entityId", why));
    }
    journal::write(conn, push, &bench, &Told::default()).await?;
    Ok(bench.head())
}
