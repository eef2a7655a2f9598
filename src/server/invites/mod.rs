//! Invitations: a code that one caregiver reads to another, or a link that they send.
//!
//! A code lives for 15 minutes, a link for 48 hours; each works once. An account has five wrong tries,
//! then waits as long as a code lives. Stored is a hash alone, of a code a slow one under this server's
//! secret salt: a copied table would have to be searched, at 19 MiB and two passes a guess, before the
//! codes die.
//!
//! Invariant: of two people who accept the same invitation at once, exactly one gets in.

mod ask;
mod secret;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

pub use self::ask::{approve, ask};

use self::secret::Secret;
use super::{
    Call,
    access::{self, Action},
    error::internal,
    guests, session, text,
    throttle::{self, Attempt},
};
use crate::{
    api::{ApiError, Done, ErrorCode, Invitation, Invite, InviteKind, Joined, Level, NewInvite},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
};

/// A guest is invited for so long at most; an owner can make it longer then.
const MAX_HOURS: u8 = 12;

pub async fn create(
    call: &Call,
    baby: BabyId,
    level: Level,
    kind: InviteKind,
    label: Option<String>,
    hours: Option<u8>,
) -> Result<NewInvite, ApiError> {
    let user = session::authenticate(call).await?;
    let label = text::label(label)?;
    if level == Level::Owner {
        return Err(ApiError::invalid("level", "invite as editor or viewer; an owner can raise the level later"));
    }
    if hours.is_some_and(|hours| !(1..=MAX_HOURS).contains(&hours) || level != Level::Editor) {
        return Err(ApiError::invalid("hours", format!("a guest comes as editor, for 1 to {MAX_HOURS} hours")));
    }
    // Refuse outsiders before the slow hash; the transaction below asks again, under lock.
    access::authorize(&mut *call.pool().acquire().await?, user, baby, Action::Manage).await?;
    let secret = Secret::random(kind)?;
    let hash = secret.hash(call).await?;

    let invite_id = Uuid::now_v7();
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let expires_ms: i64 = sqlx::query_scalar(
        "insert into invites (baby_id, id, kind, code_hash, level, label, created_by, expires_at, hours)
         values ($1, $2, $3, $4, $5::text::access_level, $6, $7, now() + make_interval(mins => $8), $9)
         returning (extract(epoch from expires_at) * 1000)::bigint",
    )
    .bind(baby.0)
    .bind(invite_id)
    .bind(kind.as_sql())
    .bind(hash)
    .bind(level.as_sql())
    .bind(label)
    .bind(user.0)
    .bind(kind.minutes())
    .bind(hours.map(i16::from))
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(NewInvite {
        invite_id,
        code: secret.code(),
        link: secret.link(call.app.config()),
        expires_at: Timestamp::from_ms(expires_ms),
    })
}

/// Who invites to what, before anything is decided.
pub async fn look(call: &Call, code: Option<String>, token: Option<String>) -> Result<Invitation, ApiError> {
    let guess = Guess::new(call, code, token).await?;
    let seen = show(call, &guess).await;
    guess.settle(call, seen).await
}

pub async fn accept(call: &Call, code: Option<String>, token: Option<String>) -> Result<Joined, ApiError> {
    let guess = Guess::new(call, code, token).await?;
    let joined = redeem(call, &guess).await;
    if let Ok(joined) = &joined {
        call.app.announce(joined.baby_id);
    }
    guess.settle(call, joined).await
}

/// A secret that somebody brought. It counts as a wrong one until it has proved to be right.
struct Guess {
    user: UserId,
    kind: InviteKind,
    hash: Vec<u8>,
    attempt: Attempt,
}

impl Guess {
    async fn new(call: &Call, code: Option<String>, token: Option<String>) -> Result<Self, ApiError> {
        let user = session::authenticate(call).await?;
        let (kind, typed) = secret::read(code, token)?;
        let attempt = throttle::INVITE.attempt(call.pool(), &user.to_string()).await?;
        let hash = Secret::parse(kind, &typed).ok_or_else(invite_invalid)?.hash(call).await?;
        Ok(Self { user, kind, hash, attempt })
    }

