mod any_answer;
mod claims;
mod gate;
mod import;
mod property;
mod reads;
mod resolve;
mod snapshot;

use std::{cell::Cell, collections::BTreeMap};

use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use super::*;
use crate::{
    domain::{
        apply::{Bench, Head, Push},
        field::Fields,
        id::{BabyId, EntityId, MutationId, UserId},
        mutation::{Mutation, Op, Rejection, RejectionCode, Status, Verdict},
        registry::EntityType,
        row::{Row, ServerFields},
    },
    sync::{
        draft::{Draft, SaveError},
        outbox::{EntryState, OutboxEntry},
        ports::AccessList,
        protocol::{Change, ChangeOp, PullResponse, PushResponse, WireVerdict},
        query::{Query, Select},
        sim::{
            memory_db::{Crash, MemoryDb},
            run,
        },
        status::{BabyAccess, DeadReason, Did, Level, SyncError, SyncStep},
    },
};

const BABY: BabyId = BabyId(Uuid::from_u128(1));
const ALL: BatchLimit = BatchLimit { entries: 100, bytes: 200_000 };

#[derive(Default)]
struct Counter(Cell<u64>);

impl Entropy for Counter {
    fn uuid_v7(&self, _: Timestamp) -> Uuid {
        Uuid::from_u128(0xE000 + u128::from(self.next_u64()))
    }
    fn next_u64(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// One device's copy and its chance.
struct Copy {
    store: LocalStore<MemoryDb>,
    db: MemoryDb,
    entropy: Counter,
}

fn now() -> Timestamp {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

fn id(n: u128) -> EntityId {
    EntityId(Uuid::from_u128(n))
}

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

impl Copy {
    fn new() -> Self {
        let (db, entropy) = (MemoryDb::new(), Counter::default());
        let store = run(LocalStore::open(db.reopen(), now(), &entropy)).unwrap();
        let copy = Self { store, db, entropy };
        copy.list(&[BABY]);
        copy
    }

    /// This account may see these babies, and no others.
    fn list(&self, babies: &[BabyId]) {
        let access = |id: &BabyId| BabyAccess::new(*id, "Ada".into(), Level::Editor);
        let list: Vec<BabyAccess> = babies.iter().map(access).collect();
        run(self.store.transact(&[Table::Kv], Mode::StrictWrite, async |tx| {
            record::put(tx, Table::Kv, record::ACCESS, &list).await
        }))
        .unwrap();
    }

    fn commit(&self, drafts: &[Draft]) -> Result<(), SaveError> {
        run(self.store.commit(now(), &self.entropy, drafts)).map(|_| ())
    }

    fn create(&self, n: u128, notes: &str) {
        let fields = fields(json!({"startedAt": "2026-11-20T01:00:00Z", "notes": notes}));
        let entity_type = EntityType::SLEEP_LOG;
        self.commit(&[Draft::Create { entity_type, baby_id: BABY, id: id(n), fields }]).unwrap();
    }

    fn row(&self, n: u128) -> Option<Row> {
        let types = vec![EntityType::SLEEP_LOG];
        let query = Query { baby_id: BABY, types, select: Select::One(id(n)), limit: None };
        run(self.store.query(&query)).unwrap().pop()
    }

    fn edit(&self, n: u128, change: Value) -> Result<(), SaveError> {
        let seen = self.row(n).unwrap();
        let mut after = seen.fields.clone();
        crate::domain::row::apply_patch(&mut after, &fields(change));
        self.commit(&[Draft::Update { seen, fields: after }])
    }

    fn outbox(&self) -> Vec<OutboxEntry> {
        let scan = record::of_baby(Table::Outbox, None, BABY);
        run(self.store.transact(&[Table::Outbox], Mode::Read, async |tx| record::entries(tx, &scan).await)).unwrap()
    }

    fn lead(&self) -> Epoch {
        run(self.store.lead()).unwrap()
    }

    fn lease(&self, epoch: Epoch) -> Vec<OutboxEntry> {
        run(self.store.lease(epoch, BABY, now(), ALL)).unwrap()
    }

    fn settle(&self, epoch: Epoch, leased: &[OutboxEntry], verdicts: Vec<Verdict>) -> Settled {
        let response = PushResponse {
            results: verdicts.into_iter().map(WireVerdict::Verdict).collect(),
            sync_operation_id: None,
            server_time: now(),
            clock_skew_ms: None,
            epoch: None,
        };
        run(self.store.settle(epoch, BABY, now(), leased, &response)).unwrap()
    }

    fn letters(&self) -> Vec<DeadReason> {
        run(self.store.dead_letters()).unwrap().into_iter().map(|letter| letter.reason).collect()
    }
}

fn verdict(entry: &OutboxEntry, status: Status, version: Option<u64>) -> Verdict {
    Verdict { mutation_id: entry.mutation_id, status, version, error: None, server_data: None }
}

fn server_row(n: u128, version: u64, values: Value) -> Row {
    let server = ServerFields { row_version: version, ..Default::default() };
    Row { entity_type: EntityType::SLEEP_LOG, id: id(n), baby_id: BABY, fields: fields(values), server }
}

fn change(row: &Row) -> Change {
    Change {
        id: row.server.row_version,
        entity_type: row.entity_type.name().into(),
        entity_id: row.id,
        op: ChangeOp::Update,
        version: row.server.row_version,
        payload: RawValue::from_string(row.to_payload().to_string()).unwrap(),
        actor_id: None,
        client_id: None,
        mutation_id: None,
        created_at: now(),
    }
}

/// A page whose fingerprint is that of `rows`, all of which are on it.
fn page(since: u64, rows: &[Row]) -> PullResponse {
    let mut checksum = crate::domain::checksum::Checksum::default();
    let mut live = BTreeMap::new();
    for row in rows {
        live.insert(row.id, (row.server.row_version, row.is_deleted()));
    }
    live.retain(|_, (_, deleted)| !*deleted);
    for (id, (version, _)) in &live {
        checksum.add(*id, *version);
    }
    let next = rows.last().map_or(since, |row| row.server.row_version);
    PullResponse {
        changes: rows.iter().map(change).collect(),
        next_cursor: next,
        new_cursor: next,
        has_more: false,
        head: next,
        epoch: Uuid::from_u128(0xEE),
        checksum: checksum.to_hex(),
        live_rows: live.len() as u64,
        server_time: now(),
    }
}

/// B15, B77, B17, C35: the row and its outbox entry are one write, wherever the process dies.
#[test]
fn a_crash_leaves_both_the_row_and_its_entry_or_neither() {
    let operations = {
        let copy = Copy::new();
        let before = copy.store.db.operations();
        copy.create(2, "n");
        copy.store.db.operations() - before
    };
    assert!(operations > 4, "the enumeration has something to cut");
    for n in 1..=operations {
        for crash in [Crash::Before(n), Crash::After(n)] {
            let db = MemoryDb::new();
            let entropy = Counter::default();
            let store = run(LocalStore::open(db.reopen(), now(), &entropy)).unwrap();
            store.db.crash_at(crash);
            let draft = Draft::Create {
                entity_type: EntityType::NAPPY_LOG,
                baby_id: BABY,
                id: id(2),
                fields: fields(json!({"type": "wee", "startedAt": "2026-11-20T01:00:00Z"})),
            };
            let _ = run(store.commit(now(), &entropy, &[draft]));
            let after = run(LocalStore::open(db.reopen(), now(), &entropy)).unwrap();
            let query =
                Query { baby_id: BABY, types: vec![EntityType::NAPPY_LOG], select: Select::One(id(2)), limit: None };
            let rows = run(after.query(&query)).unwrap().len();
            let epoch = run(after.lead()).unwrap();
            let entries = run(after.lease(epoch, BABY, now(), ALL)).unwrap().len();
            assert_eq!(rows, entries, "{crash:?}");
        }
    }
}

/// X9, A22, B31, C22: an update queues only the groups that changed, on the version the person saw.
#[test]
fn an_update_of_a_synced_row_queues_only_what_changed() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = server_row(2, 7, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "theirs"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    copy.edit(2, json!({"place": "pram"})).unwrap();
    let outbox = copy.outbox();
    assert_eq!(outbox[0].mutated.payload, fields(json!({"place": "pram"})));
    assert_eq!(outbox[0].mutated.base_version, Some(7));
}

#[test]
fn what_cannot_be_true_is_not_saved() {
    let copy = Copy::new();
    copy.create(2, "n");
    let refused = copy.edit(2, json!({"endedAt": "2026-11-20T00:59:00Z"}));
    assert!(matches!(refused, Err(SaveError::Invalid(invalid)) if invalid.field.as_deref() == Some("endedAt")));
    assert!(!copy.row(2).unwrap().fields.contains_key("endedAt"));
    assert_eq!(copy.outbox().len(), 1);
}

/// C34, C50: a save or a page that finds no room leaves nothing behind, says why, and goes through once
/// there is room.
#[test]
fn a_full_device_keeps_what_it_has_and_says_so() {
    let copy = Copy::new();
    copy.create(2, "kept");
    let lead = copy.lead();
    let before = copy.db.disk().dump();
    let theirs = page(0, &[server_row(3, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z"}))]);
    let full = |n: u64| copy.store.db.fail_at(copy.store.db.operations() + n, StoreError::Quota);
    let fields = fields(json!({"startedAt": "2026-11-20T01:00:00Z"}));
    let draft = Draft::Create { entity_type: EntityType::SLEEP_LOG, baby_id: BABY, id: id(4), fields };
    full(3);
    assert_eq!(copy.commit(std::slice::from_ref(&draft)), Err(SaveError::Store(StoreError::Quota)));
    full(3);
    assert!(run(copy.store.apply(lead, BABY, now(), 0, &theirs)).is_err());
    assert_eq!(copy.db.disk().dump(), before);
    copy.commit(&[draft]).unwrap();
    run(copy.store.apply(lead, BABY, now(), 0, &theirs)).unwrap();
    assert_eq!((copy.outbox().len(), copy.row(3).is_some()), (2, true));
}

/// B21, B77, B19, B20, C12.
#[test]
fn never_sent_entries_coalesce() {
    let copy = Copy::new();
    copy.create(2, "one");
    copy.edit(2, json!({"notes": "two"})).unwrap();
    assert_eq!(copy.outbox().len(), 1, "create + update is a create");
    assert_eq!(copy.outbox()[0].mutated.payload["notes"], json!("two"));
    copy.commit(&[Draft::Delete { seen: copy.row(2).unwrap() }]).unwrap();
    assert_eq!((copy.outbox().len(), copy.row(2)), (0, None), "create + delete is nothing");
}

/// B19, B21, C12: two edits of an entry that the server has go as one, with all that either changed.
#[test]
fn unsent_edits_of_a_synced_row_go_as_one() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = server_row(2, 7, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "theirs"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    copy.edit(2, json!({"place": "pram"})).unwrap();
    copy.edit(2, json!({"notes": "one"})).unwrap();
    copy.edit(2, json!({"notes": "two"})).unwrap();
    let [entry] = &copy.lease(epoch)[..] else { panic!("{:?}", copy.outbox()) };
    assert_eq!(entry.mutated.payload, fields(json!({"place": "pram", "notes": "two"})));
    assert_eq!((entry.mutated.op, entry.mutated.base_version), (Op::Update, Some(7)));
}

/// What was edited before it was deleted is there again after the undo, sent or not.
#[test]
fn undo_of_a_delete_brings_back_the_edit_made_before_it() {
    for sent in [false, true] {
        let copy = Copy::new();
        let epoch = copy.lead();
        let row = server_row(2, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "old"}));
        run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
        copy.edit(2, json!({"notes": "edited"})).unwrap();
        copy.commit(&[Draft::Delete { seen: copy.row(2).unwrap() }]).unwrap();
        if sent {
            assert_eq!(copy.lease(epoch).len(), 2, "the edit and the delete both travel");
        }
        copy.commit(&[Draft::Restore { seen: copy.row(2).unwrap() }]).unwrap();
        let row = copy.row(2).unwrap();
        assert_eq!((row.is_deleted(), &row.fields["notes"]), (false, &json!("edited")), "sent: {sent}");
    }
}

/// Once handed to the network an entry is frozen: same id, same body.
#[test]
fn a_sent_entry_is_never_changed() {
    let copy = Copy::new();
    copy.create(2, "one");
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    copy.edit(2, json!({"notes": "two"})).unwrap();
    let outbox = copy.outbox();
    assert_eq!(outbox.len(), 2);
    assert_eq!((&outbox[0].mutated, outbox[0].mutation_id), (&leased[0].mutated, leased[0].mutation_id));
    run(copy.store.release(epoch, BABY, &[leased[0].mutation_id], None, false, now())).unwrap();
    copy.edit(2, json!({"notes": "three"})).unwrap();
    assert_eq!(copy.outbox()[0].mutated, leased[0].mutated, "nor after the answer was lost");
    assert_eq!(copy.row(2).unwrap().fields["notes"], json!("three"));
}

/// B09, trap 22, B72, trap 3: what was in flight when its tab died goes out again.
#[test]
fn trap_03_a_new_leader_takes_back_what_was_in_flight() {
    let copy = Copy::new();
    copy.create(2, "one");
    let first = copy.lead();
    let leased = copy.lease(first);
    assert!(copy.lease(first).is_empty(), "in flight is not sent twice");
    let second = copy.lead();
    assert_eq!(run(copy.store.lease(first, BABY, now(), ALL)), Err(StoreError::Fenced));
    let again = copy.lease(second);
    assert_eq!(again[0].mutation_id, leased[0].mutation_id);
}

/// B18, B23, trap 5: first made, first sent, and nothing overtakes an entry that has to wait.
#[test]
fn trap_05_the_outbox_keeps_its_order() {
    let copy = Copy::new();
    for n in 2..20 {
        copy.create(n, "n");
    }
    let epoch = copy.lead();
    let leased = run(copy.store.lease(epoch, BABY, now(), BatchLimit { entries: 3, bytes: 200_000 })).unwrap();
    assert_eq!(leased.iter().map(|entry| entry.mutated.entity_id).collect::<Vec<_>>(), [id(2), id(3), id(4)]);
    let ids: Vec<MutationId> = leased.iter().map(|entry| entry.mutation_id).collect();
    run(copy.store.release(epoch, BABY, &ids, Some(now().plus_ms(1000)), false, now())).unwrap();
    assert!(copy.lease(epoch).is_empty(), "later entries wait behind it");
    assert_eq!(run(copy.store.lease(epoch, BABY, now().plus_ms(1000), ALL)).unwrap().len(), 18);
}

/// B26.
/// What the person sees does not flicker back between the acknowledgement and the pull.
#[test]
fn an_acknowledged_edit_stays_until_the_pull_brings_it() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = server_row(2, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "old"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    copy.edit(2, json!({"notes": "mine"})).unwrap();
    let leased = copy.lease(epoch);
    let settled = copy.settle(epoch, &leased, vec![verdict(&leased[0], Status::Applied, Some(3))]);
    assert_eq!(settled, Settled { acked: 1, ..Default::default() });
    assert_eq!(run(copy.store.status()).unwrap().waiting, 0);
    let theirs = server_row(2, 2, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "old", "kind": "nap"}));
    let mut first = page(1, &[theirs]);
    (first.head, first.has_more) = (3, true);
    run(copy.store.apply(epoch, BABY, now(), 1, &first)).unwrap();
    assert_eq!(copy.row(2).unwrap().fields["notes"], json!("mine"), "a page before ours does not undo it");
    assert_eq!(copy.row(2).unwrap().fields["kind"], json!("nap"));
    let ours = server_row(2, 3, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "mine", "kind": "nap"}));
    run(copy.store.apply(epoch, BABY, now(), 2, &page(2, std::slice::from_ref(&ours)))).unwrap();
    assert_eq!((copy.row(2), copy.outbox().len()), (Some(ours), 0));
}

