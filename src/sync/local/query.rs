//! What screens read.

use std::cmp::Reverse;

use super::{
    LocalStore,
    record::{get_row, of_baby, read_row, row_key},
};
use crate::{
    domain::row::Row,
    sync::{
        ports::{Database, Index, Mode, Scan, StoreError, Table, Tx},
        query::{Query, Select},
    },
};

impl<D: Database> LocalStore<D> {
    /// The rows of a query, over all its types together.
    ///
    /// # Errors
    /// The database failed, or a row is damaged.
    pub async fn query(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let tables: Vec<Table> = query.types.iter().copied().map(Table::Rows).collect();
        self.transact(&tables, Mode::Read, async |tx| {
            let mut rows = Vec::new();
            for entity_type in query.types.iter().copied() {
                if let Select::One(id) = query.select {
                    rows.extend(get_row(tx, entity_type, &row_key(query.baby_id, id)).await?);
                    continue;
                }
                for (key, record) in tx.scan(&scan(query, Table::Rows(entity_type))).await? {
                    rows.push(read_row(entity_type, &key, &record)?);
                }
            }
            let is_bin = matches!(query.select, Select::Deleted { .. });
            if !matches!(query.select, Select::One(_)) {
                rows.retain(|row| row.is_deleted() == is_bin);
            }
            rows.sort_by_key(|row| Reverse(if is_bin { row.server.deleted_at } else { row.started_at() }));
            rows.truncate(query.limit.unwrap_or(usize::MAX));
            Ok(rows)
        })
        .await
    }
}

fn scan(query: &Query, table: Table) -> Scan {
    let baby = query.baby_id;
    match query.select {
        Select::Started { from, to } => Scan {
            table,
            index: Some(Index::At),
            from: format!("{baby}/{from}"),
            to: format!("{baby}/{to}"),
            descending: true,
            limit: query.limit,
        },
        Select::Latest => Scan { descending: true, limit: query.limit, ..of_baby(table, Some(Index::At), baby) },
        Select::Earliest => Scan { limit: Some(1), ..of_baby(table, Some(Index::At), baby) },
        Select::Running => Scan { descending: true, ..of_baby(table, Some(Index::Running), baby) },
        Select::Deleted { since } => Scan {
            from: format!("{baby}/{since}"),
            descending: true,
            limit: query.limit,
            ..of_baby(table, Some(Index::Deleted), baby)
        },
        Select::One(_) | Select::All => of_baby(table, None, baby),
    }
}
