//! What the engine makes of each answer and each failure (protocol §5).

use super::{
    AccessOutcome, Baby, Effect, Engine, FRESH_MS, HandOver, PullOutcome, PushOutcome, Told, Turn,
    meaning::{Meaning, dead_reason},
};
use crate::{
    domain::{
        id::{BabyId, MutationId},
        set::set,
        time::Timestamp,
    },
    sync::{
        backoff::MAX_RETRY_AFTER_MS,
        defect::{Defect, planted},
        local::ApplyError,
        ports::{StoreError, TransportError},
        status::SyncError,
    },
};

/// After so many failures a guest's device keeps what it could not hand over, and lets go of the rest.
const FAREWELL_TRIES: u32 = 5;

impl Engine {
    pub(super) fn push_done(&mut self, now: Timestamp, id: BabyId, outcome: PushOutcome, effects: &mut Vec<Effect>) {
        let Some(baby) = self.babies.get_mut(&id) else { return };
        baby.busy = false;
        match outcome {
            PushOutcome::Nothing { due_at: None } => {
                if std::mem::take(&mut baby.flushed) {
                    // What others wrote meanwhile; never two pulls in quick succession.
                    let fresh_until = baby.last_pull.map_or(now, |last| last.plus_ms(FRESH_MS));
                    baby.eager = true;
                    baby.pull.want(fresh_until.max(now));
                }
            }
            PushOutcome::Nothing { due_at: Some(at) } => {
                // No wait of ours is that long: the clock was set back meanwhile.
                baby.force |= at.since(now) > MAX_RETRY_AFTER_MS;
                baby.push.want(if baby.force { now } else { at });
            }
            PushOutcome::Settled { sent, settled, pulled } => {
                if settled.acked + settled.dead == 0 {
                    let at = self.again_later(now, id, None, SyncError::Server, effects);
                    self.want_push_at(id, at);
                } else {
                    baby.push.succeeded();
                    baby.passed(sent);
                    baby.flushed = pulled.is_none();
                    baby.push.want(now);
                }
                if settled.lost > 0 {
                    effects.push(Effect::Tell(Told::EditLost(id)));
                }
                if let Some(outcome) = pulled {
                    self.pull_answered(now, id, outcome, effects);
                }
            }
            PushOutcome::Failed { leased, error } => self.push_failed(now, id, leased, &error, effects),
            PushOutcome::StoreFailed(error) => {
                let at = self.store_failed(now, id, error, effects);
                self.want_push_at(id, at);
            }
            PushOutcome::Skipped => {
                baby.force = true;
                baby.push.want(now);
            }
        }
        self.set_out(id, effects);
    }

    /// What is under way comes back first: it may have to be offered, too.
    fn set_out(&mut self, id: BabyId, effects: &mut Vec<Effect>) {
        if self.babies.get(&id).is_some_and(|baby| baby.leaving && !baby.busy) {
            effects.push(Effect::HandOver { baby: id });
        }
    }

    fn push_failed(
        &mut self,
        now: Timestamp,
        id: BabyId,
        leased: Vec<MutationId>,
        error: &TransportError,
        effects: &mut Vec<Effect>,
    ) {
        let sent = leased.len();
        self.with(id, |baby| baby.apart = true);
        let mut server_failed = false;
        let next_attempt_at = match Meaning::of(error) {
            Meaning::Lost => Some(self.again_later(now, id, None, SyncError::Network, effects)),
            Meaning::Busy { retry_after_ms } => {
                Some(self.again_later(now, id, Some(retry_after_ms), SyncError::RateLimited, effects))
            }
            Meaning::Failed { retry_after_ms } => {
                server_failed = self.blame(id, sent);
                Some(self.again_later(now, id, Some(retry_after_ms), SyncError::Server, effects))
            }
            Meaning::Blocked(why) => {
                self.blocked = Some(why);
                Some(now)
            }
            Meaning::NoAccess => {
                self.suspect(now, id);
                Some(self.again_later(now, id, None, SyncError::Server, effects))
            }
            Meaning::StartAnew { resend } => {
                self.start_anew(now, id, resend, effects);
                Some(self.again_later(now, id, None, SyncError::Server, effects))
            }
            Meaning::TooLarge if sent > 1 => {
                self.with(id, |baby| baby.halve(sent));
                Some(now)
            }
            Meaning::Unreadable if sent > 1 => {
                self.with(id, |baby| baby.isolate(sent));
                Some(now)
            }
            Meaning::ReadOnly | Meaning::TooLarge | Meaning::Unreadable => None,
        };
        let Some(at) = next_attempt_at else {
            self.with(id, |baby| {
                baby.passed(sent);
                baby.flushed = true;
                baby.push.want(now);
            });
            effects.push(Effect::Bury { baby: id, leased, reason: dead_reason(error) });
            return;
        };
        self.want_push_at(id, at);
        let next_attempt_at = Some(at).filter(|at| *at > now);
        effects.push(Effect::Release { baby: id, leased, next_attempt_at, server_failed });
    }

