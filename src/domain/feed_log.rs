//! A feed: at the breast, in timed segments by side, or from a bottle, by amount.

use serde::{Deserialize, Serialize};

use super::{
    field::{FieldDef, Fields, Invalid, Kind, MAX_QUANTITY},
    registry::{EntityDef, TIME, Timing},
    time::Timestamp,
    units::Typed,
};

const SIDES: &[&str] = &["left", "right"];

pub const DEF: EntityDef = EntityDef {
    name: "feed_log",
    timing: Timing::Span,
    fields: &[
        FieldDef::required("method", "method", Kind::Choice(&["breast", "bottle"])),
        FieldDef::optional("segments", TIME, Kind::Segments { sides: SIDES }),
        FieldDef::optional("endSide", TIME, Kind::Choice(SIDES)),
        FieldDef::optional("content", "content", Kind::Choice(&["breast_milk", "formula", "mixed", "other"])),
        FieldDef::optional("amountMl", "amount", Kind::Integer { min: 0, max: MAX_QUANTITY }),
        FieldDef::optional("breastMilkMl", "amount", Kind::Integer { min: 0, max: MAX_QUANTITY }),
        FieldDef::optional("typed", "amount", Kind::Typed { units: &["ml", "oz"] }),
        FieldDef::optional("isEstimated", "amount", Kind::Bool),
    ],
    alike: Some(&["method"]),
    check,
    // A bottle is written down when it was drunk: it has an amount, and no end to wait for.
    is_timer: |fields| fields.get("method").and_then(|method| method.as_str()) == Some("breast"),
};

fn check(fields: &Fields) -> Result<(), Invalid> {
    let amount = |name: &str| fields.get(name).and_then(|value| value.as_i64());
    match (amount("breastMilkMl"), amount("amountMl")) {
        (Some(part), Some(whole)) if part > whole => {
            Err(Invalid::at("breastMilkMl", "breastMilkMl is more than amountMl"))
        }
        _ => Ok(()),
    }
}

/// A feed as the screens read and write it. Amounts in ml; a bottle has no default content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedLog {
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Segment>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_side: Option<Side>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_ml: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breast_milk_ml: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<Typed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_estimated: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Breast,
    Bottle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Left,
    Right,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    BreastMilk,
    Formula,
    Mixed,
    Other,
}

/// Time at one side; the last one without an end is the running one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    pub side: Side,
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl FeedLog {
    /// Milliseconds at each side (left, right) as of `now`, which ends a running segment.
    pub fn side_ms(&self, now: Timestamp) -> (i64, i64) {
        let (mut left, mut right) = (0, 0);
        for segment in self.segments.iter().flatten() {
            let ms = segment.ended_at.unwrap_or(now).since(segment.started_at).max(0);
            match segment.side {
                Side::Left => left += ms,
                Side::Right => right += ms,
            }
        }
        (left, right)
    }

    /// The side that is running, or that the feed ended on.
    pub fn last_side(&self) -> Option<Side> {
        self.end_side.or_else(|| self.segments.as_ref().and_then(|all| all.last()).map(|last| last.side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_ms(minute * 60_000)
    }

    #[test]
    fn a_running_segment_counts_until_now() {
        let mut feed: FeedLog = serde_json::from_value(serde_json::json!({
            "startedAt": at(0), "method": "breast",
            "segments": [{"side": "left", "startedAt": at(0), "endedAt": at(7)}, {"side": "right", "startedAt": at(8)}],
        }))
        .unwrap();
        assert_eq!(feed.side_ms(at(10)), (7 * 60_000, 2 * 60_000));
        assert_eq!(feed.last_side(), Some(Side::Right));
        feed.segments.as_mut().unwrap()[1].ended_at = Some(at(12));
        assert_eq!(feed.side_ms(at(99)), (7 * 60_000, 4 * 60_000));
    }
}