/// Trap 10: a pull does not overwrite what waits to be sent.
#[test]
fn trap_10_pending_edits_survive_a_pull() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row =
        |version, notes: &str| server_row(2, version, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": notes}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row(1, "old")]))).unwrap();
    copy.edit(2, json!({"place": "pram"})).unwrap();
    run(copy.store.apply(epoch, BABY, now(), 1, &page(1, &[row(2, "theirs")]))).unwrap();
    let shown = copy.row(2).unwrap().fields;
    assert_eq!((&shown["notes"], &shown["place"]), (&json!("theirs"), &json!("pram")));
}

/// A55, B77, A28, B48, B49: the same page twice, or late, changes nothing; the cursor never goes back.
#[test]
fn a_page_is_applied_once_and_in_its_place() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = server_row(2, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z"}));
    let first = page(0, std::slice::from_ref(&row));
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 0, &first)).unwrap().changes, 1);
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 0, &first)), Err(ApplyError::CursorMoved));
    let mut back = page(1, &[]);
    (back.next_cursor, back.head) = (0, 0);
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 1, &back)), Err(ApplyError::CursorBackward));
    let mut again = page(1, &[row]);
    again.changes[0].id = 2;
    (again.next_cursor, again.head) = (2, 2);
    let applied = run(copy.store.apply(epoch, BABY, now(), 1, &again)).unwrap();
    assert_eq!((applied.changes, applied.cursor), (0, 2), "an older version is skipped");
}

