//! The first copy, page by page.

use super::*;
use crate::sync::{protocol::SnapshotResponse, status::Progress};

const HISTORY: Uuid = Uuid::from_u128(0xEE);

fn rows_page(rows: &[Row], version: u64, next: Option<&str>) -> SnapshotResponse {
    SnapshotResponse {
        rows: rows.iter().map(change).collect(),
        snapshot_version: version,
        next: next.map(Into::into),
        has_more: next.is_some(),
        epoch: HISTORY,
        live_rows: 3,
        server_time: now(),
    }
}

fn sleep(n: u128, version: u64) -> Row {
    server_row(n, version, json!({"startedAt": "2026-11-20T01:00:00.000Z", "notes": format!("v{version}")}))
}

fn page_after(since: u64, rows: &[Row], all: &[Row]) -> PullResponse {
    let whole = page(0, all);
    PullResponse { head: whole.head, checksum: whole.checksum, live_rows: whole.live_rows, ..page(since, rows) }
}

/// A16, A40, A66, X16: page by page, each with its place in one transaction; after the last one the
/// pull goes on from the version that the first page began at, and rows that changed meanwhile come
/// out exact.
#[test]
fn a_first_copy_is_fetched_in_pages_and_goes_on_where_it_was() {
    let copy = Copy::new();
    let lead = copy.lead();
    let first = rows_page(&[sleep(2, 1), sleep(3, 2)], 4, Some("a"));
    run(copy.store.apply_snapshot(lead, BABY, None, &first)).unwrap();
    let again = run(copy.store.apply_snapshot(lead, BABY, None, &first));
    assert_eq!(again, Err(ApplyError::CursorMoved), "a page is stored once");
    let status = run(copy.store.status()).unwrap();
    assert_eq!(status.babies[0].bootstrapping, Some(Progress { rows: 2, of: Some(3) }));

    let store = run(LocalStore::open(copy.db.reopen(), now(), &copy.entropy)).unwrap();
    let meta = run(store.meta(BABY)).unwrap();
    assert_eq!((meta.cursor, meta.epoch, meta.bootstrap.unwrap().next.as_deref()), (0, None, Some("a")));
    // Entry 4 was at version 3 when the first page was written, and is at 5 now.
    run(store.apply_snapshot(lead, BABY, Some("a"), &rows_page(&[sleep(4, 5)], 4, None))).unwrap();
    let meta = run(store.meta(BABY)).unwrap();
    assert_eq!((meta.cursor, meta.epoch, meta.bootstrap, meta.bootstrapped), (4, Some(HISTORY), None, false));
    let rows = [sleep(2, 1), sleep(4, 5), sleep(3, 6)];
    let applied = run(store.apply(lead, BABY, now(), 4, &page_after(4, &rows[1..], &rows))).unwrap();
    assert_eq!((applied.changes, applied.cursor), (1, 6), "the row that was here already is passed");
    assert!(run(store.meta(BABY)).unwrap().bootstrapped);
    assert_eq!(run(store.status()).unwrap().babies[0].bootstrapping, None);
    assert_eq!((copy.row(3), copy.row(4)), (Some(sleep(3, 6)), Some(sleep(4, 5))));
}

/// A first copy that went wrong is found out at the head.
#[test]
fn a_snapshot_that_lacks_a_row_does_not_pass_the_gate() {
    let copy = Copy::new();
    let lead = copy.lead();
    run(copy.store.apply_snapshot(lead, BABY, None, &rows_page(&[sleep(2, 1)], 2, None))).unwrap();
    let tail = page_after(2, &[], &[sleep(2, 1), sleep(3, 2)]);
    assert_eq!(run(copy.store.apply(lead, BABY, now(), 2, &tail)), Err(ApplyError::ChecksumMismatch));
}

/// A server that was restored from a backup in mid-fetch is noticed.
#[test]
fn pages_of_two_histories_are_not_mixed() {
    let copy = Copy::new();
    let lead = copy.lead();
    run(copy.store.apply_snapshot(lead, BABY, None, &rows_page(&[sleep(2, 1)], 4, Some("a")))).unwrap();
    for other in [
        SnapshotResponse { epoch: Uuid::nil(), ..rows_page(&[], 4, None) },
        SnapshotResponse { snapshot_version: 5, ..rows_page(&[], 4, None) },
    ] {
        let applied = run(copy.store.apply_snapshot(lead, BABY, Some("a"), &other));
        assert_eq!(applied, Err(ApplyError::EpochChanged));
    }
    let endless = run(copy.store.apply_snapshot(lead, BABY, Some("a"), &rows_page(&[], 4, Some("a"))));
    assert!(matches!(endless, Err(ApplyError::Malformed(_))));
}

/// B02, A40: a crash at any storage step of a page leaves the page before it or this one, whole.
#[test]
fn a_page_of_a_snapshot_is_stored_whole_or_not_at_all() {
    let fetch = |crash: Option<Crash>| {
        let copy = Copy::new();
        let lead = copy.lead();
        let before = copy.store.db.operations();
        match crash {
            Some(Crash::Before(n)) => copy.store.db.crash_at(Crash::Before(before + n)),
            Some(Crash::After(n)) => copy.store.db.crash_at(Crash::After(before + n)),
            None => {}
        }
        let page = rows_page(&[sleep(2, 1), sleep(3, 2)], 4, Some("a"));
        // The process may have ended; what is on the disk is what counts.
        let _ = run(copy.store.apply_snapshot(lead, BABY, None, &page));
        let operations = copy.store.db.operations() - before;
        let after = run(LocalStore::open(copy.db.reopen(), now(), &copy.entropy)).unwrap();
        let meta = run(after.meta(BABY)).unwrap();
        let rows = copy.db.disk().table(Table::Rows(EntityType::SLEEP_LOG)).len() as u64;
        assert_eq!((meta.live_rows, meta.bootstrap.is_some()), (rows, rows == 2), "{crash:?}");
        operations
    };
    let operations = fetch(None);
    for n in 1..=operations {
        fetch(Some(Crash::Before(n)));
        fetch(Some(Crash::After(n)));
    }
}

