//! What lies between a tab and the far end: requests and answers that get lost, doubled, delayed,
//! answered by somebody else or refused for no good reason; and the far end's own work, statement
//! by statement, with others in between.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, pending},
    pin::Pin,
    rc::Rc,
};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    exec::{Exec, Handed, Owner},
    far_end::{FarEnd, push_of},
    memory_db::MemoryDb,
    verdicts::{check_reuse, check_verdicts},
};
use crate::{
    domain::{
        id::{BabyId, ClientId, MutationId, UserId},
        registry::EntityType,
        time::Timestamp,
    },
    sync::{
        defect::{FarDefect, far_planted},
        ports::{AccessList, ErrorCode, Transport, TransportError},
        protocol::{
            Change, DEFAULT_PULL_LIMIT, Hint, Lease, LeaseKind, MAX_PULL_LIMIT, PullResponse, PushRequest,
            PushResponse, SnapshotResponse, SyncRequest, SyncResponse, WireVerdict,
        },
        status::Level,
    },
};

/// The far end's own tasks; they die together when it restarts.
pub const SERVER: Owner = 0;
/// The far end's people and the world's own hands; never killed.
pub const WORLD: Owner = u64::MAX;

/// How often things go wrong, each once in so many times; `None` never.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub drop: Option<usize>,
    pub double: Option<usize>,
    pub lose_answer: Option<usize>,
    pub slow: Option<usize>,
    pub fail_before: Option<usize>,
    pub fail_after: Option<usize>,
    pub busy: Option<usize>,
    pub portal: Option<usize>,
    pub false_refusal: Option<usize>,
    pub poison: Option<usize>,
    pub lose_hint: Option<usize>,
    /// An answer that the device has to make something of, whatever it says.
    pub odd: Option<usize>,
    /// Access ends while a push is on its way.
    pub revoke: Option<usize>,
}

/// Takes a hint in; `false` once nobody listens any more.
pub type Ear = Box<dyn Fn(Hint) -> bool>;

/// What a run has seen, for the report and for knowing that the faults do happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub requests: u64,
    pub calls: BTreeMap<&'static str, u64>,
    pub faults: BTreeMap<&'static str, u64>,
    pub verdicts: BTreeMap<String, u64>,
}

/// The network and the far end behind it.
pub struct Net {
    pub exec: Exec,
    pub far: RefCell<FarEnd>,
    pub faults: RefCell<Faults>,
    pub seen: RefCell<Seen>,
    /// Mutations that the far end fails on, always.
    pub poison: RefCell<BTreeSet<MutationId>>,
    /// Babies that left a device, and whose.
    pub purged: RefCell<BTreeSet<(BabyId, UserId)>>,
    /// Whether devices' clocks tell true time, so that waits can be held against them.
    pub clocks_are_true: Cell<bool>,
    /// Who hears hints: an open tab's ear, and whose it is.
    pub ears: RefCell<Vec<(UserId, Ear)>>,
    /// The far end is older than the devices: it knows pushes and pulls only.
    pub is_old: Cell<bool>,
}

impl Net {
    /// A network on which nothing goes wrong.
    pub fn calm(exec: Exec, far: FarEnd) -> Self {
        Self {
            exec,
            far: RefCell::new(far),
            faults: RefCell::default(),
            seen: RefCell::default(),
            poison: RefCell::default(),
            purged: RefCell::default(),
            clocks_are_true: Cell::new(true),
            ears: RefCell::default(),
            is_old: Cell::new(false),
        }
    }

    pub fn note(&self, fault: &'static str) {
        *self.seen.borrow_mut().faults.entry(fault).or_default() += 1;
    }

    fn note_call(&self, call: &'static str) {
        *self.seen.borrow_mut().calls.entry(call).or_default() += 1;
    }

