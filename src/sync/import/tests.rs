//! What is read of a file, and what is said of what cannot be.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sync::any_json::{bent, noise};

fn file(records: Value, queue: Value) -> Value {
    json!({ "format": FORMAT, "version": 1, "source": "kitchen-tablet", "records": records, "queue": queue })
}

fn read_file(records: Value, queue: Value) -> Export {
    read(&file(records, queue).to_string()).unwrap()
}

/// The fields of a record as this log keeps them.
fn converted(type_name: &str, record: Value) -> Result<Value, Why> {
    let export = read_file(json!({ type_name: [record] }), json!([]));
    assert_eq!(export.problems, Problems::new());
    export.records[0].convert(|_, _| None).map(|(fields, _)| Value::Object(fields))
}

/// A full one, for the tests that spoil it.
fn example() -> Value {
    file(
        json!({
            "baby": [{"id": 1, "name": "Ada", "birthDate": "2026-05-01", "gender": "female", "weight": 3400}],
            "feed_log": [
                {"id": 11, "babyId": 1, "type": "bottle", "time": 1_779_000_000_000_i64, "amount": 2.5, "unit": "oz"},
                {"id": 12, "babyId": 1, "type": "breast", "startTime": "2026-05-17T07:00:00Z",
                 "endTime": "2026-05-17T07:20:00Z", "side": "left", "updatedAt": "2026-05-17T07:21:00Z"},
            ],
            "sleep_log": [{"id": 11, "babyId": 1, "startTime": "2026-05-17T09:00:00+02:00", "notes": "in the pram"}],
            "nappy_log": [{"id": 5, "babyId": 1, "time": "2026-05-17T08:00:00Z", "type": "wee"}],
        }),
        json!([
            {"changeId": "c1", "type": "CREATED", "entityType": "nappy_log", "entityId": "tmp-1", "timestamp": 1_779_000_000_000_i64,
             "retryCount": 2, "data": {"babyId": 1, "time": 1_779_000_000_000_i64, "type": "poo"}},
            {"changeId": "c2", "type": "UPDATED", "entityType": "feed_log", "entityId": 12, "data": "{\"notes\":\"sleepy\"}"},
            {"changeId": "c3", "type": "DELETED", "entityType": "sleep_log", "entityId": 11},
        ]),
    )
}

/// C17: the earlier log's words are understood, quantities keep what was typed, and both forms of a
/// time are.
#[test]
fn records_are_read_in_the_words_of_the_earlier_log() {
    let export = read(&example().to_string()).unwrap();
    assert_eq!((export.source.as_str(), export.problems.len()), ("kitchen-tablet", 0));
    let names: Vec<String> = export.records.iter().map(Record::name).collect();
    let expected = ["baby 1", "feed_log 11", "feed_log 12", "sleep_log 11", "nappy_log 5", "nappy_log tmp-1"];
    assert_eq!(names, expected, "parents first");
    let fields = |n: usize| Value::Object(export.records[n].convert(|_, _| None).unwrap().0);
    assert_eq!(fields(0), json!({"name": "Ada", "birthDate": "2026-05-01", "sex": "female", "birthWeightG": 3400}));
    let bottle = json!({"method": "bottle", "startedAt": "2026-05-17T06:40:00.000Z", "amountMl": 74, "typed": {"value": 2.5, "unit": "oz"}});
    assert_eq!(fields(1), bottle);
    let (start, end) = ("2026-05-17T07:00:00.000Z", "2026-05-17T07:20:00.000Z");
    let segment = json!({"side": "left", "startedAt": start, "endedAt": end});
    let breast =
        json!({"method": "breast", "startedAt": start, "endedAt": end, "segments": [segment], "notes": "sleepy"});
    assert_eq!(fields(2), breast, "with what its queue still said");
    assert!(export.records[3].deleted && !export.records[4].deleted);
}

