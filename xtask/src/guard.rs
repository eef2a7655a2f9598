//! What ends the xtask's jobs when the xtask itself was killed outright?
//!
//! A second process of this program, `xtask guard`, whose standard input is a pipe from the xtask. It
//! keeps the list of running jobs, and when the pipe closes (which the kernel does however the xtask
//! ended) it ends those that are left, the latest first. It also holds the locks on data directories,
//! so the next run waits until this one's database is really gone.
//!
//! The talk is lines of text: `watch SIGNAL TARGET`, `forget TARGET`, and `lock PATH`, which alone is
//! answered, by `locked` or `busy` or by the words of an error.

use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{exec, postmaster};

struct Guard {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Never waited for: it outlives the xtask by a moment.
    _child: Child,
}

static GUARD: OnceLock<Mutex<Guard>> = OnceLock::new();

/// Has the guard end `target` (a process, or a group after a minus) with `signal` if the xtask dies.
pub(crate) fn watch(signal: &str, target: &str) -> Result<()> {
    tell(&format!("watch {signal} {target}"), |_| Ok(()))
}

/// Tells the guard that `target` has ended.
pub(crate) fn forget(target: &str) -> Result<()> {
    tell(&format!("forget {target}"), |_| Ok(()))
}

/// Locks a file for as long as the xtask and its jobs live. `false`: another run holds it.
pub(crate) fn lock(path: &Path) -> Result<bool> {
    tell(&format!("lock {}", path.display()), |guard| {
        let mut answer = String::new();
        guard.stdout.read_line(&mut answer)?;
        match answer.trim() {
            "locked" => Ok(true),
            "busy" => Ok(false),
            other => bail!("cannot lock {}: {other}", path.display()),
        }
    })
}

fn tell<T>(line: &str, answer: impl FnOnce(&mut Guard) -> Result<T>) -> Result<T> {
    if GUARD.get().is_none() {
        // Losing this race would only leave a guard with nothing to do, and it ends at once.
        let _ = GUARD.set(Mutex::new(start()?));
    }
    let guard = GUARD.get().context("the guard was just set")?;
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(guard.stdin, "{line}").context("the guard process is gone")?;
    answer(&mut guard)
}

fn start() -> Result<Guard> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("guard")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("cannot start the guard process")?;
    let stdin = child.stdin.take().context("the guard has a pipe")?;
    let stdout = BufReader::new(child.stdout.take().context("the guard has a pipe")?);
    Ok(Guard { stdin, stdout, _child: child })
}

/// The guard process.
pub(crate) fn main() -> Result<()> {
    let mut jobs: Vec<(String, String)> = Vec::new();
    let mut locks: Vec<File> = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("watch", job)) => {
                let (signal, target) = job.split_once(' ').context("watch names a signal and a target")?;
                jobs.push((signal.to_owned(), target.to_owned()));
            }
            Some(("forget", target)) => jobs.retain(|(_, known)| known != target),
            Some(("lock", path)) => println!("{}", try_lock(Path::new(path), &mut locks)),
            _ => bail!("the guard does not understand `{line}`"),
        }
    }
    for (signal, target) in jobs.iter().rev() {
        end(signal, target)?;
    }
    Ok(())
}

fn try_lock(path: &Path, locks: &mut Vec<File>) -> String {
    let file = match File::options().create(true).truncate(false).write(true).open(path) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    match file.try_lock() {
        Ok(()) => {
            locks.push(file);
            "locked".to_owned()
        }
        Err(TryLockError::WouldBlock) => "busy".to_owned(),
        Err(TryLockError::Error(error)) => error.to_string(),
    }
}

fn end(signal: &str, target: &str) -> Result<()> {
    let leader: u32 = target.trim_start_matches('-').parse().context("a target is a number")?;
    exec::kill(signal, target)?;
    let asked = Instant::now();
    while postmaster::alive(leader) {
        if asked.elapsed() > Duration::from_secs(15) {
            return exec::kill("KILL", target);
        }
        std::thread::sleep(exec::TICK);
    }
    Ok(())
}
