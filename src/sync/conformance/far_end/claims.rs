//! Claims about what is pushed, what is told of it, and to whom.

use serde_json::json;

use super::*;
use crate::{
    domain::{field::Fields, mutation::RejectionCode, row::patch, sample::one_of_each},
    sync::protocol::{LeaseKind, MAX_BATCH},
};

const CLOSED: (u16, ErrorCode) = (403, ErrorCode::AccessRevoked);

fn rejection(verdict: &Verdict) -> Option<RejectionCode> {
    verdict.error.as_ref().map(|error| error.code)
}

pub(super) async fn a_baby_is_made_by_its_own_create(host: &impl Host) {
    let (ada, baby) = (person(host).await, BabyId(id()));
    let impossible = mutation(Op::Create, EntityType::BABY, baby.entity(), json!({"name": 7}));
    let answer = ada.push(baby, vec![impossible]).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Rejected]);
    assert_eq!(refused(ada.pull(baby, 0).await), CLOSED, "a create that is refused makes no baby");
    let answer = ada.push(baby, vec![birth(baby), create(EntityId(id()), bottle(90))]).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Applied, Status::Applied]);
    let list = ada.door.access().await.unwrap();
    assert_eq!(list.babies.iter().map(|it| (it.baby_id, it.level)).collect::<Vec<_>>(), [(baby, Level::Owner)]);
    let page = ada.pull(baby, 0).await.unwrap();
    assert_eq!((ids(&page.changes), page.head, page.has_more), (vec![1, 2], 2, false));
    assert_eq!(answer.epoch, Some(page.epoch), "an acknowledgement names its history");
    assert_eq!(fingerprint(&page.changes), (page.checksum, page.live_rows));
    let authors: Vec<_> = page.changes.iter().map(|change| (change.actor_id, change.client_id)).collect();
    assert_eq!(authors, [(Some(ada.user), Some(ada.client)); 2]);
}

pub(super) async fn a_repetition_is_answered_alike_and_writes_nothing(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let (entry, unknown) = (EntityId(id()), EntityId(id()));
    let batch = vec![create(entry, bottle(90)), update(entry, json!({"amountMl": 95})), delete(unknown)];
    let first = ada.push(baby, batch.clone()).await.unwrap();
    assert_eq!(statuses(&first), [Status::Applied, Status::Applied, Status::Noop]);
    let again = ada.push(baby, batch.clone()).await.unwrap();
    assert_eq!(statuses(&again), [Status::Duplicate; 3]);
    let versions = |answer: &PushResponse| -> Vec<Option<u64>> {
        let version = |result: &WireVerdict| match result {
            WireVerdict::Verdict(verdict) => verdict.version,
            WireVerdict::Unreadable(_) => None,
        };
        answer.results.iter().map(version).collect()
    };
    assert_eq!((versions(&first), versions(&again)), (vec![Some(2), Some(3), None], vec![Some(2), Some(3), None]));
    let both = ada.door.sync(ada.both(baby, 3, batch)).await.unwrap();
    assert_eq!((both.results, ids(&both.new_changes)), (again.results, vec![]));
    assert_eq!(ids(&ada.all(baby, 500).await), [1, 2, 3]);
}

pub(super) async fn an_id_stands_for_one_body(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let first = create(EntityId(id()), bottle(90));
    assert_eq!(ada.tell(baby, first.clone()).await.status, Status::Applied);
    for forged in [with(first.clone(), "payload", bottle(91)), with(first.clone(), "updatedAt", "2026-11-20T02:10:00Z")]
    {
        let verdict = ada.tell(baby, forged).await;
        assert_eq!((verdict.status, rejection(&verdict)), (Status::Rejected, Some(RejectionCode::IdReused)));
    }
    let retyped = mutation(Op::Create, EntityType::NAPPY_LOG, entity(&first), json!({"type": "wee"}));
    assert_eq!(rejection(&ada.tell(baby, retyped).await), Some(RejectionCode::IdReused), "nor does an entry's");
    // The order of keys is no other body, and how a sender numbers it is not part of it.
    assert_eq!(ada.tell(baby, with(first, "seq", 7)).await.status, Status::Duplicate);
}

