//! What each refusal of a whole request means to a device (protocol §5).

use crate::{
    domain::mutation::{Rejection, RejectionCode},
    sync::{
        defect::{Defect, planted},
        ports::{ErrorCode, TransportError},
        status::{Blocked, DeadReason},
    },
};

/// What a refusal of a whole request means, in either direction.
pub(super) enum Meaning {
    /// Nothing is known; try again.
    Lost,
    /// The server has too much to do.
    Busy {
        retry_after_ms: Option<i64>,
    },
    /// The server failed on it.
    Failed {
        retry_after_ms: Option<i64>,
    },
    /// Nothing goes until a person acts.
    Blocked(Blocked),
    /// The baby may be gone for this account.
    NoAccess,
    ReadOnly,
    /// The server's history is not the one this copy follows, or no longer goes back so far. Another
    /// one may lack what was acknowledged.
    StartAnew {
        resend: bool,
    },
    TooLarge,
    /// Something in the request cannot be read.
    Unreadable,
}

impl Meaning {
    pub(super) fn of(error: &TransportError) -> Self {
        let TransportError::Refused { status, code, retry_after_ms } = *error else { return Self::Lost };
        let retry_after_ms = retry_after_ms.filter(|_| !planted(Defect::NoRest));
        match code {
            ErrorCode::Unauthenticated => Self::Blocked(Blocked::SignIn),
            ErrorCode::ClientTooOld => Self::Blocked(Blocked::UpdateApp),
            ErrorCode::AccessRevoked | ErrorCode::UnknownBaby => Self::NoAccess,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::EpochChanged => Self::StartAnew { resend: true },
            ErrorCode::CursorExpired => Self::StartAnew { resend: false },
            ErrorCode::BatchTooLarge => Self::TooLarge,
            ErrorCode::Malformed => Self::Unreadable,
            ErrorCode::RateLimited | ErrorCode::Overloaded | ErrorCode::ServerBehind => Self::Busy { retry_after_ms },
            ErrorCode::Internal => Self::Failed { retry_after_ms },
            ErrorCode::NotFound | ErrorCode::Other if (400..500).contains(&status) => Self::Unreadable,
            ErrorCode::NotFound | ErrorCode::Other => Self::Failed { retry_after_ms },
        }
    }
}

/// Why entries of a refused request are dead letters.
pub(super) fn dead_reason(error: &TransportError) -> DeadReason {
    let message = match Meaning::of(error) {
        Meaning::ReadOnly => return DeadReason::ReadOnly,
        Meaning::TooLarge => "the entry is too large to be sent",
        _ => "the server cannot read the entry",
    };
    let error = Rejection { code: RejectionCode::InvalidPayload, field: None, message: message.into() };
    DeadReason::Rejected { error }
}
