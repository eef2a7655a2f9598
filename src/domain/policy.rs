//! What becomes of one field when two people changed it at the same time, where the later clock is
//! not the right answer. Pure: the same values make the same result on every machine.

use serde_json::Value;

/// The rule of a field. Causally later edits need none: they apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The later clock, like everything else.
    #[default]
    Latest,
    /// The edit that arrives.
    LocalWins,
    /// What the server has.
    ServerWins,
    /// Every element of both, the server's first.
    MergeArrays,
    /// The larger number: a counter never goes back.
    Monotonic,
}

/// How an edit stands to what the server has of its field group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was made in knowledge of it.
    Later,
    /// Both at the same time; this one has the later clock.
    Won,
    /// Both at the same time; the server's has the later clock.
    Lost,
}

/// What the edit makes of the server's value; `None` when that stays as it is.
pub fn merged(policy: Policy, standing: Standing, server: Option<&Value>, mine: &Value) -> Option<Value> {
    let mine_if = |wins: bool| wins.then(|| mine.clone());
    if standing == Standing::Later {
        return mine_if(true);
    }
    let won = standing == Standing::Won;
    match policy {
        Policy::Latest => mine_if(won),
        Policy::LocalWins => mine_if(true),
        Policy::ServerWins => None,
        Policy::MergeArrays => match (server.and_then(Value::as_array), mine.as_array()) {
            (Some(server), Some(mine)) => {
                let mut all = server.clone();
                for element in mine {
                    if !all.contains(element) {
                        all.push(element.clone());
                    }
                }
                (all.len() > server.len()).then_some(Value::Array(all))
            }
            // One of the two is no array: nothing to merge.
            _ => mine_if(won),
        },
        Policy::Monotonic => match (server.and_then(Value::as_f64), mine.as_f64()) {
            (Some(server), Some(mine)) => mine_if(mine > server),
            (Some(_), None) => None,
            _ => mine_if(true),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// B43: each does as it is named, whoever has the later clock.
    #[test]
    fn concurrent_edits_follow_their_fields_policy() {
        let both = |policy, server: Value, mine: Value| {
            let outcome = |standing| merged(policy, standing, Some(&server), &mine);
            (outcome(Standing::Won), outcome(Standing::Lost))
        };
        let same = |value: Option<Value>| (value.clone(), value);
        assert_eq!(both(Policy::Latest, json!(1), json!(2)), (Some(json!(2)), None));
        assert_eq!(both(Policy::LocalWins, json!(1), json!(2)), same(Some(json!(2))));
        assert_eq!(both(Policy::ServerWins, json!(1), json!(2)), same(None));
        assert_eq!(both(Policy::MergeArrays, json!(["a", "b"]), json!(["c", "a"])), same(Some(json!(["a", "b", "c"]))));
        assert_eq!(both(Policy::MergeArrays, json!(["a", "b"]), json!(["b"])), same(None));
        assert_eq!(both(Policy::Monotonic, json!(5), json!(7)), same(Some(json!(7))));
        assert_eq!(both(Policy::Monotonic, json!(5), json!(3)), same(None));
        assert_eq!(both(Policy::Monotonic, json!(5), Value::Null), same(None), "a counter is not taken away");
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            (-9i64..9).prop_map(|n| json!(n)),
            proptest::collection::vec(0u8..4, 0..4).prop_map(|list| json!(list)),
        ]
    }

    proptest! {
        /// B44: merging again changes nothing, and a causally later edit applies under any policy.
        #[test]
        fn a_merge_is_pure_and_settles(server in value(), mine in value(), won: bool) {
            let standing = if won { Standing::Won } else { Standing::Lost };
            for policy in
                [Policy::Latest, Policy::LocalWins, Policy::ServerWins, Policy::MergeArrays, Policy::Monotonic]
            {
                let once = merged(policy, standing, Some(&server), &mine);
                prop_assert_eq!(&once, &merged(policy, standing, Some(&server), &mine));
                let after = once.unwrap_or_else(|| server.clone());
                let again = merged(policy, standing, Some(&after), &mine).unwrap_or_else(|| after.clone());
                prop_assert_eq!(again, after, "{:?}", policy);
                prop_assert_eq!(merged(policy, Standing::Later, Some(&server), &mine), Some(mine.clone()));
            }
        }
    }
}
