//! `cargo xtask bench`: the figures of docs/performance.md.
//!
//! Every figure comes from the release build on this machine in this run; nothing here passes or
//! fails, it only says what was measured beside what was aimed at.

mod browser;
mod database;
mod family;
mod http;
mod load;
mod memory;
pub(crate) mod report;
mod samples;
mod script;
mod scripts;
mod server;
mod size;
mod statements;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use report::Section;

use crate::paths;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    rounds: usize,
    time: Duration,
}

impl Effort {
    fn is_full(self) -> bool {
        self.rounds > QUICK.rounds
    }
}

const FULL: Effort = Effort { rounds: 3, time: Duration::from_secs(4) };
/// Only to see that all works; the figures mean little.
const QUICK: Effort = Effort { rounds: 1, time: Duration::from_secs(1) };

type Measure = fn(Effort) -> Result<Section>;

/// What can be measured.
const MEASURES: [(&str, Measure); 3] =
    [("size", size::measure), ("browser", browser::measure), ("server", server::measure)];

/// Open files that a thousand connections and all else need.
const OPEN_FILES: u64 = 4096;

pub(crate) fn main(args: &[String]) -> Result<()> {
    let (flags, names): (Vec<_>, Vec<_>) = args.iter().map(String::as_str).partition(|arg| arg.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| !["--write", "--quick"].contains(flag)) {
        bail!("bench does not know {unknown}");
    }
    let all = MEASURES.map(|(name, _)| name);
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        bail!("bench cannot measure `{unknown}`: {}", all.join(", "));
    }
    raise_open_files(args)?;
    let effort = if flags.contains(&"--quick") { QUICK } else { FULL };
    let (machine, page) = (report::machine(), paths::repo().join("docs/performance.md"));
    for (_, measure) in MEASURES.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        let section = measure(effort)?;
        let text = section.to_markdown(&machine)?;
        println!("\n{text}");
        if flags.contains(&"--write") {
            report::write(&page, section.name, &text)?;
        }
    }
    Ok(())
}

/// Starts this program again with a higher limit of open files, where the limit is too low: a process
/// cannot raise its own without unsafe code, but a shell can, and what it starts inherits it.
fn raise_open_files(args: &[String]) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = open_files_in(&limits).unwrap_or(u64::MAX);
    if limit >= OPEN_FILES {
        return Ok(());
    }
    let script = format!("ulimit -n {OPEN_FILES} && exec \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]).arg(std::env::current_exe()?).arg("bench").args(args);
    Err(shell.exec()).context("cannot start a shell")
}

fn open_files_in(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_the_first_number() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 1048576              files\n";
        assert_eq!(open_files_in(limits), Some(1024));
        assert_eq!(open_files_in("Max open files unlimited unlimited files"), None);
    }
}
