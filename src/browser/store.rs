//! The device's database: the sync room's [`Database`] and [`Tx`] over IndexedDB.
//!
//! rexie lays the schema ([`super::schema`]); transactions are opened here, because rexie offers
//! no durability, does not tell when a connection is closed under us, and returns index keys where
//! a scan needs the rows' own.
//!
//! Invariant: a transaction that is dropped without `commit` is aborted. IndexedDB alone would
//! commit half of it.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Function, JSON, Object, Reflect};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, IdbCursorDirection, IdbCursorWithValue, IdbDatabase, IdbFactory, IdbIndex, IdbKeyRange, IdbObjectStore,
    IdbRequest, IdbTransaction, IdbVersionChangeEvent,
};

use super::{
    request::{finished, settled, store_error},
    schema,
};
use crate::sync::ports::{Database, Mode, Scan, StoreError, Table, Tx};

/// One connection. Cheap to clone; all clones close together.
#[derive(Clone)]
pub struct IndexedDb(Rc<Connection>);

struct Connection {
    db: IdbDatabase,
    closed: Rc<Cell<bool>>,
    _on_lost: Closure<dyn FnMut(Event)>,
}

/// Why a connection ended that nobody here closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Another tab brings a newer version of the app; holding on would block it.
    Superseded,
    /// Another tab signed out, or the person cleared the site's data.
    Deleted,
    /// The browser closed it: evicted, or site data cleared.
    Evicted,
}

impl IndexedDb {
    /// Opens the database and brings its schema up to date. `on_lost` is told when the connection
    /// ends without our doing.
    ///
    /// # Errors
    /// No room, no storage in this browser, or a newer version of the app has been here.
    pub async fn open(name: &str, on_lost: impl Fn(Lost) + 'static) -> Result<Self, StoreError> {
        let mut db = connect(name).await?;
        if db.version() < f64::from(schema::version()) {
            db.close();
            schema::lay(name).await?;
            db = connect(name).await?;
        }
        if db.version() > f64::from(schema::version()) {
            db.close();
            return Err(StoreError::Closed);
        }
        let closed = Rc::new(Cell::new(false));
        let on_event = Closure::new({
            let (db, closed) = (db.clone(), closed.clone());
            move |event: Event| {
                db.close();
                if !closed.replace(true) {
                    on_lost(match event.dyn_ref::<IdbVersionChangeEvent>().map(IdbVersionChangeEvent::new_version) {
                        Some(Some(_newer)) => Lost::Superseded,
                        Some(None) => Lost::Deleted,
                        None => Lost::Evicted,
                    });
                }
            }
        });
        db.set_onversionchange(Some(on_event.as_ref().unchecked_ref()));
        db.set_onclose(Some(on_event.as_ref().unchecked_ref()));
        Ok(Self(Rc::new(Connection { db, closed, _on_lost: on_event })))
    }

    /// Lets go of the database; running transactions finish, later ones are refused.
    pub fn close(&self) {
        self.0.closed.set(true);
        self.0.db.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.db.set_onversionchange(None);
        self.db.set_onclose(None);
        self.db.close();
    }
}

async fn connect(name: &str) -> Result<IdbDatabase, StoreError> {
    let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).map_err(|err| store_error(&err))?;
    let factory: IdbFactory =
        factory.dyn_into().map_err(|_| StoreError::Failed("this browser keeps no data for this site".into()))?;
    let request = factory.open(name).map_err(|err| store_error(&err))?;
    let db = settled(&request).await.map_err(|err| store_error(&err))?;
    db.dyn_into().map_err(|_| StoreError::Failed("opening gave no database".into()))
}

impl Database for IndexedDb {
    type Tx = IndexedTx;

    async fn begin(&self, tables: &[Table], mode: Mode) -> Result<IndexedTx, StoreError> {
        if self.0.closed.get() {
            return Err(StoreError::Closed);
        }
        let names: Array = tables.iter().map(|table| JsValue::from(table.name())).collect();
        let transaction = open_transaction(&self.0.db, &names, mode).map_err(|err| store_error(&err))?;
        let finished = Cell::new(Some(finished(&transaction)));
        Ok(IndexedTx { transaction, mode, finished, connection: self.0.clone() })
    }
}