    /// After a failed batch its entries go one by one; a failure counts against an entry only when
    /// it was alone and the server is otherwise well.
    fn blame(&mut self, id: BabyId, sent: usize) -> bool {
        let Some(baby) = self.babies.get_mut(&id).filter(|_| !planted(Defect::PoisonBlocks)) else { return false };
        if sent > 1 {
            baby.isolate(sent);
        }
        sent == 1 && std::mem::take(&mut baby.healthy)
    }

    pub(super) fn pull_done(&mut self, now: Timestamp, id: BabyId, outcome: PullOutcome, effects: &mut Vec<Effect>) {
        if let Some(baby) = self.babies.get_mut(&id) {
            baby.busy = false;
            self.pull_answered(now, id, outcome, effects);
            self.set_out(id, effects);
        }
    }

    /// What a pull came to, whether it went alone or with a push.
    fn pull_answered(&mut self, now: Timestamp, id: BabyId, outcome: PullOutcome, effects: &mut Vec<Effect>) {
        let poll_at = self.next_poll(now, id);
        let Some(baby) = self.babies.get_mut(&id) else { return };
        baby.healthy |= match &outcome {
            PullOutcome::Applied { .. } | PullOutcome::NotApplied(_) => true,
            PullOutcome::Refused(error) => matches!(Meaning::of(error), Meaning::NoAccess | Meaning::StartAnew { .. }),
            _ => false,
        };
        match outcome {
            PullOutcome::Applied { report, has_more } => {
                baby.pull.succeeded();
                if report.waiting && baby.push.at().is_none() && !planted(Defect::ForgetsWaiting) {
                    // Another history lost it, or the tab that was to send it is gone.
                    baby.push.want(now);
                }
                baby.suspect = None;
                baby.error = None;
                if has_more {
                    baby.manual = true;
                    baby.pull.want(now);
                } else {
                    baby.repairs = 0;
                    baby.last_pull = Some(now);
                    // A hint that came meanwhile is still to be followed.
                    if baby.hinted.is_none() {
                        baby.pull.set(poll_at);
                    }
                }
            }
            PullOutcome::Fresh => baby.pull.want(poll_at),
            PullOutcome::Refused(error) => self.pull_failed(now, id, &error, effects),
            PullOutcome::NotApplied(error) => self.not_applied(now, id, error, effects),
            PullOutcome::StoreFailed(error) => {
                let at = self.store_failed(now, id, error, effects);
                self.want_pull_at(id, at);
            }
            PullOutcome::Skipped => {
                baby.manual = true;
                baby.pull.want(now);
            }
        }
    }

    fn pull_failed(&mut self, now: Timestamp, id: BabyId, error: &TransportError, effects: &mut Vec<Effect>) {
        let (retry_after_ms, shown) = match Meaning::of(error) {
            Meaning::Lost => (None, SyncError::Network),
            Meaning::Busy { retry_after_ms } => (retry_after_ms, SyncError::RateLimited),
            Meaning::Failed { retry_after_ms } => (retry_after_ms, SyncError::Server),
            Meaning::Blocked(why) => {
                self.blocked = Some(why);
                self.want_pull_at(id, now);
                return;
            }
            Meaning::NoAccess if planted(Defect::PurgeUnconfirmed) => {
                self.forget(id);
                effects.push(Effect::Purge { baby: id });
                return;
            }
            Meaning::NoAccess => {
                self.suspect(now, id);
                (None, SyncError::Server)
            }
            Meaning::StartAnew { resend } => {
                self.start_anew(now, id, resend, effects);
                return;
            }
            Meaning::ReadOnly | Meaning::TooLarge | Meaning::Unreadable => (None, SyncError::Server),
        };
        let tries = self.with(id, |baby| baby.pull.failed());
        let at = self.retry_at(now, tries.unwrap_or(0), retry_after_ms);
        if retry_after_ms.is_some() {
            self.with(id, |baby| baby.pull.rest_until(at));
        }
        self.want_pull_at(id, at);
        self.set_error(id, shown, effects);
    }

