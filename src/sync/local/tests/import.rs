//! A file of an earlier log, loaded: its ids, its references, all of it or nothing, and once only.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::merge::Stored,
    sync::{
        any_json::bent,
        import::{Counts, Export, Problems, Report, Why, read},
    },
};

const FEED: EntityType = EntityType::FEED_LOG;
const SLEEP: EntityType = EntityType::SLEEP_LOG;
const NAPPY: EntityType = EntityType::NAPPY_LOG;

fn file(records: Value, queue: Value) -> Value {
    json!({"format": "baby-log-export", "version": 1, "source": "tablet", "records": records, "queue": queue})
}

fn export(records: Value, queue: Value) -> Export {
    read(&file(records, queue).to_string()).unwrap()
}

/// A baby, a feed, a sleep that a dummy refers to, and two changes that were never sent.
fn example() -> (Value, Value) {
    let at = "2026-05-17T07:00:00Z";
    let records = json!({
        "dummy_log": [{"id": 1, "babyId": 1, "time": at, "sleepId": 7}, {"id": 2, "babyId": 1, "time": at, "sleepId": 99}],
        "baby": [{"id": 1, "name": "Ada", "birthDate": "2026-05-01", "gender": "female"}],
        "feed_log": [{"id": 7, "babyId": 1, "type": "bottle", "time": at, "amount": 90, "updatedAt": at}],
        "sleep_log": [{"id": 7, "babyId": "1", "startTime": at, "endTime": "2026-05-17T08:00:00Z"},
                      {"id": 8, "babyId": 4, "startTime": at}],
    });
    let queue = json!([
        {"changeId": "a", "type": "CREATED", "entityType": "nappy_log", "entityId": "tmp-1",
         "data": {"babyId": 1, "time": at, "type": "wee"}},
        {"changeId": "b", "type": "UPDATED", "entityType": "sleep_log", "entityId": 7, "data": {"notes": "in the pram"}},
    ]);
    (records, queue)
}

fn load(copy: &Copy, export: &Export) -> Report {
    let foreseen = run(copy.store.preview(now(), &copy.entropy, export)).unwrap();
    let report = run(copy.store.import(now(), &copy.entropy, export)).unwrap();
    assert_eq!(
        (&foreseen.counts, &foreseen.problems),
        (&report.counts, &report.problems),
        "what was announced is what was done"
    );
    report
}

/// A device without a baby, and with the one of the example.
fn loaded() -> (Copy, BabyId) {
    let copy = Copy::new();
    copy.list(&[]);
    let (records, queue) = example();
    let report = load(&copy, &export(records, queue));
    (copy, *report.babies.first().unwrap())
}

fn rows(copy: &Copy, baby_id: BabyId, entity_type: EntityType) -> Vec<Row> {
    let query = Query { baby_id, types: vec![entity_type], select: Select::All, limit: None };
    run(copy.store.query(&query)).unwrap()
}

fn only(copy: &Copy, baby: BabyId, entity_type: EntityType) -> Row {
    let mut found = rows(copy, baby, entity_type);
    assert_eq!(found.len(), 1, "{entity_type}");
    found.remove(0)
}

fn count(new: usize, changed: usize, known: usize) -> Counts {
    Counts { new, changed, known }
}

fn waiting(copy: &Copy, baby: BabyId) -> Vec<OutboxEntry> {
    let scan = record::of_baby(Table::Outbox, None, baby);
    run(copy.store.transact(&[Table::Outbox], Mode::Read, async |tx| record::entries(tx, &scan).await)).unwrap()
}

