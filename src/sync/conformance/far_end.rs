//! What every far end must do, as claims over the door that a device has to it: the simulator's server
//! runs them, and the real one on Postgres. Without it the simulator would prove devices against a
//! server that nobody runs.
//!
//! Each claim makes people and babies of its own, so all of them may run on one far end.

mod claims;
mod history;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{
        checksum::Checksum,
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        mutation::{Op, Status, Verdict},
        registry::EntityType,
        row::Row,
    },
    sync::{
        ports::{ErrorCode, Transport, TransportError},
        protocol::{Change, PullResponse, PushRequest, PushResponse, SyncRequest, WireVerdict},
        status::Level,
    },
};

/// A far end, and the hands of those who run it.
pub(crate) trait Host {
    type Door: Transport;

    /// A new account, signed in.
    async fn person(&self) -> Self::Door;
    /// What somebody may do with a baby from now on; `None` for nothing.
    async fn set_level(&self, baby: BabyId, user: UserId, level: Option<Level>);
    /// Somebody was a guest of this baby, whose time is over.
    async fn was_guest(&self, baby: BabyId, user: UserId);
    /// Lets go of whatever no cursor needs, however young it is.
    async fn compact(&self, baby: BabyId);
    /// Keeps the disk as it is now.
    async fn back_up(&self);
    /// Goes on with the disk that was kept; every history is another one from here on.
    async fn restore(&self);
}

/// Runs every claim about a far end.
pub(crate) async fn every_claim(host: &impl Host) {
    claims::a_baby_is_made_by_its_own_create(host).await;
    claims::a_repetition_is_answered_alike_and_writes_nothing(host).await;
    claims::an_id_stands_for_one_body(host).await;
    claims::each_mutation_has_a_verdict_of_its_own(host).await;
    claims::a_refused_mutation_may_be_right_later(host).await;
    claims::a_stale_edit_loses_and_an_informed_one_wins(host).await;
    claims::a_batch_has_a_size(host).await;
    claims::every_type_is_taken_changed_and_told(host).await;
    claims::pages_of_any_size_tell_the_same(host).await;
    claims::both_at_once_is_a_push_and_then_a_pull(host).await;
    claims::access_is_asked_for_each_time(host).await;
    claims::an_id_in_a_payload_selects_nothing(host).await;
    claims::the_tray_holds_what_an_ended_guest_could_not_send(host).await;
    history::a_snapshot_and_its_tail_are_the_log(host).await;
    history::compaction_keeps_what_a_cursor_above_the_floor_needs(host).await;
    history::a_cursor_of_another_history_is_told_so(host).await;
    history::an_earlier_disk_goes_on_as_another_history(host).await;
}

/// Somebody with a device, and how far it is.
struct Person<T> {
    door: T,
    user: UserId,
    client: ClientId,
}

fn id() -> Uuid {
    thread_local! { static NEXT: std::cell::Cell<u128> = const { std::cell::Cell::new(0) }; }
    NEXT.set(NEXT.get() + 1);
    Uuid::from_u128(0x00c1_a100_0000_7000_8000_0000_0000_0000 + NEXT.get())
}

async fn person<H: Host>(host: &H) -> Person<H::Door> {
    let door = host.person().await;
    let user = door.access().await.unwrap().user_id;
    Person { door, user, client: ClientId(id()) }
}

/// Somebody new with a new baby.
async fn parent<H: Host>(host: &H) -> (Person<H::Door>, BabyId) {
    let (person, baby) = (person(host).await, BabyId(id()));
    let made = person.push(baby, vec![birth(baby)]).await.unwrap();
    assert_eq!(statuses(&made), [Status::Applied]);
    (person, baby)
}

impl<T: Transport> Person<T> {
    fn request(&self, baby_id: BabyId, mutations: Vec<Value>) -> PushRequest {
        let client_id = self.client;
        PushRequest { baby_id, client_id, sync_operation_id: None, acked_through: None, epoch: None, mutations }
    }

    async fn push(&self, baby: BabyId, mutations: Vec<Value>) -> Result<PushResponse, TransportError> {
        self.door.push(self.request(baby, mutations)).await
    }

    /// Pushes one mutation that is judged.
    async fn tell(&self, baby: BabyId, mutation: Value) -> Verdict {
        let answer = self.push(baby, vec![mutation]).await.unwrap();
        match answer.results.into_iter().next() {
            Some(WireVerdict::Verdict(verdict)) => verdict,
            other => panic!("no verdict: {other:?}"),
        }
    }

    /// A new bottle, and its version.
    async fn log(&self, baby: BabyId, ml: i64) -> (EntityId, u64) {
        let entry = EntityId(id());
        let verdict = self.tell(baby, create(entry, bottle(ml))).await;
        (entry, verdict.version.expect("it is written"))
    }

    fn both(&self, baby_id: BabyId, since: u64, changes: Vec<Value>) -> SyncRequest {
        SyncRequest {
            baby_id,
            client_id: self.client,
            last_known_server_version: since,
            epoch: None,
            changes,
            limit: None,
            sync_operation_id: None,
            acked_through: None,
        }
    }

    async fn pull(&self, baby: BabyId, since: u64) -> Result<PullResponse, TransportError> {
        self.door.pull(baby, since, 500).await
    }

    async fn hand_in(&self, baby: BabyId, mutations: Vec<Value>) -> Result<PushResponse, TransportError> {
        self.door.hand_in(baby, self.client, mutations).await
    }

