//! Claims about the queue and the pages that requirements name, one by one.

use sha2::{Digest, Sha256};

use super::*;
use crate::sync::driver::request;

/// B18: a lease is bounded in entries and in bytes, takes what is pending only, and never less than
/// one entry.
#[test]
fn b18_a_lease_is_bounded_and_takes_what_is_pending() {
    let copy = Copy::new();
    (2..8).for_each(|n| copy.create(n, "n"));
    let epoch = copy.lead();
    let lease = |limit| run(copy.store.lease(epoch, BABY, now(), limit)).unwrap().len();
    assert_eq!(lease(BatchLimit { entries: 2, ..ALL }), 2);
    assert_eq!(lease(ALL), 0, "nothing overtakes what is in flight");
    let epoch = copy.lead();
    assert_eq!(run(copy.store.lease(epoch, BABY, now(), BatchLimit { bytes: 1, ..ALL })).unwrap().len(), 1);
    let epoch = copy.lead();
    assert_eq!(copy.lease(epoch).len(), 6, "what the last leader had in flight is pending again");
}

/// B24, C05: equal batches carry equal ids: the SHA-256 of their mutation ids, in order.
#[test]
fn b24_a_batch_is_named_by_its_mutations() {
    let copy = Copy::new();
    copy.create(2, "one");
    copy.create(3, "two");
    let epoch = copy.lead();
    let leased = copy.lease(epoch);
    let id = |entries: &[OutboxEntry]| request(copy.store.client_id(), BABY, entries).sync_operation_id.unwrap();
    let hash = Sha256::digest(leased.iter().map(|entry| entry.mutation_id.to_string()).collect::<String>());
    assert_eq!(id(&leased), hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let epoch = copy.lead();
    assert_eq!(id(&copy.lease(epoch)), id(&leased), "sent again, it is the same batch");
    assert_ne!(id(&leased[..1]), id(&leased));
    assert_eq!(request(copy.store.client_id(), BABY, &leased).client_id, copy.store.client_id());
}

/// A57, X18: a create or update is upserted, a delete leaves the views at once and keeps its
/// tombstone.
#[test]
fn a57_pages_are_upserted_and_deletes_leave_the_views() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let seen = |select| {
        let query = Query { baby_id: BABY, types: vec![EntityType::SLEEP_LOG], select, limit: None };
        run(copy.store.query(&query)).unwrap().len()
    };
    let row =
        |version, notes: &str| server_row(2, version, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": notes}));
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row(1, "created")]))).unwrap();
    run(copy.store.apply(epoch, BABY, now(), 1, &page(1, &[row(2, "changed")]))).unwrap();
    assert_eq!(copy.row(2).unwrap().fields["notes"], json!("changed"));
    let mut deleted = row(3, "changed");
    deleted.server.deleted_at = Some(now());
    run(copy.store.apply(epoch, BABY, now(), 2, &page(2, &[deleted]))).unwrap();
    assert_eq!((seen(Select::All), seen(Select::Latest), seen(Select::Deleted { since: now() })), (0, 0, 1));
}

/// C42: a device is named by chance alone: two stores of one account have different names, and one
/// keeps its name.
#[test]
fn c42_a_devices_id_is_its_own() {
    let entropy = Counter::default();
    let open = |db: &MemoryDb| run(LocalStore::open(db.reopen(), now(), &entropy)).unwrap().client_id();
    let (one, two) = (MemoryDb::new(), MemoryDb::new());
    assert_eq!(open(&one), open(&one));
    assert_ne!(open(&one), open(&two));
}

/// Found by the simulator: a server that acknowledged a new baby and came back with an earlier disk
/// does not list it. The device, which nobody ever shared it with, tells it once more.
#[test]
fn a_baby_that_the_server_lost_is_told_once_more() {
    let copy = Copy::new();
    let baby = BabyId(Uuid::from_u128(7));
    let made = fields(json!({"name": "Ada"}));
    let draft = Draft::Create { entity_type: EntityType::BABY, baby_id: baby, id: baby.entity(), fields: made };
    copy.commit(&[draft]).unwrap();
    let epoch = copy.lead();
    let leased = run(copy.store.lease(epoch, baby, now(), ALL)).unwrap();
    let acked = WireVerdict::Verdict(verdict(&leased[0], Status::Applied, Some(1)));
    let response = PushResponse {
        results: vec![acked],
        sync_operation_id: None,
        server_time: now(),
        clock_skew_ms: None,
        epoch: None,
    };
    run(copy.store.settle(epoch, baby, now(), &leased, &response)).unwrap();
    assert!(run(copy.store.lease(epoch, baby, now(), ALL)).unwrap().is_empty(), "it is acknowledged");
    let list = AccessList { user_id: UserId(Uuid::nil()), babies: vec![], caregivers: vec![], asked: false };
    let change = run(copy.store.set_access(epoch, &list)).unwrap();
    assert!(!change.gone.contains(&baby), "what was made here is not taken away");
    let again = run(copy.store.lease(epoch, baby, now(), ALL)).unwrap();
    assert_eq!(again[0].mutation_id, leased[0].mutation_id, "by the same id");
}

/// Found by the simulator: an edit of a shared baby that is tried again while its copy is still being
/// fetched stays an edit. As a create it would pass for a baby made here, which no revocation removes.
#[test]
fn an_edit_of_a_baby_that_is_not_here_yet_stays_an_edit() {
    let copy = Copy::new();
    let epoch = copy.lead();
    let row = |version, name: &str| Row {
        entity_type: EntityType::BABY,
        id: BABY.entity(),
        baby_id: BABY,
        fields: fields(json!({"name": name})),
        server: ServerFields { row_version: version, ..Default::default() },
    };
    run(copy.store.apply(epoch, BABY, now(), 0, &page(0, &[row(1, "Ada")]))).unwrap();
    copy.commit(&[Draft::Update { seen: row(1, "Ada"), fields: fields(json!({"name": "Adele"})) }]).unwrap();
    let leased = copy.lease(epoch);
    let error = Rejection { code: RejectionCode::InvalidPayload, field: None, message: "no".into() };
    copy.settle(epoch, &leased, vec![Verdict { error: Some(error), ..verdict(&leased[0], Status::Rejected, None) }]);
    let letter = run(copy.store.dead_letters()).unwrap().remove(0);
    run(copy.store.reset(epoch, BABY, false)).unwrap();
    run(copy.store.retry(now(), &copy.entropy, BABY, letter.mutation_id, None)).unwrap();
    assert_eq!(copy.outbox().pop().unwrap().mutated.op, Op::Update);
}
