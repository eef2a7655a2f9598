//! What a lost mutation comes to.

use super::{
    super::resolve::{Outcome, resolve},
    *,
};
use crate::{domain::registry::dummy_log, sync::outbox::Mutated};

fn counted(wobble: i64) -> Row {
    let values = json!({"startedAt": "2026-11-20T01:00:00.000Z", "wobble": wobble});
    let entity_type = dummy_log::DEF.name.parse().unwrap();
    Row { entity_type, ..server_row(2, 5, values) }
}

fn of(row: &Row, payload: Value) -> Mutated {
    Mutated {
        entity_type: row.entity_type,
        entity_id: row.id,
        op: Op::Update,
        payload: fields(payload),
        base_version: Some(1),
        hlc: format!("{:016x}-0000-{}", 1, Uuid::nil()).parse().unwrap(),
        updated_at: now(),
    }
}

fn judged(theirs: Option<Value>) -> Verdict {
    let mutation_id = MutationId(Uuid::from_u128(7));
    Verdict { mutation_id, status: Status::Conflict, version: None, error: None, server_data: theirs }
}

/// X11, B28, B46: the four outcomes, by what the server sent and what the fields' policies say.
#[test]
fn each_lost_mutation_has_one_of_four_fates() {
    let (five, three) = (counted(5), counted(3));
    let fate = |row: &Row, payload: Value, theirs: Option<Value>| resolve(&of(row, payload), &judged(theirs));
    assert_eq!(fate(&five, json!({"notes": "mine"}), None), Outcome::Skipped, "no row was sent");
    assert_eq!(fate(&five, json!({"wobble": 5}), Some(five.to_payload())), Outcome::AdoptServer, "the same value");
    assert_eq!(fate(&five, json!({"wobble": 4}), Some(five.to_payload())), Outcome::AdoptServer, "theirs is larger");
    let again = Outcome::RebaseAndRetry { version: 5, fields: fields(json!({"wobble": 4})) };
    assert_eq!(fate(&three, json!({"wobble": 4}), Some(three.to_payload())), again, "an older server took the smaller");
    let manual = |names: &[&str], deleted| Outcome::ManualRequired {
        fields: names.iter().map(|name| (*name).to_owned()).collect(),
        deleted,
    };
    let lost = fate(&five, json!({"notes": "mine", "wobble": 4}), Some(five.to_payload()));
    assert_eq!(lost, manual(&["notes"], false), "words are a person's to decide about");
    let torn = json!({"wobble": 3});
    assert_eq!(fate(&three, json!({"wobble": 4}), Some(torn)), manual(&["wobble"], false), "a row that cannot be read");
    let server = ServerFields { deleted_at: Some(now()), ..five.server.clone() };
    let gone = Row { server, ..five.clone() };
    assert_eq!(fate(&five, json!({"wobble": 5}), Some(gone.to_payload())), manual(&[], true));
}

/// B28, B46: what goes again is a new mutation on the row as it is now, and only once.
#[test]
fn a_rebased_edit_waits_in_the_outbox_under_an_id_of_its_own() {
    let copy = Copy::new();
    let lead = copy.lead();
    let start = Row { server: ServerFields { row_version: 1, ..Default::default() }, ..counted(1) };
    run(copy.store.apply(lead, BABY, now(), 0, &page(0, std::slice::from_ref(&start)))).unwrap();
    let mut after = start.fields.clone();
    after.insert("wobble".into(), json!(4));
    copy.commit(&[Draft::Update { seen: start, fields: after }]).unwrap();
    let leased = copy.lease(lead);
    let lost = Verdict { server_data: Some(counted(3).to_payload()), ..verdict(&leased[0], Status::Conflict, None) };
    assert_eq!(copy.settle(lead, &leased, vec![lost]), Settled { acked: 1, lost: 0, dead: 0 });
    let outbox = copy.outbox();
    let [again] = &outbox[..] else { panic!("{outbox:?}") };
    assert_ne!(again.mutation_id, leased[0].mutation_id);
    assert!(again.seq > leased[0].seq && again.mutated.hlc > leased[0].mutated.hlc);
    assert_eq!((again.mutated.base_version, again.state), (Some(5), EntryState::Pending));
    assert_eq!(again.mutated.payload, fields(json!({"wobble": 4})));
    assert!(copy.letters().is_empty());
}
