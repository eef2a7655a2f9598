//! What the engine makes of pages and of other histories.

use super::*;
use crate::sync::local::Applied;

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
        let reset =
            effects.iter().position(|effect| matches!(effect, Effect::Reset { baby: A, .. })).expect("it is dropped");
        let mut effects = effects;
        if requests(&effects).contains(&('>', A)) {
            // What may be lost is sent again first.
            effects.extend(desk.pushed(A, PushOutcome::Nothing { due_at: None }));
        }
        let pull =
            effects.iter().position(|effect| matches!(effect, Effect::Pull { baby: A, .. })).expect("and pulled");
        assert!(reset < pull);
        let again = |_: &i32| {
            let mut effects = desk.pulled(A, outcome.clone());
            if requests(&effects).contains(&('>', A)) {
                effects = desk.pushed(A, PushOutcome::Nothing { due_at: None });
            }
            requests(&effects).contains(&('<', A))
        };
        let immediate = (0..20).filter(again).count();
        assert!(immediate < 3, "{immediate} at once");
    }
}

/// What another history lost, or a tab that is gone was to send, is sent without anybody saving anew;
/// and nothing is tried before its time.
#[test]
fn what_a_page_finds_waiting_is_sent() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    let report = PullReport { waiting: true, ..PullReport::default() };
    let pulled = || PullOutcome::Applied { report: report.clone(), has_more: false };
    assert!(requests(&desk.pulled(A, pulled())).contains(&('>', A)));
    let later = desk.now.plus_ms(60_000);
    desk.pushed(A, PushOutcome::Nothing { due_at: Some(later) });
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    assert!(!requests(&desk.pulled(A, pulled())).contains(&('>', A)), "it has its turn");
}

/// B40, B58.
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

/// A39, B47, B59: a long history goes on in the next run, and what a person does goes first.
#[test]
fn a_bounded_pull_goes_on() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    let effects = desk.pulled(A, applied(true));
    assert_eq!(requests(&effects), [('<', A)]);
    desk.pulled(A, applied(true));
    desk.commit(A);
    let effects = desk.pulled(A, applied(true));
    assert_eq!(requests(&effects), [('>', A)], "a save goes in between");
}

/// A34, A68, X3: the page that came with a push spares the pull after it; one that could not be
/// taken is pulled for on its own, and the push stays settled.
#[test]
fn a_page_that_came_with_a_push_is_judged_on_its_own() {
    let both = |pulled| PushOutcome::Settled {
        sent: 1,
        settled: Settled { acked: 1, ..Settled::default() },
        pulled: Some(pulled),
    };
    let mut desk = Desk::quiet();
    desk.pushing(A, 1);
    assert_eq!(requests(&desk.pushed(A, both(applied(false)))), [('>', A)], "perhaps there is more");
    assert_eq!(requests(&desk.pushed(A, PushOutcome::Nothing { due_at: None })), [], "nothing to pull for");
    assert!(desk.next_wake_ms() >= 4_500);
    desk.pushing(A, 1);
    let effects = desk.pushed(A, both(PullOutcome::NotApplied(ApplyError::ChecksumMismatch)));
    assert!(effects.contains(&Effect::Reset { baby: A, resend: false }));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Release { .. } | Effect::Bury { .. })));
    let effects = desk.pushed(A, PushOutcome::Nothing { due_at: None });
    assert_eq!(requests(&effects), [('<', A)]);
}

/// A68: after a failure the push goes alone, and so it does while the server wants no pulls.
#[test]
fn a_pull_that_cannot_be_answered_never_holds_up_a_push() {
    let alone = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Push { baby: A, alone, .. } => Some(*alone),
            _ => None,
        })
    };
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    assert_eq!(alone(&desk.commit(A)), Some(false));
    let leased = vec![MutationId(Uuid::nil())];
    desk.pushed(A, PushOutcome::Failed { leased, error: refused(500, ErrorCode::Internal) });
    desk.settle();
    desk.now = desk.now.plus_ms(10_000);
    assert_eq!(alone(&desk.on(Event::Focused)), Some(true), "the one after a failure");
    desk.settle();
    desk.now = desk.now.plus_ms(10_000);
    assert_eq!(alone(&desk.commit(A)), Some(false), "and only that one");
    desk.settle();
    desk.now = desk.now.plus_ms(60_000);
    desk.on(Event::Tick);
    let code = ErrorCode::RateLimited;
    desk.pulled(A, PullOutcome::Refused(TransportError::Refused { status: 429, code, retry_after_ms: Some(60_000) }));
    desk.now = desk.now.plus_ms(1_000);
    assert_eq!(alone(&desk.commit(A)), Some(true));
}

/// B41: the pages of a run are added up, by type where something could not be read.
#[test]
fn a_report_adds_up_its_pages() {
    let unread = std::collections::BTreeMap::from([("moon_log".to_owned(), 2)]);
    let page = Applied { changes: 5, unread, orphans: 1, cursor: 9, has_more: true, waiting: false };
    let mut report = PullReport::default();
    report.add(page.clone());
    report.add(page);
    assert_eq!((report.pages, report.applied, report.failed, report.orphans), (2, 6, 4, 2));
    assert_eq!(report.failed_by_type["moon_log"], 4);
}

/// B55: a check that could not run is told as that, not as a copy that differs.
#[test]
fn a_check_that_could_not_run_is_shown_as_unknown() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    desk.after(0);
    let error = ApplyError::CheckExecution(StoreError::Failed("disk".into()));
    let effects = desk.pulled(A, PullOutcome::NotApplied(error));
    assert!(matches!(&effects[..], [Effect::SetError { error: Some(SyncError::IntegrityUnknown { .. }), .. }]));
}