/// Sends all that waits to a server, in ordinary batches; the rows that it has then, and how many
/// batches it took.
fn flush(copy: &Copy, baby_id: BabyId) -> (Vec<Row>, usize) {
    let epoch = copy.lead();
    let push = Push { baby_id, client_id: copy.store.client_id(), actor: UserId(Uuid::nil()), now: now() };
    let (mut head, mut stored, mut batches) = (Head::default(), BTreeMap::<_, Stored>::new(), 0);
    loop {
        let leased = run(copy.store.lease(epoch, baby_id, now(), ALL)).unwrap();
        if leased.is_empty() {
            let mut rows: Vec<Row> = stored.into_values().map(|stored| stored.row).collect();
            rows.sort_by_key(|row| row.server.row_version);
            return (rows, batches);
        }
        batches += 1;
        let mut bench = Bench::new(push, head, stored.clone(), BTreeMap::new());
        let verdicts: Vec<Verdict> =
            leased.iter().map(|entry| bench.judge(&super::property::as_mutation(entry))).collect();
        assert_eq!(verdicts.iter().find(|verdict| verdict.status != Status::Applied), None);
        head = bench.head();
        stored.extend(bench.written().map(|stored| (stored.row.id, stored.clone())));
        let response = PushResponse {
            results: verdicts.into_iter().map(WireVerdict::Verdict).collect(),
            sync_operation_id: None,
            server_time: now(),
            clock_skew_ms: None,
            epoch: None,
        };
        run(copy.store.settle(epoch, baby_id, now(), &leased, &response)).unwrap();
    }
}

/// B22, B26, B15, X10: numeric ids become ids of this log, and every reference follows them: of all
/// entries to their baby, of one entry to another. An optional one that leads to nothing is left out; an
/// entry whose baby is nowhere is named, and stays in the file.
#[test]
fn b22_b26_references_follow_the_ids() {
    let (copy, baby) = loaded();
    assert_ne!(baby, BABY);
    assert_eq!(only(&copy, baby, EntityType::BABY).id, baby.entity());
    let sleep = only(&copy, baby, SLEEP);
    assert_eq!(sleep.fields["notes"], json!("in the pram"), "with what waited in the queue");
    let dummy: EntityType = "dummy_log".parse().unwrap();
    let linked: Vec<_> = rows(&copy, baby, dummy).iter().map(|row| row.fields.get("sleepId").cloned()).collect();
    assert!(linked.contains(&Some(json!(sleep.id))) && linked.contains(&None), "{linked:?}");
    assert_eq!(only(&copy, baby, FEED).fields["amountMl"], json!(90));
    assert_ne!(only(&copy, baby, FEED).id, sleep.id, "both were number 7");
    assert_eq!(only(&copy, baby, NAPPY).baby_id, baby);

    let (records, queue) = example();
    let report = load(&Copy::new(), &export(records, queue));
    let problems = Problems::from([
        (Why::NoBaby, vec!["sleep_log 8".to_owned()]),
        (Why::Unlinked { field: "sleepId".into() }, vec!["dummy_log 2".to_owned()]),
    ]);
    assert_eq!(report.problems, problems);
    let mapped = copy.db.disk().peek(Table::IdMap, "tablet/sleep_log/7").unwrap();
    assert_eq!((&mapped["id"], &mapped["babyId"]), (&json!(sleep.id), &json!(baby)));
    let ops: Vec<Op> = waiting(&copy, baby).iter().map(|entry| entry.mutated.op).collect();
    assert_eq!(ops, [Op::Create; 6], "each as any person's save");
    assert_eq!(waiting(&copy, baby)[0].mutated.entity_type, EntityType::BABY, "parents first");
    let access = run(copy.store.access()).unwrap();
    let owned = BabyAccess::new(baby, "Ada".into(), Level::Owner);
    assert_eq!(access, [owned]);
}