/// `db.transaction(names, mode, {durability})`; web-sys has the third argument behind an unstable
/// flag only. A browser that does not know it ignores it, and is strict by itself.
fn open_transaction(db: &IdbDatabase, names: &Array, mode: Mode) -> Result<IdbTransaction, JsValue> {
    let (mode, durability) = match mode {
        Mode::Read => ("readonly", "default"),
        Mode::StrictWrite => ("readwrite", "strict"),
        Mode::RelaxedWrite => ("readwrite", "relaxed"),
    };
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &durability.into())?;
    let open: Function = Reflect::get(db, &"transaction".into())?.dyn_into()?;
    open.call3(db, names, &mode.into(), &options)?.dyn_into()
}

/// `from <= key < to`; the browser refuses a range that is empty.
fn key_range(from: &str, to: &str) -> Result<IdbKeyRange, JsValue> {
    IdbKeyRange::bound_with_lower_open_and_upper_open(&from.into(), &to.into(), false, true)
}

/// One open transaction.
pub struct IndexedTx {
    transaction: IdbTransaction,
    mode: Mode,
    /// Taken by `commit` and `abort`; what is left is aborted on drop.
    finished: Cell<Option<JsFuture>>,
    connection: Rc<Connection>,
}

impl Tx for IndexedTx {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Value>, StoreError> {
        let request = self.store(table)?.get(&key.into()).map_err(|err| self.fail(&err))?;
        let found = self.settled(&request).await?;
        if found.is_undefined() { Ok(None) } else { self.read(&found).map(Some) }
    }

    /// Does not wait for its request: later requests see it, and `commit` tells if it failed.
    async fn put(&self, table: Table, key: &str, value: &Value) -> Result<(), StoreError> {
        let value = JSON::parse(&value.to_string()).map_err(|err| self.fail(&err))?;
        self.store(table)?.put_with_key(&value, &key.into()).map_err(|err| self.fail(&err))?;
        Ok(())
    }

    async fn delete(&self, table: Table, key: &str) -> Result<(), StoreError> {
        self.store(table)?.delete(&key.into()).map_err(|err| self.fail(&err))?;
        Ok(())
    }

    async fn delete_range(&self, table: Table, from: &str, to: &str) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let range = key_range(from, to).map_err(|err| self.fail(&err))?;
        self.store(table)?.delete(&range).map_err(|err| self.fail(&err))?;
        Ok(())
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<(String, Value)>, StoreError> {
        if scan.from >= scan.to || scan.limit == Some(0) {
            return Ok(Vec::new());
        }
        let range = key_range(&scan.from, &scan.to).map_err(|err| self.fail(&err))?;
        let source = Source::of(&self.store(scan.table)?, scan).map_err(|err| self.fail(&err))?;
        match scan.limit {
            Some(limit) if scan.descending => self.newest(&source, &range, limit).await,
            limit => self.all(&source, &range, limit, scan.descending).await,
        }
    }

    async fn commit(self) -> Result<(), StoreError> {
        let finished = self.finished.take();
        if self.mode == Mode::Read {
            return Ok(());
        }
        // Marked so by web-sys because one draft of the standard lacked it; all browsers have it.
        #[allow(deprecated)]
        let asked = self.transaction.commit();
        // It throws when the transaction is finished already; how it finished is told below.
        drop(asked);
        match finished.expect("a transaction is finished once").await {
            Ok(_complete) => Ok(()),
            Err(_abort) => Err(self.aborted()),
        }
    }

    async fn abort(self) {
        let finished = self.finished.take();
        // Refused when an error has aborted it already.
        if let (Ok(()), Some(finished)) = (self.transaction.abort(), finished) {
            // Rejects with the abort's event, which is what was asked for.
            drop(finished.await);
        }
    }
}

impl IndexedTx {
    /// For the tests, which ask it how it was opened.
    #[cfg(test)]
    pub(super) fn inner(&self) -> &IdbTransaction {
        &self.transaction
    }

    fn store(&self, table: Table) -> Result<IdbObjectStore, StoreError> {
        self.transaction.object_store(table.name()).map_err(|err| self.fail(&err))
    }

    async fn settled(&self, request: &IdbRequest) -> Result<JsValue, StoreError> {
        settled(request).await.map_err(|err| self.fail(&err))
    }

