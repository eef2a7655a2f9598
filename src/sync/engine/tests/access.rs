//! Babies that come and go.

use super::*;

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

/// Two tabs: the one that made a baby died before it could tell the other, which finds it in the list.
#[test]
fn a_baby_that_another_tab_made_and_did_not_tell_of_is_sent() {
    let mut desk = Desk::quiet();
    let new = BabyId(Uuid::from_u128(0xc));
    desk.on(Event::AccessChanged);
    desk.on(Event::AccessDone(AccessOutcome::Listed {
        listed: vec![A, B],
        spared: vec![new],
        gone: Vec::new(),
        asked: false,
        visited: Vec::new(),
    }));
    assert!(requests(&desk.settle()).contains(&('>', new)));
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

/// B27, A42, X12: a viewer's writes become dead letters that say so.
#[test]
fn a_viewers_push_is_buried_with_its_reason() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(10_000);
    let effects = desk.push_fails(A, 2, refused(403, ErrorCode::ReadOnly));
    assert!(effects.iter().any(|effect| {
        matches!(effect, Effect::Bury { baby: A, leased, reason: DeadReason::ReadOnly } if leased.len() == 2)
    }));
}

const PURGE: Effect = Effect::Purge { baby: B };
const HAND_OVER: Effect = Effect::HandOver { baby: B };

/// A guest of `B`, whose time is over for certain.
fn ended() -> Desk {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(100_000);
    desk.on(Event::AccessChanged);
    let first = desk.stay_ended(&[A], &[B]);
    assert!(!first.contains(&HAND_OVER) && !first.contains(&PURGE), "one answer alone ends nothing");
    let early = desk.stay_ended(&[A], &[B]);
    assert!(!early.contains(&HAND_OVER) && !early.contains(&PURGE), "what is under way comes back first");
    let second = desk.pulled(B, PullOutcome::Refused(refused(403, ErrorCode::AccessRevoked)));
    assert!(!requests(&second).iter().any(|request| request.1 == B));
    assert!(second.contains(&HAND_OVER) && !second.contains(&PURGE));
    desk
}

/// A guest's unsent work is offered before anything goes, and nothing else is asked about the baby meanwhile.
#[test]
fn a_guests_work_is_handed_over_before_the_baby_goes() {
    let mut desk = ended();
    desk.now = desk.now.plus_ms(100_000);
    let seen = desk.on(Event::SyncNow);
    assert!(!requests(&seen).iter().any(|request| request.1 == B), "{seen:?}");
    assert!(!desk.stay_ended(&[A], &[B]).contains(&HAND_OVER), "once at a time");
    assert!(desk.handed_over(B, HandOver::Done).contains(&PURGE));
    desk.settle();
    assert!(!desk.engine.flags().syncing);
}

/// A failure is no end: the list is asked again after a while, and then the tray, a few times in all.
#[test]
fn what_could_not_be_handed_over_is_offered_again_and_not_for_ever() {
    let mut desk = ended();
    for _ in 0..4 {
        let busy = TransportError::Refused { status: 429, code: ErrorCode::RateLimited, retry_after_ms: Some(7_000) };
        assert!(!desk.handed_over(B, HandOver::Refused(busy)).contains(&PURGE));
        desk.after(6_000);
        desk.answer_no();
        assert!(!desk.stay_ended(&[A], &[B]).contains(&HAND_OVER), "the server wants rest");
        desk.after(400_000);
        let mut seen = desk.stay_ended(&[A], &[B]);
        seen.extend(desk.answer_no());
        assert!(seen.contains(&HAND_OVER));
    }
    assert!(desk.handed_over(B, HandOver::Refused(lost())).contains(&PURGE), "what is left is kept as letters");
}

/// An owner may put the end off while the device is at it.
#[test]
fn a_guest_who_may_stay_after_all_goes_on() {
    let mut desk = ended();
    let effects = desk.handed_over(B, HandOver::Refused(refused(403, ErrorCode::Other)));
    assert!(!effects.contains(&PURGE));
    desk.after(400_000);
    desk.listed(&[A, B], &[]);
    desk.settle();
    desk.now = desk.now.plus_ms(400_000);
    assert!(requests(&desk.on(Event::SyncNow)).contains(&('>', B)));
}

/// Too late, or a server that knows no trays: the baby goes at once, as whenever access ends.
#[test]
fn a_tray_that_is_closed_holds_nothing_up() {
    for code in [ErrorCode::AccessRevoked, ErrorCode::NotFound] {
        let mut desk = ended();
        assert!(desk.handed_over(B, HandOver::Refused(refused(404, code))).contains(&PURGE));
    }
}
