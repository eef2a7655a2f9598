//! What reading and letting go cost: by what is shown, not by how much there is.

use super::*;

const DAY_MS: i64 = 86_400_000;

/// A sleep every six hours for so many days up to now. Every tenth is deleted, and the last one runs.
fn log_of(days: u128) -> Vec<Row> {
    let count = days * 4;
    let sleep = |n: u128| {
        let at = now().plus_ms(-(i64::try_from(count - n).unwrap() * DAY_MS / 4));
        let mut values = json!({ "startedAt": at });
        if n < count {
            values["endedAt"] = json!(at.plus_ms(3_600_000));
        }
        let mut row = server_row(n + 1, u64::try_from(n).unwrap(), values);
        row.server.deleted_at = (n % 10 == 3).then(|| now().plus_ms(i64::try_from(n).unwrap()));
        row
    };
    (1..=count).map(sleep).collect()
}

fn copy_start(days: u128) -> Option<Timestamp> {
    log_of(days)[0].started_at()
}

fn copy_of(rows: &[Row]) -> Copy {
    let copy = Copy::new();
    let lead = copy.lead();
    run(copy.store.apply(lead, BABY, now(), 0, &page(0, rows))).unwrap();
    copy
}

/// A five-year history opens as a week's does: every screen is a range of an index.
#[test]
fn a_screen_reads_the_rows_it_shows_however_long_the_log_is() {
    for days in [7, 400] {
        let copy = copy_of(&log_of(days));
        let shown = |select, limit| {
            let before = copy.store.db.handed_out();
            let query = Query { baby_id: BABY, types: vec![EntityType::SLEEP_LOG], select, limit };
            let rows = run(copy.store.query(&query)).unwrap();
            assert_eq!(copy.store.db.handed_out() - before, rows.len(), "{days} days: {query:?}");
            rows
        };
        let day = Select::Started { from: now().plus_ms(-DAY_MS), to: now() };
        assert!((3..=4).contains(&shown(day, None).len()), "a day of the timeline");
        assert_eq!(shown(Select::Latest, Some(20)).len(), 20, "the tiles");
        assert_eq!(shown(Select::Running, None).len(), 1, "the timers");
        let bin = shown(Select::Deleted { since: now() }, Some(2));
        assert!(bin.len() == 2 && bin[0].server.deleted_at > bin[1].server.deleted_at, "the bin, newest first");
        let last = bin[0].server.deleted_at.unwrap();
        assert_eq!(shown(Select::Deleted { since: last }, None).len(), 1, "what was deleted earlier is not read");
        let first = shown(Select::Earliest, None);
        assert_eq!(first[0].started_at(), copy_start(days), "how far back the log goes");
    }
}

/// A long log is dropped without being read: for a copy that differs, and when access ends.
#[test]
fn a_copy_is_dropped_without_being_read() {
    let rows = log_of(100);
    let reset = |copy: &Copy, lead| run(copy.store.reset(lead, BABY, false)).unwrap();
    let purge = |copy: &Copy, lead| assert_eq!(run(copy.store.purge(lead, BABY, now())), Ok(0));
    for drop_copy in [reset as fn(&Copy, Epoch), purge] {
        let copy = copy_of(&rows);
        let before = copy.store.db.handed_out();
        drop_copy(&copy, copy.lead());
        assert_eq!(copy.store.db.handed_out(), before);
        assert!(copy.db.disk().table(Table::Rows(EntityType::SLEEP_LOG)).is_empty());
    }
}
