//! Claims about the engine's decisions, one event at a time.

use std::collections::BTreeSet;

use proptest::prelude::*;
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
                Effect::Pull { baby, .. } => self.pulled(baby, PullOutcome::Applied { changes: 0, has_more: false }),
                _ => self.listed(&[A, B], &[]),
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
        self.on(Event::AccessDone(AccessOutcome::Listed { listed, spared: Vec::new(), gone }))
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
    PushOutcome::Settled { sent: acked, settled: Settled { acked, lost: 0, dead: 0 } }
}

fn released(effects: &[Effect]) -> Option<(Option<Timestamp>, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Release { next_attempt_at, server_failed, .. } => Some((*next_attempt_at, *server_failed)),
        _ => None,
    })
}

/// A59, X8.
#[test]
fn a_save_is_pushed_at_once_without_a_pull() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(1_000);
    assert_eq!(requests(&desk.commit(A)), [('>', A)]);
}

/// B61, C12.
#[test]
fn a_burst_goes_as_one_push_within_a_quarter_second() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(1_000);
    desk.commit(A);
    desk.settle();
    for _ in 0..5 {
        desk.now = desk.now.plus_ms(20);
        assert_eq!(requests(&desk.commit(A)), []);
    }
    assert_eq!(desk.next_wake_ms(), 150);
    assert_eq!(requests(&desk.after(150)), [('>', A)]);
}

/// A34: one pull follows a successful flush, once, and not within 2.5 s of the last one.
#[test]
fn one_pull_follows_a_flush() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(3_000);
    assert_eq!(requests(&desk.commit(A)), [('>', A)]);
    assert_eq!(requests(&desk.pushed(A, settled(2))), [('>', A)], "perhaps there is more");
    assert_eq!(requests(&desk.pushed(A, PushOutcome::Nothing { due_at: None })), [('<', A)]);
    desk.settle();
    desk.now = desk.now.plus_ms(300);
    assert_eq!(requests(&desk.commit(A)), [('>', A)]);
    desk.pushed(A, settled(1));
    assert_eq!(requests(&desk.pushed(A, PushOutcome::Nothing { due_at: None })), [], "pulled just now");
    assert_eq!(requests(&desk.after(2_200)), [('<', A)], "but not forgotten");
    desk.settle();
    desk.now = desk.now.plus_ms(300);
    desk.commit(A);
    assert_eq!(desk.settle().len(), 1, "an empty flush brings no pull");
    assert!(desk.next_wake_ms() > 4_000);
}

/// A18, A33, A52, A60, C10: the tick pulls the active baby every 5 s ± 10 % and pushes nothing.
#[test]
fn the_active_baby_is_polled_every_five_seconds_and_others_every_minute() {
    let mut desk = Desk::quiet();
    let (mut a, mut b, mut access) = (0, 0, 0);
    let end = desk.now.plus_ms(120_000);
    while desk.now < end {
        let wait = desk.next_wake_ms();
        assert!(wait > 0 && wait <= 5_500, "{wait}");
        desk.after(wait);
        let seen = desk.settle();
        a += requests(&seen).iter().filter(|request| **request == ('<', A)).count();
        b += requests(&seen).iter().filter(|request| **request == ('<', B)).count();
        access += requests(&seen).iter().filter(|request| request.0 == '?').count();
        assert!(requests(&seen).iter().all(|request| request.0 != '>'), "a tick pushes nothing");
    }
    assert!((21..=27).contains(&a), "{a} pulls of the active baby in two minutes");
    assert!((1..=3).contains(&b) && (1..=3).contains(&access), "{b} and {access} in two minutes");
}

/// A51: switching the baby switches the polling at once.
#[test]
fn switching_the_baby_pulls_it_at_once() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(3_000);
    assert_eq!(requests(&desk.on(Event::Activated(Some(B)))), [('<', B)]);
    desk.pulled(B, PullOutcome::Applied { changes: 0, has_more: false });
    let wait = desk.next_wake_ms();
    assert!(wait <= 5_500);
}

