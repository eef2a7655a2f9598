//! Invitations by code: eight characters that one caregiver reads to another.
//!
//! A code lives for 15 minutes and works once. An account has five wrong tries, then waits as long
//! as a code lives. Stored is a slow hash under this server's secret salt: a copied table would
//! have to be searched, at 19 MiB and two passes a guess, before the codes die.
//!
//! Invariant: of two people who accept the same code at once, exactly one gets in.

use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{
    Call,
    access::{self, Action},
    error::internal,
    session, text, throttle,
};
use crate::{
    api::{ApiError, Done, ErrorCode, Invite, InviteKind, Joined, Level, NewInvite},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
};

/// Without I, L, O and U: no two look alike, and no rude words.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_CHARS: usize = 8;
const SALT: &str = "invite_code_salt";

pub async fn create(
    call: &Call,
    baby: BabyId,
    level: Level,
    kind: InviteKind,
    label: Option<String>,
) -> Result<NewInvite, ApiError> {
    let user = session::authenticate(call).await?;
    let label = text::label(label)?;
    if kind == InviteKind::Link {
        return Err(ApiError::invalid("kind", "this server invites by code only"));
    }
    if level == Level::Owner {
        return Err(ApiError::invalid("level", "invite as editor or viewer; an owner can raise the level later"));
    }
    // Refuse outsiders before the slow hash; the transaction below asks again, under lock.
    access::authorize(&mut *call.pool().acquire().await?, user, baby, Action::Manage).await?;
    let code = random_code()?;
    let code_hash = hash(call, &code).await?;

    let invite_id = Uuid::now_v7();
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let expires_ms: i64 = sqlx::query_scalar(
        "insert into invites (baby_id, id, code_hash, level, label, created_by, expires_at)
         values ($1, $2, $3, $4::text::access_level, $5, $6, now() + interval '15 minutes')
         returning (extract(epoch from expires_at) * 1000)::bigint",
    )
    .bind(baby.0)
    .bind(invite_id)
    .bind(code_hash)
    .bind(level.as_sql())
    .bind(label)
    .bind(user.0)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(NewInvite {
        invite_id,
        code: format!("{}-{}", &code[..CODE_CHARS / 2], &code[CODE_CHARS / 2..]),
        expires_at: Timestamp::from_ms(expires_ms),
    })
}

pub async fn accept(call: &Call, code: Option<String>, token: Option<String>) -> Result<Joined, ApiError> {
    let user = session::authenticate(call).await?;
    let code = match (code, token) {
        (Some(code), None) => code,
        (None, Some(_)) => return Err(invite_invalid()),
        _ => return Err(ApiError::invalid("code", "send either code or token")),
    };
    let attempt = throttle::INVITE.attempt(call.pool(), &user.to_string()).await?;
    let code = parse_code(&code).ok_or_else(invite_invalid)?;
    let code_hash = hash(call, &code).await?;

    let mut tx = call.pool().begin().await?;
    let joined = redeem(&mut tx, user, &code_hash).await?;
    tx.commit().await?;
    attempt.forget(call.pool()).await?;
    Ok(joined)
}

/// Uses the invitation behind `code_hash` for `user`.
async fn redeem(conn: &mut PgConnection, user: UserId, code_hash: &[u8]) -> Result<Joined, ApiError> {
    // The row is locked: whoever comes second waits here and then sees it used.
    let invite = sqlx::query(
        "select baby_id, id, level::text as level, label, used_by, expires_at <= now() as expired
         from invites
         where code_hash = $1 and revoked_at is null
         order by created_at desc
         limit 1
         for update",
    )
    .bind(code_hash)
    .fetch_optional(&mut *conn)
    .await?
    .ok_or_else(invite_invalid)?;
    let baby = BabyId(invite.try_get("baby_id")?);
    let level = Level::from_sql(invite.try_get("level")?)?;
    let label: Option<String> = invite.try_get("label")?;
    let used_by: Option<Uuid> = invite.try_get("used_by")?;

    let held = access::level_of(&mut *conn, user, baby).await?;
    if let Some(held) = held.filter(|held| *held >= level) {
        // Already in, perhaps by this very code when the answer was lost: the code stays as it is.
        return Ok(Joined { baby_id: baby, level: held });
    }
    if used_by.is_some() {
        return Err(invite_invalid());
    }
    if invite.try_get("expired")? {
        return Err(ApiError::new(ErrorCode::InviteExpired, "this code has expired, ask for a new one"));
    }
    sqlx::query(
        "update invites
         set used_by = $3, used_at = now()
         where baby_id = $1 and id = $2",
    )
    .bind(baby.0)
    .bind(invite.try_get::<Uuid, _>("id")?)
    .bind(user.0)
    .execute(&mut *conn)
    .await?;
    access::grant(conn, user, baby, level, label.as_deref()).await?;
    Ok(Joined { baby_id: baby, level })
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

pub async fn list(call: &Call, baby: BabyId) -> Result<Vec<Invite>, ApiError> {
    let user = session::authenticate(call).await?;
    let mut tx = call.pool().begin().await?;
    access::authorize(&mut tx, user, baby, Action::Manage).await?;
    let rows = sqlx::query(
        "select id, level::text as level, label,
           (extract(epoch from created_at) * 1000)::bigint as created_ms,
           (extract(epoch from expires_at) * 1000)::bigint as expires_ms
         from invites
         where baby_id = $1 and used_at is null and revoked_at is null and expires_at > now()
         order by created_at",
    )
    .bind(baby.0)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(Invite {
                invite_id: row.try_get("id")?,
                kind: InviteKind::Code,
                level: Level::from_sql(row.try_get("level")?)?,
                label: row.try_get("label")?,
                created_at: Timestamp::from_ms(row.try_get("created_ms")?),
                expires_at: Timestamp::from_ms(row.try_get("expires_ms")?),
            })
        })
        .collect()
}

