//! What opens an invitation: a code that people read out, or the token in a link.

use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::{
    api::{ApiError, InviteKind},
    server::{Call, config::ServeConfig, error::internal},
};

/// Without I, L, O and U: no two look alike, and no rude words.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 40 bits: enough for what lives a quarter of an hour and is guessed five times.
const CODE_CHARS: usize = 8;
/// 260 bits, of which nobody guesses any.
const TOKEN_CHARS: usize = 52;
const SALT: &str = "invite_code_salt";

pub(super) struct Secret {
    pub(super) kind: InviteKind,
    text: String,
}

impl Secret {
    pub(super) fn random(kind: InviteKind) -> Result<Self, ApiError> {
        let mut bytes = vec![0; chars(kind)];
        getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
        // 256 is a multiple of 32, so each character is equally likely.
        let text = bytes.iter().map(|byte| char::from(CROCKFORD[usize::from(byte % 32)])).collect();
        Ok(Self { kind, text })
    }

    /// The secret as it was made, from what a person typed: any case, spaces and dashes, O for 0, I and
    /// L for 1. None if it cannot be one.
    pub(super) fn parse(kind: InviteKind, typed: &str) -> Option<Self> {
        let mut text = String::with_capacity(chars(kind));
        for typed in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let c = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            };
            if text.len() == chars(kind) || !c.is_ascii() || !CROCKFORD.contains(&(c as u8)) {
                return None;
            }
            text.push(c);
        }
        (text.len() == chars(kind)).then_some(Self { kind, text })
    }

    /// A code as it is read out, `XXXX-XXXX`.
    pub(super) fn code(&self) -> Option<String> {
        let (first, second) = self.text.split_at(CODE_CHARS / 2);
        (self.kind == InviteKind::Code).then(|| format!("{first}-{second}"))
    }

    /// A link that carries the token in its fragment, which no browser sends to any server. Where the
    /// server does not know by which name people reach it, the link begins at its own address.
    pub(super) fn link(&self, config: &ServeConfig) -> Option<String> {
        let origin = config.public_url.as_ref().map_or("", |url| url.origin());
        (self.kind == InviteKind::Link).then(|| format!("{origin}/join#{}", self.text))
    }

    /// What the table knows it by.
    pub(super) async fn hash(&self, call: &Call) -> Result<Vec<u8>, ApiError> {
        match self.kind {
            InviteKind::Link => Ok(Sha256::digest(self.text.as_bytes()).to_vec()),
            InviteKind::Code => {
                let salt = salt(call.pool()).await?;
                call.app.passwords().code_hash(self.text.clone(), salt).await
            }
        }
    }
}

/// What a request brings: one of the two, and never both.
pub(super) fn read(code: Option<String>, token: Option<String>) -> Result<(InviteKind, String), ApiError> {
    match (code, token) {
        (Some(code), None) => Ok((InviteKind::Code, code)),
        (None, Some(token)) => Ok((InviteKind::Link, token)),
        _ => Err(ApiError::invalid("code", "send either code or token")),
    }
}

fn chars(kind: InviteKind) -> usize {
    match kind {
        InviteKind::Code => CODE_CHARS,
        InviteKind::Link => TOKEN_CHARS,
    }
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

    fn parse_code(typed: &str) -> Option<String> {
        Secret::parse(InviteKind::Code, typed).map(|secret| secret.text)
    }

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
    fn secrets_use_the_whole_alphabet_and_a_token_has_256_bits() {
        let token = Secret::random(InviteKind::Link).unwrap().text;
        assert!(token.len() * 5 >= 256);
        let random = || Secret::random(InviteKind::Code).unwrap().text;
        let seen: std::collections::BTreeSet<char> =
            (0..500).flat_map(|_| random().chars().collect::<Vec<_>>()).collect();
        assert_eq!(seen.len(), 32);
    }
}
