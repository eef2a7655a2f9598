//! Random secrets that are sent as text.

use super::error::internal;
use crate::api::ApiError;

/// `N` random bytes as hex.
pub(super) fn random_hex<const N: usize>() -> Result<String, ApiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
