//! How much one caller may ask: a bucket for each account, and one for each network of those who have
//! not proved who they are.
//!
//! It is kept in memory, for each process its own. Shared counters would make a write of each idle poll,
//! which is one read otherwise; and what has to be protected is this process and its part of the
//! connections. Where guesses are counted, one too many matters and there are few: [`throttle`](super::throttle)
//! keeps those in Postgres.
//!
//! A session is charged to its account before the database is asked for it, because it proved to be that
//! account's earlier. Until then it is charged to the network it comes from, and given back what it proves.
//!
//! Invariant: what is kept here is bounded, whoever asks; beyond the bound newcomers share one bucket.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{body::HttpBody, extract::Request};

use super::{App, router, session::SessionToken};
use crate::{
    api::{ApiError, ErrorCode},
    domain::id::UserId,
    sync::protocol::MAX_BODY_BYTES,
};

/// What of a minute was not used may be used at once: five phones that come back after a week.
const SAVED_SECS: f64 = 60.0;
/// Buckets, and sessions that proved whose they are, at most so many each.
const KEPT: usize = 50_000;
/// Looking for what may be forgotten takes a moment, so it is not done for each newcomer.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// So much of a body costs as much as a request of its own.
const BYTES_OF_ONE: usize = 8 * 1024;
/// A slow hash, of a password or of the code of an invitation; or a signature to be looked at.
const SLOW: f64 = 5.0;
const SLOW_CALLS: [&str; 3] = ["/api/babies/invites/", "/api/account/passkeys/", "/api/auth/passkey/"];
/// Everything that an account can read.
const WHOLE: f64 = 50.0;

/// Who asks, as far as it is known before the database is asked, and what it costs.
pub(super) struct Asking {
    session: Option<Vec<u8>>,
    network: IpAddr,
    cost: f64,
}

impl Asking {
    pub(super) fn of(app: &App, request: &Request) -> Self {
        Self {
            session: SessionToken::from_headers(request.headers(), app.config()).map(|token| token.hash()),
            network: network(router::address(app, request)),
            cost: cost(request),
        }
    }
}

fn cost(request: &Request) -> f64 {
    match request.uri().path() {
        "/api/account/export" => WHOLE,
        "/api/auth/sign-up" | "/api/auth/sign-in" | "/api/account/password" | "/api/account/delete" => SLOW,
        path if SLOW_CALLS.iter().any(|start| path.starts_with(start)) => SLOW,
        _ => {
            let told = request.body().size_hint().exact();
            let bytes = told.map_or(MAX_BODY_BYTES, |bytes| usize::try_from(bytes).unwrap_or(MAX_BODY_BYTES));
            1.0 + (bytes.min(MAX_BODY_BYTES) / BYTES_OF_ONE) as f64
        }
    }
}

/// What one caller can come from: an address, or the /64 that an IPv6 caller owns as a whole. An IPv4
/// caller is the same one on a socket for both.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

/// What a request that was let in has cost, and whom.
pub(super) struct Paid {
    payer: Payer,
    cost: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Payer {
    Account(UserId),
    Network(IpAddr),
    /// All for whom there is no room.
    Crowd,
}

/// What was spent, as of a moment; it is forgiven with time.
struct Bucket {
    spent: f64,
    at: Instant,
}

#[derive(Default)]
struct Books {
    buckets: HashMap<Payer, Bucket>,
    /// Whose a session proved to be.
    sessions: HashMap<Vec<u8>, UserId>,
    swept: Option<Instant>,
}

impl Books {
    /// Whether it is time to look for what may be forgotten.
    fn is_full(&mut self, now: Instant) -> bool {
        let is_due = self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY);
        let is_full = is_due && self.buckets.len().max(self.sessions.len()) >= KEPT;
        if is_full {
            self.swept = Some(now);
        }
        is_full
    }
}

pub(super) struct Rates {
    per_second: f64,
    books: Mutex<Books>,
}

