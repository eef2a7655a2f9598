//! Holds the far end's verdicts against what a person may expect of them, without asking the judge.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::far_end::{FarEnd, Judged};
use crate::{
    domain::{
        field::Fields,
        id::{EntityId, UserId},
        merge::Stored,
        mutation::{Mutation, Op, Status, Verdict},
        time::Timestamp,
    },
    sync::protocol::{PushRequest, PushResponse, WireVerdict, read_mutation},
};

/// Causality: whoever saw the last change of a field group, and changes it, is never told that the
/// change lost, whatever the clocks say and whatever happened to other groups.
pub fn check_verdicts(far: &FarEnd, request: &PushRequest, judged: &Judged) {
    let Some(ledger) = far.babies.get(&request.baby_id) else { return };
    let after: BTreeMap<EntityId, &Stored> = judged.rows.iter().map(|stored| (stored.row.id, stored)).collect();
    let mut touched = Vec::new();
    for (value, verdict) in request.mutations.iter().zip(&judged.results) {
        let (Ok((mutation, _)), WireVerdict::Verdict(verdict)) = (read_mutation(value), verdict) else { continue };
        let first = !touched.contains(&mutation.entity_id);
        touched.push(mutation.entity_id);
        let of_entity = request.mutations.iter().filter(|other| other.get("entityId") == value.get("entityId"));
        let before = ledger.rows.get(&mutation.entity_id).filter(|stored| !stored.row.is_deleted());
        if let Some(before) = before.filter(|_| first && of_entity.count() == 1) {
            let after = after.get(&mutation.entity_id).map(|stored| &stored.row.fields);
            check_one(&mutation, before, after, verdict);
        }
    }
}

fn check_one(mutation: &Mutation, before: &Stored, after: Option<&Fields>, verdict: &Verdict) {
    let judged = matches!(verdict.status, Status::Applied | Status::Merged | Status::Conflict);
    let (Some(base), true) = (mutation.base_version, judged && mutation.op == Op::Update) else { return };
    let saw = |group: &str| before.groups.get(group).is_none_or(|stamp| stamp.version <= base);
    for (name, value) in &mutation.payload {
        let Some(field) = mutation.entity_type.field(name).filter(|field| saw(field.group)) else { continue };
        let shown = after.and_then(|fields| fields.get(name)).unwrap_or(&Value::Null);
        assert!(
            shown == value,
            "causality: {} changed {} in knowledge of its last change, and lost: {verdict:?}",
            mutation.mutation_id,
            field.name
        );
    }
}

/// I3: an id that was acknowledged stands for one body; the same id with another one is refused.
pub fn check_reuse(far: &FarEnd, user: UserId, request: &PushRequest, response: &PushResponse, now: Timestamp) {
    let acked =
        |verdict: &&WireVerdict| matches!(verdict, WireVerdict::Verdict(verdict) if verdict.status != Status::Rejected);
    let mut pairs = request.mutations.iter().zip(&response.results);
    let Some((value, _)) = pairs.find(|(_, verdict)| acked(verdict)) else { return };
    let mut forged = value.clone();
    forged["updatedAt"] = json!("2001-01-01T00:00:00.000Z");
    let judged = far.judge(user, &PushRequest { mutations: vec![forged], ..request.clone() }, now);
    let refused = judged.results.iter().all(|verdict| !acked(&verdict));
    assert!(refused, "I3: an id was acknowledged twice, for two bodies: {value}");
}
