//! Sending: what is due goes out, together with the question what is new whenever this device has a
//! copy to put the answer into.

use sha2::{Digest, Sha256};

use super::{
    super::{
        engine::{PullOutcome, PullReport, PushOutcome, Told},
        local::{BatchLimit, Epoch, Settled},
        outbox::OutboxEntry,
        ports::{Clock, Database, ErrorCode, StoreError, Transport, TransportError},
        protocol::{MAX_PULL_LIMIT, PullResponse, PushRequest, PushResponse, SyncRequest, WireMutation},
        status::Did,
    },
    Driver,
};
use crate::domain::{
    id::{BabyId, ClientId, MutationId},
    mutation::Op,
};

/// An answer to a push, and the page that came with it, by the cursor it was asked for with.
struct Answer {
    pushed: PushResponse,
    page: Option<(u64, PullResponse)>,
}

impl<D: Database, T: Transport, C: Clock> Driver<D, T, C> {
    pub(super) async fn push(
        &self,
        baby: BabyId,
        limit: BatchLimit,
        force: bool,
        reset: bool,
        alone: bool,
    ) -> Result<PushOutcome, StoreError> {
        if !self.engine.borrow().may_sync() {
            return Ok(PushOutcome::Skipped);
        }
        let epoch = self.lead()?;
        if force {
            self.store.make_due(baby, reset).await?;
        }
        let leased = self.store.lease(epoch, baby, self.clock.now(), limit).await?;
        if leased.is_empty() {
            return Ok(PushOutcome::Nothing { due_at: self.store.next_attempt(baby).await? });
        }
        self.send(epoch, baby, &leased, alone).await
    }

    async fn send(
        &self,
        epoch: Epoch,
        baby: BabyId,
        leased: &[OutboxEntry],
        alone: bool,
    ) -> Result<PushOutcome, StoreError> {
        let asked_at = self.clock.now();
        let request = request(self.store.client_id(), baby, leased);
        let Answer { pushed, page } = match self.ask(baby, request, alone).await? {
            Ok(answer) => answer,
            Err(error) => {
                let leased = leased.iter().map(|entry| entry.mutation_id).collect();
                return Ok(PushOutcome::Failed { leased, error });
            }
        };
        self.heard.borrow_mut().insert(baby, self.checks.get());
        let settled = self.store.settle(epoch, baby, self.clock.now(), leased, &pushed).await?;
        (self.listener)(Told::Rows(baby));
        self.learn_clock(asked_at, pushed.server_time).await?;
        let Settled { acked, lost, dead } = settled;
        self.note(baby, Did::Pushed { sent: leased.len(), acked, lost, dead }).await?;
        let pulled = match page {
            None => None,
            Some((since, page)) => {
                let mut report = PullReport::default();
                let taken = self.take_page(baby, since, asked_at, &page, &mut report).await;
                Some(match taken {
                    Ok(has_more) => PullOutcome::Applied { report, has_more },
                    // What was settled stays settled.
                    Err(stop) => stop.outcome().unwrap_or_else(|error| self.lost(error, PullOutcome::StoreFailed)),
                })
            }
        };
        Ok(PushOutcome::Settled { sent: leased.len(), settled, pulled })
    }

    /// One round trip for both directions where that is possible, or the push alone.
    async fn ask(
        &self,
        baby: BabyId,
        mut request: PushRequest,
        alone: bool,
    ) -> Result<Result<Answer, TransportError>, StoreError> {
        let meta = self.store.meta(baby).await?;
        request.epoch = if meta.is_new() { self.store.history(baby).await? } else { meta.epoch };
        if !alone && !self.plain.get() && !meta.is_new() {
            let both = SyncRequest {
                baby_id: baby,
                client_id: request.client_id,
                last_known_server_version: meta.cursor,
                epoch: request.epoch,
                changes: request.mutations.clone(),
                limit: Some(MAX_PULL_LIMIT),
                sync_operation_id: request.sync_operation_id.clone(),
                acked_through: request.acked_through,
            };
            match self.in_time(self.transport.sync(both)).await {
                Ok(answer) => {
                    let (pushed, page) = answer.into_parts();
                    return Ok(Ok(Answer { pushed, page: Some((meta.cursor, page)) }));
                }
                Err(TransportError::Refused { code: ErrorCode::NotFound, .. }) => self.plain.set(true),
                Err(error) => return Ok(Err(error)),
            }
        }
        let pushed = self.in_time(self.transport.push(request)).await;
        Ok(pushed.map(|pushed| Answer { pushed, page: None }))
    }
}

/// The push of leased entries. Equal entries make equal requests, whenever they are sent.
pub(in crate::sync) fn request(client_id: ClientId, baby_id: BabyId, leased: &[OutboxEntry]) -> PushRequest {
    let mutations = leased.iter().map(wire).filter_map(|wire| serde_json::to_value(wire).ok()).collect();
    // Leases are taken oldest first, so everything before the first one has been settled.
    let acked_through = leased.first().map(|entry| entry.seq.saturating_sub(1));
    let sync_operation_id = Some(operation_id(leased.iter().map(|entry| entry.mutation_id)));
    PushRequest { baby_id, client_id, sync_operation_id, acked_through, epoch: None, mutations }
}

fn wire(entry: &OutboxEntry) -> WireMutation {
    let mutated = &entry.mutated;
    let payload = Some(mutated.payload.clone()).filter(|fields| mutated.op != Op::Delete || !fields.is_empty());
    WireMutation {
        mutation_id: entry.mutation_id,
        seq: Some(entry.seq),
        entity_type: mutated.entity_type,
        entity_id: mutated.entity_id,
        op: mutated.op,
        payload,
        base_version: mutated.base_version,
        hlc: Some(mutated.hlc),
        updated_at: Some(mutated.updated_at),
    }
}

/// SHA-256 of the mutation ids, one after the other, in hex.
fn operation_id(ids: impl Iterator<Item = MutationId>) -> String {
    let mut hasher = Sha256::new();
    for id in ids {
        hasher.update(id.to_string());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
