//! What becomes of refusals, lost answers and a failing store.

use super::*;
use crate::sync::fault::Fault;

/// A65, C24, C26, X17: lost answers never count, and wait longer and longer with jitter (B66).
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

/// B74, A67, A68: a failing push does not stop the pull, nor one baby another.
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

/// B65.
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

/// C19.
/// 426 blocks, and a sign-in does not help.
#[test]
fn an_old_app_is_blocked_until_it_is_updated() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.push_fails(A, 1, refused(426, ErrorCode::ClientTooOld));
    assert_eq!(requests(&desk.on(Event::SignedIn)), []);
    assert_eq!(desk.engine.flags().blocked, Some(Blocked::UpdateApp));
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

/// B07, B27.
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
            true => applied(false),
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
    let outcome = PushOutcome::Settled { sent: 3, settled: Settled::default(), pulled: None };
    assert!(!requests(&desk.pushed(A, outcome)).contains(&('>', A)));
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

/// B65, B27, B67: what trying again cannot help becomes a dead letter when it is alone, and nothing
/// else does; what needs a person or a second answer waits for it.
#[test]
fn exactly_what_cannot_be_retried_is_buried() {
    let codes = [
        (400, ErrorCode::Malformed),
        (401, ErrorCode::Unauthenticated),
        (403, ErrorCode::AccessRevoked),
        (403, ErrorCode::ReadOnly),
        (404, ErrorCode::UnknownBaby),
        (404, ErrorCode::NotFound),
        (409, ErrorCode::EpochChanged),
        (410, ErrorCode::CursorExpired),
        (413, ErrorCode::BatchTooLarge),
        (422, ErrorCode::Other),
        (426, ErrorCode::ClientTooOld),
        (429, ErrorCode::RateLimited),
        (500, ErrorCode::Internal),
        (503, ErrorCode::Overloaded),
        (502, ErrorCode::Other),
    ];
    let errors = codes.map(|(status, code)| refused(status, code));
    for error in errors.into_iter().chain([lost()]) {
        let mut desk = Desk::quiet();
        desk.now = desk.now.plus_ms(10_000);
        let fault = Fault::from(&error);
        let effects = desk.push_fails(A, 1, error);
        let buried = effects.iter().any(|effect| matches!(effect, Effect::Bury { .. }));
        let waits = matches!(fault, Fault::Unauthenticated | Fault::ClientTooOld | Fault::AccessRevoked);
        assert_eq!(buried, !fault.retryable() && !waits, "{}", fault.code());
    }
}
