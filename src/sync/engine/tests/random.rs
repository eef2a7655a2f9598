//! Whatever happens, in any order.

use proptest::prelude::*;

use super::*;

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
    /// A50, A53, B59, B79, X21: whatever happens, one request per baby at a time, none while nobody may or
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
                        desk.pulled(baby, applied(kind == 7))
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