fn entity(mutation: &Value) -> EntityId {
    mutation["entityId"].as_str().unwrap().parse().unwrap()
}

/// Whatever is registered goes in, is changed and comes out as it went in, without anybody naming it.
pub(super) async fn every_type_is_taken_changed_and_told(host: &impl Host) {
    for seed in 1..4 {
        let (ada, baby) = parent(host).await;
        let all = one_of_each(seed, "2026-11-20T02:10:00.000Z".parse().unwrap());
        let told = |entity_type, id, fields: &Fields, op| mutation(op, entity_type, id, json!(fields));
        let made = all.iter().map(|(of, id, fields, _)| told(*of, *id, fields, Op::Create)).collect();
        let answer = ada.push(baby, made).await.unwrap();
        assert!(statuses(&answer).iter().all(|status| *status == Status::Applied), "{answer:?}");
        let edits = all.iter().map(|(of, id, before, after)| told(*of, *id, &patch(*of, before, after), Op::Update));
        let answer = ada.push(baby, edits.collect()).await.unwrap();
        let taken = |status: &Status| matches!(status, Status::Applied | Status::Noop);
        assert!(statuses(&answer).iter().all(taken), "{answer:?}");
        let changes = ada.all(baby, 7).await;
        for (entity_type, id, _, after) in &all {
            let last = changes.iter().rev().find(|change| change.entity_id == *id).unwrap();
            let payload: Value = serde_json::from_str(last.payload.get()).unwrap();
            assert_eq!(Row::from_payload(*entity_type, &payload).unwrap().fields, *after, "{entity_type}");
        }
    }
}

pub(super) async fn each_mutation_has_a_verdict_of_its_own(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let good = [create(EntityId(id()), bottle(60)), create(EntityId(id()), bottle(70))];
    let bad = [
        with(create(EntityId(id()), bottle(1)), "entityType", "spaceship"),
        create(EntityId(id()), json!({"method": "bottle"})),
        update(EntityId(id()), json!({"amountMl": 1})),
        json!({"mutationId": 7}),
        json!("a mutation"),
        mutation(Op::Create, EntityType::BABY, EntityId(id()), json!({"name": "Bo"})),
    ];
    let batch: Vec<Value> = [&good[..1], &bad, &good[1..]].concat();
    let answer = ada.push(baby, batch.clone()).await.unwrap();
    let mut expected = vec![Status::Rejected; batch.len()];
    (expected[0], expected[batch.len() - 1]) = (Status::Applied, Status::Applied);
    assert_eq!(statuses(&answer), expected);
    let WireVerdict::Verdict(unknown) = &answer.results[1] else { panic!("its id can be read") };
    assert_eq!(
        (unknown.mutation_id, rejection(unknown)),
        (mutation_id(&batch[1]), Some(RejectionCode::UnknownEntityType))
    );
    assert_eq!(ids(&ada.all(baby, 500).await), [1, 2, 3], "versions have no gaps");
    assert_eq!(ada.push(baby, vec![]).await.unwrap().results, []);
}

pub(super) async fn a_refused_mutation_may_be_right_later(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let entry = EntityId(id());
    let early = update(entry, json!({"amountMl": 80}));
    assert_eq!(ada.tell(baby, early.clone()).await.status, Status::Rejected);
    ada.tell(baby, create(entry, bottle(60))).await;
    assert_eq!(ada.tell(baby, early).await.status, Status::Applied);
}

pub(super) async fn a_stale_edit_loses_and_an_informed_one_wins(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let (entry, version) = ada.log(baby, 60).await;
    let old = "2001-01-01T00:00:00.000Z";
    let stale = with(update(entry, json!({"amountMl": 1})), "updatedAt", old);
    let lost = ada.tell(baby, stale).await;
    assert_eq!((lost.status, lost.version), (Status::Conflict, None));
    assert_eq!(lost.server_data.unwrap()["amountMl"], json!(60));
    let informed = with(with(update(entry, json!({"amountMl": 2})), "updatedAt", old), "baseVersion", version);
    assert_eq!(ada.tell(baby, informed).await.status, Status::Applied, "whatever the clocks say");
    assert_eq!(ada.tell(baby, delete(entry)).await.status, Status::Applied);
    let late = ada.tell(baby, update(entry, json!({"amountMl": 3}))).await;
    assert_eq!((late.status, late.server_data.unwrap()["deletedAt"].is_string()), (Status::Conflict, true));
    assert_eq!(ada.tell(baby, delete(entry)).await.status, Status::Noop);
    let back = mutation(Op::Restore, EntityType::FEED_LOG, entry, Value::Null);
    assert_eq!(ada.tell(baby, back).await.status, Status::Applied);
    assert_eq!(ids(&ada.all(baby, 500).await), [1, 2, 3, 4, 5], "what is not written leaves no event");
}