    /// A right one is not counted. The wrong ones before it are: whoever has an invitation of their own
    /// could otherwise buy tries with it for as long as they like.
    async fn settle<T>(self, call: &Call, answer: Result<T, ApiError>) -> Result<T, ApiError> {
        if !matches!(&answer, Err(error) if error.code == ErrorCode::InviteInvalid) {
            self.attempt.uncount(call.pool()).await?;
        }
        answer
    }
}

/// The invitation that a secret opens, and what its bearer has already. The row is locked: whoever comes
/// second waits here and then sees it used.
struct Found {
    id: Uuid,
    invitation: Invitation,
    held: Option<Level>,
    /// What they have ends by itself.
    is_guest: bool,
    is_used: bool,
    is_expired: bool,
}

impl Found {
    async fn lock(conn: &mut PgConnection, guess: &Guess) -> Result<Self, ApiError> {
        let row = sqlx::query(
            "select i.baby_id, i.id, i.level::text as level, i.label, i.hours, i.used_by, i.expires_at <= now() as expired,
               (extract(epoch from i.expires_at) * 1000)::bigint as expires_ms,
               coalesce(u.display_name, '') as invited_by, coalesce(e.data ->> 'name', '') as baby_name
             from invites i
             left join users u on u.id = i.created_by
             left join entity e on e.baby_id = i.baby_id and e.id = i.baby_id
             where i.code_hash = $1 and i.kind = $2 and i.revoked_at is null
             order by i.created_at desc
             limit 1
             for update of i",
        )
        .bind(&guess.hash)
        .bind(guess.kind.as_sql())
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(invite_invalid)?;
        let baby_id = BabyId(row.try_get("baby_id")?);
        Ok(Self {
            id: row.try_get("id")?,
            invitation: Invitation {
                baby_id,
                baby_name: row.try_get("baby_name")?,
                invited_by: row.try_get("invited_by")?,
                level: Level::from_sql(row.try_get("level")?)?,
                label: row.try_get("label")?,
                hours: hours(&row)?,
                expires_at: Timestamp::from_ms(row.try_get("expires_ms")?),
            },
            held: access::level_of(conn, guess.user, baby_id).await?,
            is_guest: guests::is_guest(conn, guess.user, baby_id).await?,
            is_used: row.try_get::<Option<Uuid>, _>("used_by")?.is_some(),
            is_expired: row.try_get("expired")?,
        })
    }

    /// What its bearer has already, if that is as much: perhaps by this very invitation, when the answer
    /// was lost. Hours give nothing to whoever may stay.
    fn has_it(&self) -> Option<Level> {
        let Invitation { level, hours, .. } = self.invitation;
        self.held.filter(|held| match (hours, self.is_guest) {
            (None, is_guest) => !is_guest && *held >= level,
            (Some(_), is_guest) => !is_guest || self.is_used,
        })
    }

    fn is_open(&self) -> Result<(), ApiError> {
        if self.is_used {
            return Err(invite_invalid());
        }
        if self.is_expired {
            return Err(invite_expired());
        }
        Ok(())
    }
}

async fn show(call: &Call, guess: &Guess) -> Result<Invitation, ApiError> {
    let mut tx = call.pool().begin().await?;
    let found = Found::lock(&mut tx, guess).await?;
    tx.commit().await?;
    if found.has_it().is_none() {
        found.is_open()?;
    }
    Ok(found.invitation)
}

async fn redeem(call: &Call, guess: &Guess) -> Result<Joined, ApiError> {
    let mut tx = call.pool().begin().await?;
    let found = Found::lock(&mut tx, guess).await?;
    let Invitation { baby_id, level, label, hours, .. } = &found.invitation;
    if let Some(held) = found.has_it() {
        return Ok(Joined { baby_id: *baby_id, level: held });
    }
    found.is_open()?;
    use_up(&mut tx, *baby_id, found.id, guess.user).await?;
    access::grant(&mut tx, guess.user, *baby_id, *level, label.as_deref(), hours.map(i16::from)).await?;
    tx.commit().await?;
    Ok(Joined { baby_id: *baby_id, level: *level })
}

