//! The end of a guest's time on their device: what was done is counted, and what could not be sent is
//! offered to the server's tray. Then the baby goes, as whenever access ends.
//!
//! Invariant: a mutation leaves the outbox only after the server has said that it holds it.

use std::collections::BTreeSet;

use super::{
    super::{
        defect::{Defect, planted},
        engine::HandOver,
        local::BatchLimit,
        outbox::OutboxEntry,
        ports::{Clock, Database, StoreError, Transport},
        protocol::{PushResponse, WireVerdict},
        query::{Query, Select},
        status::Did,
    },
    Driver, request,
};
use crate::domain::{
    id::{BabyId, EntityId},
    mutation::{Status, Verdict},
    registry::EntityType,
    time::Timestamp,
    totals::by_type,
};

/// What one request carries at most.
const LIMIT: BatchLimit = BatchLimit { entries: 100, bytes: 128 * 1024 };

/// What there is to say at the end.
#[derive(Default)]
pub(super) struct Farewell {
    /// What the guest logged, by type.
    pub(super) logged: Vec<(EntityType, usize)>,
    /// Entries that were handed over.
    pub(super) handed: BTreeSet<EntityId>,
}

impl<D: Database, T: Transport, C: Clock> Driver<D, T, C> {
    pub(super) async fn hand_over(&self, baby: BabyId) -> Result<HandOver, StoreError> {
        if !self.engine.borrow().may_hand_over() {
            return Ok(HandOver::Skipped);
        }
        if !self.farewells.borrow().contains_key(&baby) {
            // Counted while all of it is still here.
            let logged = self.logged_by_guest(baby).await?;
            self.farewells.borrow_mut().insert(baby, Farewell { logged, ..Farewell::default() });
        }
        self.store.make_due(baby, false).await?;
        let mut last = 0;
        loop {
            let epoch = self.lead()?;
            let offered = self.store.lease(epoch, baby, self.clock.now(), LIMIT).await?;
            // What the tray did not take waits again, and comes again.
            if offered.first().is_none_or(|first| first.seq <= last) {
                return Ok(HandOver::Done);
            }
            last = offered.last().map_or(last, |entry| entry.seq);
            let client = self.store.client_id();
            let mutations = request(client, baby, &offered).mutations;
            if planted(Defect::HandOverUnconfirmed) {
                let hoped = hoped(&offered, self.clock.now());
                self.store.settle(epoch, baby, self.clock.now(), &offered, &hoped).await?;
            }
            let mut answer = match self.in_time(self.transport.hand_in(baby, client, mutations)).await {
                Ok(answer) => answer,
                Err(error) => {
                    let leased: Vec<_> = offered.iter().map(|entry| entry.mutation_id).collect();
                    self.store.release(epoch, baby, &leased, None, false, self.clock.now()).await?;
                    return Ok(HandOver::Refused(error));
                }
            };
            // What is not held stays, to become letters of somebody without access.
            answer.results.retain(is_held);
            self.store.settle(epoch, baby, self.clock.now(), &offered, &answer).await?;
            let held = offered.iter().filter(|entry| {
                let is_this = |held: &WireVerdict| matches!(held, WireVerdict::Verdict(it) if it.mutation_id == entry.mutation_id);
                answer.results.iter().any(is_this)
            });
            let entries: Vec<EntityId> = held.map(|entry| entry.mutated.entity_id).collect();
            if let Some(farewell) = self.farewells.borrow_mut().get_mut(&baby) {
                farewell.handed.extend(entries);
            }
            self.note(baby, Did::HandedOver { mutations: answer.results.len() }).await?;
        }
    }

    /// What this account logged in its time as a guest, sent or not.
    async fn logged_by_guest(&self, baby: BabyId) -> Result<Vec<(EntityType, usize)>, StoreError> {
        let access = self.store.access().await?.into_iter().find(|access| access.baby_id == baby);
        let Some(stay) = access.as_ref().and_then(|access| access.own_stay()) else { return Ok(Vec::new()) };
        let select = Select::Started { from: stay.from, to: stay.until.max(self.clock.now()) };
        let types = EntityType::all().filter(|known| known.is_log()).collect();
        let rows = self.store.query(&Query { baby_id: baby, types, select, limit: None }).await?;
        // What the server has not seen has no author yet, and was written here.
        let own = rows.iter().filter(|row| row.server.logged_by.is_none_or(|author| author == stay.user_id));
        Ok(by_type(own))
    }
}

fn is_held(told: &WireVerdict) -> bool {
    matches!(told, WireVerdict::Verdict(verdict) if verdict.status != Status::Rejected)
}

/// The answer of a tray that holds everything.
fn hoped(offered: &[OutboxEntry], server_time: Timestamp) -> PushResponse {
    let held = |entry: &OutboxEntry| {
        let (mutation_id, status) = (entry.mutation_id, Status::Noop);
        WireVerdict::Verdict(Verdict { mutation_id, status, version: None, error: None, server_data: None })
    };
    let results = offered.iter().map(held).collect();
    PushResponse { results, sync_operation_id: None, server_time, clock_skew_ms: None, epoch: None }
}
