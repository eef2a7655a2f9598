//! What can go wrong between two copies, by name: one list for the journal, the status and the tests,
//! that says of each whether trying again by itself can help.

use super::{
    local::ApplyError,
    ports::{ErrorCode, StoreError, TransportError},
};
use crate::domain::mutation::RejectionCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Network,
    RateLimited,
    Server,
    Unauthenticated,
    ClientTooOld,
    AccessRevoked,
    ReadOnly,
    /// The server's history is another one, or no longer goes back so far.
    HistoryChanged,
    BatchTooLarge,
    Malformed,
    /// What the entry refers to is not on the server.
    FkResolutionFailed,
    Rejected,
    CursorBackward,
    IntegrityViolation,
    /// The check could not run: nobody knows whether the copy is whole.
    IntegrityUnknown,
    ChecksumMismatch,
    StorageFull,
    StorageClosed,
    StorageDamaged,
    StorageFailed,
    /// Another tab has taken over.
    Fenced,
}

impl Fault {
    pub fn code(self) -> &'static str {
        match self {
            Self::Network => "NETWORK_ERROR",
            Self::RateLimited => "RATE_LIMITED",
            Self::Server => "SERVER_ERROR",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::ClientTooOld => "CLIENT_TOO_OLD",
            Self::AccessRevoked => "ACCESS_REVOKED",
            Self::ReadOnly => "READ_ONLY",
            Self::HistoryChanged => "HISTORY_CHANGED",
            Self::BatchTooLarge => "BATCH_TOO_LARGE",
            Self::Malformed => "MALFORMED",
            Self::FkResolutionFailed => "FK_RESOLUTION_FAILED",
            Self::Rejected => "REJECTED",
            Self::CursorBackward => "CURSOR_BACKWARD",
            Self::IntegrityViolation => "INTEGRITY_VIOLATION",
            Self::IntegrityUnknown => "INTEGRITY_UNKNOWN",
            Self::ChecksumMismatch => "CHECKSUM_MISMATCH",
            Self::StorageFull => "STORAGE_FULL",
            Self::StorageClosed => "STORAGE_CLOSED",
            Self::StorageDamaged => "STORAGE_DAMAGED",
            Self::StorageFailed => "STORAGE_FAILED",
            Self::Fenced => "FENCED",
        }
    }

    /// Whether the same request, sent again later by the device itself, may succeed. A batch that is
    /// too large or cannot be read goes again in parts; alone, it never will.
    pub fn retryable(self) -> bool {
        match self {
            Self::Network
            | Self::RateLimited
            | Self::Server
            | Self::HistoryChanged
            | Self::IntegrityUnknown
            | Self::ChecksumMismatch
            | Self::CursorBackward
            | Self::IntegrityViolation
            | Self::StorageFull
            | Self::StorageFailed
            | Self::Fenced => true,
            // A person signs in, updates, reloads, corrects; or a second answer confirms it.
            Self::Unauthenticated
            | Self::ClientTooOld
            | Self::AccessRevoked
            | Self::ReadOnly
            | Self::BatchTooLarge
            | Self::Malformed
            | Self::FkResolutionFailed
            | Self::Rejected
            | Self::StorageClosed
            | Self::StorageDamaged => false,
        }
    }
}

impl From<&TransportError> for Fault {
    fn from(error: &TransportError) -> Self {
        let TransportError::Refused { status, code, .. } = error else { return Self::Network };
        match code {
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            ErrorCode::ClientTooOld => Self::ClientTooOld,
            ErrorCode::AccessRevoked | ErrorCode::UnknownBaby => Self::AccessRevoked,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::EpochChanged | ErrorCode::CursorExpired => Self::HistoryChanged,
            ErrorCode::BatchTooLarge => Self::BatchTooLarge,
            ErrorCode::Malformed => Self::Malformed,
            ErrorCode::RateLimited | ErrorCode::Overloaded | ErrorCode::ServerBehind => Self::RateLimited,
            ErrorCode::NotFound | ErrorCode::Other if (400..500).contains(status) => Self::Malformed,
            ErrorCode::Internal | ErrorCode::NotFound | ErrorCode::Other => Self::Server,
        }
    }
}

impl From<&StoreError> for Fault {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Quota => Self::StorageFull,
            StoreError::Closed => Self::StorageClosed,
            StoreError::Fenced => Self::Fenced,
            StoreError::Damaged(_) => Self::StorageDamaged,
            StoreError::Failed(_) => Self::StorageFailed,
        }
    }
}

impl From<&ApplyError> for Fault {
    fn from(error: &ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => error.into(),
            ApplyError::CursorMoved => Self::Fenced,
            ApplyError::CursorBackward => Self::CursorBackward,
            ApplyError::EpochChanged => Self::HistoryChanged,
            ApplyError::Malformed(_) => Self::Server,
            ApplyError::IntegrityViolation(_) => Self::IntegrityViolation,
            ApplyError::CheckExecution(_) => Self::IntegrityUnknown,
            ApplyError::ChecksumMismatch => Self::ChecksumMismatch,
        }
    }
}

impl From<RejectionCode> for Fault {
    fn from(code: RejectionCode) -> Self {
        match code {
            RejectionCode::ParentMissing => Self::FkResolutionFailed,
            _ => Self::Rejected,
        }
    }
}
