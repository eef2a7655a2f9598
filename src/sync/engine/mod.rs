//! Decides when to push and to pull, and what to make of each answer. Synchronous: events in,
//! effects out; the driver performs them.
//!
//! Invariants: at most one request per baby is under way; one baby's or one direction's failure
//! never stops another's; nothing is requested while hidden, offline, blocked or without an active
//! baby; every refusal leads to a later try or to a state that a person sees.

mod answer;
mod baby;
mod event;
mod meaning;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use event::{AccessOutcome, Effect, Event, HandOver, PullOutcome, PullReport, PushOutcome, Told, Unless};

use self::baby::{Baby, Turn};
use super::{
    backoff::{Jitter, about_ms, delay_ms},
    status::Blocked,
};
use crate::domain::{id::BabyId, time::Timestamp};

/// A pull takes at most this many pages before other work gets its turn.
pub const MAX_PULL_ITERATIONS: usize = 50;
/// A baby that was pulled less than this ago is fresh.
pub const FRESH_MS: i64 = 2_500;

/// How often, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// `false`: nothing is requested at all.
    pub enabled: bool,
    /// Whether the server is asked to say when there is something new.
    pub hints: bool,
    /// The active baby, give or take a tenth.
    pub active_ms: i64,
    /// The same while hints come in: a safety net for those that get lost.
    pub hinted_ms: i64,
    /// The other babies and the access list, give or take a tenth.
    pub others_ms: i64,
    /// A second change within this time waits for its end, so that a burst goes as one push.
    pub burst_ms: i64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { enabled: true, hints: true, active_ms: 5_000, hinted_ms: 30_000, others_ms: 60_000, burst_ms: 250 }
    }
}

/// What the screens show of the engine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    pub online: bool,
    pub syncing: bool,
    pub blocked: Option<Blocked>,
}

pub struct Engine {
    schedule: Schedule,
    jitter: Jitter,
    last_now: Option<Timestamp>,
    started: bool,
    online: bool,
    visible: bool,
    blocked: Option<Blocked>,
    active: Option<BabyId>,
    babies: BTreeMap<BabyId, Baby>,
    access: Turn,
    access_busy: bool,
    /// How often the access list was asked for.
    checks: u64,
    /// The access list is wanted even with no baby on screen: it may bring the first one.
    access_asked: bool,
    /// The person asked to be let in: the answer is listened for, and the list asked for at its regular
    /// times, even with no baby on screen.
    expects: bool,
    /// Hints come in.
    hints: bool,
    /// Babies that a hint named and this device did not know, once the access list was asked for:
    /// one that is not in it is not asked about with every hint.
    strangers: BTreeSet<BabyId>,
}

impl Engine {
    /// An engine that has seen nothing; it takes itself for online and visible until told.
    pub fn new(schedule: Schedule, seed: u64) -> Self {
        Self {
            schedule,
            jitter: Jitter::seeded(seed),
            last_now: None,
            started: false,
            online: true,
            visible: true,
            blocked: None,
            active: None,
            babies: BTreeMap::new(),
            access: Turn::default(),
            access_busy: false,
            checks: 0,
            access_asked: false,
            expects: false,
            hints: false,
            strangers: BTreeSet::new(),
        }
    }

    /// Takes in what happened at `now` (the device's own clock, which may jump).
    pub fn on(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        self.follow_clock(now);
        let before = self.flags();
        let mut effects = Vec::new();
        match event {
            Event::Started => {
                self.started = true;
                self.ask_access(now);
                self.flush_and_pull(now);
            }
            Event::BabiesKnown(babies) => {
                for baby in babies {
                    self.learn(now, baby);
                }
            }
            Event::Activated(active) => self.activate(now, active),
            Event::Committed { babies } => {
                for id in babies {
                    self.learn(now, id);
                    self.want_push(now, id);
                }
            }
            Event::Tick => {}
            Event::Online(online) => {
                let back = online && !self.online;
                self.online = online;
                if back {
                    self.access.want(now);
                    self.flush_and_pull(now);
                }
            }
            Event::Visible(visible) => {
                let back = visible && !self.visible;
                self.visible = visible;
                if back {
                    self.flush_and_pull(now);
                }
            }
            Event::Focused => self.flush_and_pull(now),
            Event::SyncNow => self.sync_now(now),
            Event::AccessChanged => self.ask_access(now),
            Event::SignedIn => {
                self.blocked = self.blocked.filter(|why| *why != Blocked::SignIn);
                self.ask_access(now);
                self.flush_and_pull(now);
            }
            Event::Hinted { baby, head } => self.hinted(now, baby, head),
            Event::HintsConnected(connected) => self.hints_connected(now, connected),
            Event::PushDone { baby, outcome } => self.push_done(now, baby, outcome, &mut effects),
            Event::PullDone { baby, outcome } => self.pull_done(now, baby, outcome, &mut effects),
            Event::AccessDone(outcome) => self.access_done(now, outcome, &mut effects),
            Event::HandedOver { baby, outcome } => self.handed_over(now, baby, outcome, &mut effects),
        }
        self.dispatch(now, &mut effects);
        if self.flags() != before {
            effects.push(Effect::Tell(Told::Status));
        }
        effects
    }

