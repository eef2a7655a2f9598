//! When the engine pushes and pulls, and when it keeps quiet.

use super::*;

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

/// A45, B64, C11.
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
    desk.pulled(B, applied(false));
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

/// A31, A50: nobody listens for the first baby of an account; it comes to a device that is looked at or
/// connected again, once for each time.
#[test]
fn a_device_without_a_baby_asks_for_the_first_when_it_is_looked_at() {
    let mut desk = Desk::new(Schedule::default(), 1);
    desk.on(Event::Started);
    desk.listed(&[], &[]);
    assert_eq!((desk.engine.wake_at(), desk.engine.wants_hints()), (None, false));
    let list = [('?', BabyId(Uuid::nil()))];
    for (off, on) in [
        (Event::Tick, Event::Focused),
        (Event::Visible(false), Event::Visible(true)),
        (Event::Online(false), Event::Online(true)),
    ] {
        desk.now = desk.now.plus_ms(10_000);
        assert_eq!(requests(&desk.on(off)), []);
        assert_eq!(requests(&desk.on(on)), list);
        assert_eq!(requests(&desk.on(Event::Focused)), [], "what is asked already is not asked again");
        desk.listed(&[], &[]);
        assert_eq!(desk.engine.wake_at(), None);
    }
    desk.on(Event::Focused);
    desk.listed(&[A], &[]);
    desk.on(Event::Activated(Some(A)));
    assert!(requests(&desk.settle()).contains(&('<', A)));
}

/// A31, A50: who asked to be let in hears the answer: by a hint at once, else with the next list, which is
/// asked for once a minute. With the answer, whatever it is, that ends.
#[test]
fn who_asked_to_be_let_in_waits_for_the_answer() {
    let mut desk = Desk::new(Schedule::default(), 1);
    desk.on(Event::Started);
    let asked = |asked| {
        Event::AccessDone(AccessOutcome::Listed {
            listed: vec![],
            spared: vec![],
            gone: vec![],
            visited: vec![],
            asked,
        })
    };
    let list = [('?', BabyId(Uuid::nil()))];
    desk.on(asked(false));
    assert_eq!((desk.engine.wake_at(), desk.engine.wants_hints()), (None, false), "nothing to wait for");
    assert_eq!(requests(&desk.on(Event::AccessChanged)), list, "they have asked");
    desk.on(asked(true));
    assert!(desk.engine.wants_hints());
    for _ in 0..3 {
        assert!((54_000..=66_000).contains(&desk.next_wake_ms()), "{}", desk.next_wake_ms());
        desk.now = desk.engine.wake_at().unwrap();
        assert_eq!(requests(&desk.on(Event::Tick)), list);
        desk.on(asked(true));
    }
    assert_eq!(requests(&desk.on(Event::Hinted { baby: A, head: 3 })), list);
    for (off, on) in [(Event::Visible(false), Event::Visible(true)), (Event::Online(false), Event::Online(true))] {
        desk.on(off);
        assert_eq!((desk.engine.wake_at(), desk.engine.wants_hints()), (None, false));
        desk.on(on);
    }
    desk.on(asked(false));
    desk.on(asked(false));
    assert_eq!((desk.engine.wake_at(), desk.engine.wants_hints()), (None, false), "the owner said no");
}

/// A53, B64: hidden means silent; showing the tab again flushes and pulls (A61).
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

/// A19, A53, B64, C11: focus pulls at once, but not what was pulled in the last 2.5 s.
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
            Effect::Pull { baby: A, unless: Unless::PulledWithin(ms) } => Some(*ms),
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

/// B59, X21, C13, C27, X2: a person's wish bypasses the debounce and resets the retries.
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
    assert!([A, B].iter().all(|baby| seen.contains(&Effect::Pull { baby: *baby, unless: Unless::PulledWithin(0) })));
    desk.now = desk.now.plus_ms(1_000);
    let effects = desk.push_fails(A, 1, lost());
    let (at, _) = released(&effects).unwrap();
    assert!(at.is_none_or(|at| at.since(desk.now) <= 1_000), "the first wait again");
}

/// B10, C16.
/// A63, A20: start flushes first, then pulls; before the first paint nothing is requested (B62).
#[test]
fn start_flushes_then_pulls() {
    let mut desk = Desk::new(Schedule::default(), 1);
    assert_eq!(requests(&desk.on(Event::BabiesKnown(vec![A]))), []);
    assert_eq!(requests(&desk.on(Event::Activated(Some(A)))), []);
    assert_eq!(requests(&desk.on(Event::Started)), [('?', BabyId(Uuid::nil())), ('>', A)]);
    assert_eq!(requests(&desk.pushed(A, PushOutcome::Nothing { due_at: None })), [('<', A)]);
}

/// C18, A52: it can be switched off.
#[test]
fn a_disabled_schedule_requests_nothing() {
    let schedule = Schedule { enabled: false, ..Schedule::default() };
    let mut desk = Desk::new(schedule, 1);
    desk.on(Event::Activated(Some(A)));
    for event in [Event::Started, Event::SyncNow, Event::Focused] {
        assert_eq!(requests(&desk.on(event)), []);
    }
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
