use serde_json::json;

use super::*;

fn check(kind: Kind, value: Value, expect: Option<Value>) {
    let kept = kind.canonical(&value).ok();
    assert_eq!(kept, expect, "{kind:?} of {value}");
    if let Some(kept) = kept {
        assert_eq!(kind.canonical(&kept), Ok(kept), "{kind:?} is stable");
    }
}

#[test]
fn kinds_keep_one_form_and_refuse_the_rest() {
    let ml = Kind::Integer { min: 0, max: MAX_QUANTITY };
    check(ml, json!(90), Some(json!(90)));
    check(ml, json!(90.0), Some(json!(90)));
    check(ml, json!(-1), None);
    check(ml, json!(90.5), None);
    check(ml, json!("90"), None);
    check(ml, json!(1e300), None);
    check(Kind::Text { max_chars: 3 }, json!("äöü"), Some(json!("äöü")));
    check(Kind::Text { max_chars: 3 }, json!("abcd"), None);
    check(Kind::Text { max_chars: 3 }, json!("a\0"), None);
    check(Kind::Instant, json!("2026-11-20T03:10:00+01:00"), Some(json!("2026-11-20T02:10:00.000Z")));
    check(Kind::Instant, json!(1_795_000_000), None);
    check(Kind::Date, json!("2026-02-29"), None);
    check(Kind::Date, json!("2028-02-29"), Some(json!("2028-02-29")));
    check(Kind::TimeOfDay, json!("19:30"), Some(json!("19:30")));
    check(Kind::TimeOfDay, json!("19:30:15"), Some(json!("19:30")));
    for wrong in ["25:00", "19:60", "19-30", "1930", "19:30:99", "", "é9:30"] {
        check(Kind::TimeOfDay, json!(wrong), None);
    }
    check(Kind::Zone, json!("Europe/Berlin"), Some(json!("Europe/Berlin")));
    check(Kind::Zone, json!("<script>"), None);
    check(Kind::Choice(&["wee", "poo"]), json!("poo"), Some(json!("poo")));
    check(Kind::Choice(&["wee", "poo"]), json!("POO!"), None);
    let oz = Kind::Typed { units: &["ml", "oz"] };
    check(oz, json!({"value": 2.5, "unit": "oz"}), Some(json!({"value": 2.5, "unit": "oz"})));
    check(oz, json!({"value": 90.0, "unit": "ml"}), Some(json!({"value": 90, "unit": "ml"})));
    check(oz, json!({"value": 2.5, "unit": "drops"}), None);
    check(oz, json!({"value": 2.5, "unit": "oz", "x": 1}), None);
}

#[test]
fn a_decimal_has_three_places_and_adds_up_exactly() {
    let dose = Kind::Decimal { max: MAX_QUANTITY };
    check(dose, json!(2.5), Some(json!(2.5)));
    check(dose, json!(5.0), Some(json!(5)));
    check(dose, json!(0.1234), Some(json!(0.123)));
    for wrong in [json!(-0.5), json!("2.5"), json!(1e300), json!(null)] {
        check(dose, wrong, None);
    }
    let tenths: i64 = (0..10).filter_map(|_| thousandths(&json!(0.1))).sum();
    assert_eq!(tenths, 1000);
}

#[test]
fn lists_name_each_thing_once() {
    let (a, b) = ("01930000-0000-7000-8000-00000000000a", "01930000-0000-7000-8000-00000000000b");
    let foods = Kind::References { entity_type: "food" };
    check(foods, json!([b, a.to_uppercase(), b]), Some(json!([b, a])));
    check(foods, json!([]), None);
    check(Kind::Ids, json!([]), Some(json!([])));
    for wrong in [json!(a), json!(["carrot"]), json!([null]), json!({"0": a})] {
        check(foods, wrong.clone(), None);
        check(Kind::Ids, wrong, None);
    }
    let too_many: Vec<String> = (0..=MAX_ITEMS).map(|n| format!("01930000-0000-7000-8000-{n:012x}")).collect();
    check(foods, json!(too_many), None);
    check(Kind::Words { max_chars: 4 }, json!(["mood", "km"]), Some(json!(["mood", "km"])));
    check(Kind::Words { max_chars: 4 }, json!(["mood", 1]), None);
    check(Kind::Words { max_chars: 4 }, json!(["moods"]), None);
    check(Kind::Details { max_chars: 4 }, json!({"mood": "glad"}), Some(json!({"mood": "glad"})));
    check(Kind::Details { max_chars: 4 }, json!({"mood": 3}), None);
    check(Kind::Details { max_chars: 4 }, json!({"moods": "glad"}), None);
    check(Kind::Details { max_chars: 4 }, json!([["mood", "glad"]]), None);
}

#[test]
fn pauses_are_segments_without_a_side() {
    let pauses = Kind::Segments { sides: &[] };
    let pause = json!({"startedAt": "2026-11-20T02:10:00.000Z", "endedAt": "2026-11-20T02:20:00.000Z"});
    check(pauses, json!([pause]), Some(json!([pause])));
    check(pauses, json!([{"side": "left", "startedAt": "2026-11-20T02:10:00.000Z"}]), None);
}

#[test]
fn segments_are_in_order_and_only_the_last_is_open() {
    let sides = Kind::Segments { sides: &["left", "right"] };
    let left = json!({"side": "left", "startedAt": "2026-11-20T02:10:00.000Z", "endedAt": "2026-11-20T02:20:00.000Z"});
    let open = json!({"side": "right", "startedAt": "2026-11-20T02:20:00.000Z"});
    check(sides, json!([left, open]), Some(json!([left, open])));
    check(sides, json!([open, left]), None);
    check(sides, json!([{"side": "up", "startedAt": "2026-11-20T02:10:00.000Z"}]), None);
    check(sides, json!("left"), None);
}