pub(super) async fn a_batch_has_a_size(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let of = |n: usize| (0..n).map(|_| delete(EntityId(id()))).collect::<Vec<_>>();
    assert_eq!(ada.push(baby, of(MAX_BATCH)).await.unwrap().results.len(), MAX_BATCH);
    assert_eq!(refused(ada.push(baby, of(MAX_BATCH + 1)).await), (413, ErrorCode::BatchTooLarge));
}

pub(super) async fn pages_of_any_size_tell_the_same(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let (entry, _) = ada.log(baby, 60).await;
    for ml in 0..5 {
        ada.tell(baby, update(entry, json!({"amountMl": ml}))).await;
        ada.log(baby, ml).await;
    }
    ada.tell(baby, delete(entry)).await;
    let whole = ada.all(baby, 500).await;
    assert_eq!(ids(&whole), (1..=13).collect::<Vec<_>>());
    for limit in [1, 2, 3, 12, 13, 14] {
        let paged = ada.all(baby, limit).await;
        assert_eq!(paged.iter().map(said).collect::<Vec<_>>(), whole.iter().map(said).collect::<Vec<_>>());
    }
    let none = ada.door.pull(baby, 0, 0).await.unwrap();
    assert_eq!((ids(&none.changes), none.has_more), (vec![1], true), "a page holds one change at least");
    let idle = ada.pull(baby, 13).await.unwrap();
    assert_eq!((ids(&idle.changes), idle.next_cursor, idle.head, idle.has_more), (vec![], 13, 13, false));
    assert_eq!(fingerprint(&whole), (idle.checksum, idle.live_rows));
}

pub(super) async fn both_at_once_is_a_push_and_then_a_pull(host: &impl Host) {
    let ((ada, baby), bob) = (parent(host).await, person(host).await);
    host.set_level(baby, bob.user, Some(Level::Editor)).await;
    bob.log(baby, 60).await;
    let change = create(EntityId(id()), bottle(70));
    let answer = ada.door.sync(ada.both(baby, 1, vec![change.clone()])).await.unwrap();
    assert_eq!((ids(&answer.new_changes), answer.latest_server_version, answer.has_more), (vec![2, 3], 3, false));
    assert_eq!(answer.new_changes[1].mutation_id, Some(mutation_id(&change)), "its own write is among them");
    let page = ada.pull(baby, 1).await.unwrap();
    assert_eq!((answer.head, answer.epoch, &answer.checksum), (page.head, page.epoch, &page.checksum));
    assert_eq!(
        answer.new_changes.iter().map(said).collect::<Vec<_>>(),
        page.changes.iter().map(said).collect::<Vec<_>>()
    );
    let one = SyncRequest { limit: Some(1), ..ada.both(baby, 1, vec![]) };
    let one = ada.door.sync(one).await.unwrap();
    assert_eq!((ids(&one.new_changes), one.latest_server_version, one.has_more), (vec![2], 2, true));
    assert_eq!(refused(ada.door.sync(ada.both(baby, 99, vec![])).await), (409, ErrorCode::EpochChanged));
}