    fn strikes(&self, fault: &'static str, odds: Option<usize>) -> bool {
        let strikes = odds.is_some_and(|n| self.exec.chance().one_in(n));
        if strikes {
            self.note(fault);
        }
        strikes
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.exec.now_ms())
    }

    /// Gives others a turn, in the middle of a request.
    async fn pause(&self) {
        self.exec.sleep_ms(self.exec.chance().between(0, 1 << self.exec.chance().below(10))).await;
    }

    /// Waits for the lock of a baby's head.
    pub async fn lock(&self, baby: BabyId) -> u64 {
        let tx = self.far.borrow_mut().begin();
        while !self.far.borrow_mut().lock(baby, tx) {
            self.pause().await;
        }
        tx
    }

    /// Somebody gets to see a baby, or sees it no more; pushes under way come first.
    pub async fn set_access(self: Rc<Self>, baby: BabyId, user: UserId, level: Option<Level>) {
        let tx = self.lock(baby).await;
        let mut far = self.far.borrow_mut();
        match (far.levels.get(&(baby, user)), level) {
            (Some(Level::Owner), _) => {}
            // The baby may have been lost with an earlier history.
            (_, Some(_)) if !far.exists(baby) => {}
            (_, Some(level)) => {
                far.levels.insert((baby, user), level);
                far.guests.remove(&(baby, user));
            }
            (known, None) => {
                if known.is_some() {
                    self.note("revoked");
                    far.removed.insert((baby, user));
                }
                far.levels.remove(&(baby, user));
                // A guest may be sent home before the time.
                if far.guests.remove(&(baby, user)).is_some() {
                    far.ended.insert((baby, user));
                }
            }
        }
        far.unlock(baby, tx);
    }

    pub async fn serve_push(&self, user: UserId, request: &PushRequest) -> Result<PushResponse, TransportError> {
        let baby = request.baby_id;
        if far_planted(FarDefect::AccessUnlocked) {
            self.far.borrow().admit(user, request)?;
            self.pause().await;
        }
        let tx = self.lock(baby).await;
        let served = self.serve_locked(user, request).await;
        self.far.borrow_mut().unlock(baby, tx);
        served
    }

    /// Lets go of what no device needs, in one transaction.
    pub async fn compact(self: Rc<Self>, baby: BabyId, age_ms: i64) {
        let tx = self.lock(baby).await;
        let floor = self.far.borrow_mut().compact(baby, self.now(), age_ms);
        self.far.borrow_mut().raise_floor(baby, floor);
        self.far.borrow_mut().unlock(baby, tx);
    }

    async fn serve_locked(&self, user: UserId, request: &PushRequest) -> Result<PushResponse, TransportError> {
        if !far_planted(FarDefect::AccessUnlocked) {
            self.far.borrow().admit(user, request)?;
        }
        self.pause().await;
        let ids = request.mutations.iter().filter_map(|value| value.get("mutationId")?.as_str()?.parse().ok());
        let ids: Vec<MutationId> = ids.collect();
        if self.strikes("poison", self.faults.borrow().poison)
            && let Some(id) = self.exec.chance().pick(&ids)
        {
            self.poison.borrow_mut().insert(*id);
        }
        if ids.iter().any(|id| self.poison.borrow().contains(id)) {
            return Err(internal());
        }
        let mut judged = self.far.borrow().judge(user, request, self.now());
        check_verdicts(&self.far.borrow(), request, &judged);
        self.pause().await;
        let late = judged.hold_back();
        let response = self.far.borrow_mut().commit(judged, self.now());
        self.hint(request.baby_id);
        if let Some(late) = late {
            self.pause().await;
            self.far.borrow_mut().catch_up(late);
        }
        if self.exec.chance().one_in(8) {
            check_reuse(&self.far.borrow(), user, request, &response, self.now());
        }
        for (verdict, mutation) in response.results.iter().zip(&request.mutations) {
            let WireVerdict::Verdict(verdict) = verdict else { continue };
            let op = mutation.get("op").and_then(Value::as_str).unwrap_or_default();
            *self.seen.borrow_mut().verdicts.entry(format!("{op} {:?}", verdict.status)).or_default() += 1;
        }
        Ok(response)
    }

    async fn serve_pull(
        &self,
        user: UserId,
        baby: BabyId,
        since: u64,
        limit: u32,
    ) -> Result<PullResponse, TransportError> {
        let head = self.far.borrow().head(user, baby)?;
        self.pause().await;
        self.far.borrow().page(baby, head, since, limit as usize, self.now())
    }

    /// Somebody comes for a while; when the time is over, so is access, whoever is offline by then.
    pub async fn visit(self: Rc<Self>, baby: BabyId, user: UserId, for_ms: i64) {
        self.clone().set_access(baby, user, Some(Level::Editor)).await;
        let until = self.exec.now_ms() + for_ms;
        if self.far.borrow().levels.get(&(baby, user)) != Some(&Level::Editor) {
            return;
        }
        self.far.borrow_mut().guests.insert((baby, user), until);
        self.exec.sleep_ms(for_ms).await;
        // An owner may have said meanwhile that they stay, or asked them in again.
        if self.far.borrow().guests.get(&(baby, user)) == Some(&until) {
            self.note("guest's time over");
            self.set_access(baby, user, None).await;
        }
    }

    /// An owner takes something out of the tray into the log.
    pub async fn keep(self: Rc<Self>, baby: BabyId, id: MutationId) {
        let tx = self.lock(baby).await;
        self.far.borrow_mut().keep(baby, id, self.now());
        self.far.borrow_mut().unlock(baby, tx);
        self.hint(baby);
    }

    /// Tells whoever may know how far a baby is; any of it may get lost.
    pub fn hint(&self, baby_id: BabyId) {
        let far = self.far.borrow();
        let head = far.babies.get(&baby_id).map_or(0, |ledger| ledger.head.version);
        let lost = self.faults.borrow().lose_hint;
        self.ears.borrow_mut().retain(|(user, ear)| {
            let may_know = far.levels.contains_key(&(baby_id, *user));
            !may_know || self.strikes("lose hint", lost) || ear(Hint { baby_id, head })
        });
    }

    fn knows_later_calls(&self) -> Result<(), TransportError> {
        let unknown = TransportError::Refused { status: 404, code: ErrorCode::NotFound, retry_after_ms: None };
        if self.is_old.get() { Err(unknown) } else { Ok(()) }
    }

    /// The push is committed, whatever becomes of the pull.
    async fn serve_both(
        &self,
        user: UserId,
        request: &SyncRequest,
        limit: u32,
    ) -> Result<SyncResponse, TransportError> {
        self.knows_later_calls()?;
        let pushed = match request.changes.is_empty() {
            true => None,
            false => Some(self.serve_push(user, &push_of(request)).await?),
        };
        self.pause().await;
        let page = self.serve_pull(user, request.baby_id, request.last_known_server_version, limit).await?;
        let pushed = pushed.unwrap_or_else(|| PushResponse {
            results: Vec::new(),
            sync_operation_id: None,
            server_time: page.server_time,
            clock_skew_ms: None,
            epoch: None,
        });
        Ok(SyncResponse::new(pushed, page))
    }

    async fn serve_rows(
        &self,
        user: UserId,
        baby: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError> {
        self.knows_later_calls()?;
        let head = self.far.borrow().head(user, baby)?;
        self.pause().await;
        self.far.borrow().rows(baby, head, after.as_deref(), limit as usize, self.now())
    }
}