/// C15: the queue of a browser's local storage is folded over the state in its order.
#[test]
fn the_queue_is_folded_over_the_state() {
    let sleep = json!({"id": 1, "babyId": 7, "startTime": "2026-05-17T09:00:00Z", "notes": "old"});
    let change = |id: &str, op: &str, data: Value| json!({"changeId": id, "type": op, "entityType": "sleep_log", "entityId": 1, "data": data, "timestamp": 1_779_000_000_000_i64});
    let queue = json!([
        change("a", "updated", json!({"notes": "new"})),
        change("b", "UPDATE", json!({"endTime": "2026-05-17T10:00:00Z"})),
        change("a", "UPDATED", json!({"notes": "the same change again"})),
        change("c", "UPDATED", json!({"notes": null})),
    ]);
    let export = read_file(json!({"sleep_log": [sleep]}), queue);
    let record = &export.records[0];
    let (fields, _) = record.convert(|_, _| None).unwrap();
    let expected = json!({"startedAt": "2026-05-17T09:00:00.000Z", "endedAt": "2026-05-17T10:00:00.000Z"});
    assert_eq!(Value::Object(fields), expected);
    assert_eq!(record.updated_at, Some(Timestamp::from_ms(1_779_000_000_000)));

    let deleted = read_file(json!({"sleep_log": [{"id": 1}]}), json!([change("a", "DELETED", json!(null))]));
    assert!(deleted.records[0].deleted);
    let alone = read_file(json!({}), json!([change("a", "UPDATED", json!({"notes": "n"}))]));
    assert!(!alone.records[0].is_whole, "a change of what only an earlier file had");
}

/// Trap 8: what is wrong is said of the record that has it, and the others are read.
#[test]
fn what_cannot_be_read_is_named() {
    let at = "2026-05-17T09:00:00Z";
    let queue = json!([
        {"type": "MOVED", "entityType": "nappy_log", "entityId": 1},
        {"type": "CREATED", "entityType": "nappy_log", "entityId": 2},
        {"type": "CREATED", "entityType": "nappy_log", "entityId": 3, "timestamp": "soon", "data": {}},
        {"type": "CREATED", "entityType": "nappy_log", "entityId": -3, "data": {}},
        17,
    ]);
    let records = json!({
        "nappy_log": [{"id": 1, "time": at}, {"id": 1, "time": at}, {"time": at}, {"id": 1.5}, {"id": "a/b"}, "nappy",
                      {"id": 9, "updatedAt": "yesterday"}],
        "pram_log": [{"id": 4}],
    });
    let export = read_file(records, queue);
    let unreadable = |field: &str| Why::Unreadable { field: field.into() };
    let said = |why: Why| export.problems.get(&why).cloned().unwrap_or_default();
    assert_eq!(said(Why::Twice), ["nappy_log 1"]);
    assert_eq!(said(Why::NoId).len(), 5, "{:?}", export.problems);
    assert_eq!(said(Why::UnknownType), ["pram_log 4"]);
    assert_eq!(said(unreadable("updatedAt")), ["nappy_log 9"]);
    assert_eq!(said(unreadable("data")), ["queue 2: nappy_log 2"]);
    assert_eq!(said(unreadable("timestamp")), ["queue 3: nappy_log 3"]);
    assert_eq!(said(Why::UnknownChange), ["queue 1: nappy_log 1", "queue 5: ? ?"]);
    assert_eq!(export.records.len(), 1);
}