/// B16, B39.
/// B42, B84: a copy that differs at the head is found out, and nothing of the page is kept.
#[test]
fn a_wrong_fingerprint_keeps_the_cursor_and_reset_fetches_anew() {
    let copy = Copy::new();
    copy.create(9, "unsent");
    let epoch = copy.lead();
    let row = server_row(2, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    let mut wrong = page(1, &[server_row(3, 2, json!({"startedAt": "2026-11-20T01:00:00.000Z"}))]);
    wrong.live_rows = 7;
    assert_eq!(run(copy.store.apply(epoch, BABY, now(), 1, &wrong)), Err(ApplyError::ChecksumMismatch));
    assert_eq!((run(copy.store.meta(BABY)).unwrap().cursor, copy.row(3)), (1, None));
    run(copy.store.reset(epoch, BABY, false)).unwrap();
    let meta = run(copy.store.meta(BABY)).unwrap();
    assert_eq!((meta.cursor, meta.repairs, meta.live_rows, meta.bootstrapped), (0, 1, 0, false));
    assert_eq!((copy.row(2), copy.outbox().len()), (None, 1));
    assert_eq!(copy.row(9).unwrap().fields["notes"], json!("unsent"), "what waits stays visible");
}

/// B34: a type that this version does not know is kept, counted, and does not stop the others.
#[test]
fn an_unknown_type_is_kept_as_it_came() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let known = server_row(2, 2, json!({"startedAt": "2026-11-20T01:00:00.000Z"}));
    let unknown = server_row(3, 1, json!({}));
    let mut both = page(0, &[unknown, known]);
    both.changes[0].entity_type = "moon_log".into();
    let applied = run(copy.store.apply(epoch, BABY, now(), 0, &both)).unwrap();
    assert_eq!((applied.changes, applied.cursor), (2, 2));
    assert!(copy.db.disk().peek(Table::Opaque, &record::row_key(BABY, id(3))).is_some());
    assert!(copy.row(2).is_some());
}

