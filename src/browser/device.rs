//! This device, whoever is signed in on it: opens the account's copy, deletes it on signing out,
//! and follows what the other tabs do about either.

use std::{
    cell::RefCell,
    pin::pin,
    rc::{Rc, Weak},
};

use futures::{
    FutureExt,
    future::{Either, LocalBoxFuture, select},
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::{LocalStorage, Owner, ReadSignal, Set, WriteSignal, signal, signal_local, window};
use serde_json::Value;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;

use super::{
    awake::{self, Awake},
    passkeys,
    schema::{self, database_name},
    session::Session,
    settings, update,
};
use crate::{
    domain::id::UserId,
    sync::ports::StoreError,
    ui::{
        replica::{Account, Device, DevicePort, PasskeyAct, PasskeyStop, Replica},
        words,
    },
};

/// Deleting waits for other tabs to let go of the database, which they do when told.
const ERASE_PATIENCE_MS: u32 = 10_000;

pub(super) struct BrowserDevice {
    account: WriteSignal<Option<Account>>,
    replica: WriteSignal<Option<Replica>, LocalStorage>,
    update_waiting: ReadSignal<bool>,
    awake: Rc<Awake>,
    /// Where the signals of open accounts live.
    owner: Owner,
    open: RefCell<Option<(UserId, Rc<Session>)>>,
    me: Weak<Self>,
}

impl BrowserDevice {
    /// The device as it was left. To be called once, where its signals are to live.
    pub(super) fn start() -> Device {
        let known = settings::account();
        let (account, set_account) = signal(known.clone());
        let (replica, set_replica) = signal_local(None);
        let owner = Owner::current().expect("the app is being mounted");
        let update_waiting = update::waiting();
        let device = Rc::new_cyclic(|me| Self {
            account: set_account,
            replica: set_replica,
            update_waiting,
            awake: Awake::new(),
            owner,
            open: RefCell::default(),
            me: me.clone(),
        });
        device.follow_other_tabs();
        for user_id in settings::to_erase() {
            // What fails now is still to be done at the next start.
            spawn_local(erase(user_id).map(|_erased| ()));
        }
        if let Some(known) = known {
            let device = device.clone();
            spawn_local(async move {
                if let Err(err) = device.open(known).await {
                    super::cannot_start(&err.to_string());
                }
            });
        }
        Device::new(account, replica, device)
    }

    async fn open_session(&self, account: Account) -> Result<(), StoreError> {
        if let Some((user_id, session)) = &*self.open.borrow()
            && *user_id == account.user_id
        {
            settings::set_account(&account);
            session.screens.account.set(account.clone());
            session.signed_in();
            self.account.set(Some(account));
            return Ok(());
        }
        self.close_session();
        let user_id = account.user_id;
        if settings::to_erase().contains(&user_id) {
            erase(user_id).await?;
        }
        let session = Session::open(account.clone(), &self.owner, {
            let me = self.me.clone();
            move || {
                if let Some(device) = me.upgrade() {
                    device.signed_out(user_id);
                }
            }
        })
        .await?;
        if self.open.borrow().as_ref().is_some_and(|(open, _)| *open == user_id) {
            // Another call was faster.
            session.close();
            return Ok(());
        }
        settings::set_account(&account);
        *self.open.borrow_mut() = Some((user_id, session.clone()));
        let replica = self.owner.with(|| session.screens.replica(session.clone()));
        self.account.set(Some(account));
        self.replica.set(Some(replica));
        session.run();
        Ok(())
    }

    fn close_session(&self) {
        if let Some((_, session)) = self.open.take() {
            self.replica.set(None);
            session.close();
        }
    }

    /// Nobody is signed in any more, here or in another tab.
    fn signed_out(&self, user_id: UserId) {
        if self.open.borrow().as_ref().is_some_and(|(open, _)| *open == user_id) {
            self.close_session();
            self.account.set(None);
        }
    }

    /// Forgets the account at once and deletes its database; what cannot be deleted now is deleted
    /// at the next start.
    async fn sign_out(&self) -> Result<(), StoreError> {
        let known = settings::account().map(|account| account.user_id);
        let Some(user_id) = self.open.borrow().as_ref().map(|(user_id, _)| *user_id).or(known) else { return Ok(()) };
        settings::set_to_erase(user_id, true);
        settings::forget(user_id);
        self.close_session();
        let erased = erase(user_id).await;
        self.account.set(None);
        erased
    }

    /// Signing in or out in one tab is seen in all of them.
    fn follow_other_tabs(self: &Rc<Self>) {
        let me = Rc::downgrade(self);
        let closure = Closure::<dyn Fn()>::new(move || {
            let Some(device) = me.upgrade() else { return };
            let open = device.open.borrow().as_ref().map(|(user_id, _)| *user_id);
            match settings::account() {
                None => {
                    if let Some(user_id) = open {
                        device.signed_out(user_id);
                    }
                }
                Some(account) if Some(account.user_id) != open => spawn_local(async move {
                    if let Err(err) = device.open(account).await {
                        super::cannot_start(&err.to_string());
                    }
                }),
                Some(_) => {}
            }
        });
        window()
            .add_event_listener_with_callback("storage", closure.as_ref().unchecked_ref())
            .expect("a window takes listeners");
        // Once per page, for as long as it lives.
        closure.forget();
    }
}

/// Deletes an account's database, unless another tab holds on to it for too long.
async fn erase(user_id: UserId) -> Result<(), StoreError> {
    let name = database_name(user_id);
    match select(pin!(schema::erase(&name)), TimeoutFuture::new(ERASE_PATIENCE_MS)).await {
        Either::Left((erased, _)) => erased?,
        Either::Right(_) => return Err(StoreError::Failed("another tab still holds the database".into())),
    }
    settings::set_to_erase(user_id, false);
    Ok(())
}

impl DevicePort for BrowserDevice {
    fn open(&self, account: Account) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        self.open_session(account).boxed_local()
    }

    fn wipe(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        self.sign_out().boxed_local()
    }

    fn setting(&self, name: &str) -> Option<String> {
        settings::setting(name)
    }

    fn set_setting(&self, name: &str, value: &str) {
        settings::set_setting(name, value);
    }

    fn speak(&self, language: &str) {
        settings::set_setting(words::SETTING, language);
        // A page that does not go stays in its language, and the next start has the new one.
        let _ = window().location().reload();
    }

    fn keep_awake(&self, wanted: bool) {
        self.awake.want(wanted);
    }

    fn at_bedside(&self, here: bool) {
        settings::show_theme();
        awake::fill_screen(here);
    }

    fn passkey_origin(&self) -> Option<String> {
        passkeys::origin()
    }

    fn passkey(&self, act: PasskeyAct, options: Value) -> LocalBoxFuture<'_, Result<Value, PasskeyStop>> {
        passkeys::ask(act, options).boxed_local()
    }

    fn update_waiting(&self) -> ReadSignal<bool> {
        self.update_waiting
    }

    fn update_app(&self) {
        update::accept();
    }
}