#[test]
fn values_out_of_range_and_times_that_cannot_be_read_are_refused_by_field() {
    let at = "2026-05-17T09:00:00Z";
    let unreadable = |field: &str| Err(Why::Unreadable { field: field.into() });
    let feed = |change: Value| {
        let mut feed = json!({"id": 1, "type": "bottle", "time": at});
        feed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        converted("feed_log", feed)
    };
    assert_eq!(feed(json!({"amount": -1})), unreadable("amount"));
    assert_eq!(feed(json!({"amount": 1e300})), unreadable("amount"));
    assert_eq!(feed(json!({"amount": "much"})), unreadable("amount"));
    // Trap 17: drops are no part of a ml.
    assert_eq!(feed(json!({"amount": 3, "unit": "drops"})), unreadable("unit"));
    assert_eq!(feed(json!({"type": "spoon"})), unreadable("type"));
    assert_eq!(feed(json!({"side": "both"})), unreadable("side"));
    assert_eq!(feed(json!({"time": 1_779_000_000})), unreadable("time"), "seconds");
    for wrong in [json!("2026-05-17T09:00:00"), json!("17.5.2026"), json!(1e15), json!(true), json!([])] {
        assert_eq!(feed(json!({ "time": wrong })), unreadable("time"));
    }
    assert_eq!(feed(json!({"time": null})), Err(Why::Missing { field: "time".into() }));
    assert_eq!(converted("nappy_log", json!({"id": 1, "time": at})), Err(Why::Missing { field: "type".into() }));
    assert_eq!(feed(json!({"endTime": "2026-05-17T08:59:59Z"})), Err(Why::Impossible { field: "endTime".into() }));
    assert_eq!(converted("baby", json!({"id": 1, "name": "Ada", "birthDate": "2026-02-30"})), unreadable("birthDate"));
    assert_eq!(converted("baby", json!({"id": 1, "name": " "})), Err(Why::Impossible { field: "name".into() }));
    let born = converted("baby", json!({"id": 1, "name": "Ada", "birthDate": "2026-05-01T00:00:00.000Z"})).unwrap();
    assert_eq!(born["birthDate"], "2026-05-01");
}

/// B22: a reference that leads to nothing is left out where an entry makes sense without it; a field
/// without a place is named.
#[test]
fn what_is_left_out_of_a_record_is_said() {
    let dummy = json!({"id": 1, "time": "2026-05-17T09:00:00Z", "sleepId": 99, "smell": "roses"});
    let export = read_file(json!({ "dummy_log": [dummy] }), json!([]));
    let (fields, notes) = export.records[0].convert(|_, _| None).unwrap();
    assert_eq!(Value::Object(fields), json!({"startedAt": "2026-05-17T09:00:00.000Z"}));
    assert_eq!(notes, [Why::Unlinked { field: "sleepId".into() }, Why::LeftOut { field: "smell".into() }]);
    assert!(notes.iter().all(Why::is_note));
}

#[test]
fn what_is_no_export_is_refused_as_a_whole() {
    let with = |part: &str, value: Value| {
        let mut file = example();
        file[part] = value;
        read(&file.to_string()).unwrap_err()
    };
    assert_eq!(read(&example().to_string()[1..]).unwrap_err(), NotAnExport::NotJson);
    assert_eq!(read("").unwrap_err(), NotAnExport::NotJson);
    assert_eq!(read(&"[".repeat(100_000)).unwrap_err(), NotAnExport::NotJson, "however deep");
    assert_eq!(read("[]").unwrap_err(), NotAnExport::OtherFormat);
    assert_eq!(with("format", json!("diary")), NotAnExport::OtherFormat);
    assert_eq!(with("version", json!(2)), NotAnExport::OtherVersion);
    assert_eq!(with("source", json!(null)), NotAnExport::NoSource);
    assert_eq!(with("source", json!("a/b")), NotAnExport::NoSource);
    assert_eq!(with("records", json!([])), NotAnExport::Shape { part: "records" });
    assert_eq!(with("records", json!({"baby": {}})), NotAnExport::Shape { part: "records" });
    assert_eq!(with("queue", json!({})), NotAnExport::Shape { part: "queue" });
    assert_eq!(read(&file(json!({}), json!([])).to_string()).unwrap_err(), NotAnExport::Empty);
    assert!(read(&format!("\u{feff}{}", example())).is_ok(), "a mark of the encoding is no error");
}

proptest! {
    /// Whatever is in a file, it is read or refused.
    #[test]
    fn any_file_is_read_or_refused(text in prop_oneof![noise(), bent(&example())]) {
        if let Ok(export) = read(&String::from_utf8_lossy(&text)) {
            for record in &export.records {
                if let Ok((fields, _)) = record.convert(|_, _| None) {
                    prop_assert_eq!(record.entity_type.canonical(&fields), Ok(fields));
                }
            }
        }
    }
}