/// A50: with nobody on screen there are no requests, except that a person's own act asks which
/// babies there are.
#[test]
fn without_an_active_baby_nothing_is_requested() {
    let mut desk = Desk::quiet();
    desk.on(Event::Activated(None));
    desk.now = desk.now.plus_ms(600_000);
    for event in [Event::Tick, Event::Focused, Event::Committed { babies: BTreeSet::from([A]) }] {
        assert_eq!(requests(&desk.on(event)), []);
    }
    assert_eq!(desk.engine.wake_at(), None);
    assert_eq!(requests(&desk.on(Event::AccessChanged)), [('?', BabyId(Uuid::nil()))]);
}

/// A53: hidden means silent; showing the tab again flushes and pulls (A61).
#[test]
fn a_hidden_tab_requests_nothing_until_it_is_seen() {
    let mut desk = Desk::quiet();
    desk.on(Event::Visible(false));
    desk.now = desk.now.plus_ms(600_000);
    assert_eq!(requests(&desk.commit(A)), []);
    assert_eq!((requests(&desk.on(Event::Tick)), desk.engine.wake_at()), (vec![], None));
    desk.on(Event::Visible(true));
    let seen = requests(&desk.settle());
    for request in [('>', A), ('>', B), ('<', A), ('<', B)] {
        assert!(seen.contains(&request), "{request:?} in {seen:?}");
    }
}

/// A19, A20, A62, B64: a reconnect flushes and pulls every baby, however long they were to wait.
#[test]
fn a_reconnect_flushes_and_pulls_at_once() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.push_fails(A, 1, lost());
    assert_eq!(requests(&desk.on(Event::Online(false))), []);
    desk.now = desk.now.plus_ms(600_000);
    assert_eq!((requests(&desk.on(Event::Tick)), desk.engine.wake_at()), (vec![], None));
    let effects = desk.on(Event::Online(true));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Push { baby: A, force: true, reset: false, .. })));
    let seen = requests(&desk.settle());
    assert!(seen.contains(&('<', A)) && seen.contains(&('<', B)), "{seen:?}");
}

/// A19, A53, C11: focus pulls at once, but not what was pulled in the last 2.5 s.
#[test]
fn focus_pulls_what_is_not_fresh() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(1_000);
    desk.on(Event::Focused);
    assert!(!requests(&desk.settle()).contains(&('<', A)), "pulled a second ago");
    desk.now = desk.now.plus_ms(3_000);
    desk.on(Event::Focused);
    assert!(requests(&desk.settle()).contains(&('<', A)));
}

/// Several tabs of a device poll no more often than one, and none of them waits for another when
/// it has a reason of its own.
#[test]
fn a_scheduled_poll_is_left_to_the_tab_that_polled_last() {
    let mut desk = Desk::quiet();
    let fresh_ms = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Pull { baby: A, fresh_ms } => Some(*fresh_ms),
            _ => None,
        })
    };
    desk.now = desk.engine.wake_at().unwrap();
    assert_eq!(fresh_ms(&desk.on(Event::Tick)), Some(4_500), "the shortest interval");
    desk.pulled(A, PullOutcome::Fresh);
    let again = desk.engine.wake_at().unwrap();
    assert!((4_500..=5_500).contains(&again.since(desk.now)), "a whole interval later");
    desk.now = desk.now.plus_ms(1_000);
    desk.on(Event::Focused);
    assert_eq!(fresh_ms(&desk.settle()), Some(FRESH_MS));
}

/// C13, C27, X2: a person's wish bypasses the debounce and resets the retries.
#[test]
fn sync_now_does_not_care_how_fresh_the_copy_is() {
    let mut desk = Desk::quiet();
    for _ in 0..6 {
        desk.now = desk.now.plus_ms(400_000);
        desk.push_fails(A, 1, lost());
    }
    desk.now = desk.now.plus_ms(100);
    let effects = desk.on(Event::SyncNow);
    assert!(effects.contains(&Effect::CheckAccess));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Push { baby: A, force: true, reset: true, .. })));
    let seen = desk.settle();
    assert!([A, B].iter().all(|baby| seen.contains(&Effect::Pull { baby: *baby, fresh_ms: 0 })));
    desk.now = desk.now.plus_ms(1_000);
    let effects = desk.push_fails(A, 1, lost());
    let (at, _) = released(&effects).unwrap();
    assert!(at.is_none_or(|at| at.since(desk.now) <= 1_000), "the first wait again");
}