    /// The whole log in pages of this size.
    async fn all(&self, baby: BabyId, limit: u32) -> Vec<Change> {
        let (mut found, mut since) = (Vec::new(), 0);
        loop {
            let page = self.door.pull(baby, since, limit).await.unwrap();
            assert_eq!(page.next_cursor, page.changes.last().map_or(since, |change| change.id));
            assert_eq!((page.new_cursor, page.changes.len() <= limit as usize), (page.next_cursor, true));
            since = page.next_cursor;
            found.extend(page.changes);
            if !page.has_more {
                assert_eq!(since, page.head, "nothing more is the head");
                return found;
            }
        }
    }
}

fn mutation(op: Op, entity_type: EntityType, id_of: EntityId, payload: Value) -> Value {
    json!({"mutationId": id(), "op": op, "entityType": entity_type, "entityId": id_of, "payload": payload})
}

fn birth(baby: BabyId) -> Value {
    mutation(Op::Create, EntityType::BABY, baby.entity(), json!({"name": "Ada"}))
}

fn create(id: EntityId, payload: Value) -> Value {
    mutation(Op::Create, EntityType::FEED_LOG, id, payload)
}

fn update(id: EntityId, payload: Value) -> Value {
    mutation(Op::Update, EntityType::FEED_LOG, id, payload)
}

fn delete(id: EntityId) -> Value {
    mutation(Op::Delete, EntityType::FEED_LOG, id, Value::Null)
}

fn bottle(ml: i64) -> Value {
    json!({"method": "bottle", "content": "formula", "amountMl": ml, "startedAt": "2026-11-20T02:10:00.000Z"})
}

fn with(mut mutation: Value, key: &str, value: impl Into<Value>) -> Value {
    mutation[key] = value.into();
    mutation
}

fn statuses(answer: &PushResponse) -> Vec<Status> {
    let status = |result: &WireVerdict| match result {
        WireVerdict::Verdict(verdict) => verdict.status,
        WireVerdict::Unreadable(unreadable) => unreadable.status,
    };
    answer.results.iter().map(status).collect()
}

fn ids(changes: &[Change]) -> Vec<u64> {
    changes.iter().map(|change| change.id).collect()
}

/// What a change says, without the time at which it was made.
fn said(change: &Change) -> Value {
    let mut payload: Value = serde_json::from_str(change.payload.get()).unwrap();
    for name in ["createdAt", "updatedAt", "deletedAt"] {
        payload[name] = payload[name].is_null().into();
    }
    json!([change.id, change.version, change.entity_type, change.entity_id, change.op, payload, change.mutation_id])
}

fn refused<R: std::fmt::Debug>(answer: Result<R, TransportError>) -> (u16, ErrorCode) {
    match answer.expect_err("it is refused") {
        TransportError::Refused { status, code, .. } => (status, code),
        lost @ TransportError::Network { .. } => panic!("{lost:?}"),
    }
}

/// Checksum and count of what a log, or a part of it that is whole, leaves alive.
fn fingerprint<'c>(changes: impl IntoIterator<Item = &'c Change>) -> (String, u64) {
    let mut last = std::collections::BTreeMap::new();
    for change in changes {
        let row = Row::from_payload(
            change.entity_type.parse().unwrap(),
            &serde_json::from_str(change.payload.get()).unwrap(),
        );
        let row = row.unwrap();
        assert_eq!((row.id, row.server.row_version), (change.entity_id, change.version));
        last.insert(row.id, row);
    }
    let mut sum = Checksum::default();
    let live: Vec<&Row> = last.values().filter(|row| !row.is_deleted()).collect();
    live.iter().for_each(|row| sum.add(row.id, row.server.row_version));
    (sum.to_hex(), live.len() as u64)
}

fn mutation_id(mutation: &Value) -> MutationId {
    mutation["mutationId"].as_str().unwrap().parse().unwrap()
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use super::*;
    use crate::sync::sim::{
        exec::Exec,
        far_end::FarEnd,
        memory_db::MemoryDb,
        network::{Net, Version, WORLD, Wire},
    };

    /// The simulator's far end, over its network.
    struct Twin {
        net: Rc<Net>,
        people: Cell<u128>,
        kept: Cell<usize>,
    }

    impl Host for Twin {
        type Door = Wire;

        async fn person(&self) -> Wire {
            self.people.set(self.people.get() + 1);
            Wire {
                net: self.net.clone(),
                user: UserId(Uuid::from_u128(self.people.get())),
                online: Rc::new(Cell::new(true)),
                db: MemoryDb::new(),
                page: u32::MAX,
                resting: RefCell::default(),
                version: Version::default(),
                asked: Rc::default(),
                anew: Rc::default(),
                outdated: Rc::default(),
            }
        }

        async fn set_level(&self, baby: BabyId, user: UserId, level: Option<Level>) {
            self.net.clone().set_access(baby, user, level).await;
        }

        async fn was_guest(&self, baby: BabyId, user: UserId) {
            self.net.clone().visit(baby, user, 0).await;
        }

        async fn compact(&self, baby: BabyId) {
            self.net.clone().compact(baby, 0).await;
        }

        async fn back_up(&self) {
            self.kept.set(self.net.far.borrow().moments());
        }

        async fn restore(&self) {
            let mut far = self.net.far.borrow_mut();
            let commits = far.moments() - self.kept.get();
            far.restart();
            assert_eq!(far.restore(commits), commits);
        }
    }

    /// C05, C07, C14, C27.
    #[test]
    fn the_simulators_server_keeps_every_claim() {
        let (exec, done) = (Exec::new(1, 1_800_000_000_000), Rc::new(Cell::new(false)));
        let net = Rc::new(Net::calm(exec.clone(), FarEnd::new(true)));
        let (twin, over) = (Twin { net, people: Cell::default(), kept: Cell::default() }, done.clone());
        exec.spawn(WORLD, async move {
            every_claim(&twin).await;
            over.set(true);
        });
        while !done.get() {
            exec.step(i64::MAX).expect("something goes on");
        }
    }
}