impl Rates {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), books: Mutex::default() }
    }

    /// Charges a request, or says how long its caller has to wait.
    pub(super) fn admit(&self, asking: &Asking, now: Instant) -> Result<Paid, ApiError> {
        let mut books = self.books();
        let account = asking.session.as_ref().and_then(|session| books.sessions.get(session));
        let payer = account.map_or(Payer::Network(asking.network), |user| Payer::Account(*user));
        let saved = self.per_second * SAVED_SECS;
        let cost = asking.cost.min(saved);
        let bucket = self.bucket(&mut books, payer, now);
        let over = bucket.spent + cost - saved;
        if over <= 0.0 {
            bucket.spent += cost;
            return Ok(Paid { payer, cost });
        }
        let secs = (over / self.per_second).ceil() as u32;
        Err(ApiError::new(ErrorCode::RateLimited, "too many requests, wait and try again").retry_after(secs.max(1)))
    }

    /// A session has proved to be one of `user`'s.
    pub(super) fn know(&self, session: &[u8], user: UserId) {
        let mut books = self.books();
        if books.sessions.len() < KEPT && !books.sessions.contains_key(session) {
            books.sessions.insert(session.to_vec(), user);
        }
    }

    /// After the answer: a session that is nobody's is charged to no account any more, and one that has
    /// just proved whose it is costs its network nothing.
    pub(super) fn settle(&self, asking: &Asking, paid: Paid, is_nobody: bool, now: Instant) {
        let Some(session) = &asking.session else { return };
        if matches!(paid.payer, Payer::Account(_)) && !is_nobody {
            return;
        }
        let mut books = self.books();
        if is_nobody {
            books.sessions.remove(session);
        } else if let Some(user) = books.sessions.get(session).copied() {
            self.bucket(&mut books, Payer::Account(user), now).spent += paid.cost;
            let network = self.bucket(&mut books, paid.payer, now);
            network.spent = (network.spent - paid.cost).max(0.0);
        }
    }

    /// The bucket of `payer`, or without room the one of all, as of `now`.
    fn bucket<'b>(&self, books: &'b mut Books, payer: Payer, now: Instant) -> &'b mut Bucket {
        let left = |bucket: &Bucket| {
            (bucket.spent - now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second).max(0.0)
        };
        let is_new = !books.buckets.contains_key(&payer);
        if is_new && books.is_full(now) {
            let Books { buckets, sessions, .. } = &mut *books;
            buckets.retain(|_, bucket| left(bucket) > 0.0);
            sessions.retain(|_, user| buckets.contains_key(&Payer::Account(*user)));
        }
        let has_room = !is_new || books.buckets.len() < KEPT;
        let payer = if has_room { payer } else { Payer::Crowd };
        let bucket = books.buckets.entry(payer).or_insert(Bucket { spent: 0.0, at: now });
        bucket.spent = left(bucket);
        bucket.at = now;
        bucket
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Rates {
    /// As if `user` had asked so much that the bucket is full again in an hour.
    pub(super) fn exhaust(&self, user: UserId) {
        let spent = self.per_second * (SAVED_SECS + 3_600.0);
        self.books().buckets.insert(Payer::Account(user), Bucket { spent, at: Instant::now() });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use uuid::Uuid;

    use super::*;

    fn someone(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    /// A request by session `session`, or without one, from 10.0.0.`host`.
    fn request(session: Option<u8>, host: u8) -> Asking {
        let network = IpAddr::V4(Ipv4Addr::new(10, 0, 0, host));
        Asking { session: session.map(|session| vec![session; 32]), network, cost: 1.0 }
    }

    fn wait(rates: &Rates, asking: &Asking, now: Instant) -> Option<u32> {
        rates.admit(asking, now).err().and_then(|error| error.retry_after_secs)
    }

    /// C46.
    #[test]
    fn devices_share_the_bucket_of_their_account_and_it_fills_with_time() {
        let (rates, start) = (Rates::new(2), Instant::now());
        rates.know(&[1; 32], someone(1));
        rates.know(&[2; 32], someone(1));
        rates.know(&[3; 32], someone(3));
        for turn in 0..120 {
            assert_eq!(wait(&rates, &request(Some(1 + turn % 2), turn), start), None, "{turn}");
        }
        let at = |secs| start + Duration::from_secs(secs);
        let push = Asking { cost: 9.0, ..request(Some(1), 1) };
        assert_eq!(wait(&rates, &request(Some(2), 1), start), Some(1));
        assert_eq!(wait(&rates, &push, start), Some(5));
        assert_eq!(wait(&rates, &request(Some(3), 1), start), None, "another account");
        assert_eq!(wait(&rates, &push, at(4)), Some(1));
        assert_eq!(wait(&rates, &push, at(5)), None, "waiting as long as was said is enough");
        assert_eq!(wait(&rates, &request(Some(1), 1), at(6)), None);
    }

    #[test]
    fn a_stranger_pays_with_the_network_and_gets_it_back_with_a_proof() {
        let (rates, now) = (Rates::new(1), Instant::now());
        for _ in 0..30 {
            let asking = request(Some(1), 1);
            let paid = rates.admit(&asking, now).unwrap();
            rates.settle(&asking, paid, true, now);
        }
        for session in 10..20 {
            let asking = request(Some(session), 1);
            let paid = rates.admit(&asking, now).unwrap();
            rates.know(&[session; 32], someone(session.into()));
            rates.settle(&asking, paid, false, now);
        }
        for _ in 0..30 {
            assert_eq!(wait(&rates, &request(None, 1), now), None, "thirty were used, not forty");
        }
        assert_eq!(wait(&rates, &request(None, 1), now), Some(1));
        assert_eq!(wait(&rates, &request(None, 2), now), None, "another network");
        assert_eq!(wait(&rates, &request(Some(10), 1), now), None, "who is known is not held up by the others");
    }

    /// Whoever holds the cookie of a session that was ended cannot use up its account's bucket.
    #[test]
    fn a_session_that_is_over_is_charged_to_no_account() {
        let (rates, now) = (Rates::new(1), Instant::now());
        rates.know(&[1; 32], someone(1));
        rates.know(&[2; 32], someone(1));
        let stolen = request(Some(1), 9);
        let paid = rates.admit(&stolen, now).unwrap();
        rates.settle(&stolen, paid, true, now);
        while wait(&rates, &stolen, now).is_none() {}
        assert_eq!(wait(&rates, &request(Some(2), 1), now), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_newcomers_share_one_bucket() {
        let (rates, now) = (Rates::new(1), Instant::now());
        let from = |n: u32| Asking { session: None, network: IpAddr::V4(Ipv4Addr::from_bits(n)), cost: 1.0 };
        for n in 0..KEPT as u32 + 60 {
            assert_eq!(wait(&rates, &from(n), now), None, "{n}");
        }
        assert_eq!(rates.books().buckets.len(), KEPT + 1);
        assert!(wait(&rates, &from(u32::MAX), now).is_some());
        assert_eq!(wait(&rates, &from(0), now), None, "who was there before is not held up by them");
        let later = now + Duration::from_secs(61);
        assert_eq!(wait(&rates, &from(u32::MAX), later), None);
        assert_eq!(rates.books().buckets.len(), 1, "what is forgiven is forgotten");
    }

    #[test]
    fn a_network_is_what_one_caller_can_come_from() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7", "an IPv4 caller of a socket for both");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_eq!(network(IpAddr::V6(Ipv6Addr::LOCALHOST)), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    }

    /// What takes the server longer costs more.
    #[test]
    fn large_bodies_and_slow_calls_cost_more() {
        let price = |path: &str, body: axum::body::Body| cost(&Request::post(path).body(body).unwrap());
        assert_eq!(price("/api/sync/pull", axum::body::Body::empty()), 1.0);
        assert_eq!(price("/api/sync/push", vec![b' '; 25_000].into()), 4.0);
        let unsaid = axum::body::Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("{}")]));
        assert_eq!(price("/api/sync/push", unsaid), 33.0);
        assert_eq!(price("/api/auth/sign-in", axum::body::Body::empty()), SLOW);
        assert_eq!(price("/api/babies/invites/create", axum::body::Body::empty()), SLOW);
        assert_eq!(price("/api/account/export", axum::body::Body::empty()), WHOLE);
    }
}
