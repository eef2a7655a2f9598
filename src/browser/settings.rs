//! The little that a device remembers outside of its database: who is signed in, which baby was on
//! screen, what a guest is told at the end, the settings. In `localStorage`, because it is needed before
//! a database is open, or after what it is about has left the database.
//!
//! A browser that keeps nothing (some private windows) is no error: the app then starts anew each
//! time, and says so where it matters, when a database is opened.

use leptos::prelude::window;
use web_sys::{Event, Storage};

use crate::{
    domain::id::{BabyId, UserId},
    ui::replica::{Account, Farewell},
};

/// What the page's own script shows, from the first paint on; it listens for an event of this name.
const THEME: &str = "theme";
/// Read by it too.
const NIGHT: &str = "night";
const ACCOUNT: &str = "cradlelog.account";
const TO_ERASE: &str = "cradlelog.toErase";

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

fn set(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // Full or refused: what is kept here is a convenience, and is asked for again.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

pub(super) fn setting(name: &str) -> Option<String> {
    get(name)
}

pub(super) fn set_setting(name: &str, value: &str) {
    set(name, Some(value));
    if matches!(name, THEME | NIGHT) {
        show_theme();
    }
}

/// Lets the page's script look again at what decides about the theme: the settings and the address.
pub(super) fn show_theme() {
    if let Ok(event) = Event::new(THEME) {
        // It fails for an event that is under way already, which this one is not.
        let _ = window().dispatch_event(&event);
    }
}

/// Whose device this is, across reloads.
pub(super) fn account() -> Option<Account> {
    serde_json::from_str(&get(ACCOUNT)?).ok()
}

pub(super) fn set_account(account: &Account) {
    let text = serde_json::to_string(account).expect("an account is an id and a name");
    set(ACCOUNT, Some(&text));
}

/// Forgets an account and what was kept for it. The device's own settings stay.
pub(super) fn forget(user_id: UserId) {
    set(ACCOUNT, None);
    set(&active_key(user_id), None);
    set(&farewells_key(user_id), None);
    // They are a baby's.
    set(NIGHT, None);
}

/// The accounts whose databases are still to be deleted: signing out says so first, so that a crash
/// or another tab that holds on does not keep what the person wanted gone.
pub(super) fn to_erase() -> Vec<UserId> {
    get(TO_ERASE).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

pub(super) fn set_to_erase(user_id: UserId, wanted: bool) {
    let mut list = to_erase();
    list.retain(|known| *known != user_id);
    if wanted {
        list.push(user_id);
    }
    let text = serde_json::to_string(&list).expect("a list of ids has a JSON form");
    set(TO_ERASE, Some(text.as_str()).filter(|_| !list.is_empty()));
}

fn farewells_key(user_id: UserId) -> String {
    format!("cradlelog.farewells.{user_id}")
}

/// What an account is told of its times as a guest that are over, until it is put away.
pub(super) fn farewells(user_id: UserId) -> Vec<Farewell> {
    get(&farewells_key(user_id)).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

pub(super) fn set_farewell(user_id: UserId, farewell: &Farewell, wanted: bool) {
    let mut list = farewells(user_id);
    list.retain(|known| known != farewell);
    if wanted {
        list.push(farewell.clone());
    }
    let text = serde_json::to_string(&list).expect("a list of names and counts has a JSON form");
    set(&farewells_key(user_id), Some(text.as_str()).filter(|_| !list.is_empty()));
}

fn active_key(user_id: UserId) -> String {
    format!("cradlelog.active.{user_id}")
}

/// The baby that was last on screen.
pub(super) fn active_baby(user_id: UserId) -> Option<BabyId> {
    get(&active_key(user_id))?.parse().ok()
}

pub(super) fn set_active_baby(user_id: UserId, baby_id: Option<BabyId>) {
    set(&active_key(user_id), baby_id.map(|id| id.to_string()).as_deref());
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use uuid::Uuid;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::domain::registry::EntityType;

    #[wasm_bindgen_test]
    fn an_account_is_remembered_and_forgotten_and_the_settings_stay() {
        let user_id = UserId(Uuid::from_u128(7));
        let account = Account { user_id, display_name: "Ana \"Q\"".into() };
        set_account(&account);
        set_active_baby(user_id, Some(BabyId(Uuid::from_u128(8))));
        set_farewell(user_id, &farewell("Juno"), true);
        set_setting("hand", "left");
        set_setting(NIGHT, "19:30 07:00 Europe/Berlin");
        assert_eq!(super::account(), Some(account));
        assert_eq!(active_baby(user_id), Some(BabyId(Uuid::from_u128(8))));
        forget(user_id);
        assert_eq!(super::account(), None);
        assert_eq!(active_baby(user_id), None);
        assert_eq!(farewells(user_id), []);
        assert_eq!(setting(NIGHT), None);
        assert_eq!(setting("hand").as_deref(), Some("left"));
    }

    fn farewell(name: &str) -> Farewell {
        Farewell { name: name.into(), logged: vec![(EntityType::FEED_LOG, 2)], handed: 1, kept: 0 }
    }

    #[wasm_bindgen_test]
    fn a_farewell_is_kept_for_its_account_until_it_is_put_away() {
        let (one, two) = (UserId(Uuid::from_u128(11)), UserId(Uuid::from_u128(12)));
        for name in ["Juno", "Nox", "Juno"] {
            set_farewell(one, &farewell(name), true);
        }
        assert_eq!(farewells(one), [farewell("Nox"), farewell("Juno")]);
        assert_eq!(farewells(two), []);
        set_farewell(one, &farewell("Nox"), false);
        set_farewell(one, &farewell("Juno"), false);
        assert_eq!(farewells(one), []);
    }

    #[wasm_bindgen_test]
    fn what_is_to_be_erased_is_remembered_until_it_is_done() {
        let (one, two) = (UserId(Uuid::from_u128(9)), UserId(Uuid::from_u128(10)));
        for user_id in [one, two, one] {
            set_to_erase(user_id, true);
        }
        assert_eq!(to_erase(), [two, one]);
        set_to_erase(two, false);
        set_to_erase(one, false);
        assert_eq!(to_erase(), []);
    }
}