/// B25, B78, C34.
/// B27, B67, B68: a refusal is a dead letter with its reason, and takes only its dependants along.
#[test]
fn a_refused_create_takes_its_later_edits_along_and_nothing_else() {
    let copy = Copy::new();
    copy.create(2, "refused");
    copy.create(3, "fine");
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    copy.edit(2, json!({"notes": "edit of it"})).unwrap();
    let error = Rejection { code: RejectionCode::InvalidPayload, field: Some("notes".into()), message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) };
    let settled = copy.settle(epoch, &leased, vec![refused, verdict(&leased[1], Status::Applied, Some(1))]);
    assert_eq!(settled, Settled { acked: 1, dead: 2, lost: 0 });
    assert!(matches!(copy.letters()[..], [DeadReason::Rejected { .. }, DeadReason::ParentRejected { .. }]));
    assert_eq!(copy.row(2), None);
    assert_eq!(copy.row(3).unwrap().fields["notes"], json!("fine"));
}

/// B46, C30, C31, X11.
/// A36, B28: who lost is told which fields, and can put them back on the row as it is now.
#[test]
fn a_lost_edit_becomes_a_letter_that_can_be_used_again() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row =
        |version, notes: &str| server_row(2, version, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": notes}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row(1, "old")]))).unwrap();
    copy.edit(2, json!({"notes": "mine", "kind": "nap"})).unwrap();
    let leased = copy.lease(epoch);
    let theirs = row(2, "theirs").to_payload();
    let lost = Verdict { server_data: Some(theirs), ..verdict(&leased[0], Status::Conflict, None) };
    assert_eq!(copy.settle(epoch, &leased, vec![lost]), Settled { acked: 1, lost: 1, dead: 0 });
    run(copy.store.apply(epoch, BABY, now(), 1, &page(1, &[row(2, "theirs")]))).unwrap();
    assert_eq!(copy.row(2).unwrap().fields["notes"], json!("theirs"));
    let letter = run(copy.store.dead_letters()).unwrap().remove(0);
    assert_eq!(letter.reason, DeadReason::LostEdit { fields: vec!["kind".into(), "notes".into()], deleted: false });
    run(copy.store.retry(now(), &copy.entropy, BABY, letter.mutation_id, None)).unwrap();
    let again = copy.outbox().remove(0);
    assert_ne!(again.mutation_id, letter.mutation_id, "a new intent has a new id");
    assert_eq!((again.mutated.base_version, again.state), (Some(2), EntryState::Pending));
    assert_eq!((copy.row(2).unwrap().fields["notes"].clone(), copy.letters().len()), (json!("mine"), 0));
}

