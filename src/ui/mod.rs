//! What a person sees. Reads and writes go through [`replica::Replica`]; the network is never on
//! the path of a tap. No storage, no fetch, no feature gates here: account calls go through
//! [`crate::api`], everything else through the two handles of [`replica`].

// `#[component]` makes the properties of every component public, whatever its own visibility.
#![allow(unreachable_pub)]

mod account;
mod acts;
mod app;
mod awake;
mod clock;
mod components;
mod download;
mod entry;
mod format;
mod intl;
mod layout;
mod log;
mod nursery;
mod pages;
mod prefs;
pub mod replica;
mod router;
mod toast;
pub mod words;

pub use app::App;
