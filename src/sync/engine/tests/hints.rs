//! The server's hints: a nudge, never more.

use super::*;

fn pulls(effects: &[Effect]) -> Vec<(BabyId, Unless)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Pull { baby, unless } => Some((*baby, *unless)),
            _ => None,
        })
        .collect()
}

/// B73, C48, X2: a hint pulls that baby at once, however fresh it is, unless the cursor is there.
#[test]
fn a_hint_pulls_its_baby_at_once() {
    let mut desk = Desk::quiet();
    desk.now = desk.now.plus_ms(100);
    assert_eq!(pulls(&desk.on(Event::Hinted { baby: B, head: 7 })), [(B, Unless::Reached(7))]);
    assert_eq!(desk.on(Event::Hinted { baby: B, head: 9 }), [], "one request at a time");
    desk.on(Event::Hinted { baby: B, head: 8 });
    assert_eq!(pulls(&desk.pulled(B, applied(false))), [(B, Unless::Reached(9))], "the latest word counts");
    assert_eq!(pulls(&desk.pulled(B, PullOutcome::Fresh)), []);
    assert!(desk.next_wake_ms() > 2_500);
}

/// X2, A33, C48: every 30 s while hints come in, every 5 s when they do not, and soon after they stop.
#[test]
fn polling_slows_down_while_hints_come_in() {
    let mut desk = Desk::quiet();
    let pulls_in = |desk: &mut Desk, ms: i64| {
        let end = desk.now.plus_ms(ms);
        let mut count = 0;
        while let Some(at) = desk.engine.wake_at().filter(|at| *at <= end) {
            desk.now = at;
            desk.on(Event::Tick);
            count += pulls(&desk.settle()).iter().filter(|(baby, _)| *baby == A).count();
        }
        desk.now = end;
        count
    };
    desk.on(Event::HintsConnected(true));
    assert_eq!(pulls_in(&mut desk, 6_000), 1, "what was missed before they came in");
    assert!((3..=5).contains(&pulls_in(&mut desk, 120_000)));
    desk.on(Event::HintsConnected(false));
    assert_eq!(pulls_in(&mut desk, 6_000), 1, "what was missed since they stopped");
    assert!((20..=27).contains(&pulls_in(&mut desk, 120_000)));
}

/// A50, A53, C18: nobody listens while nothing may be requested, nor when hints are switched off (A33).
#[test]
fn hints_are_wanted_while_they_are_of_use() {
    let mut desk = Desk::quiet();
    assert!(desk.engine.wants_hints());
    for (off, on) in [
        (Event::Visible(false), Event::Visible(true)),
        (Event::Online(false), Event::Online(true)),
        (Event::Activated(None), Event::Activated(Some(A))),
    ] {
        desk.on(off.clone());
        assert!(!desk.engine.wants_hints(), "{off:?}");
        desk.on(on);
        desk.settle();
        assert!(desk.engine.wants_hints());
    }
    desk.now = desk.now.plus_ms(3_000);
    desk.push_fails(A, 1, refused(401, ErrorCode::Unauthenticated));
    assert!(!desk.engine.wants_hints(), "signed out");
    let mut desk = Desk::new(Schedule { hints: false, ..Schedule::default() }, 1);
    desk.on(Event::Activated(Some(A)));
    desk.on(Event::Started);
    assert!(!desk.engine.wants_hints() && desk.engine.may_sync());
}

/// A31: a hint about a baby that this device does not know asks for the list, once; a hint of
/// version 0 says that access to a known one has changed.
#[test]
fn a_hint_about_access_asks_for_the_list() {
    let mut desk = Desk::quiet();
    let new = BabyId(Uuid::from_u128(0xc));
    assert!(desk.on(Event::Hinted { baby: new, head: 3 }).contains(&Effect::CheckAccess));
    desk.listed(&[A, B], &[]);
    assert_eq!(desk.on(Event::Hinted { baby: new, head: 4 }), [], "not with every hint");
    assert!(desk.on(Event::Hinted { baby: A, head: 0 }).contains(&Effect::CheckAccess));
    desk.listed(&[A, B, new], &[]);
    assert!(requests(&desk.settle()).contains(&('<', new)));
}