async fn use_up(conn: &mut PgConnection, baby: BabyId, invite_id: Uuid, user: UserId) -> Result<(), ApiError> {
    sqlx::query(
        "update invites
         set used_by = $3, used_at = now()
         where baby_id = $1 and id = $2",
    )
    .bind(baby.0)
    .bind(invite_id)
    .bind(user.0)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn revoke(call: &Call, baby: BabyId, invite_id: Uuid) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let found = sqlx::query(
        "update invites
         set revoked_at = coalesce(revoked_at, now())
         where baby_id = $1 and id = $2",
    )
    .bind(baby.0)
    .bind(invite_id)
    .execute(&mut *tx)
    .await?;
    if found.rows_affected() == 0 {
        return Err(invite_invalid());
    }
    tx.commit().await?;
    Ok(Done {})
}

/// Ends the open invitations of someone who is no owner any more: nobody should come in by their word.
pub(super) async fn withdraw(conn: &mut PgConnection, baby: BabyId, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update invites
         set revoked_at = now()
         where baby_id = $1 and created_by = $2 and used_at is null and revoked_at is null",
    )
    .bind(baby.0)
    .bind(user.0)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn list(call: &Call, baby: BabyId) -> Result<Vec<Invite>, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let rows = sqlx::query(
        "select i.id, i.kind, i.level::text as level, i.label, i.hours,
           coalesce(u.display_name, '') as invited_by, a.display_name as asked_by,
           (extract(epoch from i.created_at) * 1000)::bigint as created_ms,
           (extract(epoch from i.expires_at) * 1000)::bigint as expires_ms
         from invites i
         left join users u on u.id = i.created_by
         left join users a on a.id = i.asked_by
         where i.baby_id = $1 and i.used_at is null and i.revoked_at is null
           and (i.expires_at > now() or a.id is not null)
         order by i.created_at",
    )
    .bind(baby.0)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            let is_link = row.try_get::<&str, _>("kind")? == InviteKind::Link.as_sql();
            Ok(Invite {
                invite_id: row.try_get("id")?,
                kind: if is_link { InviteKind::Link } else { InviteKind::Code },
                level: Level::from_sql(row.try_get("level")?)?,
                label: row.try_get("label")?,
                hours: hours(row)?,
                invited_by: row.try_get("invited_by")?,
                asked_by: row.try_get("asked_by")?,
                created_at: Timestamp::from_ms(row.try_get("created_ms")?),
                expires_at: Timestamp::from_ms(row.try_get("expires_ms")?),
            })
        })
        .collect()
}

/// For how long an invitation lets somebody in; `None` for good.
fn hours(row: &PgRow) -> Result<Option<u8>, ApiError> {
    let hours: Option<i16> = row.try_get("hours")?;
    hours.map(|hours| u8::try_from(hours).map_err(|error| internal(&error))).transpose()
}

impl InviteKind {
    fn as_sql(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Link => "link",
        }
    }

    /// How long one lives.
    fn minutes(self) -> i32 {
        match self {
            Self::Code => 15,
            Self::Link => 48 * 60,
        }
    }
}

/// Whether a code or token could be accepted now, for somebody who has no account yet. Guesses are
/// counted by where they come from.
pub(super) async fn is_open(call: &Call, text: &str) -> Result<(), ApiError> {
    let attempt = throttle::INVITE.attempt(call.pool(), &call.address_group()).await?;
    let kinds = [InviteKind::Code, InviteKind::Link];
    let secret = kinds.into_iter().find_map(|kind| Secret::parse(kind, text)).ok_or_else(invite_invalid)?;
    let is_expired: Option<bool> = sqlx::query_scalar(
        "select expires_at <= now()
         from invites
         where code_hash = $1 and kind = $2 and revoked_at is null and used_at is null
         order by created_at desc
         limit 1",
    )
    .bind(secret.hash(call).await?)
    .bind(secret.kind.as_sql())
    .fetch_optional(call.pool())
    .await?;
    let is_expired = is_expired.ok_or_else(invite_invalid)?;
    attempt.uncount(call.pool()).await?;
    if is_expired { Err(invite_expired()) } else { Ok(()) }
}

fn invite_expired() -> ApiError {
    ApiError::new(ErrorCode::InviteExpired, "this invitation has expired, ask for a new one")
}

fn invite_invalid() -> ApiError {
    ApiError::new(ErrorCode::InviteInvalid, "no such invitation")
}
