//! Asking to be let in by a link that has run out, and an owner's yes. No is taking the link back.
//!
//! Invariant: whoever asks holds the token of a real invitation; nobody else learns that there is a
//! baby to ask about, and a link carries one question, as it lets one person in.

use sqlx::Row;
use uuid::Uuid;

use super::{Found, Guess, invite_invalid, use_up};
use crate::{
    api::{ApiError, Done, Level},
    domain::id::{BabyId, UserId},
    server::{
        Call,
        access::{self, Action},
        session,
    },
};

/// A link may be asked about for so long after it has run out.
const ASKABLE_DAYS: i32 = 30;

pub async fn ask(call: &Call, token: String) -> Result<Done, ApiError> {
    let guess = Guess::new(call, None, Some(token)).await?;
    let asked = note(call, &guess).await;
    guess.settle(call, asked).await
}

async fn note(call: &Call, guess: &Guess) -> Result<Done, ApiError> {
    let mut tx = call.pool().begin().await?;
    let found = Found::lock(&mut tx, guess).await?;
    if found.has_it().is_some() {
        return Ok(Done {});
    }
    if !found.is_used && !found.is_expired {
        return Err(ApiError::invalid("token", "this invitation is open: accept it"));
    }
    let noted = sqlx::query(
        "update invites
         set asked_by = $3
         where baby_id = $1 and id = $2 and used_at is null and coalesce(asked_by, $3) = $3
           and expires_at > now() - make_interval(days => $4)",
    )
    .bind(found.invitation.baby_id.0)
    .bind(found.id)
    .bind(guess.user.0)
    .bind(ASKABLE_DAYS)
    .execute(&mut *tx)
    .await?;
    if noted.rows_affected() == 0 {
        return Err(invite_invalid());
    }
    tx.commit().await?;
    Ok(Done {})
}

/// Lets in who asked by this link.
pub async fn approve(call: &Call, baby: BabyId, invite_id: Uuid, level: Level) -> Result<Done, ApiError> {
    let user = session::authenticate(call).await?;
    if level == Level::Owner {
        return Err(ApiError::invalid("level", "let in as editor or viewer; an owner can raise the level later"));
    }
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let row = sqlx::query(
        "select i.asked_by, i.label, i.hours
         from invites i
         join users u on u.id = i.asked_by
         where i.baby_id = $1 and i.id = $2 and i.used_at is null and i.revoked_at is null
         for update of i",
    )
    .bind(baby.0)
    .bind(invite_id)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(invite_invalid)?;
    let asker = UserId(row.try_get("asked_by")?);
    let label: Option<String> = row.try_get("label")?;
    let hours: Option<i16> = row.try_get("hours")?;
    use_up(&mut tx, baby, invite_id, asker).await?;
    access::grant(&mut tx, asker, baby, level, label.as_deref(), hours).await?;
    tx.commit().await?;
    call.app.announce(baby);
    Ok(Done {})
}
