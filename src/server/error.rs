//! How a database's trouble becomes an answer: busy is not broken, and broken says nothing about
//! itself to the caller.

use sqlx::error::ErrorKind;

use crate::api::{ApiError, ErrorCode};

/// Seconds a caller waits when the database is short of room.
const BUSY_RETRY_SECS: u32 = 2;

/// Postgres: could not get a lock in time, statement took too long, told to stop, out of
/// connections or memory, deadlock, serialization failure. All pass by themselves.
const PASSING: &[&str] = &["55P03", "57014", "57P01", "57P02", "57P03", "53300", "53200", "53400", "40P01", "40001"];

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let busy = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
            sqlx::Error::Database(db) => db.code().is_some_and(|code| PASSING.contains(&code.as_ref())),
            _ => false,
        };
        if busy {
            tracing::warn!(what = %describe(&error), "database busy");
            return Self::new(ErrorCode::Overloaded, "the server is busy, try again").retry_after(BUSY_RETRY_SECS);
        }
        internal(&describe(&error))
    }
}

/// The error without the values it may quote: those are a family's.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(db) => format!(
            "database error {} on {}",
            db.code().unwrap_or_default(),
            db.constraint().or(db.table()).unwrap_or("a statement"),
        ),
        None => error.to_string(),
    }
}

/// A failure that is ours: the log has the cause, the caller has the request id.
pub(super) fn internal(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(error = %error, "internal error");
    ApiError::new(ErrorCode::Internal, "something went wrong on the server")
}

/// Whether `error` is a breach of the unique constraint `name`.
pub(super) fn violates(error: &sqlx::Error, name: &str) -> bool {
    error.as_database_error().is_some_and(|db| db.kind() == ErrorKind::UniqueViolation && db.constraint() == Some(name))
}
