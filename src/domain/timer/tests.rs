use proptest::prelude::*;
use serde_json::json;

use super::*;

const FEED: EntityType = EntityType::FEED_LOG;
const SLEEP: EntityType = EntityType::SLEEP_LOG;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_ms(minute * 60_000)
}

fn minutes(ms: i64) -> i64 {
    ms / 60_000
}

fn sleep(start: i64) -> Fields {
    Fields::from_iter([("startedAt".to_owned(), json!(at(start)))])
}

fn nursing(side: &str, start: i64) -> Fields {
    let segment = json!([{"side": side, "startedAt": at(start)}]);
    let fields = json!({"startedAt": at(start), "method": "breast", "segments": segment});
    serde_json::from_value(fields).unwrap()
}

fn end(fields: &Fields) -> Option<Timestamp> {
    read::instant(fields, "endedAt")
}

/// As the device and the server judge a whole entry.
fn assert_kept(entity_type: EntityType, fields: &Fields) {
    assert_eq!(entity_type.canonical(fields).as_ref(), Ok(fields), "{entity_type}");
    assert_eq!(entity_type.check(fields), Ok(()), "{entity_type}");
}

#[test]
fn a_pause_does_not_count() {
    let mut nap = sleep(0);
    pause(SLEEP, &mut nap, at(20));
    assert_eq!((paused_at(&nap), minutes(elapsed_ms(&nap, at(30)))), (Some(at(20)), 20));
    resume(SLEEP, &mut nap, at(35));
    assert_eq!((paused_at(&nap), minutes(elapsed_ms(&nap, at(45)))), (None, 30));
    stop(SLEEP, &mut nap, at(50));
    assert_eq!((end(&nap), minutes(elapsed_ms(&nap, at(999)))), (Some(at(50)), 35));
    assert_kept(SLEEP, &nap);
}

#[test]
fn a_nursing_session_pauses_goes_on_and_switches() {
    let mut feed = nursing("left", 0);
    pause(FEED, &mut feed, at(4));
    assert_eq!((paused_at(&feed), side(&feed)), (Some(at(4)), Some("left")));
    resume(FEED, &mut feed, at(6));
    switch(FEED, &mut feed, "right", at(9));
    assert_eq!(side(&feed), Some("right"));
    stop(FEED, &mut feed, at(12));
    let of = |side| minutes(side_ms(&feed, side, at(999)));
    assert_eq!((of("left"), of("right"), minutes(elapsed_ms(&feed, at(999)))), (7, 3, 10));
    assert_eq!((end(&feed), read::text(&feed, "endSide")), (Some(at(12)), Some("right")));
    assert_kept(FEED, &feed);
}

/// Who paused and went away did not go on for an hour.
#[test]
fn what_is_stopped_while_it_stands_still_ended_there() {
    let (mut nap, mut feed) = (sleep(0), nursing("left", 0));
    pause(SLEEP, &mut nap, at(20));
    stop(SLEEP, &mut nap, at(80));
    assert_eq!((end(&nap), minutes(elapsed_ms(&nap, at(99)))), (Some(at(20)), 20));
    assert!(!nap.contains_key("pauses"));
    pause(FEED, &mut feed, at(7));
    stop(FEED, &mut feed, at(80));
    assert_eq!((end(&feed), minutes(elapsed_ms(&feed, at(99)))), (Some(at(7)), 7));
}

/// Two phones' clocks differ: the second one may stop a timer "before" it began.
#[test]
fn a_stop_before_the_start_still_makes_a_span_that_can_be_true() {
    let mut feed = nursing("left", 10);
    switch(FEED, &mut feed, "right", at(8));
    stop(FEED, &mut feed, at(5));
    assert_eq!(end(&feed), Some(at(10)));
    assert_kept(FEED, &feed);
}

#[test]
fn moving_the_start_moves_what_is_over_and_stretches_what_runs() {
    let mut feed = nursing("left", 10);
    switch(FEED, &mut feed, "right", at(20));
    move_start(&mut feed, at(5));
    assert_eq!((minutes(side_ms(&feed, "left", at(25))), minutes(side_ms(&feed, "right", at(25)))), (15, 5));
    stop(FEED, &mut feed, at(30));
    move_start(&mut feed, at(105));
    assert_eq!((end(&feed), minutes(elapsed_ms(&feed, at(999)))), (Some(at(130)), 25));
    let mut nap = sleep(0);
    pause(SLEEP, &mut nap, at(10));
    resume(SLEEP, &mut nap, at(20));
    move_start(&mut nap, at(15));
    assert_eq!(minutes(elapsed_ms(&nap, at(30))), 10, "a pause before the new start is cut off");
    assert_kept(SLEEP, &nap);
}

