//! Leases: admission for work that is worth waiting with, so that a morning on which every phone
//! bootstraps does not slow down the one that saves a feed.
//!
//! Places are few and are kept in memory, for each process its own: they protect this process, and
//! a restart forgets nothing that matters. A place is given for a short time and given again to
//! whoever already holds it; a bootstrap gives its place back with its last page.
//!
//! Invariant: never more places are held than there are, and no person holds all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{
    Call,
    access::{self, Action},
    session,
};
use crate::{
    api::{ApiError, ErrorCode},
    domain::{
        id::{BabyId, UserId},
        time::Timestamp,
    },
    sync::protocol::{Lease, LeaseKind},
};

/// A place is free again after so long, unless it is asked for again.
const LEASE_MS: i64 = 20_000;
/// How many places one person's devices hold at most.
const PER_PERSON: usize = 2;

pub async fn lease(call: &Call, kind: LeaseKind, baby: BabyId) -> Result<Lease, ApiError> {
    let mut tx = call.pool().begin().await?;
    let user = session::authenticate_on(&mut tx, call).await?;
    let action = match kind {
        LeaseKind::Bootstrap => Action::Read,
        LeaseKind::Import => Action::Write,
    };
    access::authorize(&mut tx, user, baby, action).await?;
    let now_ms: i64 =
        sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    call.app.leases().take(Holder { user, baby, kind }, Timestamp::from_ms(now_ms))
}

/// Who holds a place, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) user: UserId,
    pub(super) baby: BabyId,
    pub(super) kind: LeaseKind,
}

pub(super) struct Leases {
    places: usize,
    held: Mutex<Vec<(Holder, Lease)>>,
}

impl Leases {
    pub(super) fn new(places: u16) -> Self {
        Self { places: places.into(), held: Mutex::default() }
    }

    fn take(&self, holder: Holder, now: Timestamp) -> Result<Lease, ApiError> {
        let mut held = self.held();
        held.retain(|(_, lease)| lease.expires_at > now);
        let expires_at = Timestamp::from_ms(now.as_ms() + LEASE_MS);
        if let Some((_, lease)) = held.iter_mut().find(|(other, _)| *other == holder) {
            lease.expires_at = expires_at;
            return Ok(lease.clone());
        }
        let wait = |taken: &mut dyn Iterator<Item = &(Holder, Lease)>| {
            let first_free = taken.map(|(_, lease)| lease.expires_at.since(now)).min().unwrap_or_default();
            u32::try_from(first_free.unsigned_abs().div_ceil(1_000)).unwrap_or_default().max(1)
        };
        let is_theirs = |(other, _): &&(Holder, Lease)| other.user == holder.user;
        if held.iter().filter(is_theirs).count() >= PER_PERSON {
            let secs = wait(&mut held.iter().filter(is_theirs));
            return Err(ApiError::new(ErrorCode::RateLimited, "other devices of yours are at it").retry_after(secs));
        }
        if held.len() >= self.places {
            let secs = wait(&mut held.iter());
            return Err(ApiError::new(ErrorCode::Overloaded, "all places are taken, wait a little").retry_after(secs));
        }
        let lease = Lease { lease_id: Uuid::now_v7(), expires_at };
        held.push((holder, lease.clone()));
        Ok(lease)
    }

    /// The work is done; the place is free.
    pub(super) fn give_back(&self, holder: Holder) {
        self.held().retain(|(other, _)| *other != holder);
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Holder, Lease)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: u128, baby: u128) -> Holder {
        let id = |n| Uuid::from_u128(n);
        Holder { user: UserId(id(user)), baby: BabyId(id(baby)), kind: LeaseKind::Bootstrap }
    }

    fn refusal(taken: Result<Lease, ApiError>) -> (ErrorCode, Option<u32>) {
        taken.map_err(|error| (error.code, error.retry_after_secs)).unwrap_err()
    }

    /// B60: a refusal says how long to wait, and after that there is a place.
    #[test]
    fn b60_places_are_bounded_and_come_free_with_time() {
        let leases = Leases::new(2);
        let at = Timestamp::from_ms;
        leases.take(holder(1, 1), at(0)).unwrap();
        leases.take(holder(2, 2), at(5_000)).unwrap();
        assert_eq!(refusal(leases.take(holder(3, 3), at(5_500))), (ErrorCode::Overloaded, Some(15)));
        assert_eq!(refusal(leases.take(holder(3, 3), at(19_999))), (ErrorCode::Overloaded, Some(1)));
        leases.take(holder(3, 3), at(20_000)).unwrap();
        leases.give_back(holder(2, 2));
        leases.take(holder(4, 4), at(20_000)).unwrap();
    }

    #[test]
    fn asking_again_keeps_the_place() {
        let leases = Leases::new(1);
        let first = leases.take(holder(1, 1), Timestamp::from_ms(0)).unwrap();
        let again = leases.take(holder(1, 1), Timestamp::from_ms(15_000)).unwrap();
        assert_eq!((first.lease_id, again.expires_at), (again.lease_id, Timestamp::from_ms(35_000)));
        assert_eq!(refusal(leases.take(holder(2, 2), Timestamp::from_ms(30_000))).1, Some(5));
    }

    #[test]
    fn nobody_holds_all_places() {
        let leases = Leases::new(8);
        for baby in 0..2 {
            leases.take(holder(1, baby), Timestamp::from_ms(0)).unwrap();
        }
        let third = leases.take(holder(1, 3), Timestamp::from_ms(1_000));
        assert_eq!(refusal(third), (ErrorCode::RateLimited, Some(19)));
        leases.take(holder(2, 3), Timestamp::from_ms(1_000)).unwrap();
    }
}
