//! What is true of a baby's log, whoever asks: ids, times, the registry of everything that can be
//! recorded, validation, and the merge that decides every write.
//!
//! Pure: no clock, no randomness, no I/O, no other room. The server and the device run this same
//! code, so neither has to trust the other's result.

pub mod activity_log;
pub mod apply;
pub mod baby;
pub mod bath_log;
pub mod checksum;
pub mod custom_activity;
pub mod date;
pub mod day;
pub mod dose;
pub mod feed_log;
pub mod field;
pub mod food;
pub mod growth_log;
pub mod handover;
pub mod hlc;
pub mod id;
pub mod level;
pub mod medication_log;
pub mod medicine;
pub mod merge;
pub mod milestone_log;
pub mod milk_bag;
pub mod mutation;
pub mod nappy_log;
pub mod note_log;
pub mod nursing;
pub mod overlap;
pub mod policy;
pub mod pumping_log;
pub mod read;
pub mod registry;
pub mod relation;
pub mod row;
#[cfg(test)]
pub mod sample;
pub mod set;
pub mod since;
pub mod sleep_log;
pub mod solids_log;
pub mod temperature_log;
pub mod time;
pub mod timer;
pub mod totals;
pub mod units;
pub mod vaccine_log;
