//! Claims about the engine's decisions, one event at a time.

mod access;
mod failure;
mod hints;
mod pull;
mod random;
mod schedule;

use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::{
    domain::id::MutationId,
    sync::{
        local::{ApplyError, Settled},
        ports::{ErrorCode, StoreError, TransportError},
        status::{DeadReason, SyncError},
    },
};

const A: BabyId = BabyId(Uuid::from_u128(0xa));
const B: BabyId = BabyId(Uuid::from_u128(0xb));

/// An engine with two babies, at a time that moves on demand.
struct Desk {
    engine: Engine,
    now: Timestamp,
    /// Requests without an answer.
    open: Vec<Effect>,
}

impl Desk {
    fn new(schedule: Schedule, seed: u64) -> Self {
        Self { engine: Engine::new(schedule, seed), now: Timestamp::from_ms(1_000_000), open: Vec::new() }
    }

    /// Started, with `A` on screen, everything flushed and pulled.
    fn quiet() -> Self {
        let mut desk = Self::new(Schedule::default(), 1);
        desk.on(Event::BabiesKnown(vec![A, B]));
        desk.on(Event::Activated(Some(A)));
        desk.on(Event::Started);
        desk.settle();
        desk
    }

    fn on(&mut self, event: Event) -> Vec<Effect> {
        match &event {
            Event::PushDone { baby, .. } | Event::PullDone { baby, .. } => {
                self.open.retain(|effect| effect.baby() != Some(*baby));
            }
            Event::AccessDone(_) => self.open.retain(|effect| *effect != Effect::CheckAccess),
            _ => {}
        }
        let effects = self.engine.on(self.now, event);
        let asked = effects.iter().filter(|effect| !requests(std::slice::from_ref(effect)).is_empty());
        self.open.extend(asked.cloned());
        effects.into_iter().filter(|effect| !matches!(effect, Effect::Tell(Told::Status | Told::Babies))).collect()
    }

    fn after(&mut self, ms: i64) -> Vec<Effect> {
        self.now = self.now.plus_ms(ms);
        self.on(Event::Tick)
    }

    /// Answers every open request with "nothing new", until none is left. Returns what was
    /// requested meanwhile, the open ones included.
    fn settle(&mut self) -> Vec<Effect> {
        let mut seen = self.open.clone();
        while let Some(effect) = self.open.first().cloned() {
            seen.extend(match effect {
                Effect::Push { baby, .. } => self.pushed(baby, PushOutcome::Nothing { due_at: None }),
                Effect::Pull { baby, .. } => self.pulled(baby, applied(false)),
                _ => self.listed(&[A, B], &[]),
            });
        }
        seen
    }

    /// Answers every open request about a baby as to somebody without access.
    fn answer_no(&mut self) -> Vec<Effect> {
        let mut seen = Vec::new();
        while let Some(effect) = self.open.iter().find(|effect| effect.baby().is_some()).cloned() {
            seen.extend(match effect {
                Effect::Push { baby, .. } => self.pushed(baby, PushOutcome::Nothing { due_at: None }),
                Effect::Pull { baby: A, .. } => self.pulled(A, applied(false)),
                _ => self.pulled(B, PullOutcome::Refused(refused(403, ErrorCode::AccessRevoked))),
            });
        }
        seen
    }

    fn pushed(&mut self, baby: BabyId, outcome: PushOutcome) -> Vec<Effect> {
        self.on(Event::PushDone { baby, outcome })
    }

    fn pulled(&mut self, baby: BabyId, outcome: PullOutcome) -> Vec<Effect> {
        self.on(Event::PullDone { baby, outcome })
    }

    fn listed(&mut self, listed: &[BabyId], gone: &[BabyId]) -> Vec<Effect> {
        let (listed, gone) = (listed.to_vec(), gone.to_vec());
        self.on(Event::AccessDone(AccessOutcome::Listed {
            listed,
            spared: Vec::new(),
            gone,
            visited: Vec::new(),
            asked: false,
        }))
    }

    /// As [`Self::listed`], where the account was a guest of what is gone.
    fn stay_ended(&mut self, listed: &[BabyId], gone: &[BabyId]) -> Vec<Effect> {
        let (listed, gone, visited) = (listed.to_vec(), gone.to_vec(), gone.to_vec());
        self.on(Event::AccessDone(AccessOutcome::Listed { listed, spared: Vec::new(), gone, visited, asked: false }))
    }

    fn handed_over(&mut self, baby: BabyId, outcome: HandOver) -> Vec<Effect> {
        self.on(Event::HandedOver { baby, outcome })
    }

    fn commit(&mut self, baby: BabyId) -> Vec<Effect> {
        self.on(Event::Committed { babies: BTreeSet::from([baby]) })
    }

    /// A push of `baby` is under way, with `count` entries.
    fn pushing(&mut self, baby: BabyId, count: usize) -> Vec<MutationId> {
        self.on(Event::Tick);
        self.settle();
        self.now = self.now.plus_ms(300);
        assert!(requests(&self.commit(baby)).contains(&('>', baby)), "a push starts");
        (0..count).map(|n| MutationId(Uuid::from_u128(n as u128))).collect()
    }

    fn push_fails(&mut self, baby: BabyId, count: usize, error: TransportError) -> Vec<Effect> {
        let leased = self.pushing(baby, count);
        self.pushed(baby, PushOutcome::Failed { leased, error })
    }

    fn next_wake_ms(&self) -> i64 {
        self.engine.wake_at().expect("something is planned").since(self.now)
    }
}

/// Pushes (`>`), pulls (`<`) by baby; the access check is (`?`, nil).
fn requests(effects: &[Effect]) -> Vec<(char, BabyId)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Push { baby, .. } => Some(('>', *baby)),
            Effect::Pull { baby, .. } => Some(('<', *baby)),
            Effect::CheckAccess => Some(('?', BabyId(Uuid::nil()))),
            _ => None,
        })
        .collect()
}

fn refused(status: u16, code: ErrorCode) -> TransportError {
    TransportError::Refused { status, code, retry_after_ms: None }
}

fn lost() -> TransportError {
    TransportError::Network { message: "no signal".into() }
}

fn settled(acked: usize) -> PushOutcome {
    PushOutcome::Settled { sent: acked, settled: Settled { acked, lost: 0, dead: 0 }, pulled: None }
}

fn applied(has_more: bool) -> PullOutcome {
    PullOutcome::Applied { report: PullReport::default(), has_more }
}

fn released(effects: &[Effect]) -> Option<(Option<Timestamp>, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Release { next_attempt_at, server_failed, .. } => Some((*next_attempt_at, *server_failed)),
        _ => None,
    })
}
