use serde_json::json;

use super::*;
use crate::domain::policy::Policy;

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

/// B82.
#[test]
fn the_registry_is_well_formed() {
    let mut names = BTreeSet::new();
    for entity_type in EntityType::all() {
        assert!(names.insert(entity_type.name()), "{entity_type} twice");
        let mut seen = BTreeSet::new();
        for field in entity_type.fields() {
            assert!(seen.insert(field.name), "{entity_type}.{} twice", field.name);
            let alone = entity_type.fields().filter(|other| other.group == field.group).count() == 1;
            assert!(alone || field.policy == Policy::Latest, "{entity_type}.{} shares its group", field.name);
            assert!(!SERVER_FIELDS.contains(&field.name), "{entity_type}.{} is the server's", field.name);
            if let Kind::Reference { entity_type: parent } | Kind::References { entity_type: parent } = field.kind {
                assert!(names.contains(parent), "{entity_type}.{}: {parent} must come first", field.name);
            }
        }
    }
    assert_eq!(EntityType::all().next(), Some(EntityType::BABY), "every log's parent comes first");
}

/// A trap where a field without a column vanished: here it is named and refused.
#[test]
fn trap_08_an_unknown_field_is_named_never_dropped() {
    let err = EntityType::NAPPY_LOG.canonical(&fields(json!({"type": "wee", "smell": "roses"}))).unwrap_err();
    assert_eq!(err.field.as_deref(), Some("smell"));
}

/// B36.
/// A payload can name an author or a version; it is not believed.
#[test]
fn server_fields_in_a_payload_are_not_taken() {
    let patch = fields(json!({"type": "wee", "loggedBy": "me", "rowVersion": 99, "babyId": "other", "id": 1}));
    assert_eq!(EntityType::NAPPY_LOG.canonical(&patch), Ok(fields(json!({"type": "wee"}))));
}

/// A bottle that counted as a timer would run on every screen for ever.
#[test]
fn a_bottle_never_runs_and_a_breastfeed_or_a_sleep_runs_until_its_end() {
    let running = |of: EntityType, value| of.is_running(&fields(value));
    let (from, to) = ("2026-11-20T02:10:00.000Z", "2026-11-20T02:30:00.000Z");
    assert!(!running(EntityType::FEED_LOG, json!({"startedAt": from, "method": "bottle", "amountMl": 90})));
    assert!(running(EntityType::FEED_LOG, json!({"startedAt": from, "method": "breast"})));
    assert!(!running(EntityType::FEED_LOG, json!({"startedAt": from, "endedAt": to, "method": "breast"})));
    assert!(running(EntityType::SLEEP_LOG, json!({"startedAt": from})));
    assert!(!running(EntityType::NAPPY_LOG, json!({"startedAt": from, "type": "wee"})));
}

/// C45.
#[test]
fn only_the_impossible_is_refused() {
    let sleep = |value| EntityType::SLEEP_LOG.check(&fields(value));
    assert_eq!(sleep(json!({"startedAt": "2026-11-20T02:10:00.000Z"})), Ok(()));
    let odd = json!({"startedAt": "2026-11-20T02:10:00.000Z", "endedAt": "2026-11-24T02:10:00.000Z"});
    assert_eq!(sleep(odd), Ok(()), "a sleep of four days is odd, not impossible");
    let backwards = json!({"startedAt": "2026-11-20T02:10:00.000Z", "endedAt": "2026-11-20T02:09:59.999Z"});
    assert_eq!(sleep(backwards).unwrap_err().field.as_deref(), Some("endedAt"));
    assert_eq!(sleep(json!({})).unwrap_err().field.as_deref(), Some("startedAt"));
}
