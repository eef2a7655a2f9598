//! Passwords and invite codes at rest: slow salted hashes, computed off the async threads and only
//! a few at a time, so that a burst of sign-ins costs waiting and not the server's memory.

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use super::error::internal;
use crate::api::{ApiError, ErrorCode};

/// The OWASP minimum for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// At most this many hashes at once: 4 × 19 MiB.
const AT_ONCE: usize = 4;
/// A caller who cannot get a turn within this time is told to come back.
const TURN: Duration = Duration::from_secs(5);

const MIN_CHARS: usize = 10;
const MAX_CHARS: usize = 128;

/// Our own selection of what people choose first once ten characters are asked for.
const COMMON: &str = include_str!("common_passwords.txt");

pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// The hash that an unknown account is checked against, so that its answer takes as long.
    nobody: String,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let nobody =
            argon2().hash_password(b"nobody has this password").expect("the parameters are constants in range");
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody: nobody.to_string() }
    }

    /// A PHC string of `password` under a fresh salt.
    pub(super) async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.slowly(move || argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| internal(&error))
    }

    /// Whether `password` is the one behind `hash`. Without a hash the answer is no, as slowly.
    pub(super) async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let same = self.slowly(move || argon2().verify_password(password.as_bytes(), hash.as_str()).is_ok()).await?;
        Ok(same && known)
    }

    /// The hash an invite code is looked up by. A look-up needs the same salt for all codes, so it
    /// is this server's secret one; the slow hash is what makes 40 bits last for 15 minutes.
    pub(super) async fn code_hash(&self, code: String, salt: Vec<u8>) -> Result<Vec<u8>, ApiError> {
        self.slowly(move || {
            let mut hash = vec![0; 32];
            argon2().hash_password_into(code.as_bytes(), &salt, &mut hash).map(|()| hash)
        })
        .await?
        .map_err(|error| internal(&error))
    }

    async fn slowly<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let busy = || ApiError::new(ErrorCode::Overloaded, "too many sign-ins at once, try again").retry_after(5);
        let turn = tokio::time::timeout(TURN, self.turns.clone().acquire_owned()).await.map_err(|_| busy())?;
        let turn = turn.map_err(|error| internal(&error))?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| internal(&error))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are constants in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a new password may be chosen: long enough, not endless, not among the first guesses.
pub(super) fn check(password: &str, email: &str) -> Result<(), ApiError> {
    let chars = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&chars) {
        return Err(ApiError::invalid("password", format!("password must be {MIN_CHARS} to {MAX_CHARS} characters")));
    }
    let lower = password.to_lowercase();
    let one_letter = lower.chars().all(|c| lower.starts_with(c));
    if one_letter || lower == email || COMMON.lines().any(|common| common == lower) {
        return Err(ApiError::invalid("password", "password is too easy to guess"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guesses_are_refused() {
        for bad in ["short", "aaaaaaaaaaaa", "Password123", "1234567890", "ada@example.org", &"long".repeat(33)] {
            assert_eq!(check(bad, "ada@example.org").unwrap_err().field.as_deref(), Some("password"), "{bad}");
        }
        for good in ["correct horse", "пароль-для-ады", "  spaces count  "] {
            assert_eq!(check(good, "ada@example.org"), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_list_holds_only_what_the_length_rule_lets_through() {
        for line in COMMON.lines() {
            assert!(line.chars().count() >= MIN_CHARS && line == line.to_lowercase(), "{line}");
        }
    }

    #[tokio::test]
    async fn a_hash_matches_its_password_alone() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.matches("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("correct house".into(), Some(hash)).await.unwrap());
        assert!(!passwords.matches("nobody has this password".into(), None).await.unwrap());
    }
}