/// Answers that say nothing about the request. (That an entry is malformed or too large a far end
/// says truly, or a person would have to see a dead letter for nothing.)
const ODD: [(u16, ErrorCode); 5] = [
    (401, ErrorCode::Unauthenticated),
    (503, ErrorCode::Overloaded),
    (503, ErrorCode::ServerBehind),
    (504, ErrorCode::Other),
    (426, ErrorCode::ClientTooOld),
];

type Served<R> = Pin<Box<dyn Future<Output = Result<R, TransportError>>>>;

/// One tab's connection.
pub struct Wire {
    pub net: Rc<Net>,
    pub user: UserId,
    pub online: Rc<Cell<bool>>,
    /// A dead process sends nothing and hears nothing.
    pub db: MemoryDb,
    /// Pages are small, so that histories take several.
    pub page: u32,
    /// Until when the far end asked for rest, in true time.
    pub resting: RefCell<BTreeMap<(BabyId, &'static str), i64>>,
    /// How far this app's version is from the server's.
    pub version: Version,
    /// Requests so far.
    pub asked: Rc<Cell<u64>>,
    /// Babies whose copy this device was told to fetch anew, and how often.
    pub anew: Rc<RefCell<BTreeMap<BabyId, u64>>>,
    /// Set when this app is told that it is too old.
    pub outdated: Rc<Cell<bool>>,
}

/// The types that device and far end do not both know. A name with a stroke behind it is a type
/// that whoever reads it has never heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// One that the far end knows and this app does not.
    pub lacks: Option<EntityType>,
    /// One that this app knows and the far end does not.
    pub ahead: Option<EntityType>,
}

impl Version {
    fn outgoing(self, mutations: &mut [Value]) {
        let Some(ahead) = self.ahead else { return };
        for mutation in mutations.iter_mut().filter(|mutation| mutation["entityType"] == ahead.name()) {
            mutation["entityType"] = json!(format!("{ahead}'"));
        }
    }

