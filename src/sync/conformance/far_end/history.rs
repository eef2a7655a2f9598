//! Claims about histories: told whole by a snapshot, shortened by compaction, replaced by a restore.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

/// A copy as a device keeps it: the last change of each entry, by the version guard.
type Copy = BTreeMap<EntityId, Change>;

fn take(copy: &mut Copy, changes: Vec<Change>) {
    for change in changes {
        if copy.get(&change.entity_id).is_none_or(|held| held.version < change.version) {
            copy.insert(change.entity_id, change);
        }
    }
}

pub(super) async fn a_snapshot_and_its_tail_are_the_log(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let mut entries = Vec::new();
    for ml in 0..6 {
        entries.push(ada.log(baby, ml).await.0);
    }
    ada.tell(baby, delete(entries[0])).await;
    for limit in [1, 2, 500] {
        let (mut copy, mut after) = (Copy::new(), None);
        let began = ada.pull(baby, 0).await.unwrap().head;
        for round in 0.. {
            let page = ada.door.snapshot(baby, after.clone(), limit).await.unwrap();
            assert_eq!(page.snapshot_version, began, "the first page says where the pull goes on");
            assert!(page.rows.len() <= limit as usize);
            take(&mut copy, page.rows);
            // Others go on meanwhile, before and behind wherever the scan is.
            ada.tell(baby, update(entries[round % 6], json!({"amountMl": 100 + round}))).await;
            if round < 3 {
                ada.log(baby, 9).await;
            }
            assert_eq!(page.has_more, page.next.is_some());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let tail = ada.pull(baby, began).await.unwrap();
        take(&mut copy, tail.changes);
        assert_eq!(fingerprint(copy.values()), (tail.checksum, tail.live_rows), "in pages of {limit}");
        assert!(copy.contains_key(&entries[0]), "what is deleted is told as well");
    }
    let odd = ada.door.snapshot(baby, Some("where I was".into()), 5).await;
    assert_eq!(refused(odd), (400, ErrorCode::Malformed));
}

pub(super) async fn compaction_keeps_what_a_cursor_above_the_floor_needs(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let (kept, gone) = (ada.log(baby, 1).await, ada.log(baby, 2).await);
    ada.tell(baby, update(kept.0, json!({"amountMl": 3}))).await;
    let begun = ada.door.snapshot(baby, None, 1).await.unwrap();
    ada.tell(baby, delete(gone.0)).await;
    let before = ada.pull(baby, 0).await.unwrap();
    host.compact(baby).await;
    let expired = (410, ErrorCode::CursorExpired);
    for below in [0, 1, 4] {
        assert_eq!(refused(ada.pull(baby, below).await), expired, "the deletion cannot be told any more");
        assert_eq!(refused(ada.door.sync(ada.both(baby, below, vec![])).await), expired);
    }
    assert_eq!(refused(ada.door.snapshot(baby, begun.next, 1).await), expired, "nor to who fetches all");
    let head = ada.pull(baby, 5).await.unwrap();
    assert_eq!((head.head, head.epoch, &head.checksum), (before.head, before.epoch, &before.checksum));
    let fresh = ada.door.snapshot(baby, None, 500).await.unwrap();
    assert_eq!(fingerprint(&fresh.rows), (head.checksum, head.live_rows));
    assert!(fresh.rows.iter().all(|row| row.entity_id != gone.0));
    // Nothing but superseded events went above the floor, and the next version is the next.
    let (_, next) = ada.log(baby, 4).await;
    assert_eq!((next, ids(&ada.pull(baby, 5).await.unwrap().changes)), (6, vec![6]));
    ada.tell(baby, update(kept.0, json!({"amountMl": 5}))).await;
    ada.tell(baby, update(kept.0, json!({"amountMl": 6}))).await;
    host.compact(baby).await;
    assert_eq!(ids(&ada.pull(baby, 5).await.unwrap().changes), [6, 8], "whole rows need no earlier ones");
}

pub(super) async fn a_cursor_of_another_history_is_told_so(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let changed = (409, ErrorCode::EpochChanged);
    assert_eq!(refused(ada.pull(baby, 2).await), changed, "beyond the head");
    let epoch = ada.pull(baby, 1).await.unwrap().epoch;
    let entry = create(EntityId(id()), bottle(60));
    let push = |epoch| PushRequest { epoch: Some(epoch), ..ada.request(baby, vec![entry.clone()]) };
    let both = |epoch| SyncRequest { epoch: Some(epoch), ..ada.both(baby, 1, vec![entry.clone()]) };
    assert_eq!(refused(ada.door.push(push(Uuid::nil())).await), changed);
    assert_eq!(refused(ada.door.sync(both(Uuid::nil())).await), changed);
    assert_eq!(ids(&ada.all(baby, 500).await), [1], "and nothing is written");
    assert_eq!(statuses(&ada.door.push(push(epoch)).await.unwrap()), [Status::Applied]);
    assert_eq!(ids(&ada.door.sync(both(epoch)).await.unwrap().new_changes), [2]);
    let unborn = BabyId(id());
    let made = PushRequest { epoch: Some(epoch), ..ada.request(unborn, vec![birth(unborn)]) };
    assert_eq!(refused(ada.door.push(made).await), changed, "a baby that is lost is not made by the way");
}

pub(super) async fn an_earlier_disk_goes_on_as_another_history(host: &impl Host) {
    let (ada, baby) = parent(host).await;
    let (kept, _) = ada.log(baby, 60).await;
    let begun = ada.door.snapshot(baby, None, 1).await.unwrap();
    host.back_up().await;
    let lost = create(EntityId(id()), bottle(70));
    assert_eq!(ada.tell(baby, lost.clone()).await.version, Some(3));
    ada.tell(baby, update(kept, json!({"amountMl": 61}))).await;
    let (_, of_later) = parent(host).await;
    let before = ada.pull(baby, 4).await.unwrap();
    host.restore().await;
    let changed = (409, ErrorCode::EpochChanged);
    assert_eq!(refused(ada.pull(baby, 4).await), changed);
    assert_eq!(refused(ada.door.snapshot(baby, begun.next, 1).await), changed);
    let now = ada.pull(baby, 1).await.unwrap();
    assert_ne!(now.epoch, before.epoch);
    assert_eq!((ids(&now.changes), now.head), (vec![2], 2));
    assert_eq!(refused(ada.pull(of_later, 0).await), (403, ErrorCode::AccessRevoked));
    let again = ada.push(baby, vec![lost]).await.unwrap();
    assert_eq!((statuses(&again), again.epoch), (vec![Status::Applied], Some(now.epoch)), "it is not remembered");
    let whole = ada.all(baby, 1).await;
    let head = ada.pull(baby, 3).await.unwrap();
    assert_eq!((ids(&whole), fingerprint(&whole)), (vec![1, 2, 3], (head.checksum, head.live_rows)));
}