    fn not_applied(&mut self, now: Timestamp, id: BabyId, error: ApplyError, effects: &mut Vec<Effect>) {
        let message = error.to_string();
        match error {
            ApplyError::CursorMoved => self.want_pull_at(id, now),
            ApplyError::EpochChanged => self.start_anew(now, id, true, effects),
            ApplyError::ChecksumMismatch => self.start_anew(now, id, false, effects),
            ApplyError::CursorBackward
            | ApplyError::Malformed(_)
            | ApplyError::IntegrityViolation(_)
            | ApplyError::CheckExecution(_) => {
                let is_unknown = matches!(error, ApplyError::CheckExecution(_));
                let tries = self.with(id, |baby| baby.pull.failed());
                let at = self.retry_at(now, tries.unwrap_or(0), None);
                self.want_pull_at(id, at);
                let shown = match is_unknown {
                    true => SyncError::IntegrityUnknown { message },
                    false => SyncError::Integrity { message },
                };
                self.set_error(id, shown, effects);
            }
            ApplyError::Store(error) => {
                let at = self.store_failed(now, id, error, effects);
                self.want_pull_at(id, at);
            }
        }
    }

    pub(super) fn access_done(&mut self, now: Timestamp, outcome: AccessOutcome, effects: &mut Vec<Effect>) {
        self.access_busy = false;
        match outcome {
            AccessOutcome::Listed { listed, spared, gone, visited, asked } => {
                self.access.succeeded();
                self.expects = asked;
                let next = now.plus_ms(super::about_ms(self.schedule.others_ms, self.jitter.next_u64()));
                self.access.set(next);
                // One that is spared was made here, perhaps by a tab that died before it could tell.
                for id in listed.iter().chain(&spared) {
                    self.learn(now, *id);
                }
                for id in set(self.babies.keys().copied().chain(gone)) {
                    if listed.contains(&id) || spared.contains(&id) {
                        self.with(id, |baby| {
                            baby.suspect = None;
                            baby.farewell = Turn::default();
                        });
                        if spared.contains(&id) {
                            self.want_push(now, id);
                        }
                        continue;
                    }
                    // Only an answer to a question that was asked after the suspicion confirms it.
                    let checks = self.checks;
                    let since = self.with(id, |baby| *baby.suspect.get_or_insert(checks));
                    if since.is_none_or(|since| since < checks) {
                        self.let_go(now, id, visited.contains(&id), effects);
                    } else {
                        // One answer alone removes nothing: ask once more.
                        self.ask_access(now);
                    }
                }
                effects.push(Effect::Tell(Told::Babies));
            }
            AccessOutcome::Refused(error) => {
                if let Meaning::Blocked(why) = Meaning::of(&error) {
                    self.blocked = Some(why);
                }
                let retry_after_ms = match Meaning::of(&error) {
                    Meaning::Busy { retry_after_ms } | Meaning::Failed { retry_after_ms } => retry_after_ms,
                    _ => None,
                };
                self.ask_access_again(now, retry_after_ms);
            }
            AccessOutcome::StoreFailed(error) => {
                effects.push(Effect::Tell(Told::StorageFailed(error)));
                self.ask_access_again(now, None);
            }
            AccessOutcome::Skipped => self.ask_access(now),
        }
    }

    /// Access has certainly ended. What a guest could not send is offered before the baby goes.
    fn let_go(&mut self, now: Timestamp, id: BabyId, visited: bool, effects: &mut Vec<Effect>) {
        match self.babies.get_mut(&id).filter(|_| visited) {
            None => {
                self.forget(id);
                effects.push(Effect::Purge { baby: id });
            }
            Some(baby) if baby.leaving => {}
            Some(baby) => match baby.farewell.rest().filter(|rest| *rest > now) {
                Some(rest) => {
                    self.access.want(rest);
                    self.access_asked = true;
                }
                None => {
                    baby.leaving = true;
                    self.set_out(id, effects);
                }
            },
        }
    }