#[test]
fn a_span_that_is_over_is_neither_paused_nor_gone_on_with() {
    let mut nap = sleep(0);
    stop(SLEEP, &mut nap, at(9));
    let before = nap.clone();
    pause(SLEEP, &mut nap, at(10));
    resume(SLEEP, &mut nap, at(11));
    assert_eq!(nap, before);
}

#[test]
fn of_two_stops_the_earlier_one_is_the_end() {
    let stopped_at = |minute| {
        let mut feed = nursing("left", 0);
        stop(FEED, &mut feed, at(minute));
        feed
    };
    let (first, second) = (stopped_at(10), stopped_at(200));
    for standing in [Standing::Won, Standing::Lost] {
        assert_eq!(agreed(FEED, &first, &second, standing).as_ref(), Some(&first));
        assert_eq!(agreed(FEED, &second, &first, standing).as_ref(), Some(&first));
    }
}

#[test]
fn a_stop_stays_whatever_else_was_changed() {
    let (mut switched, mut stopped) = (nursing("left", 0), nursing("left", 0));
    switch(FEED, &mut switched, "right", at(5));
    stop(FEED, &mut stopped, at(10));
    // The stop lost by the clock; the switch won by it.
    for (theirs, mine, standing) in [(&switched, &stopped, Standing::Lost), (&stopped, &switched, Standing::Won)] {
        let after = agreed(FEED, theirs, mine, standing).unwrap();
        assert_eq!((end(&after), minutes(side_ms(&after, "left", at(99)))), (Some(at(10)), 5));
        assert_eq!(minutes(side_ms(&after, "right", at(99))), 5);
        assert_kept(FEED, &after);
    }
    assert_eq!(agreed(FEED, &stopped, &switched, Standing::Lost), None, "the switch is told that it lost");
    assert_eq!(agreed(FEED, &switched, &switched, Standing::Won), None);
    let mut moved = switched.clone();
    move_start(&mut moved, at(-5));
    assert_eq!(agreed(FEED, &moved, &stopped, Standing::Lost), None, "two starts: one of them has to be told");
}

/// One press of a button of a timer.
#[derive(Clone, Copy, Debug)]
enum Press {
    Pause,
    Resume,
    Switch(bool),
    Stop,
    Move,
}

fn press() -> impl Strategy<Value = (Press, i64)> {
    let which = prop_oneof![
        Just(Press::Pause),
        Just(Press::Resume),
        any::<bool>().prop_map(Press::Switch),
        Just(Press::Stop),
        Just(Press::Move),
    ];
    // Clocks of several phones: not in order.
    (which, -30i64..90)
}

proptest! {
    /// Whatever is pressed, by whichever clock: the entry can be saved, is never longer than from its start to
    /// its end, and stays so when it is read again.
    #[test]
    fn any_presses_leave_a_span_that_can_be_true(presses in proptest::collection::vec(press(), 0..12)) {
        for entity_type in [SLEEP, FEED, EntityType::PUMPING_LOG, EntityType::ACTIVITY_LOG] {
            let mut fields = sleep(0);
            fields.extend([("method", json!("breast")), ("kind", json!("walk"))].into_iter().filter_map(|(name, value)| {
                let field = entity_type.field(name)?;
                field.kind.canonical(&value).ok().map(|value| (name.to_owned(), value))
            }));
            for (press, minute) in &presses {
                match press {
                    Press::Pause => pause(entity_type, &mut fields, at(*minute)),
                    Press::Resume => resume(entity_type, &mut fields, at(*minute)),
                    Press::Switch(left) => {
                        switch(entity_type, &mut fields, if *left { "left" } else { "right" }, at(*minute));
                    }
                    Press::Stop => stop(entity_type, &mut fields, at(*minute)),
                    Press::Move => move_start(&mut fields, at(*minute)),
                }
                prop_assert_eq!(entity_type.canonical(&fields), Ok(fields.clone()));
                prop_assert_eq!(entity_type.check(&fields), Ok(()));
                let (start, end) = (read::instant(&fields, "startedAt").unwrap(), end(&fields));
                let elapsed = elapsed_ms(&fields, at(500));
                prop_assert!((0..=end.unwrap_or(at(500)).since(start).max(0)).contains(&elapsed), "{:?}", fields);
                prop_assert!(end.is_none() || paused_at(&fields).is_none());
            }
        }
    }
}