/// B26, C14, C15, C16: wherever the process dies, the whole file is there or nothing of it: ids, rows and
/// what is to be sent. The sync finds nothing to send of a file that is not there.
#[test]
fn c15_a_crash_leaves_the_whole_file_or_nothing() {
    let (records, queue) = example();
    let export = export(records, queue);
    let tables = |db: &MemoryDb| {
        let count = |table| db.disk().table(table).len();
        [Table::IdMap, Table::Rows(SLEEP), Table::Rows(FEED), Table::Rows(EntityType::BABY), Table::Outbox].map(count)
    };
    let operations = {
        let copy = Copy::new();
        let before = copy.store.db.operations();
        run(copy.store.import(now(), &copy.entropy, &export)).unwrap();
        assert_eq!(tables(&copy.db), [6, 1, 1, 1, 6]);
        copy.store.db.operations() - before
    };
    assert!(operations > 40, "the enumeration has something to cut");
    let mut outcomes = BTreeSet::new();
    for n in 1..=operations {
        for crash in [Crash::Before(n), Crash::After(n)] {
            let copy = Copy::new();
            copy.store.db.crash_at(match crash {
                Crash::Before(n) => Crash::Before(copy.store.db.operations() + n),
                Crash::After(n) => Crash::After(copy.store.db.operations() + n),
            });
            let _ = run(copy.store.import(now(), &copy.entropy, &export));
            let found = tables(&copy.db);
            assert!(found == [0; 5] || found == [6, 1, 1, 1, 6], "{crash:?}: {found:?}");
            outcomes.insert(found);
            // Whatever the crash left, loading the file completes it.
            let again = run(LocalStore::open(copy.db.reopen(), now(), &copy.entropy)).unwrap();
            run(again.import(now(), &copy.entropy, &export)).unwrap();
            assert_eq!(tables(&copy.db), [6, 1, 1, 1, 6], "{crash:?}");
        }
    }
    assert_eq!(outcomes.len(), 2, "both ends were seen");
}

/// C34: a device without room keeps what it had, and loads the file once there is room.
#[test]
fn a_file_that_finds_no_room_leaves_nothing() {
    let copy = Copy::new();
    let (records, queue) = example();
    let export = export(records, queue);
    let before = copy.db.disk().dump();
    copy.store.db.fail_at(copy.store.db.operations() + 30, StoreError::Quota);
    let full = run(copy.store.import(now(), &copy.entropy, &export));
    assert_eq!(full, Err(SaveError::Store(StoreError::Quota)));
    assert_eq!(copy.db.disk().dump(), before);
    assert_eq!(load(&copy, &export).counts[&FEED], count(1, 0, 0));
}

/// B26, C32: the same file again changes nothing at all.
#[test]
fn the_same_file_again_changes_nothing() {
    let (copy, _) = loaded();
    let before = copy.db.disk().dump();
    let (records, queue) = example();
    let report = load(&copy, &export(records, queue));
    assert!(report.counts.values().all(|counts| (counts.new, counts.changed) == (0, 0)), "{report:?}");
    assert_eq!(copy.db.disk().dump(), before);
}

/// What a file of another source says just so is the same baby and the same entries.
#[test]
fn the_same_entries_of_another_source_are_not_loaded_twice() {
    let (copy, baby) = loaded();
    let before = waiting(&copy, baby);
    let (records, queue) = example();
    let other = Export { source: "phone".into(), ..export(records, queue) };
    let report = load(&copy, &other);
    assert!(report.counts.values().all(|counts| (counts.new, counts.changed) == (0, 0)), "{report:?}");
    assert_eq!(report.babies, BTreeSet::from([baby]));
    assert_eq!(waiting(&copy, baby), before);
}

/// The example's sleep, as a later file has it.
fn later(change: Value, updated_at: &str) -> Export {
    let mut sleep = fields(json!({"id": 7, "babyId": 1, "startTime": "2026-05-17T07:00:00Z",
        "endTime": "2026-05-17T08:00:00Z", "notes": "in the pram", "updatedAt": updated_at}));
    sleep.extend(fields(change));
    export(json!({"sleep_log": [sleep, {"id": 9, "babyId": 1, "startTime": "2026-05-18T07:00:00Z"}]}), json!([]))
}

fn edit(copy: &Copy, seen: Row, change: Value) {
    let mut after = seen.fields.clone();
    crate::domain::row::apply_patch(&mut after, &fields(change));
    copy.commit(&[Draft::Update { seen, fields: after }]).unwrap();
}

