//! How two copies agree: the wire contract, the outbox, and the engine that decides when to push
//! and pull and what to make of the answers.
//!
//! Pure: no platform, no clock, no randomness of its own. What it needs of a machine comes in
//! through the ports, and each port has a simulated twin.

pub mod backoff;
mod defect;
pub mod draft;
pub mod driver;
pub mod engine;
pub mod fault;
pub mod import;
pub mod local;
pub mod outbox;
pub mod ports;
pub mod protocol;
pub mod query;
pub mod status;

#[cfg(test)]
pub mod any_json;
#[cfg(test)]
pub mod conformance;
#[cfg(test)]
pub mod sim;