/// Whether `code` could be accepted now, for somebody who has no account yet. Guesses are counted by
/// where they come from.
pub(super) async fn is_open(call: &Call, code: &str) -> Result<(), ApiError> {
    let attempt = throttle::INVITE.attempt(call.pool(), &call.address_group()).await?;
    let code = parse_code(code).ok_or_else(invite_invalid)?;
    let code_hash = hash(call, &code).await?;
    let is_expired: Option<bool> = sqlx::query_scalar(
        "select expires_at <= now()
         from invites
         where code_hash = $1 and revoked_at is null and used_at is null
         order by created_at desc
         limit 1",
    )
    .bind(code_hash)
    .fetch_optional(call.pool())
    .await?;
    let is_expired = is_expired.ok_or_else(invite_invalid)?;
    attempt.uncount(call.pool()).await?;
    if is_expired {
        return Err(ApiError::new(ErrorCode::InviteExpired, "this code has expired, ask for a new one"));
    }
    Ok(())
}

fn invite_invalid() -> ApiError {
    ApiError::new(ErrorCode::InviteInvalid, "no such invitation")
}

/// 40 random bits as eight characters.
fn random_code() -> Result<String, ApiError> {
    let mut bytes = [0; CODE_CHARS];
    getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
    // 256 is a multiple of 32, so each character is equally likely.
    Ok(bytes.iter().map(|byte| char::from(CROCKFORD[usize::from(byte % 32)])).collect())
}

/// The code as it was made, from what a person typed: any case, spaces and dashes, O for 0, I and L
/// for 1. None if it cannot be a code.
fn parse_code(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(CODE_CHARS);
    for typed in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let c = match typed.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        if code.len() == CODE_CHARS || !c.is_ascii() || !CROCKFORD.contains(&(c as u8)) {
            return None;
        }
        code.push(c);
    }
    (code.len() == CODE_CHARS).then_some(code)
}

async fn hash(call: &Call, code: &str) -> Result<Vec<u8>, ApiError> {
    let salt = salt(call.pool()).await?;
    call.app.passwords().code_hash(code.to_owned(), salt).await
}

/// This server's salt of invite codes, made at its first use.
async fn salt(pool: &PgPool) -> Result<Vec<u8>, ApiError> {
    let mut fresh = vec![0; 16];
    getrandom::fill(&mut fresh).map_err(|error| internal(&error))?;
    sqlx::query(
        "insert into server_secret (name, value)
         values ($1, $2)
         on conflict do nothing",
    )
    .bind(SALT)
    .bind(fresh)
    .execute(pool)
    .await?;
    Ok(sqlx::query_scalar("select value from server_secret where name = $1").bind(SALT).fetch_one(pool).await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sync::any_json::text;

    proptest! {
        /// C45: whatever is typed is a code or is none, and a code is read as itself however it is set.
        #[test]
        fn anything_may_be_typed_for_a_code(typed in text(), code in "[0-9A-HJKMNP-TV-Z]{8}", at in 0..8_usize) {
            if let Some(code) = parse_code(&typed) {
                prop_assert_eq!(parse_code(&code), Some(code.clone()));
            }
            let set = format!(" {}-{}", &code[..at], code[at..].to_lowercase());
            prop_assert_eq!(parse_code(&set), Some(code));
        }
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let check = |typed: &str, expect: Option<&str>| assert_eq!(parse_code(typed).as_deref(), expect, "{typed:?}");
        check("7kq2-m9xw", Some("7KQ2M9XW"));
        check(" 7KQ2 M9XW ", Some("7KQ2M9XW"));
        check("OIL0-1234", Some("01101234"));
        check("7KQ2-M9X", None);
        check("7KQ2-M9XWW", None);
        check("7KQ2-M9XU", None);
        check("", None);
        check("７KQ2M9XW", None);
    }

    #[test]
    fn codes_use_the_whole_alphabet() {
        let seen: std::collections::BTreeSet<char> =
            (0..500).flat_map(|_| random_code().unwrap().chars().collect::<Vec<_>>()).collect();
        assert_eq!(seen.len(), 32);
    }
}
