//! What becomes of the far end's disk beside what is pushed: what no cursor needs is let go, and an
//! earlier disk takes the place of the last one.

use std::{collections::BTreeMap, rc::Rc};

use super::{FarEnd, Ledger, Levels, Logged, next};
use crate::{
    domain::{
        id::{BabyId, EntityId},
        merge::Stored,
        registry::EntityType,
        relation::relations,
        time::Timestamp,
    },
    sync::defect::{FarDefect, far_planted},
};

/// All that is committed, at one moment.
#[derive(Clone)]
pub(super) struct Disk {
    babies: BTreeMap<BabyId, Rc<Ledger>>,
    levels: Levels,
}

impl FarEnd {
    /// Lets go of superseded events, and of tombstones older than `age_ms`. Returns the floor that
    /// this makes, which belongs into the same commit.
    pub fn compact(&mut self, baby: BabyId, now: Timestamp, age_ms: i64) -> u64 {
        self.keep_disk();
        let Some(ledger) = self.babies.get_mut(&baby).map(Rc::make_mut) else { return 0 };
        let is_old = |stored: &Stored| {
            let row = &stored.row;
            // What others must refer to stays, and so does the baby itself.
            let mut needed = EntityType::all().flat_map(relations).filter(|relation| relation.required);
            let kept = row.entity_type == EntityType::BABY || needed.any(|relation| relation.parent == row.entity_type);
            !kept && row.server.deleted_at.is_some_and(|at| now.since(at) >= age_ms)
        };
        let old: Vec<EntityId> = ledger.rows.iter().filter(|(_, stored)| is_old(stored)).map(|(id, _)| *id).collect();
        let last: BTreeMap<EntityId, u64> =
            ledger.log.iter().map(|logged| (logged.event.row.id, logged.event.id)).collect();
        let lives_on = |logged: &&Rc<Logged>| {
            let event = &logged.event;
            last.get(&event.row.id) == Some(&event.id) && !old.contains(&event.row.id)
        };
        let gone: Vec<u64> =
            ledger.log.iter().filter(|logged| !lives_on(logged)).map(|logged| logged.event.id).collect();
        ledger.gone.extend(gone);
        let mut floor = ledger.floor;
        for stored in old.iter().filter_map(|id| ledger.rows.remove(id)) {
            floor = floor.max(stored.row.server.row_version);
        }
        floor
    }

    /// Below it a cursor is told to start over, from here on.
    pub fn raise_floor(&mut self, baby: BabyId, floor: u64) {
        if let Some(ledger) = self.babies.get_mut(&baby).map(Rc::make_mut) {
            ledger.floor = ledger.floor.max(floor);
        }
    }

    pub(super) fn keep_disk(&mut self) {
        if self.keeps_disks {
            self.disks.push(Disk { babies: self.babies.clone(), levels: self.levels.clone() });
        }
    }

    /// Of how many moments the disk is kept.
    pub fn moments(&self) -> usize {
        self.disks.len()
    }

    /// The disk is that of so many commits ago, and every history another one from here on, whatever
    /// it lost. Returns how many commits are lost.
    pub fn restore(&mut self, commits: usize) -> usize {
        let at = self.disks.len().saturating_sub(commits);
        let lost = self.disks.len() - at;
        let Some(disk) = self.disks.drain(at..).next() else { return 0 };
        for (baby, ledger) in std::mem::replace(&mut self.babies, disk.babies) {
            self.lost.insert(ledger.epoch, (baby, ledger));
        }
        let levels = std::mem::replace(&mut self.levels, disk.levels);
        self.removed.extend(levels.into_keys().filter(|access| !self.levels.contains_key(access)));
        for ledger in self.babies.values_mut().filter(|_| !far_planted(FarDefect::SameEpoch)) {
            Rc::make_mut(ledger).epoch = next(&mut self.epochs);
        }
        lost
    }
}
