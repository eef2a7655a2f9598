//! Whatever a person does, in whatever pieces it is sent.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Create,
    Edit(u8),
    ClearNotes,
    Delete,
    Restore,
}

fn act() -> impl Strategy<Value = (u128, Act)> {
    let act = prop_oneof![
        Just(Act::Create),
        (0u8..5).prop_map(Act::Edit),
        Just(Act::ClearNotes),
        Just(Act::Delete),
        Just(Act::Restore)
    ];
    (2u128..4, act)
}

fn perform(copy: &Copy, (n, act): (u128, Act)) {
    let row = copy.row(n);
    match (act, row) {
        (Act::Create, None) => copy.create(n, "new"),
        (Act::Edit(value), Some(row)) if !row.is_deleted() => {
            let change =
                if value % 2 == 0 { json!({"notes": value.to_string()}) } else { json!({"place": value.to_string()}) };
            copy.edit(n, change).unwrap();
        }
        (Act::ClearNotes, Some(row)) if !row.is_deleted() => copy.edit(n, json!({"notes": null})).unwrap(),
        (Act::Delete, Some(seen)) if !seen.is_deleted() => copy.commit(&[Draft::Delete { seen }]).unwrap(),
        (Act::Restore, Some(seen)) if seen.is_deleted() => copy.commit(&[Draft::Restore { seen }]).unwrap(),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// fold(coalesce(q)) == fold(q): whatever a person did, in whatever pieces it was sent, the
    /// server ends with what the person saw.
    #[test]
    fn the_server_ends_with_what_the_person_saw(acts in proptest::collection::vec((act(), any::<bool>()), 1..30)) {
        let copy = Copy::new();
        let epoch = copy.lead();
        let baby = Draft::Create { entity_type: EntityType::BABY, baby_id: BABY, id: BABY.entity(), fields: fields(json!({"name": "Ada"})) };
        copy.commit(&[baby]).unwrap();
        let (mut head, mut rows, mut known) = (Head::default(), BTreeMap::new(), BTreeMap::new());
        let push = Push { baby_id: BABY, client_id: copy.store.client_id(), actor: UserId(Uuid::nil()), now: now() };
        let mut flush = || {
            let leased = copy.lease(epoch);
            let mut bench = Bench::new(push, head, rows.clone(), known.clone());
            let verdicts: Vec<Verdict> = leased.iter().map(|entry| bench.judge(&as_mutation(entry))).collect();
            head = bench.head();
            rows.extend(bench.written().map(|stored| (stored.row.id, stored.clone())));
            known.extend(bench.judged().map(|(id, known)| (*id, known.clone())));
            assert!(verdicts.iter().all(|verdict| matches!(verdict.status, Status::Applied | Status::Noop)), "{verdicts:?}");
            copy.settle(epoch, &leased, verdicts);
        };
        for (act, flush_now) in acts {
            perform(&copy, act);
            if flush_now {
                flush();
            }
        }
        flush();
        for n in 2..4 {
            let seen = copy.row(n).filter(|row| !row.is_deleted()).map(|row| row.fields);
            let kept = rows.get(&id(n)).filter(|stored| !stored.row.is_deleted()).map(|stored| stored.row.fields.clone());
            prop_assert_eq!(seen, kept);
        }
    }
}

pub(super) fn as_mutation(entry: &OutboxEntry) -> Mutation {
    let mutated = entry.mutated.clone();
    Mutation {
        mutation_id: entry.mutation_id,
        entity_type: mutated.entity_type,
        entity_id: mutated.entity_id,
        op: mutated.op,
        payload: if mutated.op == Op::Delete { Fields::new() } else { mutated.payload },
        base_version: mutated.base_version,
        hlc: Some(mutated.hlc),
        updated_at: Some(mutated.updated_at),
    }
}
