//! The search through the log: newest first, a stretch of time at once, so that five years are never read
//! where the first week has what was looked for. It stops at a screenful and goes on when asked.
//!
//! Invariant: from [`Walk::back_to`] on, `found` is exactly what the log has of `wanted`, as of the last
//! walk that got there.

use std::cmp::Reverse;

use leptos::{prelude::*, task::spawn_local};

use super::filter::Wanted;
use crate::{
    domain::{registry::EntityType, row::Row, time::Timestamp, units::VolumeUnit},
    sync::query::{Query, Select},
    ui::{
        clock::now,
        replica::{Notice, Replica},
    },
};

/// Found entries after which the walk rests.
const SCREENFUL: usize = 30;
const DAY_MS: i64 = 86_400_000;
/// Rows of one read, roughly: enough to be quick, few enough for the screen to stay free.
const FEW_ROWS: usize = 150;
const MANY_ROWS: usize = 500;
/// Where the log is thin, a read is half a year at most; where it is dense, never nothing.
const WIDEST_MS: i64 = 180 * DAY_MS;
const NARROWEST_MS: i64 = DAY_MS / 96;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Walking,
    /// There is more log to look through.
    Resting,
    /// The whole log was looked through.
    Done,
}

/// One search. It lives as long as the screen that shows it: another search is another walk.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// Newest first.
    pub(super) found: RwSignal<Vec<Row>>,
    pub(super) back_to: RwSignal<Option<Timestamp>>,
    pub(super) pace: RwSignal<Pace>,
    wanted: StoredValue<Wanted>,
    /// A walk is under way; there is one at most.
    is_out: StoredValue<bool>,
    /// How many are to be found before it rests.
    goal: StoredValue<usize>,
    /// Rows changed during a walk: what it passed already may be out of date.
    is_stale: StoredValue<bool>,
    unit: VolumeUnit,
    replica: Replica,
}

impl Walk {
    /// Sets out at once, and again from the newest entry whenever rows of this device change.
    pub(super) fn start(replica: Replica, wanted: Wanted, unit: VolumeUnit) -> Self {
        let walk = Self {
            found: RwSignal::default(),
            back_to: RwSignal::new(None),
            pace: RwSignal::new(Pace::Walking),
            wanted: StoredValue::new(wanted),
            is_out: StoredValue::new(false),
            goal: StoredValue::new(SCREENFUL),
            is_stale: StoredValue::new(false),
            unit,
            replica,
        };
        Effect::new(move |_| {
            replica.track_changes();
            untrack(|| walk.set_out(true));
        });
        walk
    }

    /// Looks for another screenful.
    pub(super) fn further(self) {
        self.goal.set_value(self.found.with_untracked(Vec::len) + SCREENFUL);
        self.set_out(false);
    }

    fn set_out(self, anew: bool) {
        if self.is_out.get_value() {
            // What changed meanwhile is looked at when this walk is over.
            self.is_stale.update_value(|is_stale| *is_stale |= anew);
            return;
        }
        self.is_out.set_value(true);
        self.pace.set(Pace::Walking);
        spawn_local(async move {
            // `None`: the screen is gone, and every signal with it.
            let Some(pace) = self.walk(anew).await else { return };
            self.pace.set(pace);
            self.is_out.set_value(false);
            if self.is_stale.get_value() {
                self.is_stale.set_value(false);
                self.set_out(true);
            }
        });
    }

    async fn walk(self, anew: bool) -> Option<Pace> {
        let all = self.wanted.try_with_value(|wanted| wanted.types.clone())?;
        let oldest = match self.read(&all, Select::Earliest).await? {
            Ok(rows) => rows,
            Err(pace) => return Some(pace),
        };
        // Most families log a few kinds, and what was never logged need not be looked for again and again.
        let here: Vec<EntityType> = oldest.iter().map(|row| row.entity_type).collect();
        let Some(first) = oldest.iter().filter_map(Row::started_at).min() else {
            self.found.update(Vec::clear);
            return Some(Pace::Done);
        };
        // A walk from the start goes at least as far as the one before it, which it replaces.
        let known = self.back_to.try_get_untracked()?;
        let (mut to, until) = match known {
            Some(known) if !anew => (known, None),
            // A clock that ran ahead: the newest entry may lie in the future.
            known => (Timestamp::from_ms(i64::MAX), known),
        };
        let mut width = DAY_MS;
        loop {
            let from = to.min(now()).plus_ms(-width);
            let rows = match self.read(&here, Select::Started { from, to }).await? {
                Ok(rows) => rows,
                Err(pace) => return Some(pace),
            };
            width = next_width(width, rows.len());
            let count = self.take(rows, from, to)?;
            let reached = until.is_none_or(|until| from <= until);
            if from <= first {
                return Some(Pace::Done);
            }
            if reached && count >= self.goal.try_get_value()? {
                return Some(Pace::Resting);
            }
            to = from;
        }
    }

    /// `None` when the screen is gone. A failed read is told as a notice, and the walk rests.
    async fn read(self, types: &[EntityType], select: Select) -> Option<Result<Vec<Row>, Pace>> {
        let baby_id = self.wanted.try_with_value(|wanted| wanted.baby_id)?;
        let query = Query { baby_id, types: types.to_vec(), select, limit: None };
        let read = self.replica.port().query(query).await;
        // Gone while it was read: nobody waits for the answer.
        self.pace.try_get_untracked()?;
        Some(read.map_err(|err| {
            if let Some(notice) = Notice::of(&err) {
                notice.show(self.replica.notices);
            }
            Pace::Resting
        }))
    }

    /// Puts what this stretch has in the place of what it had; how many are found by now.
    fn take(self, rows: Vec<Row>, from: Timestamp, to: Timestamp) -> Option<usize> {
        let mut new = self.wanted.try_with_value(|wanted| {
            let now = now();
            rows.into_iter().filter(|row| wanted.takes(row, self.unit, now)).collect::<Vec<_>>()
        })?;
        let is_here = |row: &Row| row.started_at().is_some_and(|at| at >= from && at < to);
        let before = self.found.try_with_untracked(|found| found.iter().filter(|row| is_here(row)).eq(new.iter()))?;
        if !before {
            self.found.update(|found| {
                found.retain(|row| !is_here(row));
                found.append(&mut new);
                found.sort_by_key(|row| (Reverse(row.started_at()), Reverse(row.id)));
            });
        }
        self.back_to.update(|back_to| *back_to = Some(back_to.map_or(from, |known| known.min(from))));
        self.found.try_with_untracked(Vec::len)
    }
}

/// How wide the next stretch is, after one of `width` that had so many rows.
fn next_width(width: i64, rows: usize) -> i64 {
    if rows < FEW_ROWS {
        (width * 2).min(WIDEST_MS)
    } else if rows > MANY_ROWS {
        (width / 2).max(NARROWEST_MS)
    } else {
        width
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// A log that was imported may have a thousand entries at one instant: a stretch without any width would
    /// be walked for ever.
    #[wasm_bindgen_test]
    fn a_stretch_grows_where_the_log_is_thin_and_never_shrinks_to_nothing() {
        let after = |rows: usize| (0..40).fold(DAY_MS, |width, _| next_width(width, rows));
        assert_eq!(after(0), WIDEST_MS);
        assert_eq!(after(FEW_ROWS), DAY_MS);
        assert_eq!(after(10_000), NARROWEST_MS);
    }
}