/// A63, A20: start flushes first, then pulls; before the first paint nothing is requested (B62).
#[test]
fn start_flushes_then_pulls() {
    let mut desk = Desk::new(Schedule::default(), 1);
    assert_eq!(requests(&desk.on(Event::BabiesKnown(vec![A]))), []);
    assert_eq!(requests(&desk.on(Event::Activated(Some(A)))), []);
    assert_eq!(requests(&desk.on(Event::Started)), [('?', BabyId(Uuid::nil())), ('>', A)]);
    assert_eq!(requests(&desk.pushed(A, PushOutcome::Nothing { due_at: None })), [('<', A)]);
}

/// A52: it can be switched off.
#[test]
fn a_disabled_schedule_requests_nothing() {
    let schedule = Schedule { enabled: false, ..Schedule::default() };
    let mut desk = Desk::new(schedule, 1);
    desk.on(Event::Activated(Some(A)));
    for event in [Event::Started, Event::SyncNow, Event::Focused] {
        assert_eq!(requests(&desk.on(event)), []);
    }
}

/// C26, X17: lost answers never count, and wait longer and longer with jitter (B66).
#[test]
fn a_lost_answer_backs_off_and_never_counts() {
    let mut desk = Desk::quiet();
    let mut longest = 0;
    for _ in 0..12 {
        desk.now = desk.now.plus_ms(400_000);
        let effects = desk.push_fails(A, 1, lost());
        let (at, counted) = released(&effects).unwrap();
        assert!(!counted);
        longest = longest.max(at.map_or(0, |at| at.since(desk.now)));
    }
    assert!((10_000..=300_000).contains(&longest), "{longest}");
    assert!(desk.engine.babies[&A].error == Some(SyncError::Network), "and it is shown");
}

/// B69: `Retry-After` wins, over focus and over a person's wish too.
#[test]
fn retry_after_is_respected_whatever_happens() {
    for code in [ErrorCode::RateLimited, ErrorCode::Overloaded, ErrorCode::ServerBehind] {
        let mut desk = Desk::quiet();
        desk.now = desk.now.plus_ms(10_000);
        let error = TransportError::Refused { status: 429, code, retry_after_ms: Some(90_000) };
        let effects = desk.push_fails(A, 3, error.clone());
        assert!(released(&effects).unwrap().0.unwrap().since(desk.now) >= 90_000);
        desk.pulled(A, PullOutcome::Refused(error));
        for event in [Event::Focused, Event::SyncNow, Event::Committed { babies: BTreeSet::from([A]) }] {
            desk.now = desk.now.plus_ms(10_000);
            desk.on(event);
            assert!(!requests(&desk.settle()).contains(&('>', A)));
        }
        desk.now = desk.now.plus_ms(60_000);
        assert!(requests(&desk.on(Event::Focused)).contains(&('>', A)));
    }
}

/// A67, A68: a failing push does not stop the pull, nor one baby another.
#[test]
fn directions_and_babies_fail_alone() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let effects = desk.on(Event::Focused);
    assert_eq!(requests(&effects), [('>', A), ('>', B)]);
    let leased = vec![MutationId(Uuid::nil())];
    let effects = desk.pushed(A, PushOutcome::Failed { leased, error: refused(500, ErrorCode::Internal) });
    assert!(requests(&effects).contains(&('<', A)), "the pull goes on");
    let effects = desk.pulled(A, PullOutcome::Refused(lost()));
    assert!(requests(&effects).is_empty());
    assert_eq!(requests(&desk.pushed(B, PushOutcome::Nothing { due_at: None })), [('<', B)], "B is untouched");
}

/// 401 blocks requests, never logging; signing in resumes.
#[test]
fn an_ended_session_blocks_until_sign_in() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let effects = desk.push_fails(A, 2, refused(401, ErrorCode::Unauthenticated));
    assert_eq!(released(&effects), Some((None, false)));
    assert_eq!(desk.engine.flags().blocked, Some(Blocked::SignIn));
    desk.now = desk.now.plus_ms(600_000);
    for event in [Event::Tick, Event::Focused, Event::SyncNow, Event::Online(true)] {
        assert_eq!(requests(&desk.on(event)), []);
    }
    let effects = desk.on(Event::SignedIn);
    assert!(requests(&effects).contains(&('>', A)));
    assert_eq!(desk.engine.flags().blocked, None);
}