/// A22: a later file of the same source changes what changed there and adds what is new; what was edited
/// here since stays, unless the edit there is the later one; an older file takes nothing back.
#[test]
fn a_later_file_changes_what_changed_there_and_keeps_what_was_edited_here() {
    let (copy, baby) = loaded();
    let sleep_id = only(&copy, baby, SLEEP).id;
    let sleep = || rows(&copy, baby, SLEEP).into_iter().find(|row| row.id == sleep_id).unwrap();
    let report = load(&copy, &later(json!({"notes": "outside"}), "2026-06-01T00:00:00Z"));
    assert_eq!(report.counts[&SLEEP], count(1, 1, 0));
    assert_eq!((sleep().fields["notes"].clone(), rows(&copy, baby, SLEEP).len()), (json!("outside"), 2));

    edit(&copy, sleep(), json!({"notes": "ours"}));
    let report = load(&copy, &later(json!({"notes": "theirs", "kind": "nap"}), "2026-07-01T00:00:00Z"));
    assert_eq!(report.counts[&SLEEP], count(0, 1, 1));
    assert_eq!(sleep().fields["notes"], json!("ours"), "edited here after that");
    assert_eq!(sleep().fields["kind"], json!("nap"), "which nobody edited here");
    let newest = later(json!({"notes": "theirs, later", "kind": "nap"}), "2026-12-01T00:00:00Z");
    load(&copy, &newest);
    assert_eq!(sleep().fields["notes"], json!("theirs, later"));

    let before = copy.db.disk().dump();
    load(&copy, &later(json!({"notes": "outside"}), "2026-06-01T00:00:00Z"));
    assert_eq!(copy.db.disk().dump(), before, "an older file");

    let change = |op: &str, data: Value| {
        export(
            json!({}),
            json!([{"type": op, "entityType": "sleep_log", "entityId": 7, "data": data, "timestamp": "2026-12-02T00:00:00Z"}]),
        )
    };
    load(&copy, &change("UPDATED", json!({"notes": null})));
    assert_eq!(sleep().fields.get("notes"), None, "a change alone, of what an earlier file had");
    assert_eq!(load(&copy, &change("DELETED", json!(null))).counts[&SLEEP], count(0, 1, 0));
    assert!(rows(&copy, baby, SLEEP).iter().all(|row| row.id != sleep_id), "removed there");
    load(&copy, &newest);
    assert!(rows(&copy, baby, SLEEP).iter().all(|row| row.id != sleep_id), "and not made again");
}

/// What a person removed here is not made again by a file, and a file removes no baby.
#[test]
fn what_was_removed_here_stays_removed() {
    let (copy, baby) = loaded();
    copy.commit(&[Draft::Delete { seen: only(&copy, baby, FEED) }]).unwrap();
    let (records, _) = example();
    let queue = json!([{"type": "DELETED", "entityType": "baby", "entityId": 1}]);
    let report = load(&copy, &export(records, queue));
    assert_eq!(report.counts[&FEED], count(0, 0, 1));
    assert!(rows(&copy, baby, FEED).is_empty());
    assert_eq!(report.problems[&Why::UnknownChange], ["baby 1"]);
    assert_eq!(rows(&copy, baby, EntityType::BABY).len(), 1);
}

