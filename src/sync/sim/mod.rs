//! The simulated world: the same engine, driver and store as on a phone, over twins of its four
//! doors, with every fault decided by one seed.

pub mod device;
pub mod exec;
pub mod far_end;
pub mod memory_db;
pub mod network;
pub mod oracle;
#[cfg(test)]
mod quiet;
pub mod script;
#[cfg(test)]
mod tests;
pub mod verdicts;
pub mod world;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Runs a future that only waits for the memory twins.
///
/// # Panics
/// It waits for something that never comes (a transaction that somebody left open).
pub fn run<T>(future: impl Future<Output = T>) -> T {
    const MAX_POLLS: usize = 1_000_000;
    let mut future = pin!(future);
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the future waits for something that never comes");
}