/// 426 blocks, and a sign-in does not help.
#[test]
fn an_old_app_is_blocked_until_it_is_updated() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.push_fails(A, 1, refused(426, ErrorCode::ClientTooOld));
    assert_eq!(requests(&desk.on(Event::SignedIn)), []);
    assert_eq!(desk.engine.flags().blocked, Some(Blocked::UpdateApp));
}

/// A32, A64, trap 11, trap 24: only a second answer removes a baby.
#[test]
fn trap_11_a_baby_is_purged_only_after_a_confirming_answer() {
    for code in [ErrorCode::AccessRevoked, ErrorCode::UnknownBaby] {
        let mut desk = Desk::quiet();
        desk.now = desk.now.plus_ms(10_000);
        desk.on(Event::Focused);
        desk.pushed(A, PushOutcome::Nothing { due_at: None });
        let effects = desk.pulled(A, PullOutcome::Refused(refused(403, code)));
        assert!(effects.contains(&Effect::CheckAccess) && !effects.contains(&Effect::Purge { baby: A }));
        let effects = desk.listed(&[A, B], &[]);
        assert!(!effects.contains(&Effect::Purge { baby: A }), "the list still has it");
        desk.now = desk.now.plus_ms(400_000);
        assert!(requests(&desk.on(Event::Tick)).contains(&('<', A)), "and it is tried again");
        desk.listed(&[A, B], &[]);
        let effects = desk.pulled(A, PullOutcome::Refused(refused(403, code)));
        assert!(effects.contains(&Effect::CheckAccess));
        assert!(desk.listed(&[B], &[A]).contains(&Effect::Purge { baby: A }));
        assert_eq!(desk.engine.active(), Some(B), "the next baby comes on screen");
        desk.now = desk.now.plus_ms(400_000);
        let seen = requests(&desk.on(Event::SyncNow));
        assert!(!seen.iter().any(|request| request.1 == A), "no more of it: {seen:?}");
    }
}

/// Trap 24: a captive portal's page is a lost answer; nothing is concluded from it.
#[test]
fn trap_24_a_captive_portal_purges_nothing() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.on(Event::Focused);
    desk.pushed(A, PushOutcome::Nothing { due_at: None });
    let effects = desk.pulled(A, PullOutcome::Refused(lost()));
    assert!(requests(&effects).is_empty() && !effects.contains(&Effect::Purge { baby: A }));
}

/// A baby that one list lacks is asked for once more before it goes.
#[test]
fn a_list_without_a_baby_is_confirmed_by_a_second_one() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(100_000);
    desk.on(Event::AccessChanged);
    let first = desk.listed(&[A], &[B]);
    assert_eq!(
        (requests(&first), first.contains(&Effect::Purge { baby: B })),
        (vec![('?', BabyId(Uuid::nil()))], false)
    );
    assert!(desk.listed(&[A], &[B]).contains(&Effect::Purge { baby: B }));
}

/// An answer that was on its way before the refusal says nothing about it.
#[test]
fn an_older_list_confirms_nothing() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    assert!(desk.on(Event::AccessChanged).contains(&Effect::CheckAccess));
    desk.on(Event::Focused);
    desk.pushed(A, PushOutcome::Nothing { due_at: None });
    desk.pulled(A, PullOutcome::Refused(refused(404, ErrorCode::UnknownBaby)));
    let effects = desk.listed(&[B], &[A]);
    assert!(effects.contains(&Effect::CheckAccess) && !effects.contains(&Effect::Purge { baby: A }));
    assert!(desk.listed(&[B], &[A]).contains(&Effect::Purge { baby: A }));
}

/// A31: a baby that was shared is pulled without a new sign-in.
#[test]
fn a_granted_baby_is_pulled_at_once() {
    let mut desk = Desk::quiet();
    let new = BabyId(Uuid::from_u128(0xc));
    desk.on(Event::AccessChanged);
    desk.listed(&[A, B, new], &[]);
    assert!(requests(&desk.settle()).contains(&('<', new)));
}

/// A42, X12: a viewer's writes become dead letters that say so.
#[test]
fn a_viewers_push_is_buried_with_its_reason() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let effects = desk.push_fails(A, 2, refused(403, ErrorCode::ReadOnly));
    assert!(effects.iter().any(|effect| {
        matches!(effect, Effect::Bury { baby: A, leased, reason: DeadReason::ReadOnly } if leased.len() == 2)
    }));
}

