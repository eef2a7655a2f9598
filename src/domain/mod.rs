//! What is true of a baby's log, whoever asks: ids, times, the registry of everything that can be
//! recorded, validation, and the merge that decides every write.
//!
//! Pure: no clock, no randomness, no I/O, no other room. The server and the device run this same
//! code, so neither has to trust the other's result.

pub mod apply;
pub mod baby;
pub mod checksum;
pub mod date;
pub mod day;
pub mod feed_log;
pub mod field;
pub mod hlc;
pub mod id;
pub mod level;
pub mod merge;
pub mod mutation;
pub mod nappy_log;
pub mod nursing;
pub mod policy;
pub mod registry;
pub mod relation;
pub mod row;
pub mod set;
pub mod since;
pub mod sleep_log;
pub mod time;
pub mod totals;
pub mod units;
