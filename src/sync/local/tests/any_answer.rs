//! Whatever a server answers, a copy takes it whole or stays as it was.

use proptest::prelude::*;

use super::*;
use crate::sync::{
    any_json::{bent, noise},
    protocol::SnapshotResponse,
};

fn rows() -> [Row; 3] {
    let row = |n, version, notes: &str| {
        server_row(n, version, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": notes}))
    };
    let mut gone = row(4, 3, "gone");
    gone.server.deleted_at = Some(now());
    [row(2, 1, "one"), row(3, 2, "two"), gone]
}

fn whole() -> Value {
    serde_json::to_value(page(0, &rows())).unwrap()
}

/// What follows the first row.
fn tail() -> Value {
    let PullResponse { head, checksum, live_rows, .. } = page(0, &rows());
    serde_json::to_value(PullResponse { head, checksum, live_rows, ..page(1, &rows()[1..]) }).unwrap()
}

fn first_copy() -> Value {
    serde_json::to_value(SnapshotResponse {
        rows: rows().iter().map(change).collect(),
        snapshot_version: 3,
        next: Some("a".into()),
        has_more: true,
        epoch: Uuid::from_u128(0xEE),
        live_rows: 2,
        server_time: now(),
    })
    .unwrap()
}

/// An answer to what the copy in use leases: its edit was applied, its row refused.
fn verdicts() -> Value {
    let (copy, epoch) = used();
    let [edit, row] = copy.lease(epoch).try_into().unwrap();
    let error = Rejection { code: RejectionCode::InvalidPayload, field: Some("notes".into()), message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&row, Status::Rejected, None) };
    let results = [verdict(&edit, Status::Applied, Some(2)), refused];
    json!({"results": results, "syncOperationId": "ab", "serverTime": now(), "clockSkewMs": -120})
}

fn fresh() -> (Copy, Epoch) {
    let copy = Copy::new();
    let epoch = copy.lead();
    (copy, epoch)
}

/// A copy with an edit that waits on top of a row that came, and one row of its own.
fn used() -> (Copy, Epoch) {
    let (copy, epoch) = fresh();
    let [first, ..] = rows();
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[first]))).unwrap();
    copy.edit(2, json!({"notes": "mine"})).unwrap();
    copy.create(9, "mine too");
    (copy, epoch)
}

/// What is bent below is right as it is; otherwise nothing would be tested.
#[test]
fn the_answers_are_taken_as_they_are() {
    let (copy, epoch) = fresh();
    let page = serde_json::from_value(first_copy()).unwrap();
    assert_eq!(run(copy.store.apply_snapshot(epoch, BABY, None, &page)).unwrap().changes, 3);
    let (copy, epoch) = fresh();
    let page = serde_json::from_value(whole()).unwrap();
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 0, &page)).unwrap().changes, 3);
    let (copy, epoch) = used();
    let page = serde_json::from_value(tail()).unwrap();
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 1, &page)).unwrap().changes, 2);
    let (copy, epoch) = used();
    let (leased, said) = (copy.lease(epoch), serde_json::from_value(verdicts()).unwrap());
    run(copy.store.settle(epoch, BABY, now(), &leased, &said)).unwrap();
    assert_eq!(copy.letters().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// C45: a page that is not taken leaves no trace, and one that is moves the cursor to where it says.
    #[test]
    fn any_page_is_taken_whole_or_not_at_all(
        body in prop_oneof![1 => noise(), 3 => bent(&whole()), 3 => bent(&tail())],
    ) {
        let Ok(page) = serde_json::from_slice::<PullResponse>(&body) else { return Ok(()) };
        for (copy, epoch) in [fresh(), used()] {
            let since = run(copy.store.meta(BABY)).unwrap().cursor;
            let before = copy.db.disk().dump();
            match run(copy.store.apply(epoch, BABY, now(), since, &page)) {
                Ok(applied) => {
                    prop_assert!(applied.cursor == page.next_cursor && applied.cursor >= since);
                    prop_assert_eq!(run(copy.store.meta(BABY)).unwrap().cursor, applied.cursor);
                }
                Err(_) => prop_assert_eq!(copy.db.disk().dump(), before),
            }
        }
    }

    /// C45: the same of a page of a first copy.
    #[test]
    fn any_page_of_a_first_copy_is_taken_whole_or_not_at_all(
        body in prop_oneof![1 => noise(), 6 => bent(&first_copy())],
    ) {
        let Ok(page) = serde_json::from_slice::<SnapshotResponse>(&body) else { return Ok(()) };
        let (copy, epoch) = fresh();
        let before = copy.db.disk().dump();
        if run(copy.store.apply_snapshot(epoch, BABY, None, &page)).is_err() {
            prop_assert_eq!(copy.db.disk().dump(), before);
        }
    }

    /// A17, C45: whatever is said of them, mutations are in the outbox, acknowledged, or dead letters that a
    /// person can read: of those that nobody acknowledged none is gone.
    #[test]
    fn any_verdicts_leave_no_mutation_nowhere(body in prop_oneof![1 => noise(), 6 => bent(&verdicts())]) {
        let Ok(said) = serde_json::from_slice::<PushResponse>(&body) else { return Ok(()) };
        let (copy, epoch) = used();
        let leased = copy.lease(epoch);
        let before = copy.db.disk().dump();
        if run(copy.store.settle(epoch, BABY, now(), &leased, &said)).is_err() {
            prop_assert_eq!(copy.db.disk().dump(), before);
            return Ok(());
        }
        let waiting: Vec<MutationId> = copy.outbox().iter().map(|entry| entry.mutation_id).collect();
        let letters = run(copy.store.dead_letters()).unwrap();
        for entry in &leased {
            let id = entry.mutation_id;
            let acks = |said: &WireVerdict| {
                matches!(said, WireVerdict::Verdict(it) if it.mutation_id == id && it.status != Status::Rejected)
            };
            let kept = waiting.contains(&id) || letters.iter().any(|letter| letter.mutation_id == id);
            prop_assert!(kept || said.results.iter().any(acks), "{id} is nowhere");
        }
    }
}