fn limit_of(effects: &[Effect]) -> usize {
    let limit = effects.iter().find_map(|effect| match effect {
        Effect::Push { limit, .. } => Some(limit.entries),
        _ => None,
    });
    limit.expect("a push")
}

/// B68: a request that cannot be read is tried one by one, and only the culprit dies.
#[test]
fn a_malformed_batch_is_taken_apart() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let error = || refused(400, ErrorCode::Malformed);
    let effects = desk.push_fails(A, 3, error());
    assert_eq!((released(&effects), limit_of(&effects)), (Some((None, false)), 1));
    assert_eq!(limit_of(&desk.pushed(A, settled(1))), 1);
    let leased = vec![MutationId(Uuid::nil())];
    let effects = desk.pushed(A, PushOutcome::Failed { leased, error: error() });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Bury { reason: DeadReason::Rejected { .. }, .. })));
    assert_eq!(limit_of(&effects), 1);
    assert_eq!(limit_of(&desk.pushed(A, settled(1))), 100, "whole batches again");
}

/// 413 halves the batch; a single entry that is too large dies alone.
#[test]
fn a_batch_that_is_too_large_is_halved() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let error = || refused(413, ErrorCode::BatchTooLarge);
    let mut effects = desk.push_fails(A, 8, error());
    for (sent, next) in [(4, 2), (2, 1)] {
        assert_eq!(limit_of(&effects), sent);
        let leased = (0..sent as u128).map(|n| MutationId(Uuid::from_u128(n))).collect();
        effects = desk.pushed(A, PushOutcome::Failed { leased, error: error() });
        assert_eq!(limit_of(&effects), next);
    }
    let leased = vec![MutationId(Uuid::nil())];
    let effects = desk.pushed(A, PushOutcome::Failed { leased, error: error() });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Bury { .. })));
    assert!(limit_of(&desk.pushed(A, settled(1))) > 1, "it grows again");
}

/// B71, C25: the server's failure counts against an entry that was alone, while the server is
/// otherwise well; a server that is down kills nothing.
#[test]
fn a_poison_entry_is_found_and_an_outage_kills_nothing() {
    let mut desk = Desk::quiet();
    let error = || refused(500, ErrorCode::Internal);
    desk.now = desk.now.plus_ms(10_000);
    assert!(!released(&desk.push_fails(A, 3, error())).unwrap().1, "a batch blames nobody");
    for pull_works in [true, false, true] {
        desk.now = desk.now.plus_ms(400_000);
        let effects = desk.after(0);
        let outcome = match pull_works {
            true => PullOutcome::Applied { changes: 0, has_more: false },
            false => PullOutcome::Refused(error()),
        };
        if requests(&effects).contains(&('>', A)) {
            desk.pushed(A, PushOutcome::Nothing { due_at: None });
        }
        desk.pulled(A, outcome);
        desk.now = desk.now.plus_ms(400_000);
        assert_eq!(limit_of(&desk.on(Event::Focused)), 1);
        let leased = vec![MutationId(Uuid::nil())];
        let effects = desk.pushed(A, PushOutcome::Failed { leased, error: error() });
        assert_eq!(released(&effects).unwrap().1, pull_works);
        desk.pulled(A, PullOutcome::Refused(error()));
        desk.pulled(B, PullOutcome::Refused(error()));
    }
}

/// A refusal is an answer too: an entry that makes a baby the server does not know can be poison.
#[test]
fn a_server_that_does_not_know_the_baby_is_not_down() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.push_fails(A, 1, refused(500, ErrorCode::Internal));
    desk.on(Event::Focused);
    desk.pulled(A, PullOutcome::Refused(refused(404, ErrorCode::UnknownBaby)));
    desk.listed(&[A, B], &[]);
    desk.now = desk.now.plus_ms(400_000);
    desk.on(Event::Focused);
    let leased = vec![MutationId(Uuid::nil())];
    let effects = desk.pushed(A, PushOutcome::Failed { leased, error: refused(500, ErrorCode::Internal) });
    assert!(released(&effects).unwrap().1, "it counts");
}