    fn incoming(self, changes: &mut [Change]) {
        for change in changes.iter_mut().filter(|change| self.lacks.is_some_and(|it| it.name() == change.entity_type)) {
            change.entity_type.push('\'');
        }
    }
}

impl Wire {
    /// How much a page holds that is asked for so much.
    fn page_of(&self, limit: u32) -> u32 {
        limit.clamp(1, MAX_PULL_LIMIT).min(self.page)
    }

    async fn call<R: 'static>(
        &self,
        about: Option<(BabyId, &'static str)>,
        serve: impl Fn() -> Served<R>,
    ) -> Result<R, TransportError> {
        let (net, faults) = (&self.net, self.net.faults.borrow().clone());
        if self.db.is_dead() {
            pending::<()>().await;
        }
        self.check_rest(about);
        self.asked.set(self.asked.get() + 1);
        net.seen.borrow_mut().requests += 1;
        if !self.online.get() {
            net.pause().await;
            return Err(network("offline"));
        }
        let delay = || match net.strikes("slow", faults.slow) {
            true => net.exec.chance().between(1_000, 45_000),
            false => net.exec.chance().between(5, 300),
        };
        if net.strikes("drop", faults.drop) {
            pending::<()>().await;
        }
        net.exec.sleep_ms(delay()).await;
        if net.strikes("portal", faults.portal) {
            return Err(network("a page of somebody else"));
        }
        if let Some(refusal) = self.refusal(about) {
            return Err(refusal);
        }
        let answer = Handed::default();
        let copies = if net.strikes("double", faults.double) { 2 } else { 1 };
        for copy in 0..copies {
            let (exec, answer, served) = (net.exec.clone(), answer.clone(), serve());
            let late = if copy == 0 { 0 } else { net.exec.chance().between(0, 20_000) };
            net.exec.spawn(SERVER, async move {
                exec.sleep_ms(late).await;
                let served = served.await;
                if copy == 0 {
                    answer.give(served);
                }
            });
        }
        let served = answer.take().await;
        if let (Err(TransportError::Refused { status: 409 | 410, .. }), Some((baby, _))) = (&served, about) {
            *self.anew.borrow_mut().entry(baby).or_default() += 1;
        }
        if net.strikes("lose answer", faults.lose_answer) {
            pending::<()>().await;
        }
        net.exec.sleep_ms(delay()).await;
        if net.strikes("fail after", faults.fail_after) {
            return Err(internal());
        }
        served
    }

    /// Access may end while a push is on its way.
    fn perhaps_revoke(&self, baby: BabyId) {
        let (net, user) = (self.net.clone(), self.user);
        if net.strikes("revoked in mid-flush", net.faults.borrow().revoke) {
            let after_ms = net.exec.chance().between(0, 500);
            self.net.exec.spawn(WORLD, async move {
                net.exec.sleep_ms(after_ms).await;
                net.set_access(baby, user, None).await;
            });
        }
    }

