//! Whole sessions in a real browser: database, channel, lock and loops. There is no server of ours
//! here, so every request is lost, which is what offline looks like from inside. Two sessions of
//! one account on this page share what two tabs share.

use std::{cell::Cell, rc::Rc};

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::{GetUntracked, Owner};
use serde_json::json;
use uuid::Uuid;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::Event;

use super::{device::BrowserDevice, session::Session, settings};
use crate::{
    domain::{
        field::Fields,
        id::{BabyId, EntityId, UserId},
        registry::EntityType,
        row::Row,
    },
    sync::{
        draft::Draft,
        ports::StoreError,
        query::{Query, Select},
    },
    ui::replica::{Account, Replica, ReplicaPort},
};

fn account(n: u128) -> Account {
    Account { user_id: UserId(Uuid::from_u128(n)), display_name: format!("caregiver {n}") }
}

/// A tab, and the owner that keeps its signals alive.
struct Tab {
    session: Rc<Session>,
    replica: Replica,
    _owner: Owner,
}

async fn tab(n: u128) -> Tab {
    let owner = Owner::new();
    let session = Session::open(account(n), &owner, || ()).await.unwrap();
    let replica = owner.with(|| session.screens.replica(session.clone()));
    session.run();
    Tab { session, replica, _owner: owner }
}

fn fields(value: serde_json::Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn baby(id: BabyId) -> Draft {
    let fields = fields(json!({"name": "Mo", "birthDate": "2026-10-01", "zone": "Europe/Lisbon"}));
    Draft::Create { entity_type: EntityType::BABY, baby_id: id, id: id.entity(), fields }
}

fn nappy(baby_id: BabyId, id: EntityId) -> Draft {
    let fields = fields(json!({"type": "wee", "startedAt": "2026-11-20T02:10:00.000Z"}));
    Draft::Create { entity_type: EntityType::NAPPY_LOG, baby_id, id, fields }
}

async fn nappies(port: &dyn ReplicaPort, baby_id: BabyId) -> Vec<Row> {
    let query = Query { baby_id, types: vec![EntityType::NAPPY_LOG], select: Select::Latest, limit: Some(10) };
    port.query(query).await.unwrap()
}

/// Lets the page's other tasks and events come first, until it is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        TimeoutFuture::new(10).await;
    }
    panic!("it never came: {what}");
}

async fn databases() -> Vec<String> {
    let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).unwrap();
    let list: Function = Reflect::get(&factory, &"databases".into()).unwrap().unchecked_into();
    let list: Promise = list.call0(&factory).unwrap().unchecked_into();
    let list = Array::from(&JsFuture::from(list).await.unwrap());
    list.iter().filter_map(|info| Reflect::get(&info, &"name".into()).unwrap().as_string()).collect()
}

/// B01, C09, C21.
#[wasm_bindgen_test]
async fn what_was_saved_is_shown_here_and_in_the_other_tab_and_waits_to_be_sent() {
    let (one, two) = (tab(101).await, tab(101).await);
    let port = one.replica.port();
    let baby_id = BabyId(port.new_id());
    port.commit(vec![baby(baby_id)]).await.unwrap();
    assert_eq!(one.replica.babies.get_untracked().len(), 1, "in the list before the tick shows");
    assert_eq!(one.replica.active_baby.get_untracked(), Some(baby_id), "the only baby is on screen");
    port.commit(vec![nappy(baby_id, EntityId(port.new_id()))]).await.unwrap();
    assert_eq!(nappies(&*port, baby_id).await.len(), 1);

    until("the other tab knows the baby", || two.replica.active_baby.get_untracked() == Some(baby_id)).await;
    until("both know what waits", || [&one, &two].iter().all(|tab| tab.replica.status.get_untracked().waiting == 2))
        .await;
    assert_eq!(nappies(&*two.replica.port(), baby_id).await.len(), 1);

    one.session.close();
    two.session.close();
    let reloaded = tab(101).await;
    assert_eq!(reloaded.replica.status.get_untracked().waiting, 2, "known with the first screen");
    assert_eq!(reloaded.replica.active_baby.get_untracked(), Some(baby_id));
    assert_eq!(nappies(&*reloaded.replica.port(), baby_id).await.len(), 1);
    reloaded.session.close();
}

