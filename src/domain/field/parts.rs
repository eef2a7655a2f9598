//! The kinds of field that have parts of their own.

use serde_json::{Map, Value};

use super::{MAX_ITEMS, MAX_QUANTITY, choice, id, instant, text};

fn object<'v>(value: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or_else(|| format!("must be an object of {}", known.join(", ")))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("has an unknown key {:?}", key.chars().take(40).collect::<String>())),
        None => Ok(object),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    let list = value.as_array().ok_or("must be a list")?;
    if list.len() > MAX_ITEMS { Err(format!("must be at most {MAX_ITEMS}")) } else { Ok(list) }
}

pub(super) fn typed(value: &Value, units: &[&'static str]) -> Result<Value, String> {
    let object = object(value, &["value", "unit"])?;
    let unit = choice(object.get("unit").unwrap_or(&Value::Null), units)?;
    let number = object.get("value").and_then(Value::as_f64).ok_or("value must be a number")?;
    if !(0.0..=MAX_QUANTITY as f64).contains(&number) {
        return Err(format!("value must be between 0 and {MAX_QUANTITY}"));
    }
    // As JavaScript writes it: a whole number that came back from a browser's store is the same number.
    let number = if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) };
    Ok(serde_json::json!({ "value": number, "unit": unit }))
}

pub(super) fn segments(value: &Value, sides: &[&'static str]) -> Result<Value, String> {
    let list = list(value)?;
    let known = if sides.is_empty() { &["startedAt", "endedAt"][..] } else { &["side", "startedAt", "endedAt"] };
    let mut kept = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let object = object(item, known)?;
        let at = |key| object.get(key).filter(|v| !v.is_null()).map(instant).transpose();
        let started_at = at("startedAt")?.ok_or("each segment needs startedAt")?;
        let ended_at = at("endedAt")?;
        match ended_at {
            Some(end) if end < started_at => return Err("a segment ends before it starts".into()),
            None if index + 1 < list.len() => return Err("only the last segment may be open".into()),
            _ => {}
        }
        let mut segment = Map::new();
        if !sides.is_empty() {
            let side = choice(object.get("side").unwrap_or(&Value::Null), sides)?;
            segment.insert("side".into(), side.into());
        }
        segment.insert("startedAt".into(), started_at.to_string().into());
        if let Some(end) = ended_at {
            segment.insert("endedAt".into(), end.to_string().into());
        }
        kept.push(Value::Object(segment));
    }
    Ok(Value::Array(kept))
}

/// Each once, in the order in which they were named.
pub(super) fn ids(value: &Value) -> Result<Vec<Value>, String> {
    let mut kept = Vec::new();
    for item in list(value)? {
        let id = id(item)?;
        if !kept.contains(&id) {
            kept.push(id);
        }
    }
    Ok(kept)
}

pub(super) fn words(value: &Value, max_chars: usize) -> Result<Value, String> {
    let mut kept = Vec::new();
    for item in list(value)? {
        kept.push(Value::from(text(item, max_chars)?));
    }
    Ok(Value::Array(kept))
}

pub(super) fn details(value: &Value, max_chars: usize) -> Result<Value, String> {
    let object = value.as_object().filter(|object| object.len() <= MAX_ITEMS);
    let object = object.ok_or_else(|| format!("must be an object of at most {MAX_ITEMS} texts"))?;
    for (name, detail) in object {
        text(&Value::from(name.as_str()), max_chars)?;
        text(detail, max_chars)?;
    }
    Ok(value.clone())
}