    /// What the far end says without having looked.
    fn refusal(&self, about: Option<(BabyId, &'static str)>) -> Option<TransportError> {
        // The faults may have stopped since the request went out.
        let (net, faults) = (&self.net, self.net.faults.borrow().clone());
        if net.strikes("fail before", faults.fail_before) {
            return Some(internal());
        }
        if net.strikes("busy", faults.busy) {
            let rest_ms = net.exec.chance().between(1_000, 20_000);
            if let Some(about) = about {
                self.resting.borrow_mut().insert(about, net.exec.now_ms() + rest_ms);
            }
            let (status, code) = (429, ErrorCode::RateLimited);
            return Some(TransportError::Refused { status, code, retry_after_ms: Some(rest_ms) });
        }
        if about.is_some() && net.strikes("odd answer", faults.odd) {
            let (status, code) = *net.exec.chance().pick(&ODD).expect("there are some");
            self.outdated.set(self.outdated.get() || code == ErrorCode::ClientTooOld);
            return Some(TransportError::Refused { status, code, retry_after_ms: None });
        }
        if about.is_some() && net.strikes("false refusal", faults.false_refusal) {
            let (status, code) = (403, ErrorCode::AccessRevoked);
            return Some(TransportError::Refused { status, code, retry_after_ms: None });
        }
        None
    }

    fn check_rest(&self, about: Option<(BabyId, &'static str)>) {
        // A baby that left and came back is a new one to the device.
        let about = about.filter(|(baby, _)| !self.net.purged.borrow().contains(&(*baby, self.user)));
        let until = about.and_then(|about| self.resting.borrow().get(&about).copied());
        if let Some(until) = until.filter(|_| self.net.clocks_are_true.get()) {
            assert!(self.net.exec.now_ms() >= until, "Retry-After was ignored: {about:?}");
        }
    }
}

fn network(message: &str) -> TransportError {
    TransportError::Network { message: message.into() }
}

fn internal() -> TransportError {
    TransportError::Refused { status: 500, code: ErrorCode::Internal, retry_after_ms: None }
}

impl Transport for Wire {
    async fn push(&self, mut request: PushRequest) -> Result<PushResponse, TransportError> {
        self.net.note_call("push");
        let (net, user) = (self.net.clone(), self.user);
        let about = Some((request.baby_id, "push"));
        self.version.outgoing(&mut request.mutations);
        self.perhaps_revoke(request.baby_id);
        self.call(about, || {
            let (net, request) = (net.clone(), request.clone());
            Box::pin(async move { net.serve_push(user, &request).await })
        })
        .await
    }

    async fn pull(&self, baby: BabyId, since: u64, limit: u32) -> Result<PullResponse, TransportError> {
        self.net.note_call("pull");
        let (net, user, page) = (self.net.clone(), self.user, self.page_of(limit));
        let served = self.call(Some((baby, "pull")), || {
            let net = net.clone();
            Box::pin(async move { net.serve_pull(user, baby, since, page).await })
        });
        let mut page = served.await?;
        self.version.incoming(&mut page.changes);
        Ok(page)
    }

    async fn sync(&self, mut request: SyncRequest) -> Result<SyncResponse, TransportError> {
        self.net.note_call("both");
        let (net, user, page) =
            (self.net.clone(), self.user, self.page_of(request.limit.unwrap_or(DEFAULT_PULL_LIMIT)));
        self.version.outgoing(&mut request.changes);
        self.perhaps_revoke(request.baby_id);
        let served = self.call(Some((request.baby_id, "push")), || {
            let (net, request) = (net.clone(), request.clone());
            Box::pin(async move { net.serve_both(user, &request, page).await })
        });
        let mut answer = served.await?;
        self.version.incoming(&mut answer.new_changes);
        Ok(answer)
    }

    async fn hand_in(
        &self,
        baby: BabyId,
        client: ClientId,
        mut mutations: Vec<Value>,
    ) -> Result<PushResponse, TransportError> {
        self.net.note_call("tray");
        let (net, user) = (self.net.clone(), self.user);
        self.version.outgoing(&mut mutations);
        self.call(Some((baby, "tray")), || {
            let (net, mutations) = (net.clone(), mutations.clone());
            Box::pin(async move {
                net.knows_later_calls()?;
                net.pause().await;
                net.far.borrow_mut().hand_in(user, baby, client, &mutations, net.now())
            })
        })
        .await
    }

    async fn snapshot(
        &self,
        baby: BabyId,
        after: Option<String>,
        limit: u32,
    ) -> Result<SnapshotResponse, TransportError> {
        self.net.note_call("snapshot");
        let (net, user, page) = (self.net.clone(), self.user, self.page_of(limit));
        let served = self.call(Some((baby, "pull")), || {
            let (net, after) = (net.clone(), after.clone());
            Box::pin(async move { net.serve_rows(user, baby, after, page).await })
        });
        let mut page = served.await?;
        self.version.incoming(&mut page.rows);
        Ok(page)
    }

    async fn lease(&self, _: LeaseKind, baby: BabyId) -> Result<Lease, TransportError> {
        let (net, user) = (self.net.clone(), self.user);
        self.call(Some((baby, "pull")), || {
            let net = net.clone();
            Box::pin(async move {
                net.knows_later_calls()?;
                net.far.borrow().head(user, baby)?;
                Ok(Lease { lease_id: Uuid::nil(), expires_at: net.now().plus_ms(60_000) })
            })
        })
        .await
    }

    async fn access(&self) -> Result<AccessList, TransportError> {
        let (net, user) = (self.net.clone(), self.user);
        self.call(None, || {
            let net = net.clone();
            Box::pin(async move { Ok(net.far.borrow().access(user)) })
        })
        .await
    }
}
