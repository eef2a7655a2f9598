//! Which babies this account may see: asking, and the end of access to one.

use std::collections::BTreeSet;

use super::{
    super::{
        engine::{AccessOutcome, Told},
        ports::{Clock, Database, StoreError, Transport},
        protocol::Change,
        status::Did,
    },
    Driver,
    farewell::Farewell,
};
use crate::domain::{
    id::{BabyId, UserId},
    set::set,
};

impl<D: Database, T: Transport, C: Clock> Driver<D, T, C> {
    /// Whether a change is by somebody whose name is not here: a caregiver who has just joined.
    pub(super) async fn meets_strangers(&self, baby: BabyId, changes: &[Change]) -> Result<bool, StoreError> {
        let mut authors: BTreeSet<UserId> = set(changes.iter().filter_map(|change| change.actor_id));
        authors.retain(|author| !self.strangers.borrow().contains(author));
        if authors.is_empty() {
            return Ok(false);
        }
        for known in self.store.caregivers().await?.iter().filter(|known| known.baby_id == baby) {
            authors.remove(&known.user_id);
        }
        let some = !authors.is_empty();
        self.strangers.borrow_mut().extend(authors);
        Ok(some)
    }

    pub(super) async fn check_access(&self) -> Result<AccessOutcome, StoreError> {
        self.checks.set(self.checks.get() + 1);
        let list = match self.in_time(self.transport.access()).await {
            Ok(list) => list,
            Err(error) => return Ok(AccessOutcome::Refused(error)),
        };
        let mut gone = self.store.set_access(self.lead()?, &list).await?.gone;
        // A list from before a baby's last answer is older news than that answer.
        gone.retain(|id| self.heard.borrow().get(id).is_none_or(|heard| *heard < self.checks.get()));
        let listed: Vec<BabyId> = list.babies.iter().map(|access| access.baby_id).collect();
        let here = self.store.access().await?;
        let visited = here.iter().filter(|access| gone.contains(&access.baby_id) && access.own_stay().is_some());
        let visited = visited.map(|access| access.baby_id).collect();
        let here = here.into_iter().map(|access| access.baby_id);
        let spared = here.filter(|id| !listed.contains(id) && !gone.contains(id)).collect();
        Ok(AccessOutcome::Listed { listed, spared, gone, visited, asked: list.asked })
    }

    pub(super) async fn purge(&self, baby: BabyId) -> Result<(), StoreError> {
        let known = self.store.access().await?.into_iter().find(|access| access.baby_id == baby);
        let is_guest = known.as_ref().is_some_and(|access| access.own_stay().is_some());
        let refused = self.store.is_refused(baby).await?;
        let kept = self.store.purge(self.lead()?, baby, self.clock.now()).await?;
        self.note(baby, Did::Removed { refused, kept }).await?;
        for told in [Told::Rows(baby), Told::Babies] {
            (self.listener)(told);
        }
        let is_listed = known.is_some();
        let was_deleted = known.as_ref().is_some_and(|access| access.deleted_at.is_some());
        let name = known.map(|access| access.name).unwrap_or_default();
        if was_deleted {
            // It was told when it was deleted that it would go, and when.
        } else if is_guest {
            let Farewell { logged, handed } = self.farewells.borrow_mut().remove(&baby).unwrap_or_default();
            (self.listener)(Told::StayEnded { baby, name, logged, handed: handed.len(), kept });
        } else if !refused && (is_listed || kept > 0) {
            // A list that was asked for before the baby went confirms its end once more.
            (self.listener)(Told::AccessRevoked { baby, name, kept });
        } else if is_listed {
            // Once: what comes in late for a baby that was gone already is among the letters.
            (self.listener)(Told::BabyRefused { baby, name });
        }
        Ok(())
    }
}