/// A32, A41, A42, trap 11: the baby's data goes, the person's unsent words stay with them.
#[test]
fn trap_11_a_purge_removes_the_baby_and_keeps_unsent_work() {
    let copy = Copy::new();
    let other = BabyId(Uuid::from_u128(0xB2));
    let epoch = copy.lead();
    let draft =
        |baby_id, n, entity_type, value| Draft::Create { entity_type, baby_id, id: id(n), fields: fields(value) };
    copy.commit(&[draft(other, 0xB2, EntityType::BABY, json!({"name": "Bo"}))]).unwrap();
    let row = server_row(2, 1, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "secret"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    copy.create(3, "unsent");
    assert_eq!(run(copy.store.purge(epoch, BABY, now())).unwrap(), 1);
    assert_eq!((copy.row(2), copy.row(3), copy.outbox().len()), (None, None, 0));
    assert_eq!(copy.letters(), [DeadReason::AccessRevoked]);
    let left = format!("{:?}", copy.db.disk().dump());
    assert!(!left.contains("secret"), "no byte of the baby is left");
    assert_eq!(run(copy.store.access()).unwrap()[0].baby_id, other, "the other baby is untouched");
}

/// B71: what the person changed in a refused entry is sent as a new mutation, under the entry's own
/// id; the letter is done.
#[test]
fn a_dead_letter_can_be_edited_and_sent_as_something_new() {
    let copy = Copy::new();
    copy.create(2, "refused");
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    let error = Rejection { code: RejectionCode::InvalidPayload, field: Some("notes".into()), message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) };
    copy.settle(epoch, &leased, vec![refused]);
    let retry = |fields| {
        let letter = leased[0].mutation_id;
        run(copy.store.retry(now(), &copy.entropy, BABY, letter, Some(fields)))
    };
    let wrong = fields(json!({"startedAt": "2026-11-20T01:00:00Z", "endedAt": "2026-11-20T00:00:00Z"}));
    assert!(matches!(retry(wrong), Err(SaveError::Invalid(_))));
    assert_eq!(copy.letters().len(), 1, "what cannot be true leaves the letter where it is");

    retry(fields(json!({"startedAt": "2026-11-20T01:00:00Z", "notes": "better"}))).unwrap();
    assert_eq!(copy.letters(), []);
    let [entry] = &copy.outbox()[..] else { panic!("one entry waits") };
    assert_ne!(entry.mutation_id, leased[0].mutation_id);
    assert_eq!((entry.mutated.op, entry.mutated.entity_id), (Op::Create, id(2)));
    assert_eq!(copy.row(2).unwrap().fields["notes"], json!("better"));
}

