//! Cradlelog: the baby log every caregiver can trust.
//!
//! Rooms, and the question each answers: [`domain`] what is true, [`sync`] how two copies agree,
//! [`api`] the door between the machines, `server` and `browser` how each machine does it, `ui` what
//! a person sees. ARCHITECTURE.md holds the map and the rules; the only feature gates are here.

// Helpers of tests unwrap like the tests themselves: a panic is how they fail.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod domain;
pub mod sync;

#[cfg(feature = "csr")]
pub mod browser;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(feature = "csr")]
pub mod ui;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tidy;