    /// The list of babies is asked for once more before another try: access may be there again.
    pub(super) fn handed_over(&mut self, now: Timestamp, id: BabyId, outcome: HandOver, effects: &mut Vec<Effect>) {
        let Some(baby) = self.babies.get_mut(&id) else { return };
        baby.leaving = false;
        let retry_after_ms = match outcome {
            HandOver::Done => return self.let_go(now, id, false, effects),
            HandOver::Skipped => return self.ask_access(now),
            HandOver::StoreFailed(error) => {
                self.store_failed(now, id, error, effects);
                return self.ask_access_again(now, None);
            }
            HandOver::Refused(error) => match Meaning::of(&error) {
                Meaning::Blocked(why) => {
                    self.blocked = Some(why);
                    return self.ask_access(now);
                }
                // It is too late, or the server is older than trays.
                Meaning::NoAccess => return self.let_go(now, id, false, effects),
                _ if error.is_unknown_call() => return self.let_go(now, id, false, effects),
                Meaning::Busy { retry_after_ms } | Meaning::Failed { retry_after_ms } => retry_after_ms,
                _ => None,
            },
        };
        let tries = baby.farewell.failed();
        if tries + 1 >= FAREWELL_TRIES {
            return self.let_go(now, id, false, effects);
        }
        let at = self.retry_at(now, tries, retry_after_ms);
        self.with(id, |baby| baby.farewell.rest_until(at));
        self.access.want(at);
        self.access_asked = true;
    }

    fn ask_access_again(&mut self, now: Timestamp, retry_after_ms: Option<i64>) {
        let tries = self.access.failed();
        let at = self.retry_at(now, tries, retry_after_ms);
        self.access.set(at);
        self.access_asked = true;
    }

    /// A baby that may be seen no more; the next one comes on screen.
    fn forget(&mut self, id: BabyId) {
        self.babies.remove(&id);
        if self.active == Some(id) {
            self.active = self.babies.keys().next().copied();
        }
    }

    /// The server says that there is no access. A captive portal could say so too: only a second
    /// answer, to another question, is believed.
    fn suspect(&mut self, now: Timestamp, id: BabyId) {
        let checks = self.checks;
        self.with(id, |baby| *baby.suspect.get_or_insert(checks));
        self.ask_access(now);
    }

    fn start_anew(&mut self, now: Timestamp, id: BabyId, resend: bool, effects: &mut Vec<Effect>) {
        let repairs = self.with(id, |baby| {
            baby.manual = true;
            baby.repairs = baby.repairs.saturating_add(1);
            baby.repairs - 1
        });
        let at = match repairs.unwrap_or(0) {
            0 => now,
            again => self.retry_at(now, again, None),
        };
        self.want_pull_at(id, at);
        if resend {
            // What waits again is sent before the copy is fetched.
            self.with(id, |baby| baby.push.want(now));
        }
        effects.push(Effect::Reset { baby: id, resend });
    }

    /// The time of the next push after a failed one, and what is shown meanwhile. `rest` holds the
    /// server's own wish, if it answered.
    fn again_later(
        &mut self,
        now: Timestamp,
        id: BabyId,
        rest: Option<Option<i64>>,
        shown: SyncError,
        effects: &mut Vec<Effect>,
    ) -> Timestamp {
        let retry_after_ms = rest.flatten();
        let tries = self.with(id, |baby| baby.push.failed());
        let at = self.retry_at(now, tries.unwrap_or(0), retry_after_ms);
        if retry_after_ms.is_some() {
            self.with(id, |baby| baby.push.rest_until(at));
        }
        self.set_error(id, shown, effects);
        at
    }

    /// This device's own database did not do it. Another tab may lead: it does the work then.
    fn store_failed(&mut self, now: Timestamp, id: BabyId, error: StoreError, effects: &mut Vec<Effect>) -> Timestamp {
        if error != StoreError::Fenced {
            effects.push(Effect::Tell(Told::StorageFailed(error)));
        }
        self.next_poll(now, id)
    }

    fn set_error(&mut self, id: BabyId, error: SyncError, effects: &mut Vec<Effect>) {
        let error = Some(error);
        let before = self.with(id, |baby| std::mem::replace(&mut baby.error, error.clone()));
        if before.is_some_and(|before| before != error) {
            effects.push(Effect::SetError { baby: id, error });
        }
    }

    fn want_push_at(&mut self, id: BabyId, at: Timestamp) {
        self.with(id, |baby| baby.push.set(at));
    }

    fn want_pull_at(&mut self, id: BabyId, at: Timestamp) {
        self.with(id, |baby| baby.pull.set(at));
    }

    fn with<T>(&mut self, id: BabyId, act: impl FnOnce(&mut Baby) -> T) -> Option<T> {
        self.babies.get_mut(&id).map(act)
    }
}