/// A42, B71: what hangs on a baby that the server never took in has its own reason, and is not told
/// as an end of access.
#[test]
fn a_refused_baby_takes_its_unsent_entries_along_with_its_own_reason() {
    let copy = Copy::new();
    let entity_type = EntityType::BABY;
    let baby = Draft::Create { entity_type, baby_id: BABY, id: BABY.entity(), fields: fields(json!({"name": "Ada"})) };
    copy.commit(&[baby]).unwrap();
    let epoch = copy.lead();
    assert!(!run(copy.store.is_refused(BABY)).unwrap());
    let leased = copy.lease(epoch);
    let error = Rejection { code: RejectionCode::InvalidPayload, field: None, message: "no".into() };
    let refused = Verdict { error: Some(error.clone()), ..verdict(&leased[0], Status::Rejected, None) };
    copy.settle(epoch, &leased, vec![refused]);
    // Saved after the refusal, before the baby left the screen.
    copy.create(2, "late");
    assert!(run(copy.store.is_refused(BABY)).unwrap());
    assert_eq!(run(copy.store.purge(epoch, BABY, now())).unwrap(), 1);
    let letters = copy.letters();
    assert!(letters.contains(&DeadReason::Rejected { error: error.clone() }));
    assert!(letters.contains(&DeadReason::ParentRejected { error }));
}

/// B23: a baby that was refused and is sent again goes before what was saved for it, and the rest follows in its order.
#[test]
fn a_baby_that_is_sent_again_goes_before_its_entries() {
    let copy = Copy::new();
    let entity_type = EntityType::BABY;
    let baby = Draft::Create { entity_type, baby_id: BABY, id: BABY.entity(), fields: fields(json!({"name": "Ada"})) };
    copy.commit(&[baby]).unwrap();
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    let error = Rejection { code: RejectionCode::InvalidPayload, field: None, message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) };
    copy.settle(epoch, &leased, vec![refused]);
    for n in 2..5 {
        copy.create(n, "late");
    }
    run(copy.store.retry(now(), &copy.entropy, BABY, leased[0].mutation_id, None)).unwrap();
    let again = copy.lease(epoch);
    let order: Vec<EntityId> = again.iter().map(|entry| entry.mutated.entity_id).collect();
    assert_eq!(order, [BABY.entity(), id(2), id(3), id(4)]);
    assert!(again.is_sorted_by_key(|entry| entry.seq), "{again:?}");
}

/// B23, I1: an edit of such a baby that was sent again before it lies on top of it, and is shown so.
#[test]
fn an_edit_that_was_sent_again_before_its_baby_is_shown_on_it() {
    let copy = Copy::new();
    let entity_type = EntityType::BABY;
    let baby = Draft::Create { entity_type, baby_id: BABY, id: BABY.entity(), fields: fields(json!({"name": "Ada"})) };
    copy.commit(&[baby]).unwrap();
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    let query = Query { baby_id: BABY, types: vec![entity_type], select: Select::One(BABY.entity()), limit: None };
    let shown = || run(copy.store.query(&query)).unwrap().pop();
    copy.commit(&[Draft::Update { seen: shown().unwrap(), fields: fields(json!({"name": "Bo"})) }]).unwrap();
    let edit = copy.outbox()[1].mutation_id;
    let error = Rejection { code: RejectionCode::InvalidPayload, field: None, message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) };
    assert_eq!(copy.settle(epoch, &leased, vec![refused]).dead, 2);
    for letter in [edit, leased[0].mutation_id] {
        run(copy.store.retry(now(), &copy.entropy, BABY, letter, None)).unwrap();
    }
    let ops: Vec<Op> = copy.lease(epoch).iter().map(|entry| entry.mutated.op).collect();
    assert_eq!(ops, [Op::Create, Op::Update]);
    assert_eq!(shown().unwrap().fields["name"], "Bo");
}