    /// Rows in ascending order come in two requests, however many they are.
    async fn all(
        &self,
        source: &Source,
        range: &IdbKeyRange,
        limit: Option<usize>,
        descending: bool,
    ) -> Result<Vec<(String, Value)>, StoreError> {
        // For IndexedDB 0 means no limit.
        let limit = limit.map_or(0, |limit| u32::try_from(limit).unwrap_or(u32::MAX));
        let (keys, values) = source.get_all(range, limit).map_err(|err| self.fail(&err))?;
        let (keys, values) = (self.settled(&keys).await?, self.settled(&values).await?);
        let Value::Array(values) = self.read(&values)? else {
            return Err(StoreError::Failed("a scan gave no array".into()));
        };
        let keys = Array::from(&keys).iter().map(|key| key.as_string().unwrap_or_default()).collect::<Vec<_>>();
        let mut rows: Vec<(String, Value)> = keys.into_iter().zip(values).collect();
        if descending {
            rows.reverse();
        }
        Ok(rows)
    }

    /// The largest few, by a cursor from the end.
    async fn newest(
        &self,
        source: &Source,
        range: &IdbKeyRange,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StoreError> {
        let request = source.open_cursor(range).map_err(|err| self.fail(&err))?;
        let (keys, values) = (Array::new(), Array::new());
        while let Ok(cursor) = self.settled(&request).await?.dyn_into::<IdbCursorWithValue>() {
            keys.push(&cursor.primary_key().map_err(|err| self.fail(&err))?);
            values.push(&cursor.value().map_err(|err| self.fail(&err))?);
            if keys.length() as usize == limit {
                break;
            }
            cursor.continue_().map_err(|err| self.fail(&err))?;
        }
        let Value::Array(values) = self.read(&values)? else {
            return Err(StoreError::Failed("a scan gave no array".into()));
        };
        Ok(keys.iter().map(|key| key.as_string().unwrap_or_default()).zip(values).collect())
    }

    /// JSON crosses the border as text: one crossing for a whole page of rows.
    fn read(&self, value: &JsValue) -> Result<Value, StoreError> {
        let text = JSON::stringify(value).map_err(|err| self.fail(&err))?;
        serde_json::from_str(&String::from(text)).map_err(|err| StoreError::Damaged(err.to_string()))
    }

    /// Takes back what was written so far, and says why.
    fn fail(&self, error: &JsValue) -> StoreError {
        let cause = self.aborted();
        // It may be aborted already, by the very error.
        let _ = self.transaction.abort();
        match store_error(error) {
            StoreError::Failed(text) if text.starts_with("AbortError") => cause,
            told => told,
        }
    }

    /// Why the transaction is no more: the browser's reason, else that of the connection.
    fn aborted(&self) -> StoreError {
        match self.transaction.error() {
            Some(reason) => store_error(&reason),
            None if self.connection.closed.get() => StoreError::Closed,
            None => StoreError::Failed("the transaction was aborted".into()),
        }
    }
}

impl Drop for IndexedTx {
    fn drop(&mut self) {
        if self.mode != Mode::Read && self.finished.take().is_some() {
            // Refused when an error has aborted it already: the same outcome.
            let _ = self.transaction.abort();
        }
    }
}

/// What a scan walks along.
enum Source {
    Keys(IdbObjectStore),
    Index(IdbIndex),
}

impl Source {
    fn of(store: &IdbObjectStore, scan: &Scan) -> Result<Self, JsValue> {
        match scan.index {
            None => Ok(Self::Keys(store.clone())),
            Some(index) => store.index(index.name()).map(Self::Index),
        }
    }

    /// The requests for the rows' own keys and for their values.
    fn get_all(&self, range: &IdbKeyRange, limit: u32) -> Result<(IdbRequest, IdbRequest), JsValue> {
        Ok(match self {
            Self::Keys(store) => {
                (store.get_all_keys_with_key_and_limit(range, limit)?, store.get_all_with_key_and_limit(range, limit)?)
            }
            Self::Index(index) => {
                (index.get_all_keys_with_key_and_limit(range, limit)?, index.get_all_with_key_and_limit(range, limit)?)
            }
        })
    }

    fn open_cursor(&self, range: &IdbKeyRange) -> Result<IdbRequest, JsValue> {
        match self {
            Self::Keys(store) => store.open_cursor_with_range_and_direction(range, IdbCursorDirection::Prev),
            Self::Index(index) => index.open_cursor_with_range_and_direction(range, IdbCursorDirection::Prev),
        }
    }
}