    /// When to tell a [`Event::Tick`] if nothing happens before; `None` when time alone changes
    /// nothing.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let idle = self.babies.values().filter(|baby| self.may_sync() && baby.is_idle());
        let turns = idle.flat_map(|baby| [&baby.push, &baby.pull]);
        let access = Some(&self.access).filter(|_| self.may_ask_access());
        turns.chain(access).filter_map(Turn::at).min()
    }

    pub fn flags(&self) -> Flags {
        let syncing = self.access_busy || self.babies.values().any(|baby| !baby.is_idle());
        Flags { online: self.online, syncing, blocked: self.blocked }
    }

    /// The baby on screen; after a revocation the next one, if any.
    pub fn active(&self) -> Option<BabyId> {
        self.active
    }

    /// Whether pushes and pulls may be sent at all.
    pub fn may_sync(&self) -> bool {
        self.may_request() && self.active.is_some()
    }

    /// Whether what a guest could not send may be offered.
    pub fn may_hand_over(&self) -> bool {
        self.may_request()
    }

    /// Whether the access list may be asked for.
    pub fn may_ask_access(&self) -> bool {
        self.may_request() && !self.access_busy && (self.has_reason() || self.access_asked)
    }

    /// Whether the server's hints are of use: whoever listens to them stops when they are not.
    pub fn wants_hints(&self) -> bool {
        self.schedule.hints && self.may_request() && self.has_reason()
    }

    /// A baby is on screen, or the first one may come.
    fn has_reason(&self) -> bool {
        self.active.is_some() || self.expects
    }

    fn may_request(&self) -> bool {
        self.schedule.enabled && self.started && self.online && self.visible && self.blocked.is_none()
    }

    /// A clock that is set back must not put every next try off by as much.
    fn follow_clock(&mut self, now: Timestamp) {
        let back = self.last_now.map_or(0, |last| last.since(now));
        self.last_now = Some(now);
        if back <= 0 {
            return;
        }
        self.access.shift_ms(back);
        for baby in self.babies.values_mut() {
            baby.push.shift_ms(back);
            baby.pull.shift_ms(back);
            baby.farewell.shift_ms(back);
            // What is stored with the entries still counts in the old time.
            baby.force = true;
            for at in [&mut baby.last_push, &mut baby.last_pull] {
                *at = at.map(|at| at.plus_ms(-back));
            }
        }
    }

    fn learn(&mut self, now: Timestamp, id: BabyId) {
        self.strangers.remove(&id);
        self.babies.entry(id).or_insert_with(|| {
            let mut baby = Baby::new();
            baby.push.want(now);
            baby.pull.want(now);
            baby
        });
    }

    fn activate(&mut self, now: Timestamp, active: Option<BabyId>) {
        self.active = active;
        if let Some(id) = active {
            self.learn(now, id);
        }
        if let Some(baby) = active.and_then(|id| self.babies.get_mut(&id)) {
            baby.eager = true;
            baby.pull.want(now);
        }
    }

    /// At once, unless a push has just gone.
    fn want_push(&mut self, now: Timestamp, id: BabyId) {
        let burst_ms = self.schedule.burst_ms;
        if let Some(baby) = self.babies.get_mut(&id) {
            let burst_ends = baby.last_push.map_or(now, |last| last.plus_ms(burst_ms));
            baby.push.want(burst_ends.max(now));
        }
    }

    /// Focus, visibility, reconnect, start: everything of every baby, however long it was to wait. Without
    /// one, whether the first has come: nobody listens for it.
    fn flush_and_pull(&mut self, now: Timestamp) {
        if self.babies.is_empty() && !self.access_busy {
            self.ask_access(now);
        }
        for baby in self.babies.values_mut() {
            baby.force = true;
            baby.eager = true;
            baby.push.want(now);
            baby.pull.want(now);
        }
    }

    fn sync_now(&mut self, now: Timestamp) {
        self.ask_access(now);
        self.flush_and_pull(now);
        for baby in self.babies.values_mut() {
            baby.push.tries = 0;
            baby.pull.tries = 0;
            baby.reset = true;
            baby.manual = true;
        }
    }

    /// A nudge, and no more: what it says is looked up, and losing it costs time only.
    fn hinted(&mut self, now: Timestamp, id: BabyId, head: u64) {
        match self.babies.get_mut(&id) {
            // Access is not a version of anything: a hint about it says 0.
            Some(_) if head == 0 => self.ask_access(now),
            Some(baby) => {
                baby.hinted = baby.hinted.max(Some(head));
                baby.pull.want(now);
            }
            // Somebody has just shared it.
            None => {
                if self.strangers.insert(id) {
                    self.ask_access(now);
                }
            }
        }
    }

    /// The poll that is already planned catches what was missed before hints came in.
    fn hints_connected(&mut self, now: Timestamp, connected: bool) {
        let lost = self.hints && !connected;
        self.hints = connected;
        if lost && let Some(id) = self.active {
            let poll_at = self.next_poll(now, id);
            if let Some(baby) = self.babies.get_mut(&id) {
                baby.pull.want(poll_at);
            }
        }
    }

    fn ask_access(&mut self, now: Timestamp) {
        self.access.want(now);
        self.access_asked = true;
    }

    /// Sends what is due and allowed: for each baby the push first, then the pull.
    fn dispatch(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.may_ask_access() && self.access.take_due(now) {
            self.access_busy = true;
            self.checks += 1;
            self.access_asked = false;
            effects.push(Effect::CheckAccess);
        }
        if !self.may_sync() {
            return;
        }
        let (active, active_ms, others_ms) = (self.active, self.active_ms(), self.schedule.others_ms);
        for (&id, baby) in self.babies.iter_mut().filter(|(_, baby)| baby.is_idle()) {
            if baby.push.take_due(now) {
                baby.busy = true;
                baby.last_push = Some(now);
                let (force, reset) = (std::mem::take(&mut baby.force), std::mem::take(&mut baby.reset));
                let alone = std::mem::take(&mut baby.apart) || baby.pull.rests(now);
                effects.push(Effect::Push { baby: id, limit: baby.limit(), force, reset, alone });
            } else if baby.pull.take_due(now) {
                let every_ms = if active == Some(id) { active_ms } else { others_ms };
                let (manual, eager) = (std::mem::take(&mut baby.manual), std::mem::take(&mut baby.eager));
                let hinted = baby.hinted.take();
                if !manual && hinted.is_none() && baby.last_pull.is_some_and(|last| last.plus_ms(FRESH_MS) > now) {
                    baby.pull.want(now.plus_ms(about_ms(every_ms - FRESH_MS, self.jitter.next_u64())));
                    continue;
                }
                baby.busy = true;
                // Several tabs on screen poll no more often than one: the shortest jittered interval.
                let poll_ms = every_ms - every_ms / 10;
                let unless = match hinted {
                    Some(head) if !manual && !eager => Unless::Reached(head),
                    None if !manual => Unless::PulledWithin(if eager { FRESH_MS } else { poll_ms }),
                    _ => Unless::PulledWithin(0),
                };
                effects.push(Effect::Pull { baby: id, unless });
            }
        }
    }

    /// The time of the next pull of a baby that has just been pulled.
    fn next_poll(&mut self, now: Timestamp, id: BabyId) -> Timestamp {
        let every_ms = if self.active == Some(id) { self.active_ms() } else { self.schedule.others_ms };
        now.plus_ms(about_ms(every_ms, self.jitter.next_u64()))
    }

    fn active_ms(&self) -> i64 {
        if self.hints { self.schedule.hinted_ms } else { self.schedule.active_ms }
    }

    fn retry_at(&mut self, now: Timestamp, tries: u32, retry_after_ms: Option<i64>) -> Timestamp {
        now.plus_ms(delay_ms(tries, retry_after_ms, self.jitter.next_u64()))
    }
}