/// A22, A30, C34: a new name is in the list of babies at once, whoever gave it, and an access list that
/// is older than it does not take it back.
#[test]
fn the_list_of_babies_has_the_name_of_the_profile() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let name = || run(copy.store.access()).unwrap()[0].name.clone();
    let entity_type = EntityType::BABY;
    let server = ServerFields { row_version: 1, ..Default::default() };
    let row = Row { entity_type, id: BABY.entity(), baby_id: BABY, fields: fields(json!({"name": "Bo"})), server };
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, std::slice::from_ref(&row)))).unwrap();
    assert_eq!(name(), "Bo", "another device has named it");

    copy.commit(&[Draft::Update { seen: row, fields: fields(json!({"name": "Bodo"})) }]).unwrap();
    assert_eq!(name(), "Bodo", "named here");
    let listed = BabyAccess::new(BABY, "Bo".into(), Level::Editor);
    let list =
        AccessList { user_id: UserId(Uuid::from_u128(1)), babies: vec![listed], caregivers: vec![], asked: false };
    run(copy.store.set_access(epoch, &list)).unwrap();
    assert_eq!(name(), "Bodo", "the edit still waits");

    let leased = copy.lease(epoch);
    let error = Rejection { code: RejectionCode::Forbidden, field: None, message: "no".into() };
    let refused = Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) };
    copy.settle(epoch, &leased, vec![refused]);
    assert_eq!(name(), "Bo", "a refused name is gone again");
}

/// A deletion that waits counts here at once, whatever the server's list says; so does taking it back.
#[test]
fn the_list_of_babies_tells_which_are_deleted() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let deleted_at = || run(copy.store.access()).unwrap()[0].deleted_at;
    let entity_type = EntityType::BABY;
    let server = ServerFields { row_version: 1, ..Default::default() };
    let row = Row { entity_type, id: BABY.entity(), baby_id: BABY, fields: fields(json!({"name": "Bo"})), server };
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, std::slice::from_ref(&row)))).unwrap();
    assert_eq!(deleted_at(), None);

    copy.commit(&[Draft::Delete { seen: row.clone() }]).unwrap();
    assert_eq!(deleted_at(), Some(now()));
    let listed = BabyAccess::new(BABY, "Bo".into(), Level::Owner);
    let list =
        AccessList { user_id: UserId(Uuid::from_u128(1)), babies: vec![listed], caregivers: vec![], asked: false };
    run(copy.store.set_access(epoch, &list)).unwrap();
    assert_eq!(deleted_at(), Some(now()), "the server has not heard of it");

    copy.commit(&[Draft::Restore { seen: row.clone() }]).unwrap();
    assert_eq!(deleted_at(), None);
    let server = ServerFields { row_version: 2, deleted_at: Some(now()), ..Default::default() };
    run(copy.store.apply(epoch, BABY, now(), 1, &page(1, &[Row { server, ..row }]))).unwrap();
    assert_eq!(deleted_at(), Some(now()), "another owner's word");
}

/// A54, B15, X7, A16, A26, A66: each baby has its own cursor, and it is read from disk.
#[test]
fn cursors_are_per_baby_and_survive_a_restart() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = server_row(2, 5, json!({"startedAt": "2026-11-20T01:00:00.000Z"}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row]))).unwrap();
    let again = run(LocalStore::open(copy.db.reopen(), now(), &copy.entropy)).unwrap();
    assert_eq!(again.client_id(), copy.store.client_id());
    assert_eq!(run(again.meta(BABY)).unwrap().cursor, 5);
    assert_eq!(run(again.meta(BabyId(Uuid::from_u128(99)))).unwrap().cursor, 0);
}

