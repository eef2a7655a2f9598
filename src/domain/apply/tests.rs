use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::{hlc::Hlc, registry::REGISTRY};

const BABY: BabyId = BabyId(Uuid::from_u128(1));
const SLEEP: EntityId = EntityId(Uuid::from_u128(2));

fn client(n: u128) -> ClientId {
    ClientId(Uuid::from_u128(0xC0 + n))
}

fn now() -> Timestamp {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

/// A server in a few lines: it keeps what the bench says, as the real ones do.
#[derive(Default)]
struct Server {
    head: Head,
    rows: BTreeMap<EntityId, Stored>,
    known: BTreeMap<MutationId, Remembered>,
    log: Vec<Event>,
}

impl Server {
    fn push(&mut self, client_id: ClientId, batch: &[Mutation]) -> Vec<Verdict> {
        let push = Push { baby_id: BABY, client_id, actor: UserId(client_id.0), now: now() };
        let wanted = Bench::wanted(BABY, batch);
        let times = Bench::times(batch);
        let near = |at| times.iter().any(|time| is_near(at, *time));
        let is_read = |id, row: &Row| wanted.contains(id) || row.started_at().is_some_and(near);
        let rows = self.rows.iter().filter(|(id, stored)| is_read(id, &stored.row));
        let rows = rows.map(|(id, stored)| (*id, stored.clone()));
        let mut bench = Bench::new(push, self.head, rows.collect(), self.known.clone());
        let verdicts = batch.iter().map(|mutation| bench.judge(mutation)).collect();
        self.head = bench.head();
        self.rows.extend(bench.written().map(|stored| (stored.row.id, stored.clone())));
        self.known.extend(bench.judged().map(|(id, known)| (*id, known.clone())));
        self.log.extend(bench.events().iter().cloned());
        self.check();
        verdicts
    }

    /// Every version has one event; the head's fingerprint is that of the live rows.
    fn check(&self) {
        assert!(self.log.iter().map(|event| event.id).eq(1..=self.head.version));
        let mut sum = Checksum::default();
        let live: Vec<_> = self.rows.values().filter(|stored| !stored.row.is_deleted()).collect();
        for stored in &live {
            sum.add(stored.row.id, stored.row.server.row_version);
        }
        assert_eq!((self.head.checksum, self.head.live_rows), (sum, live.len() as u64));
        for (id, stored) in &self.rows {
            let last = self.log.iter().rev().find(|event| event.row.id == *id).unwrap();
            assert_eq!((&last.row, last.id), (&stored.row, stored.row.server.row_version));
        }
    }

    fn field(&self, id: EntityId, name: &str) -> Value {
        self.rows[&id].row.fields.get(name).cloned().unwrap_or(Value::Null)
    }
}

fn mutation(n: u128, entity_type: EntityType, entity_id: EntityId, op: Op, payload: Value) -> Mutation {
    Mutation {
        mutation_id: MutationId(Uuid::from_u128(0xA000 + n)),
        entity_type,
        entity_id,
        op,
        payload: serde_json::from_value(payload).unwrap(),
        base_version: None,
        hlc: None,
        updated_at: None,
    }
}

fn edit(n: u128, base: u64, ms: u64, by: ClientId, payload: Value) -> Mutation {
    let hlc = Hlc { ms: 1_795_000_000_000 + ms, counter: 0, client: by };
    let edit = mutation(n, EntityType::SLEEP_LOG, SLEEP, Op::Update, payload);
    Mutation { base_version: Some(base), hlc: Some(hlc), ..edit }
}

/// A baby (version 1) with one sleep (version 2).
fn family() -> Server {
    let mut server = Server::default();
    let baby = mutation(1, EntityType::BABY, BABY.entity(), Op::Create, json!({"name": "Ada"}));
    let sleep = json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": "first"});
    let sleep = mutation(2, EntityType::SLEEP_LOG, SLEEP, Op::Create, sleep);
    let verdicts = server.push(client(0), &[baby, sleep]);
    assert!(verdicts.iter().all(|verdict| verdict.status == Status::Applied), "{verdicts:?}");
    server
}

fn status(verdicts: &[Verdict]) -> Vec<Status> {
    verdicts.iter().map(|verdict| verdict.status).collect()
}

fn code(verdict: &Verdict) -> RejectionCode {
    verdict.error.as_ref().unwrap().code
}

/// C48, X1.
#[test]
fn concurrent_edits_of_different_groups_both_survive() {
    let mut server = family();
    server.push(client(1), &[edit(10, 2, 50, client(1), json!({"notes": "theirs"}))]);
    let verdicts = server.push(client(2), &[edit(11, 2, 10, client(2), json!({"place": "pram"}))]);
    assert_eq!(status(&verdicts), [Status::Applied]);
    assert_eq!((server.field(SLEEP, "notes"), server.field(SLEEP, "place")), (json!("theirs"), json!("pram")));
}

/// B43, B45: a field with a policy of its own is merged by it, whoever has the later clock; an edit made
/// in knowledge of the last change applies under any policy.
#[test]
fn a_concurrent_edit_follows_the_policy_of_its_field() {
    let dummy: EntityType = crate::domain::registry::dummy_log::DEF.name.parse().unwrap();
    let count =
        |n, base, ms, by, wobble| Mutation { entity_type: dummy, ..edit(n, base, ms, by, json!({"wobble": wobble})) };
    let mut server = Server::default();
    let baby = mutation(1, EntityType::BABY, BABY.entity(), Op::Create, json!({"name": "Ada"}));
    let start = json!({"startedAt": "2026-11-20T01:00:00.000Z", "wobble": 2});
    server.push(client(0), &[baby, mutation(2, dummy, SLEEP, Op::Create, start)]);
    assert_eq!(status(&server.push(client(1), &[count(10, 2, 50, client(1), 5)])), [Status::Applied]);
    let later_but_smaller = server.push(client(2), &[count(11, 2, 90, client(2), 3)]);
    assert_eq!((status(&later_but_smaller), server.field(SLEEP, "wobble")), (vec![Status::Conflict], json!(5)));
    let earlier_but_larger = server.push(client(2), &[count(12, 2, 10, client(2), 7)]);
    assert_eq!((status(&earlier_but_larger), server.field(SLEEP, "wobble")), (vec![Status::Applied], json!(7)));
    let corrected = server.push(client(1), &[count(13, server.head.version, 5, client(1), 1)]);
    assert_eq!((status(&corrected), server.field(SLEEP, "wobble")), (vec![Status::Applied], json!(1)));
}

/// A36, A48, B04: the larger clock reading wins on every machine, whoever comes first.
#[test]
fn concurrent_edits_of_one_group_have_one_winner() {
    for first in [1, 2] {
        let mut server = family();
        let edits = [
            edit(10, 2, 50, client(1), json!({"notes": "later"})),
            edit(11, 2, 10, client(2), json!({"notes": "earlier"})),
        ];
        for n in [first, 3 - first] {
            server.push(client(n as u128), std::slice::from_ref(&edits[n - 1]));
        }
        assert_eq!(server.field(SLEEP, "notes"), json!("later"), "device {first} first");
    }
}

/// A10: the loser gets the row as it is, and nothing is written.
#[test]
fn the_loser_is_told_and_leaves_no_trace() {
    let mut server = family();
    server.push(client(1), &[edit(10, 2, 50, client(1), json!({"notes": "later"}))]);
    let head = server.head;
    let verdicts = server.push(client(2), &[edit(11, 2, 10, client(2), json!({"notes": "earlier"}))]);
    assert_eq!(status(&verdicts), [Status::Conflict]);
    assert_eq!(verdicts[0].server_data.as_ref().unwrap()["notes"], json!("later"));
    assert_eq!((server.head, verdicts[0].version), (head, None));
}

/// B46, C48.
#[test]
fn a_mixed_edit_keeps_what_won_and_says_so() {
    let mut server = family();
    server.push(client(1), &[edit(10, 2, 50, client(1), json!({"notes": "later"}))]);
    let verdicts = server.push(client(2), &[edit(11, 2, 10, client(2), json!({"notes": "earlier", "kind": "nap"}))]);
    assert_eq!(status(&verdicts), [Status::Merged]);
    assert_eq!((server.field(SLEEP, "notes"), server.field(SLEEP, "kind")), (json!("later"), json!("nap")));
}

/// B76, X1.
/// A clock that is an hour behind must not undo an edit made in full knowledge of the last one.
#[test]
fn an_edit_that_saw_the_last_change_applies_whatever_the_clocks_say() {
    let mut server = family();
    let v = server.push(client(1), &[edit(10, 2, 9_000_000, client(1), json!({"notes": "fast clock"}))]);
    let verdicts =
        server.push(client(2), &[edit(11, v[0].version.unwrap(), 0, client(2), json!({"notes": "slow clock"}))]);
    assert_eq!(status(&verdicts), [Status::Applied]);
    assert_eq!(server.field(SLEEP, "notes"), json!("slow clock"));
}

/// A device's own edits take effect in its order, however old their base.
#[test]
fn a_device_never_loses_to_itself() {
    let mut server = family();
    let batch =
        [edit(10, 2, 50, client(1), json!({"notes": "one"})), edit(11, 2, 40, client(1), json!({"notes": "two"}))];
    assert_eq!(status(&server.push(client(1), &batch)), [Status::Applied, Status::Applied]);
    assert_eq!(server.field(SLEEP, "notes"), json!("two"));
}

/// A clock a day ahead wins now, and no longer than five minutes.
#[test]
fn a_fast_clock_does_not_win_for_ever() {
    let mut server = family();
    server.push(client(1), &[edit(10, 2, 86_400_000_000, client(1), json!({"notes": "from tomorrow"}))]);
    let group = &server.rows[&SLEEP].groups["notes"];
    assert_eq!(group.hlc.ms, (now().as_ms() + crate::domain::hlc::MAX_AHEAD_MS) as u64);
}

/// C29, A15, X1, trap 9: the plain last write wins of simple clients, against every edit before.
#[test]
fn trap_09_an_older_wall_clock_loses_even_before_the_first_update() {
    let mut server = family();
    let at = |n, text: &str, notes: &str| Mutation {
        updated_at: Some(text.parse().unwrap()),
        ..mutation(n, EntityType::SLEEP_LOG, SLEEP, Op::Update, json!({"notes": notes}))
    };
    let older = server.push(client(1), &[at(10, "2026-11-20T01:59:59Z", "older")]);
    assert_eq!(status(&older), [Status::Conflict]);
    assert_eq!(older[0].server_data.as_ref().unwrap()["notes"], json!("first"));
    let newer = server.push(client(1), &[at(11, "2026-11-20T02:00:01Z", "newer")]);
    assert_eq!(status(&newer), [Status::Applied]);
    let tie = server.push(client(2), &[at(12, "2026-11-20T02:00:01Z", "tie")]);
    assert_eq!(status(&tie), [Status::Applied], "on a tie the later arrival wins");
}

/// X18.
#[test]
fn delete_beats_a_concurrent_edit_and_restore_brings_it_back() {
    let mut server = family();
    let delete = mutation(10, EntityType::SLEEP_LOG, SLEEP, Op::Delete, json!({}));
    assert_eq!(status(&server.push(client(1), &[delete])), [Status::Applied]);
    let late = server.push(client(2), &[edit(11, 2, 99_999, client(2), json!({"notes": "too late"}))]);
    assert_eq!(status(&late), [Status::Conflict]);
    assert!(late[0].server_data.as_ref().unwrap()["deletedAt"].is_string());
    let restore = mutation(12, EntityType::SLEEP_LOG, SLEEP, Op::Restore, json!({"notes": "with this change"}));
    assert_eq!(status(&server.push(client(2), &[restore])), [Status::Applied]);
    assert!(!server.rows[&SLEEP].row.is_deleted());
    assert_eq!(server.field(SLEEP, "notes"), json!("with this change"));
}

/// T18, trap 18: what two caregivers write down of one happening is kept twice, and the second one is told of the
/// first; nobody's own entries, nor what differs in kind, nor what lies further apart, are taken for one.
#[test]
fn trap_18_a_twin_is_kept_and_pointed_out() {
    let mut server = family();
    let mut log = |n: u128, by: ClientId, entity_type, at: &str, payload: Value| {
        let mut create = mutation(n, entity_type, EntityId(Uuid::from_u128(n)), Op::Create, payload);
        create.payload.insert("startedAt".into(), json!(at));
        assert_eq!(status(&server.push(by, &[create])), [Status::Applied]);
        server.rows[&EntityId(Uuid::from_u128(n))].row.server.possible_duplicate_of
    };
    let (breast, bottle) = (json!({"method": "breast"}), json!({"method": "bottle"}));
    let (ada, ben) = (client(1), client(2));
    let named = |n| Some(EntityId(Uuid::from_u128(n)));
    assert_eq!(log(10, ada, EntityType::FEED_LOG, "2026-11-20T01:00:00.000Z", bottle.clone()), None);
    assert_eq!(log(11, ada, EntityType::FEED_LOG, "2026-11-20T01:08:00.000Z", bottle.clone()), None, "her own");
    assert_eq!(log(12, ben, EntityType::FEED_LOG, "2026-11-20T01:00:00.000Z", breast), None, "another method");
    assert_eq!(log(13, ben, EntityType::FEED_LOG, "2026-11-20T01:18:00.001Z", bottle.clone()), None, "too late");
    assert_eq!(log(14, ben, EntityType::FEED_LOG, "2026-11-20T01:05:00.000Z", bottle.clone()), named(11), "nearest");
    assert_eq!(log(15, ben, EntityType::FEED_LOG, "2026-11-20T00:50:00.000Z", bottle), named(10), "just in time");
    let nap = json!({});
    assert_eq!(log(16, ada, EntityType::SLEEP_LOG, "2026-11-20T01:03:00.000Z", nap.clone()), Some(SLEEP));
    let deleted = mutation(17, EntityType::SLEEP_LOG, SLEEP, Op::Delete, json!({}));
    server.push(ada, &[deleted]);
    let again = mutation(
        18,
        EntityType::SLEEP_LOG,
        EntityId(Uuid::from_u128(18)),
        Op::Create,
        json!({"startedAt": "2026-11-20T00:55:00.000Z"}),
    );
    server.push(client(3), &[again]);
    let last = &server.rows[&EntityId(Uuid::from_u128(18))].row;
    assert_eq!(last.server.possible_duplicate_of, named(16), "what is deleted has no twin");
}

/// A38: a delete of what is not there, or gone already, is nothing to do.
#[test]
fn deletes_of_nothing_are_noops() {
    let mut server = family();
    let delete = |n, id| mutation(n, EntityType::SLEEP_LOG, EntityId(Uuid::from_u128(id)), Op::Delete, json!({}));
    let head = server.head;
    assert_eq!(status(&server.push(client(1), &[delete(10, 77)])), [Status::Noop]);
    assert_eq!(server.head, head);
    let twice = server.push(client(1), &[delete(11, 2), delete(12, 2)]);
    assert_eq!(status(&twice), [Status::Applied, Status::Noop]);
}

/// C05, C32, trap 4: a repeated push changes nothing and answers as before.
#[test]
fn trap_04_a_repeated_create_is_a_duplicate_not_an_error() {
    let mut server = family();
    let create = mutation(
        10,
        EntityType::NAPPY_LOG,
        EntityId(Uuid::from_u128(9)),
        Op::Create,
        json!({"type": "wee", "startedAt": "2026-11-20T01:00:00Z"}),
    );
    let first = server.push(client(1), std::slice::from_ref(&create));
    let head = server.head;
    let again = server.push(client(1), &[create.clone(), create]);
    assert_eq!(status(&again), [Status::Duplicate, Status::Duplicate]);
    assert_eq!((again[0].version, server.head), (first[0].version, head));
}

/// X20.
#[test]
fn a_mutation_id_with_another_body_is_refused() {
    let mut server = family();
    let note = |text: &str| mutation(10, EntityType::SLEEP_LOG, SLEEP, Op::Update, json!({"notes": text}));
    server.push(client(1), &[note("one")]);
    let reused = server.push(client(1), &[note("two")]);
    assert_eq!(code(&reused[0]), RejectionCode::IdReused);
    assert_eq!(server.field(SLEEP, "notes"), json!("one"));
}

/// B22, C45.
#[test]
fn an_entity_keeps_its_type_and_a_log_needs_its_baby() {
    let mut server = family();
    let nappy = |n, id| {
        mutation(n, EntityType::NAPPY_LOG, id, Op::Create, json!({"type": "wee", "startedAt": "2026-11-20T01:00:00Z"}))
    };
    assert_eq!(code(&server.push(client(1), &[nappy(10, SLEEP)])[0]), RejectionCode::IdReused);
    let foreign_baby = mutation(11, EntityType::BABY, EntityId(Uuid::from_u128(5)), Op::Create, json!({"name": "x"}));
    assert_eq!(code(&server.push(client(1), &[foreign_baby])[0]), RejectionCode::InvalidPayload);
    let mut empty = Server::default();
    assert_eq!(code(&empty.push(client(1), &[nappy(12, SLEEP)])[0]), RejectionCode::ParentMissing);
    assert_eq!(empty.head, Head::default());
}

/// B22: a reference is the id of an entry that is there and not deleted, in the same batch perhaps; one that finds
/// nothing is refused, with nothing written.
#[test]
fn b22_a_reference_that_finds_nothing_is_refused() {
    let mut server = family();
    let dummy = EntityType::all().find(|known| known.name() == "dummy_log").unwrap();
    let refer = |n: u128, to: EntityId| {
        let payload = json!({"startedAt": "2026-11-20T01:00:00.000Z", "sleepId": to});
        mutation(n, dummy, EntityId(Uuid::from_u128(n)), Op::Create, payload)
    };
    let other = EntityId(Uuid::from_u128(77));
    let head = server.head;
    assert_eq!(code(&server.push(client(1), &[refer(10, other)])[0]), RejectionCode::ParentMissing);
    assert_eq!(server.head, head);
    let nap = mutation(11, EntityType::SLEEP_LOG, other, Op::Create, json!({"startedAt": "2026-11-20T01:30:00.000Z"}));
    assert_eq!(status(&server.push(client(1), &[nap, refer(12, other)])), [Status::Applied; 2]);
    server.push(client(1), &[mutation(13, EntityType::SLEEP_LOG, other, Op::Delete, json!({}))]);
    assert_eq!(code(&server.push(client(1), &[refer(14, other)])[0]), RejectionCode::ParentMissing);
}

/// One bad mutation never blocks the others (A02, B68).
#[test]
fn a_bad_mutation_does_not_block_the_batch() {
    let mut server = family();
    let bad = mutation(10, EntityType::NAPPY_LOG, EntityId(Uuid::from_u128(9)), Op::Create, json!({"type": "glitter"}));
    let good = edit(11, 2, 1, client(1), json!({"notes": "good"}));
    let verdicts = server.push(client(1), &[bad, good]);
    assert_eq!(status(&verdicts), [Status::Rejected, Status::Applied]);
    assert_eq!(verdicts[0].error.as_ref().unwrap().field.as_deref(), Some("type"));
}

/// Authors and versions are the server's: a payload cannot set them.
#[test]
fn the_author_is_who_pushed_first_and_stays() {
    let mut server = family();
    let forged = json!({"notes": "n", "loggedBy": "00000000-0000-0000-0000-000000000666", "rowVersion": 999});
    server.push(client(1), &[edit(10, 2, 1, client(1), forged)]);
    let row = &server.rows[&SLEEP].row;
    assert_eq!(row.server.logged_by, Some(UserId(client(0).0)));
    assert_eq!((row.server.updated_by, row.server.row_version), (Some(UserId(client(1).0)), 3));
}

/// B45, C52.
#[test]
fn a_type_that_no_room_names_is_judged_like_the_others() {
    let mut server = family();
    let dummy: EntityType = "dummy_log".parse().unwrap();
    assert!(REGISTRY.iter().any(|def| def.name == "dummy_log"));
    let create = mutation(
        10,
        dummy,
        EntityId(Uuid::from_u128(9)),
        Op::Create,
        json!({"wobble": 3, "startedAt": "2026-11-20T01:00:00Z"}),
    );
    assert_eq!(status(&server.push(client(1), &[create])), [Status::Applied]);
    let wrong = mutation(11, dummy, EntityId(Uuid::from_u128(9)), Op::Update, json!({"wobble": 10}));
    assert_eq!(status(&server.push(client(1), &[wrong])), [Status::Rejected]);
}

/// Device, base version, clock in ms, what is edited, and to which value.
type AnyEdit = (u128, u64, u64, u8, u8);

fn any_edit() -> impl Strategy<Value = AnyEdit> {
    (1u128..4, 0u64..6, 0u64..100, 0u8..4, 0u8..3)
}

fn as_mutation(n: usize, (by, base, ms, group, value): AnyEdit) -> Mutation {
    let payload = match group {
        0 => json!({"notes": value.to_string()}),
        1 => json!({"place": value.to_string(), "kind": "nap"}),
        2 => json!({"quality": (["restless", "fair", "sound"][value as usize])}),
        _ => json!({}),
    };
    let mut edit = edit(100 + n as u128, base, ms, client(by), payload);
    if group == 3 {
        edit.op = if value == 0 { Op::Delete } else { Op::Restore };
    }
    edit
}

proptest! {
    /// C28.
    /// B44, B49, X20: the same pushes give the same bytes, and pushing anything again changes nothing.
    #[test]
    fn judging_is_deterministic_and_idempotent(edits in proptest::collection::vec(any_edit(), 1..25)) {
        let batch: Vec<Mutation> = edits.into_iter().enumerate().map(|(n, edit)| as_mutation(n, edit)).collect();
        let run = || {
            let mut server = family();
            let verdicts: Vec<_> = batch.iter().map(|one| server.push(one.hlc.unwrap().client, std::slice::from_ref(one))).collect();
            (server, verdicts)
        };
        let ((mut a, first), (b, _)) = (run(), run());
        prop_assert_eq!(&a.rows, &b.rows);
        let head = a.head;
        for (one, before) in batch.iter().zip(first) {
            let again = a.push(one.hlc.unwrap().client, std::slice::from_ref(one));
            if before[0].status != Status::Rejected {
                prop_assert_eq!(again[0].status, Status::Duplicate);
                prop_assert_eq!((&again[0].version, &again[0].server_data), (&before[0].version, &before[0].server_data));
            }
        }
        prop_assert_eq!(a.head, head);
    }

    /// Edits of one group cannot change how another group is decided.
    #[test]
    fn groups_are_independent(edits in proptest::collection::vec(any_edit(), 1..25)) {
        let only_notes = |edit: &&AnyEdit| edit.3 == 0;
        let run = |edits: Vec<(usize, AnyEdit)>| {
            let mut server = family();
            for (n, edit) in edits {
                // The base is the creation: versions differ between the two runs.
                let one = Mutation { base_version: Some(2), ..as_mutation(n, edit) };
                server.push(one.hlc.unwrap().client, &[one]);
            }
            server.field(SLEEP, "notes")
        };
        let live: Vec<_> = edits.iter().copied().filter(|edit| edit.3 != 3).enumerate().collect();
        let notes = live.iter().copied().filter(|(_, edit)| only_notes(&edit)).collect();
        prop_assert_eq!(run(live), run(notes));
    }
}

/// Trap 20: a timer that two people stopped has one end, the earlier one, in whichever order the stops arrive,
/// and nobody is told of a conflict.
#[test]
fn trap_20_two_stops_are_one_end() {
    let stop = |n: u128, ms: u64, by: ClientId, end: &str| {
        edit(n, 2, ms, by, json!({"startedAt": "2026-11-20T01:00:00.000Z", "endedAt": end}))
    };
    let (early, late) = ("2026-11-20T01:30:00.000Z", "2026-11-20T01:55:00.000Z");
    let mut server = family();
    let first = stop(10, 50, client(1), early);
    let second = stop(11, 90, client(2), late);
    assert_eq!(status(&server.push(client(1), std::slice::from_ref(&first))), [Status::Applied]);
    assert_eq!(status(&server.push(client(2), std::slice::from_ref(&second))), [Status::Noop]);
    assert_eq!(server.field(SLEEP, "endedAt"), json!(early));
    let mut other = family();
    assert_eq!(status(&other.push(client(2), &[second])), [Status::Applied]);
    assert_eq!(status(&other.push(client(1), &[first])), [Status::Applied]);
    assert_eq!(other.field(SLEEP, "endedAt"), json!(early));
}

/// Only who did not know of the end stops; who knows it corrects it, and the later clock decides between two
/// who correct it.
#[test]
fn an_end_that_was_seen_is_corrected_by_the_later_clock() {
    let end = |n: u128, base: u64, ms: u64, by: ClientId, end: &str| {
        edit(n, base, ms, by, json!({"startedAt": "2026-11-20T01:00:00.000Z", "endedAt": end}))
    };
    let mut server = family();
    server.push(client(1), &[end(10, 2, 10, client(1), "2026-11-20T01:20:00.000Z")]);
    let later = end(11, 3, 60, client(2), "2026-11-20T01:40:00.000Z");
    assert_eq!(status(&server.push(client(2), &[later])), [Status::Applied]);
    let earlier = end(12, 3, 30, client(3), "2026-11-20T01:10:00.000Z");
    assert_eq!(status(&server.push(client(3), &[earlier])), [Status::Conflict]);
    assert_eq!(server.field(SLEEP, "endedAt"), json!("2026-11-20T01:40:00.000Z"));
    // Gone on with, it runs again, and the next stop is a stop.
    let again = json!({"startedAt": "2026-11-20T01:00:00.000Z", "endedAt": null});
    server.push(client(1), &[edit(13, 4, 70, client(1), again)]);
    assert_eq!(server.field(SLEEP, "endedAt"), Value::Null);
    server.push(client(1), &[end(14, 5, 80, client(1), "2026-11-20T01:50:00.000Z")]);
    let unaware = end(15, 5, 99, client(2), "2026-11-20T01:59:00.000Z");
    assert_eq!(status(&server.push(client(2), &[unaware])), [Status::Noop]);
}

/// The stop lost by the clock to a pause that it did not know of, and is kept all the same; what came with it
/// is judged for itself.
#[test]
fn a_stop_is_kept_beside_a_concurrent_pause() {
    let mut server = family();
    let pauses = json!([{"startedAt": "2026-11-20T01:10:00.000Z", "endedAt": "2026-11-20T01:15:00.000Z"}]);
    let paused = json!({"startedAt": "2026-11-20T01:00:00.000Z", "pauses": pauses});
    server.push(client(1), &[edit(10, 2, 90, client(1), paused)]);
    let stop = json!({"startedAt": "2026-11-20T01:00:00.000Z", "endedAt": "2026-11-20T01:30:00.000Z", "kind": "nap"});
    assert_eq!(status(&server.push(client(2), &[edit(11, 2, 50, client(2), stop)])), [Status::Applied]);
    assert_eq!(server.field(SLEEP, "endedAt"), json!("2026-11-20T01:30:00.000Z"));
    assert_eq!((server.field(SLEEP, "pauses"), server.field(SLEEP, "kind")), (pauses, json!("nap")));
}

fn made(server: &mut Server, n: u128, by: ClientId, entity_type: EntityType, payload: Value) -> Verdict {
    let create = mutation(n, entity_type, EntityId(Uuid::from_u128(n)), Op::Create, payload);
    server.push(by, &[create]).remove(0)
}

/// Doses are never taken for one another, however near and alike: that is how a child gets two.
#[test]
fn two_doses_are_never_taken_for_one() {
    let mut server = family();
    assert_eq!(
        made(&mut server, 10, client(1), EntityType::MEDICINE, json!({"name": "Drops"})).status,
        Status::Applied
    );
    for (n, by) in [(11, client(1)), (12, client(2))] {
        let dose = json!({
            "startedAt": "2026-11-20T01:00:00.000Z", "medicineId": EntityId(Uuid::from_u128(10)), "dose": 2.5, "unit": "drops",
        });
        assert_eq!(made(&mut server, n, by, EntityType::MEDICATION_LOG, dose).status, Status::Applied);
        let row = &server.rows[&EntityId(Uuid::from_u128(n))].row;
        assert_eq!((row.server.possible_duplicate_of, &row.fields["dose"]), (None, &json!(2.5)));
    }
}

/// B22: a reference leads to an entry of its type; each of a list does. A catalogue entry that was deleted is
/// only not offered any more: what names it stays true, and can be corrected.
#[test]
fn b22_references_lead_to_their_type_and_a_deleted_catalogue_entry_still_counts() {
    let mut server = family();
    let id = |n| EntityId(Uuid::from_u128(n));
    let (medicine, food) = (json!({"name": "Drops"}), json!({"name": "Carrot"}));
    made(&mut server, 10, client(1), EntityType::MEDICINE, medicine);
    made(&mut server, 11, client(1), EntityType::FOOD, food.clone());
    made(&mut server, 12, client(1), EntityType::FOOD, food);
    let at = "2026-11-20T01:00:00.000Z";
    let dose = |of| json!({"startedAt": at, "medicineId": id(of), "dose": 1, "unit": "ml"});
    let refused = made(&mut server, 13, client(1), EntityType::MEDICATION_LOG, dose(11));
    assert_eq!(
        (code(&refused), refused.error.unwrap().field.as_deref()),
        (RejectionCode::ParentMissing, Some("medicineId"))
    );
    let meal = |foods: &[u128]| json!({"startedAt": at, "foods": foods.iter().map(|n| id(*n)).collect::<Vec<_>>()});
    for (n, foods) in [(14, &[11, 10][..]), (15, &[11, 77])] {
        let refused = made(&mut server, n, client(1), EntityType::SOLIDS_LOG, meal(foods));
        assert_eq!(code(&refused), RejectionCode::ParentMissing, "{foods:?}");
    }
    assert_eq!(made(&mut server, 16, client(1), EntityType::SOLIDS_LOG, meal(&[11, 12])).status, Status::Applied);
    server.push(client(1), &[mutation(17, EntityType::MEDICINE, id(10), Op::Delete, json!({}))]);
    assert_eq!(made(&mut server, 18, client(2), EntityType::MEDICATION_LOG, dose(10)).status, Status::Applied);
}