pub(super) async fn access_is_asked_for_each_time(host: &impl Host) {
    let ((ada, baby), bob) = (parent(host).await, person(host).await);
    let (entry, _) = ada.log(baby, 60).await;
    // A baby that exists is not told from one that does not: an id must not be worth guessing.
    for closed in [baby, BabyId(id())] {
        assert_eq!(refused(bob.push(closed, vec![delete(entry)]).await), CLOSED);
        assert_eq!(refused(bob.pull(closed, 0).await), CLOSED);
        assert_eq!(refused(bob.door.sync(bob.both(closed, 0, vec![])).await), CLOSED);
        assert_eq!(refused(bob.door.snapshot(closed, None, 10).await), CLOSED);
        assert_eq!(refused(bob.door.lease(LeaseKind::Bootstrap, closed).await), CLOSED);
    }
    assert_eq!(refused(bob.push(baby, vec![birth(baby)]).await), CLOSED, "nobody takes a baby by making it again");
    host.set_level(baby, bob.user, Some(Level::Viewer)).await;
    assert_eq!(refused(bob.push(baby, vec![delete(entry)]).await), (403, ErrorCode::ReadOnly));
    assert_eq!(refused(bob.door.sync(bob.both(baby, 0, vec![delete(entry)])).await), (403, ErrorCode::ReadOnly));
    assert_eq!(ids(&bob.door.sync(bob.both(baby, 0, vec![])).await.unwrap().new_changes), [1, 2]);
    assert_eq!(bob.door.snapshot(baby, None, 10).await.unwrap().rows.len(), 2);
    host.set_level(baby, bob.user, Some(Level::Editor)).await;
    let takes_away = mutation(Op::Delete, EntityType::BABY, baby.entity(), Value::Null);
    let verdict = bob.tell(baby, takes_away.clone()).await;
    assert_eq!(rejection(&verdict), Some(RejectionCode::Forbidden), "only an owner takes the baby away");
    assert_eq!(bob.tell(baby, delete(entry)).await.status, Status::Applied);
    let names = bob.door.access().await.unwrap();
    assert_eq!(names.caregivers.iter().filter(|one| one.baby_id == baby).count(), 2);
    host.set_level(baby, bob.user, None).await;
    assert_eq!(refused(bob.pull(baby, 3).await), CLOSED);
    assert_eq!(bob.door.access().await.unwrap().babies, []);
    assert_eq!(ada.tell(baby, takes_away).await.status, Status::Applied);
}

pub(super) async fn an_id_in_a_payload_selects_nothing(host: &impl Host) {
    let ((ada, hers), (bob, his)) = (parent(host).await, parent(host).await);
    let (entry, _) = ada.log(hers, 60).await;
    let edit = with(update(entry, json!({"babyId": hers, "amountMl": 1})), "babyId", json!(hers));
    assert_eq!(bob.tell(his, edit).await.status, Status::Rejected, "there is no such entry of his");
    assert_eq!(bob.tell(his, delete(entry)).await.status, Status::Noop);
    let same_id = bob.tell(his, create(entry, bottle(5))).await;
    assert_eq!(same_id.status, Status::Applied, "each baby has entries of its own");
    assert_eq!(ids(&ada.all(hers, 500).await), [1, 2]);
}

pub(super) async fn the_tray_holds_what_an_ended_guest_could_not_send(host: &impl Host) {
    let ((ada, baby), sam, eve) = (parent(host).await, person(host).await, person(host).await);
    let (one, two) = (create(EntityId(id()), bottle(60)), create(EntityId(id()), bottle(70)));
    assert_eq!(refused(ada.hand_in(baby, vec![one.clone()]).await), (403, ErrorCode::Other), "access has not ended");
    assert_eq!(refused(eve.hand_in(baby, vec![one.clone()]).await), CLOSED);
    host.set_level(baby, sam.user, Some(Level::Editor)).await;
    assert_eq!(sam.tell(baby, two.clone()).await.status, Status::Applied);
    host.set_level(baby, sam.user, None).await;
    host.was_guest(baby, sam.user).await;
    assert_eq!(refused(sam.push(baby, vec![one.clone()]).await), CLOSED);
    let both = vec![one.clone(), json!({"mutationId": "odd"}), two.clone()];
    for _ in 0..2 {
        // In the tray or in the log, however often it is sent.
        let answer = sam.hand_in(baby, both.clone()).await.unwrap();
        assert_eq!(statuses(&answer), [Status::Noop, Status::Rejected, Status::Noop]);
    }
    let other = with(one.clone(), "payload", bottle(5));
    let answer = sam.hand_in(baby, vec![other]).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Rejected], "an id stands for one body");
    assert_eq!(ids(&ada.all(baby, 500).await), [1, 2], "nothing of it is in the log");
}