/// B70: an entry that cannot be read is a dead letter, with its raw text, and stops nobody.
#[test]
fn a_damaged_entry_is_kept_and_does_not_block_the_queue() {
    let copy = Copy::new();
    copy.create(2, "fine");
    let key = record::outbox_key(BABY, 0);
    run(copy.store.transact(&[Table::Outbox], Mode::StrictWrite, async |tx| {
        tx.put(Table::Outbox, &key, &json!({"half": "written"})).await
    }))
    .unwrap();
    let epoch = copy.lead();
    assert_eq!(copy.lease(epoch).len(), 1);
    assert!(matches!(&copy.letters()[..], [DeadReason::Corrupt { raw }] if raw.contains("written")));
}

/// B07, X17, B71: the server's own failures count, and after five the entry asks for a person.
#[test]
fn an_entry_that_the_server_fails_on_five_times_is_a_dead_letter() {
    let copy = Copy::new();
    copy.create(2, "poison");
    let epoch = copy.lead();
    for _ in 0..20 {
        let leased = copy.lease(epoch);
        run(copy.store.release(epoch, BABY, &[leased[0].mutation_id], None, false, now())).unwrap();
    }
    for n in 1..=5 {
        assert_eq!(copy.letters().len(), 0, "lost answers do not count, failure {n}");
        let leased = copy.lease(epoch);
        run(copy.store.release(epoch, BABY, &[leased[0].mutation_id], None, true, now())).unwrap();
    }
    assert_eq!(copy.letters(), [DeadReason::Exhausted]);
}

/// A44, B83, C23.
#[test]
fn a_status_tells_what_waits_and_what_went_wrong() {
    let copy = Copy::new();
    let baby = Draft::Create {
        entity_type: EntityType::BABY,
        baby_id: BABY,
        id: BABY.entity(),
        fields: fields(json!({"name": "Ada"})),
    };
    copy.commit(&[baby]).unwrap();
    copy.create(2, "n");
    run(copy.store.set_error(BABY, Some(SyncError::Network))).unwrap();
    assert_eq!(run(copy.store.status()).unwrap().clock_offset_ms, None, "the server has not said");
    run(copy.store.set_clock_offset(-4_000)).unwrap();
    let totals = run(copy.store.status()).unwrap();
    assert_eq!(totals.clock_offset_ms, Some(-4_000));
    assert_eq!((totals.waiting, totals.failed, totals.babies[0].waiting), (2, 0, 2));
    assert_eq!(totals.babies[0].error, Some(SyncError::Network));
    assert!(totals.babies[0].is_new);
    assert_eq!(totals.babies[0].unsent, [BABY.entity(), id(2)].into());

    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    copy.settle(epoch, &leased[..1], vec![verdict(&leased[0], Status::Applied, Some(1))]);
    let totals = run(copy.store.status()).unwrap();
    assert_eq!(totals.babies[0].last_push_at, Some(now()));
    assert!(!totals.babies[0].is_new, "the server has it, though the pull has not brought it yet");
    assert_eq!(totals.babies[0].unsent, [id(2)].into());
}

/// The journal is a ring: it holds the last 500 steps, in order.
#[test]
fn the_journal_keeps_the_last_steps_in_order() {
    let copy = Copy::new();
    for cursor in 0..523 {
        let step = SyncStep { at: now(), baby_id: Some(BABY), did: Did::Pulled { changes: 1, cursor } };
        run(copy.store.note(&step)).unwrap();
    }
    let cursors: Vec<u64> = run(copy.store.journal())
        .unwrap()
        .into_iter()
        .map(|step| match step.did {
            Did::Pulled { cursor, .. } => cursor,
            other => panic!("{other:?} was never noted"),
        })
        .collect();
    assert_eq!(cursors, (23..523).collect::<Vec<u64>>());
}

/// A41, C50: a sheet that is still open when access ends says so; nothing is saved that nobody
/// would ever see again, and no word about the baby is kept.
#[test]
fn after_the_end_of_access_nothing_is_saved_or_noted() {
    let copy = Copy::new();
    copy.create(1, "before");
    let epoch = copy.lead();
    run(copy.store.purge(epoch, BABY, now())).unwrap();
    let fields = fields(json!({"startedAt": "2026-11-20T01:00:00Z"}));
    let draft = Draft::Create { entity_type: EntityType::SLEEP_LOG, baby_id: BABY, id: id(2), fields };
    assert!(matches!(copy.commit(&[draft]), Err(SaveError::Invalid(_))));
    let letter = run(copy.store.dead_letters()).unwrap().remove(0);
    let again = run(copy.store.retry(now(), &copy.entropy, BABY, letter.mutation_id, None));
    assert!(matches!(again, Err(SaveError::Invalid(_))));
    assert_eq!(copy.letters(), [DeadReason::AccessRevoked], "the letter stays");
    run(copy.store.set_error(BABY, Some(SyncError::Network))).unwrap();
    assert!(run(copy.store.babies()).unwrap().is_empty());
}