/// Of a server that answers without a verdict nothing is taken, and it is not asked in a loop.
#[test]
fn an_answer_without_verdicts_backs_off() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(3_000);
    desk.pushing(A, 3);
    let outcome = PushOutcome::Settled { sent: 3, settled: Settled::default() };
    assert!(!requests(&desk.pushed(A, outcome)).contains(&('>', A)));
}

/// 409 and 410 fetch all anew; again and again only with growing waits.
#[test]
fn another_history_is_fetched_anew() {
    for outcome in [
        PullOutcome::Refused(refused(409, ErrorCode::EpochChanged)),
        PullOutcome::Refused(refused(410, ErrorCode::CursorExpired)),
        PullOutcome::NotApplied(ApplyError::EpochChanged),
        PullOutcome::NotApplied(ApplyError::ChecksumMismatch),
    ] {
        let mut desk = Desk::quiet();
        desk.now = desk.now.plus_ms(10_000);
        desk.after(0);
        let effects = desk.pulled(A, outcome.clone());
        let reset = effects.iter().position(|effect| *effect == Effect::Reset { baby: A }).expect("it is dropped");
        let pull =
            effects.iter().position(|effect| matches!(effect, Effect::Pull { baby: A, .. })).expect("and pulled");
        assert!(reset < pull);
        let immediate = (0..20).filter(|_| requests(&desk.pulled(A, outcome.clone())).contains(&('<', A))).count();
        assert!(immediate < 3, "{immediate} at once");
    }
}

/// B48, B54, C50: a page that breaks a rule is shown as an error and asked for again later.
#[test]
fn a_refused_page_is_shown_and_asked_for_later() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    let effects = desk.pulled(A, PullOutcome::NotApplied(ApplyError::CursorBackward));
    assert!(matches!(&effects[..], [Effect::SetError { baby: A, error: Some(SyncError::Integrity { .. }) }]));
    assert!(desk.next_wake_ms() <= 1_000);
}

/// A39, B47: a long history goes on in the next run, so that others get their turn.
#[test]
fn a_bounded_pull_goes_on() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    let effects = desk.pulled(A, PullOutcome::Applied { changes: 25_000, has_more: true });
    assert_eq!(requests(&effects), [('<', A)]);
    desk.pulled(A, PullOutcome::Applied { changes: 25_000, has_more: true });
    desk.commit(A);
    let effects = desk.pulled(A, PullOutcome::Applied { changes: 25_000, has_more: true });
    assert_eq!(requests(&effects), [('>', A)], "a save goes in between");
}

/// B63: waits that a reload kept are respected; one that a clock jump made absurd is not.
#[test]
fn a_stored_wait_is_kept_unless_it_is_absurd() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(3_000);
    desk.pushing(A, 0);
    let soon = desk.now.plus_ms(900);
    desk.pushed(A, PushOutcome::Nothing { due_at: Some(soon) });
    assert_eq!(desk.next_wake_ms(), 900);
    let effects = desk.after(900);
    assert_eq!(requests(&effects), [('>', A)]);
    let absurd = desk.now.plus_ms(86_400_000);
    let effects = desk.pushed(A, PushOutcome::Nothing { due_at: Some(absurd) });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Push { force: true, .. })));
}

/// A clock that is set back by a day stops nothing.
#[test]
fn a_clock_set_back_does_not_stop_the_polling() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(-86_400_000);
    desk.on(Event::Tick);
    assert!(desk.next_wake_ms() <= 5_500);
    desk.settle();
    desk.now = desk.now.plus_ms(10_000);
    desk.push_fails(A, 1, lost());
    desk.settle();
    desk.now = desk.now.plus_ms(-1_800_000);
    desk.on(Event::Tick);
    let effects = desk.after(1_000);
    let made_due = effects.iter().any(|effect| matches!(effect, Effect::Push { baby: A, force: true, .. }));
    assert!(made_due, "the wait that is stored with the entry ends in time: {effects:?}");
}

