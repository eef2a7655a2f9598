//! Dead letters: what a person wrote and the server did not take. Read, tried again or discarded,
//! by that person only.

use super::{
    LocalStore,
    record::{decode, every, get, get_row, letter_key, row_key},
};
use crate::{
    domain::{
        field::{Fields, Invalid},
        id::{BabyId, MutationId},
        registry::EntityType,
        row::patch,
        time::Timestamp,
    },
    sync::{
        draft::SaveError,
        ports::{Database, Entropy, Mode, StoreError, Table, Tx},
        status::{DeadLetter, DeadReason},
    },
};

impl<D: Database> LocalStore<D> {
    /// Every dead letter of this device, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        self.transact(&[Table::DeadLetters], Mode::Read, async |tx| {
            let found = tx.scan(&every(Table::DeadLetters)).await?;
            let mut letters: Vec<DeadLetter> = found
                .into_iter()
                .map(|(key, value)| decode(Table::DeadLetters, &key, value))
                .collect::<Result<_, _>>()?;
            letters.sort_by_key(|letter| letter.failed_at);
            Ok(letters)
        })
        .await
    }

    /// Puts a dead letter back into the outbox, as a new mutation on the row as it is now. Of an
    /// edit that lost in part, only the lost fields. `edited` is the whole entry as the person wants
    /// it instead; where the row is like that already, nothing is sent and the letter is done.
    ///
    /// # Errors
    /// The letter is gone or unreadable, what it says is impossible on the row as it is now, or the
    /// database failed; the letter stays.
    pub async fn retry(
        &self,
        now: Timestamp,
        entropy: &impl Entropy,
        baby: BabyId,
        letter: MutationId,
        edited: Option<Fields>,
    ) -> Result<(), SaveError> {
        let mut tables: Vec<Table> = EntityType::all().map(Table::Rows).collect();
        tables.extend([Table::Shadow, Table::Outbox, Table::Kv, Table::DeadLetters]);
        self.transact(&tables, Mode::StrictWrite, async |tx| {
            let key = letter_key(baby, letter);
            let letter: Option<DeadLetter> = get(tx, Table::DeadLetters, &key).await?;
            let unreadable = || Invalid { field: None, message: "this entry cannot be sent again".into() };
            let letter = letter.ok_or_else(unreadable)?;
            let mutated = letter.mutated.ok_or_else(unreadable)?;
            let mut payload = mutated.payload.clone();
            if let Some(edited) = edited {
                let row = get_row(tx, mutated.entity_type, &row_key(baby, mutated.entity_id)).await?;
                let is_shown = row.as_ref().is_some_and(|row| !row.is_deleted());
                let mut after = mutated.entity_type.canonical(&edited)?;
                after.retain(|_, value| !value.is_null());
                payload = patch(mutated.entity_type, &row.map(|row| row.fields).unwrap_or_default(), &after);
                if is_shown && payload.is_empty() {
                    return tx.delete(Table::DeadLetters, &key).await.map_err(SaveError::from);
                }
            } else if let DeadReason::LostEdit { fields, deleted: false } = &letter.reason {
                payload.retain(|name, _| fields.contains(name));
            }
            self.enqueue_again(tx, now, entropy, baby, &mutated, payload).await?;
            tx.delete(Table::DeadLetters, &key).await?;
            Ok(())
        })
        .await
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// The database failed.
    pub async fn discard(&self, baby: BabyId, letter: MutationId) -> Result<(), StoreError> {
        self.transact(&[Table::DeadLetters], Mode::StrictWrite, async |tx| {
            tx.delete(Table::DeadLetters, &letter_key(baby, letter)).await
        })
        .await
    }
}