#[wasm_bindgen_test]
async fn what_cannot_be_true_is_refused_and_nothing_is_kept() {
    let tab = tab(102).await;
    let port = tab.replica.port();
    let baby_id = BabyId(port.new_id());
    let mut wrong = nappy(baby_id, EntityId(port.new_id()));
    if let Draft::Create { fields, .. } = &mut wrong {
        fields.insert("type".into(), json!("stardust"));
    }
    assert!(port.commit(vec![baby(baby_id), wrong]).await.is_err());
    assert!(nappies(&*port, baby_id).await.is_empty());
    assert_eq!(tab.replica.babies.get_untracked(), []);
    tab.session.close();
}

/// B18.
#[wasm_bindgen_test]
async fn signing_out_leaves_nothing_of_the_account_and_the_other_tab_follows() {
    let owner = Owner::new();
    let (one, two) = (owner.with(BrowserDevice::start), owner.with(BrowserDevice::start));
    one.port().open(account(103)).await.unwrap();
    two.port().open(account(103)).await.unwrap();
    let port = one.replica.get_untracked().unwrap().port();
    let baby_id = BabyId(port.new_id());
    port.commit(vec![baby(baby_id)]).await.unwrap();
    let name = super::schema::database_name(account(103).user_id);
    assert!(databases().await.contains(&name));
    assert_eq!(settings::account(), Some(account(103)));

    one.port().wipe().await.unwrap();
    assert!(!databases().await.contains(&name), "{:?}", databases().await);
    assert_eq!(settings::account(), None);
    assert_eq!(settings::active_baby(account(103).user_id), None);
    for device in [one, two] {
        assert_eq!(device.account.get_untracked(), None);
        assert!(device.replica.get_untracked().is_none());
    }
    assert_eq!(settings::to_erase(), [], "and nothing is left to do");
    let refused = port.commit(vec![nappy(baby_id, EntityId(port.new_id()))]).await;
    assert_eq!(refused, Err(StoreError::Closed.into()), "a screen that is still open cannot write it anew");
    assert!(!databases().await.contains(&name));
}

/// The app was killed between the tap on "sign out" and the end of it.
#[wasm_bindgen_test]
async fn a_sign_out_that_was_cut_short_is_finished_at_the_next_start() {
    let user_id = account(104).user_id;
    let name = super::schema::database_name(user_id);
    tab(104).await.session.close();
    assert!(databases().await.contains(&name));
    settings::set_to_erase(user_id, true);

    let owner = Owner::new();
    let device = owner.with(BrowserDevice::start);
    until("nothing is left to erase", || settings::to_erase().is_empty()).await;
    assert!(!databases().await.contains(&name));
    assert_eq!(device.account.get_untracked(), None);
}

#[wasm_bindgen_test]
fn a_newer_version_is_offered_and_taken_only_on_request() {
    let window = leptos::prelude::window();
    let taken = Rc::new(Cell::new(0));
    let listener = Closure::<dyn Fn()>::new({
        let taken = taken.clone();
        move || taken.set(taken.get() + 1)
    });
    window.add_event_listener_with_callback("cradlelog:update-accept", listener.as_ref().unchecked_ref()).unwrap();
    let owner = Owner::new();
    let device = owner.with(BrowserDevice::start);
    let waiting = device.port().update_waiting();
    assert!(!waiting.get_untracked());
    window.dispatch_event(&Event::new("cradlelog:update").unwrap()).unwrap();
    assert!(waiting.get_untracked());
    assert_eq!(taken.get(), 0);
    device.port().update_app();
    assert_eq!(taken.get(), 1);
}
