//! Devices at work: each on a connection of its own, each with its own baby, one request after the
//! other without a pause.

use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::family::Family;
use super::http::Connection;
use super::samples::Samples;
use crate::exec;

/// What the devices do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Push so many new entries at a time.
    Push(usize),
    /// Pull the last so many changes; 0 is an idle poll.
    Pull(usize),
}

impl Work {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Push(k) => format!("push_{k}"),
            Self::Pull(k) => format!("pull_{k}"),
        }
    }
}

pub(crate) struct Done {
    pub(crate) requests_per_s: f64,
    pub(crate) requests: usize,
    pub(crate) latency: Samples,
}

/// Lets every family's device work for `time`.
pub(crate) fn run(address: &str, families: &mut [Family], work: Work, time: Duration) -> Result<Done> {
    let ready = Barrier::new(families.len());
    let latencies = Mutex::new(Vec::new());
    let started = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = families
            .iter_mut()
            .map(|family| {
                scope.spawn(|| {
                    let connection = Connection::open(address);
                    // Even one that could not connect must not keep the others waiting.
                    ready.wait();
                    let own = device(&mut connection?, family, work, time)?;
                    latencies.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
                    anyhow::Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        anyhow::Ok(())
    })?;
    ensure!(!exec::interrupted(), "interrupted");
    let elapsed = started.elapsed().as_secs_f64();
    let latencies = latencies.into_inner().unwrap_or_else(PoisonError::into_inner);
    let requests = latencies.len();
    Ok(Done { requests_per_s: requests as f64 / elapsed, requests, latency: Samples::of_durations(&latencies) })
}

fn device(connection: &mut Connection, family: &mut Family, work: Work, time: Duration) -> Result<Vec<Duration>> {
    let poll = match work {
        Work::Pull(k) => family.pull_request(k as u64),
        Work::Push(_) => Vec::new(),
    };
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < time && !exec::interrupted() {
        let pushed = match work {
            Work::Push(k) => Some((k, family.push_request(k))),
            Work::Pull(_) => None,
        };
        let asked = Instant::now();
        connection.send(pushed.as_ref().map_or(&poll, |(_, request)| request))?.ok()?;
        latencies.push(asked.elapsed());
        if let Some((k, _)) = pushed {
            family.pushed(k);
        }
    }
    Ok(latencies)
}
