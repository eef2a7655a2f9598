//! What the gate lets pass, and when.

use super::{super::gate::Gate, *};
use crate::domain::registry::dummy_log;

fn dummy() -> EntityType {
    dummy_log::DEF.name.parse().unwrap()
}

fn child(n: u128, version: u64, parent: u128) -> Row {
    let values = json!({"startedAt": "2026-11-20T01:00:00.000Z", "sleepId": id(parent)});
    Row { entity_type: dummy(), ..server_row(n, version, values) }
}

fn parent(n: u128, version: u64) -> Row {
    server_row(n, version, json!({"startedAt": "2026-11-20T01:00:00.000Z"}))
}

/// B06, B35, B80.
/// B37, B51, B53: a child may come before its parent; it is recorded with the cursor, and looked at
/// again until the head.
#[test]
fn a_child_that_comes_before_its_parent_is_remembered() {
    let copy = Copy::new();
    let lead = copy.lead();
    let mut first = page(0, &[child(2, 1, 3)]);
    (first.head, first.has_more) = (2, true);
    assert_eq!(run(copy.store.apply(lead, BABY, now(), 0, &first)).unwrap().orphans, 0);
    assert_eq!(run(copy.store.meta(BABY)).unwrap().open.len(), 1);
    let whole = page(0, &[child(2, 1, 3), parent(3, 2)]);
    let second = PullResponse { changes: page(1, &[parent(3, 2)]).changes, ..whole };
    assert_eq!(run(copy.store.apply(lead, BABY, now(), 1, &second)).unwrap().orphans, 0);
    assert_eq!(run(copy.store.meta(BABY)).unwrap().open, []);
}

/// B37, B53: what was an orphan on an earlier page is looked at again at the head, though no page touches it any
/// more; and a parent that is deleted is still there to be referred to.
#[test]
fn an_orphan_of_an_earlier_page_is_not_forgotten() {
    let follow = |parents: &[Row]| {
        let copy = Copy::new();
        let lead = copy.lead();
        let mut first = page(0, &[child(2, 1, 3)]);
        (first.head, first.has_more) = (2, true);
        run(copy.store.apply(lead, BABY, now(), 0, &first)).unwrap();
        let rows: Vec<Row> = [child(2, 1, 3)].into_iter().chain(parents.iter().cloned()).collect();
        let second = PullResponse { changes: page(1, parents).changes, ..page(0, &rows) };
        run(copy.store.apply(lead, BABY, now(), 1, &second)).unwrap().orphans
    };
    assert_eq!(follow(&[parent(9, 2)]), 1, "another one came, and not its own");
    let mut deleted = parent(3, 2);
    deleted.server.deleted_at = Some(now());
    assert_eq!(follow(&[deleted]), 0);
}

/// B80, X13.
/// B56: an optional reference into nothing is counted, and the page is taken.
#[test]
fn an_optional_orphan_at_the_head_is_a_warning() {
    let copy = Copy::new();
    let lead = copy.lead();
    let applied = run(copy.store.apply(lead, BABY, now(), 0, &page(0, &[child(2, 1, 3)]))).unwrap();
    assert_eq!((applied.orphans, applied.cursor), (1, 1));
}

/// B55: a check that cannot run says nothing about the copy: the page is not taken.
#[test]
fn a_check_that_cannot_run_aborts_the_page() {
    let copy = Copy::new();
    let lead = copy.lead();
    let whole = page(0, &[child(2, 1, 3)]);
    let mut outcomes = Vec::new();
    for n in 1.. {
        copy.store.db.fail_at(copy.store.db.operations() + n, StoreError::Failed("disk".into()));
        let outcome = run(copy.store.apply(lead, BABY, now(), 0, &whole));
        if outcome.is_ok() {
            break;
        }
        assert_eq!(run(copy.store.meta(BABY)).unwrap().cursor, 0);
        outcomes.push(outcome);
    }
    let unknown = ApplyError::CheckExecution(StoreError::Failed("disk".into()));
    assert!(outcomes.contains(&Err(unknown)), "{outcomes:?}");
}

/// B06, B80, X13.
/// B57: the gate of a store fails fast unless it is told to warn only.
#[test]
fn the_gate_fails_fast_by_default() {
    let copy = Copy::new();
    assert_eq!(copy.store.gate, Gate::FailFast);
    assert_eq!(copy.store.with_gate(Gate::WarnOnly).gate, Gate::WarnOnly);
}
