//! The tray of the server in memory: what guests could not send in time, and an owner's yes.

use serde_json::Value;

use super::{FarEnd, refused};
use crate::{
    domain::{
        field::Invalid,
        id::{BabyId, ClientId, EntityId, MutationId, UserId},
        mutation::{RejectionCode, Status, Verdict},
        time::Timestamp,
    },
    sync::{
        ports::{ErrorCode, TransportError},
        protocol::{PushRequest, PushResponse, WireVerdict, read_mutation},
    },
};

/// A mutation in the tray.
#[derive(Clone)]
pub struct Brought {
    pub user: UserId,
    pub entity: EntityId,
    client: ClientId,
    body: Value,
}

impl FarEnd {
    /// Takes in what an ended guest could not send.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn hand_in(
        &mut self,
        user: UserId,
        baby: BabyId,
        client: ClientId,
        mutations: &[Value],
        now: Timestamp,
    ) -> Result<PushResponse, TransportError> {
        if self.levels.contains_key(&(baby, user)) {
            return Err(refused(403, ErrorCode::Other));
        }
        if !self.ended.contains(&(baby, user)) {
            return Err(refused(403, ErrorCode::AccessRevoked));
        }
        let mut results = Vec::new();
        for value in mutations {
            let mutation = match read_mutation(value) {
                Ok((mutation, _)) => mutation,
                Err(refused) => {
                    results.push(*refused);
                    continue;
                }
            };
            let id = mutation.mutation_id;
            let is_known = self.babies.get(&baby).is_some_and(|ledger| ledger.known.contains_key(&id));
            let brought = Brought { user, entity: mutation.entity_id, client, body: value.clone() };
            let stands = is_known || self.tray.entry((baby, id)).or_insert(brought).body == *value;
            let why = Invalid::at("mutationId", "used before with another body");
            let status = Status::Noop;
            results.push(WireVerdict::Verdict(match stands {
                true => Verdict { mutation_id: id, status, version: None, error: None, server_data: None },
                false => Verdict::rejected(id, RejectionCode::IdReused, why),
            }));
        }
        Ok(PushResponse { results, sync_operation_id: None, server_time: now, clock_skew_ms: None, epoch: None })
    }

    /// An owner's yes: judged and written as the guest's own. What does not fit stays where it is.
    pub fn keep(&mut self, baby: BabyId, id: MutationId, now: Timestamp) {
        let Some(Brought { user, client, mut body, .. }) = self.tray.get(&(baby, id)).cloned() else { return };
        // The device's own order says nothing about an owner's.
        body.as_object_mut().map(|body| body.remove("seq"));
        let request = PushRequest {
            baby_id: baby,
            client_id: client,
            sync_operation_id: None,
            acked_through: None,
            epoch: None,
            mutations: vec![body],
        };
        if !self.exists(baby) {
            return;
        }
        let judged = self.judge(user, &request, now);
        let is_refused = |verdict: &WireVerdict| match verdict {
            WireVerdict::Verdict(verdict) => verdict.error.is_some(),
            WireVerdict::Unreadable(_) => true,
        };
        if !judged.results.iter().any(is_refused) {
            self.kept.insert(id);
            self.commit(judged, now);
        }
    }
}