/// C14, C16, A21: what was loaded goes to the server in ordinary batches, and a device without history
/// gets it as it is. The same file, loaded there as well, adds nothing.
#[test]
fn c14_a_loaded_file_becomes_the_babys_history() {
    let copy = Copy::new();
    copy.list(&[]);
    let minute = |n: i64| Timestamp::from_ms(1_779_000_000_000 + n * 60_000);
    let nappies: Vec<Value> =
        (0..250).map(|n| json!({"id": n, "babyId": 1, "time": minute(n), "type": "wee"})).collect();
    let baby = json!([{"id": 1, "name": "Ada", "birthDate": "2026-05-01"}]);
    let export = export(json!({"baby": baby, "nappy_log": nappies}), json!([]));
    let baby = *load(&copy, &export).babies.first().unwrap();
    let (sent, batches) = flush(&copy, baby);
    assert_eq!((sent.len(), batches), (251, 3));
    assert_eq!(sent[0].entity_type, EntityType::BABY);

    let other = Copy::new();
    other.list(&[baby]);
    let epoch = other.lead();
    run(other.store.apply(epoch, baby, now(), 0, &page(0, &sent))).unwrap();
    let seen =
        |copy: &Copy| -> Vec<_> { rows(copy, baby, NAPPY).into_iter().map(|row| (row.id, row.fields)).collect() };
    assert_eq!(seen(&other), seen(&copy));
    let report = load(&other, &export);
    assert_eq!((report.counts[&EntityType::BABY], report.counts[&NAPPY]), (count(0, 0, 1), count(0, 0, 250)));
    assert!(waiting(&other, baby).is_empty(), "the same baby and the same entries");
    assert_eq!(run(other.store.access()).unwrap().len(), 1);
}

/// C40: five thousand entries are one transaction, and no batch is larger for it.
#[test]
fn a_long_log_is_loaded_at_once_and_sent_in_batches() {
    let copy = Copy::new();
    let minute = |n: i64| Timestamp::from_ms(1_779_000_000_000 + n * 60_000);
    let nappies: Vec<Value> =
        (0..5_000).map(|n| json!({"id": n, "babyId": 1, "time": minute(n), "type": "wee"})).collect();
    let export = export(json!({"baby": [{"id": 1, "name": "Ada"}], "nappy_log": nappies}), json!([]));
    let before = copy.store.db.operations();
    let report = run(copy.store.import(now(), &copy.entropy, &export)).unwrap();
    let operations = copy.store.db.operations() - before;
    assert!(operations < 10 * 5_000, "{operations} requests");
    assert_eq!(report.counts[&NAPPY], count(5_000, 0, 0));
    let epoch = copy.lead();
    assert_eq!(run(copy.store.lease(epoch, *report.babies.first().unwrap(), now(), ALL)).unwrap().len(), 100);
}

/// A11: nothing is loaded for a baby that this person may only look at.
#[test]
fn a_viewer_loads_nothing() {
    let (copy, baby) = loaded();
    let list = vec![BabyAccess::new(baby, "Ada".into(), Level::Viewer)];
    run(copy
        .store
        .transact(&[Table::Kv], Mode::StrictWrite, async |tx| record::put(tx, Table::Kv, record::ACCESS, &list).await))
    .unwrap();
    let before = waiting(&copy, baby);
    let report = load(&copy, &later(json!({"notes": "outside"}), "2026-06-01T00:00:00Z"));
    assert_eq!(report.problems[&Why::ReadOnly], ["sleep_log 7", "sleep_log 9"]);
    assert_eq!(waiting(&copy, baby), before);
}

/// B11: a baby that is gone takes its ids along; the next file makes it anew.
#[test]
fn a_baby_that_is_gone_is_made_anew() {
    let (copy, baby) = loaded();
    let epoch = copy.lead();
    run(copy.store.purge(epoch, baby, now())).unwrap();
    assert_eq!(copy.db.disk().table(Table::IdMap).len(), 0);
    let (records, queue) = example();
    let report = load(&copy, &export(records, queue));
    assert_eq!(report.counts[&EntityType::BABY], count(1, 0, 0));
    assert!(!report.babies.contains(&baby));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is wrong with a file, nothing breaks, and loading it again adds nothing.
    #[test]
    fn any_file_is_loaded_once(text in { let (records, queue) = example(); bent(&file(records, queue)) }) {
        let Ok(export) = read(&String::from_utf8_lossy(&text)) else { return Ok(()) };
        let copy = Copy::new();
        load(&copy, &export);
        let entries = copy.db.disk().table(Table::Outbox).len();
        let again = load(&copy, &export);
        prop_assert!(again.counts.values().all(|counts| counts.new == 0), "{again:?}");
        prop_assert_eq!(copy.db.disk().table(Table::Outbox).len(), entries);
    }
}
