//! The integrity gate: every live entry that a page touched finds what it refers to, by the graph
//! of [`crate::domain::relation`], before the cursor moves.
//!
//! A page may bring a child before its parent (a compacted history keeps an entry's last event only,
//! a snapshot has no order): an orphan is recorded beside the cursor and looked at again with every
//! page. At the head nothing more comes, and what is still an orphan then breaks the rule.

use serde::{Deserialize, Serialize};

use super::{
    apply::ApplyError,
    record::{get_row, row_key},
};
use crate::{
    domain::{
        id::{BabyId, EntityId},
        registry::EntityType,
        relation::{Relation, relations},
    },
    sync::{
        ports::{StoreError, Tx},
        protocol::Change,
    },
};

/// What a required reference into nothing does at the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// The page is refused, and the cursor stays.
    #[default]
    FailFast,
    /// It is counted, like an optional one.
    WarnOnly,
}

/// An entry that the gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    pub entity_type: EntityType,
    pub id: EntityId,
}

/// An entry with a reference into nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Orphan {
    child: Touched,
    relation: Relation,
}

impl Gate {
    /// Looks at what the page touched and at what was open before. Returns what is open now, and
    /// the number of orphans that stay so although this is the head.
    ///
    /// # Errors
    /// A required orphan at the head, or the check could not run.
    pub(super) async fn check(
        self,
        tx: &impl Tx,
        baby: BabyId,
        changes: &[Change],
        open: &[Touched],
        at_head: bool,
    ) -> Result<(Vec<Touched>, usize), ApplyError> {
        let mut orphans = Vec::new();
        for child in to_check(changes, open) {
            orphans.extend(orphans_of(tx, baby, child).await.map_err(ApplyError::CheckExecution)?);
        }
        self.judge(&orphans, at_head)
    }

    fn judge(self, orphans: &[Orphan], at_head: bool) -> Result<(Vec<Touched>, usize), ApplyError> {
        if !at_head {
            let mut open: Vec<Touched> = orphans.iter().map(|orphan| orphan.child).collect();
            open.dedup();
            return Ok((open, 0));
        }
        match orphans.iter().find(|orphan| orphan.relation.required) {
            Some(Orphan { child, relation }) if self == Self::FailFast => {
                let Relation { field, parent, .. } = relation;
                let Touched { entity_type, id } = child;
                let why = format!("{entity_type} {id} refers to a missing {parent} in {field}");
                Err(ApplyError::IntegrityViolation(why))
            }
            _ => Ok((Vec::new(), orphans.len())),
        }
    }
}

/// The entries whose references are to be followed: each once, and only of types that refer.
fn to_check(changes: &[Change], open: &[Touched]) -> Vec<Touched> {
    let touched = changes.iter().filter_map(|change| {
        let entity_type = change.entity_type.parse().ok()?;
        Some(Touched { entity_type, id: change.entity_id })
    });
    let refers = |entry: &Touched| relations(entry.entity_type).next().is_some();
    let mut all: Vec<Touched> = touched.chain(open.iter().copied()).filter(refers).collect();
    all.sort_unstable();
    all.dedup();
    all
}

async fn orphans_of(tx: &impl Tx, baby: BabyId, child: Touched) -> Result<Vec<Orphan>, StoreError> {
    let mut orphans = Vec::new();
    let row = get_row(tx, child.entity_type, &row_key(baby, child.id)).await?;
    let Some(row) = row.filter(|row| !row.is_deleted()) else { return Ok(orphans) };
    for relation in relations(child.entity_type) {
        for target in relation.targets(&row.fields) {
            if get_row(tx, relation.parent, &row_key(baby, target)).await?.is_none() {
                orphans.push(Orphan { child, relation });
            }
        }
    }
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B54, B56, B57: at the head a required orphan refuses the page, unless the gate only warns.
    #[test]
    fn a_required_orphan_at_the_head_refuses_the_page() {
        let relation =
            Relation { child: EntityType::NAPPY_LOG, field: "sleepId", parent: EntityType::SLEEP_LOG, required: true };
        let child = Touched { entity_type: EntityType::NAPPY_LOG, id: EntityId(uuid::Uuid::nil()) };
        let required = [Orphan { child, relation }];
        let optional = [Orphan { child, relation: Relation { required: false, ..relation } }];
        assert!(matches!(Gate::FailFast.judge(&required, true), Err(ApplyError::IntegrityViolation(_))));
        assert_eq!(Gate::WarnOnly.judge(&required, true), Ok((vec![], 1)));
        assert_eq!(Gate::FailFast.judge(&optional, true), Ok((vec![], 1)));
        for gate in [Gate::FailFast, Gate::WarnOnly] {
            assert_eq!(gate.judge(&required, false), Ok((vec![child], 0)), "more is to come");
            assert_eq!(gate.judge(&[], true), Ok((vec![], 0)));
        }
    }
}