#[test]
fn a_fenced_tab_tries_later_and_says_nothing() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(3_000);
    desk.pushing(A, 1);
    assert_eq!(desk.pushed(A, PushOutcome::StoreFailed(StoreError::Fenced)), []);
    assert!(desk.next_wake_ms() <= 5_500);
    desk.now = desk.now.plus_ms(10_000);
    desk.on(Event::Focused);
    let effects = desk.pushed(A, PushOutcome::StoreFailed(StoreError::Quota));
    assert!(effects.contains(&Effect::Tell(Told::StorageFailed(StoreError::Quota))), "C50");
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Commit(bool),
    Online(bool),
    Visible(bool),
    Focus,
    SyncNow,
    SignIn,
    Activate(Option<bool>),
    /// Answers the oldest open request.
    Answer(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-200_000i64..400_000).prop_map(Step::Wait),
        2 => any::<bool>().prop_map(Step::Commit),
        1 => any::<bool>().prop_map(Step::Online),
        1 => any::<bool>().prop_map(Step::Visible),
        1 => Just(Step::Focus),
        1 => Just(Step::SyncNow),
        1 => Just(Step::SignIn),
        1 => any::<Option<bool>>().prop_map(Step::Activate),
        6 => (0u8..10).prop_map(Step::Answer),
    ]
}

fn error_of(kind: u8) -> TransportError {
    match kind {
        0 => lost(),
        1 => refused(401, ErrorCode::Unauthenticated),
        2 => refused(403, ErrorCode::AccessRevoked),
        3 => refused(409, ErrorCode::EpochChanged),
        4 => refused(500, ErrorCode::Internal),
        5 => refused(400, ErrorCode::Malformed),
        _ => TransportError::Refused { status: 429, code: ErrorCode::RateLimited, retry_after_ms: Some(7_000) },
    }
}

proptest! {
    /// A50, A53, X21: whatever happens, one request per baby at a time, none while nobody may or
    /// can; and everything that failed is planned again.
    #[test]
    fn requests_never_overlap_and_never_run_when_not_allowed(
        seed: u64, steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut desk = Desk::new(Schedule::default(), seed);
        desk.on(Event::BabiesKnown(vec![A, B]));
        desk.on(Event::Activated(Some(A)));
        desk.on(Event::Started);
        for step in steps {
            let effects = match step {
                Step::Wait(ms) => desk.after(ms),
                Step::Commit(a) => desk.commit(if a { A } else { B }),
                Step::Online(online) => desk.on(Event::Online(online)),
                Step::Visible(visible) => desk.on(Event::Visible(visible)),
                Step::Focus => desk.on(Event::Focused),
                Step::SyncNow => desk.on(Event::SyncNow),
                Step::SignIn => desk.on(Event::SignedIn),
                Step::Activate(which) => desk.on(Event::Activated(which.map(|a| if a { A } else { B }))),
                Step::Answer(_) if desk.open.is_empty() => Vec::new(),
                Step::Answer(kind) => match desk.open[0].clone() {
                    Effect::Push { baby, .. } if kind > 7 => desk.pushed(baby, settled(1)),
                    Effect::Push { baby, .. } if kind > 6 => desk.pushed(baby, PushOutcome::Nothing { due_at: None }),
                    Effect::Push { baby, .. } => {
                        let leased = vec![MutationId(Uuid::nil()); 1 + usize::from(kind % 3)];
                        desk.pushed(baby, PushOutcome::Failed { leased, error: error_of(kind) })
                    }
                    Effect::Pull { baby, .. } if kind > 6 => {
                        desk.pulled(baby, PullOutcome::Applied { changes: 1, has_more: kind == 7 })
                    }
                    Effect::Pull { baby, .. } => desk.pulled(baby, PullOutcome::Refused(error_of(kind))),
                    _ if kind > 6 => desk.listed(&[A, B], &[]),
                    _ => desk.on(Event::AccessDone(AccessOutcome::Refused(error_of(kind)))),
                },
            };
            let asked = effects.iter().any(|effect| matches!(effect, Effect::Push { .. } | Effect::Pull { .. }));
            prop_assert!(!asked || desk.engine.may_sync());
            for (n, request) in desk.open.iter().enumerate() {
                let overlaps = desk.open[..n].iter().any(|other| other.baby() == request.baby());
                prop_assert!(!overlaps, "{:?}", desk.open);
            }
        }
        // Once everything is answered and allowed, something is planned for every baby.
        desk.settle();
        for event in [Event::Online(true), Event::Visible(true), Event::SignedIn, Event::Activated(Some(A))] {
            desk.on(event);
            desk.settle();
        }
        prop_assert!(desk.engine.wake_at().is_some_and(|at| at.since(desk.now) <= 3_600_000));
        prop_assert!(!desk.engine.flags().syncing);
    }
}
