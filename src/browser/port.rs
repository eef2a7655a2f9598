//! What the screens ask of an open account.

use futures::{FutureExt, future::LocalBoxFuture};
use leptos::prelude::window;
use uuid::Uuid;
use wasm_bindgen_futures::JsFuture;

use super::session::Session;
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, MutationId},
        row::Row,
    },
    sync::{
        draft::{Draft, SaveError},
        engine::Event,
        import::{Export, Report},
        ports::{Clock, Entropy, StoreError},
        query::Query,
        status::DeadLetter,
    },
    ui::replica::{Notice, ReplicaPort},
};

impl ReplicaPort for Session {
    fn commit(&self, drafts: Vec<Draft>) -> LocalBoxFuture<'_, Result<(), SaveError>> {
        async move {
            let babies = self.store.commit(self.clock.now(), &self.entropy, &drafts).await?;
            self.committed(babies).await;
            Ok(())
        }
        .boxed_local()
    }

    fn query(&self, query: Query) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        async move { self.store.query(&query).await }.boxed_local()
    }

    fn dead_letters(&self) -> LocalBoxFuture<'_, Result<Vec<DeadLetter>, StoreError>> {
        self.store.dead_letters().boxed_local()
    }

    fn retry(
        &self,
        baby_id: BabyId,
        letter: MutationId,
        edited: Option<Fields>,
    ) -> LocalBoxFuture<'_, Result<(), SaveError>> {
        async move {
            self.store.retry(self.clock.now(), &self.entropy, baby_id, letter, edited).await?;
            self.committed([baby_id]).await;
            Ok(())
        }
        .boxed_local()
    }

    fn discard(&self, baby_id: BabyId, letter: MutationId) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.store.discard(baby_id, letter).await?;
            self.changed();
            Ok(())
        }
        .boxed_local()
    }

    fn record(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        async move {
            let record = serde_json::json!({
                "app": env!("CARGO_PKG_VERSION"),
                "clientId": self.store.client_id(),
                "writtenAt": self.clock.now(),
                "status": self.driver.status().await?,
                "journal": self.store.journal().await?,
            });
            Ok(format!("{record:#}"))
        }
        .boxed_local()
    }

    fn preview<'a>(&'a self, export: &'a Export) -> LocalBoxFuture<'a, Result<Report, StoreError>> {
        self.store.preview(self.clock.now(), &self.entropy, export).boxed_local()
    }

    fn import<'a>(&'a self, export: &'a Export) -> LocalBoxFuture<'a, Result<Report, SaveError>> {
        async move {
            let report = self.store.import(self.clock.now(), &self.entropy, export).await?;
            self.committed(report.babies.clone()).await;
            Ok(report)
        }
        .boxed_local()
    }

    fn sync_now(&self) {
        self.tell(Event::SyncNow);
    }

    fn activate(&self, baby_id: Option<BabyId>) {
        Session::activate(self, baby_id);
    }

    fn signed_in(&self) {
        Session::signed_in(self);
    }

    fn refresh_access(&self) {
        self.tell(Event::AccessChanged);
    }

    fn left(&self, baby_id: BabyId) {
        self.left.set(Some(baby_id));
        self.refresh_access();
    }

    fn put_away(&self, notice: &Notice) {
        self.screens.put_away(notice);
    }

    fn new_id(&self) -> Uuid {
        self.entropy.uuid_v7(self.clock.now())
    }

    fn persist(&self) -> LocalBoxFuture<'_, bool> {
        async {
            let Ok(asked) = window().navigator().storage().persist() else { return false };
            JsFuture::from(asked).await.is_ok_and(|kept| kept.is_truthy())
        }
        .boxed_local()
    }
}