/// What was acknowledged while the copy was fetched is neither shown twice nor kept for ever.
#[test]
fn an_entry_acknowledged_in_mid_fetch_leaves_the_outbox() {
    for version in [3, 5] {
        let copy = Copy::new();
        copy.create(2, "mine");
        let lead = copy.lead();
        let leased = copy.lease(lead);
        // The push arrived, its answer came late: the row is here before the verdict.
        run(copy.store.apply_snapshot(lead, BABY, None, &rows_page(&[sleep(2, version)], 4, Some("a")))).unwrap();
        copy.settle(lead, &leased, vec![verdict(&leased[0], Status::Duplicate, Some(version))]);
        assert_eq!((copy.outbox().len(), copy.row(2)), (0, Some(sleep(2, version))), "at {version} of 4");
    }
    let copy = Copy::new();
    copy.create(2, "mine, and long gone by now");
    let lead = copy.lead();
    let leased = copy.lease(lead);
    copy.settle(lead, &leased, vec![verdict(&leased[0], Status::Duplicate, Some(3))]);
    assert_eq!(copy.outbox().len(), 1, "it stays on screen until the copy says otherwise");
    run(copy.store.apply_snapshot(lead, BABY, None, &rows_page(&[], 4, None))).unwrap();
    assert_eq!((copy.outbox().len(), copy.row(2)), (0, None));
}

/// I6: another history may lack what was acknowledged: it is sent again with the same id and body.
#[test]
fn what_another_history_may_have_lost_is_sent_again() {
    for resend in [true, false] {
        let copy = Copy::new();
        copy.create(2, "mine");
        let lead = copy.lead();
        let leased = copy.lease(lead);
        copy.settle(lead, &leased, vec![verdict(&leased[0], Status::Applied, Some(3))]);
        run(copy.store.reset(lead, BABY, resend)).unwrap();
        let again = copy.lease(lead);
        assert_eq!(
            again.iter().map(|entry| entry.mutation_id).collect::<Vec<_>>(),
            match resend {
                true => vec![leased[0].mutation_id],
                false => vec![],
            }
        );
        assert_eq!(copy.row(2).unwrap().fields["notes"], json!("mine"));
    }
}

/// B34, B40: what an older version of the app kept without understanding it is there after the update.
#[test]
fn a_kept_row_is_shown_once_it_can_be_read() {
    let copy = Copy::new();
    let lead = copy.lead();
    let row = sleep(2, 1);
    run(copy.store.apply(lead, BABY, now(), 0, &page(0, std::slice::from_ref(&row)))).unwrap();
    // As a version that did not know the type has left it.
    let key = record::row_key(BABY, id(2));
    let kept = json!({"entityType": "sleep_log", "version": 1, "live": true, "payload": row.to_payload()});
    let unknown = json!({"entityType": "moon_log", "version": 2, "live": true, "payload": {"id": id(3)}});
    let tables = [Table::Rows(EntityType::SLEEP_LOG), Table::Opaque];
    run(copy.store.transact(&tables, Mode::StrictWrite, async |tx| {
        tx.delete(Table::Rows(EntityType::SLEEP_LOG), &key).await?;
        tx.put(Table::Opaque, &key, &kept).await?;
        tx.put(Table::Opaque, &record::row_key(BABY, id(3)), &unknown).await
    }))
    .unwrap();
    let before = run(copy.store.meta(BABY)).unwrap();
    assert_eq!(run(copy.store.read_again()).unwrap(), 1);
    assert_eq!((copy.row(2), run(copy.store.meta(BABY)).unwrap()), (Some(row), before), "the fingerprint stays");
    assert_eq!(copy.db.disk().table(Table::Opaque).len(), 1, "what is still unknown stays as it is");
    assert_eq!(run(copy.store.read_again()).unwrap(), 0);
}

/// What a server acknowledged before this device had a copy is sent once more if the copy is of another
/// history, restored from a backup, say: the version that was told means something else there.
#[test]
fn what_another_history_acknowledged_is_sent_again_by_the_first_copy() {
    for (told, resent) in [(Some(HISTORY), 0), (None, 0), (Some(Uuid::nil()), 1)] {
        let copy = Copy::new();
        copy.create(2, "n");
        let lead = copy.lead();
        let leased = copy.lease(lead);
        let acked = WireVerdict::Verdict(verdict(&leased[0], Status::Applied, Some(3)));
        let (server_time, epoch) = (now(), told);
        let response =
            PushResponse { results: vec![acked], sync_operation_id: None, server_time, clock_skew_ms: None, epoch };
        run(copy.store.settle(lead, BABY, now(), &leased, &response)).unwrap();
        assert_eq!(run(copy.store.history(BABY)), Ok(told), "the next push names it");
        let applied = run(copy.store.apply_snapshot(lead, BABY, None, &rows_page(&[sleep(5, 4)], 4, None))).unwrap();
        assert_eq!(applied.waiting, resent == 1, "{told:?}");
        assert_eq!(run(copy.store.history(BABY)), Ok(Some(HISTORY)));
        let again = copy.lease(lead);
        assert_eq!(again.len(), resent, "{told:?}");
        assert!(again.iter().all(|entry| entry.mutation_id == leased[0].mutation_id), "by the same id");
        assert_eq!(copy.row(2).is_some(), resent == 1, "and stays on screen");
    }
}
