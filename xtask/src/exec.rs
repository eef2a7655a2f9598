//! How other programs are run: as jobs that end when the xtask ends.
//!
//! Each job has a process group of its own, so a Ctrl-C at the terminal reaches only the xtask, which
//! then ends its jobs in the right order (the server before its database). Each job is known to the
//! `guard`, which ends it should the xtask be killed outright.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{guard, postmaster};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often a running job, and the wish to stop, are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(25);
/// How long a job may take to end after it was asked, before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// Turns SIGINT, SIGTERM and SIGHUP into a flag that every wait of this module looks at.
pub(crate) fn watch_for_interrupt() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("cannot watch for signals")
}

/// Whether somebody asked the xtask to end.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// What a job is asked to end with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// SIGTERM to the whole group: cargo, npm and the like, whose children would live on.
    Group,
    /// SIGTERM to the one process, which ends its own work.
    Graceful,
    /// SIGINT to the one process: for Postgres a "fast" shutdown, which does not wait for clients.
    Fast,
}

impl Ending {
    /// The words for `kill`, without the number's sign.
    fn target(self, pid: u32) -> (&'static str, String) {
        match self {
            Self::Group => ("TERM", format!("-{pid}")),
            Self::Graceful => ("TERM", pid.to_string()),
            Self::Fast => ("INT", pid.to_string()),
        }
    }
}

/// A program that was started and is ended when this value is dropped.
pub(crate) struct Job {
    child: Child,
    name: String,
    ending: Ending,
    ended: Option<ExitStatus>,
}

impl Job {
    pub(crate) fn start(command: &mut Command, ending: Ending) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child =
            command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        let (signal, target) = ending.target(child.id());
        let job = Self { child, name, ending, ended: None };
        guard::watch(signal, &target)?;
        Ok(job)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pipe of the program's standard output, when it was started with one.
    pub(crate) fn stdout(&mut self) -> Option<impl Read + Send + use<>> {
        self.child.stdout.take()
    }

    /// How the program ended, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none()
            && let Some(status) = self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))?
        {
            guard::forget(&self.ending.target(self.child.id()).1)?;
            self.ended = Some(status);
        }
        Ok(self.ended)
    }

    /// Waits for the program's end; fails as soon as the xtask is asked to end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if interrupted() {
                self.stop()?;
                bail!("interrupted");
            }
            std::thread::sleep(TICK);
        }
    }

    /// Asks the program to end and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        let (signal, target) = self.ending.target(self.child.id());
        kill(signal, &target)?;
        let asked = Instant::now();
        while self.ended()?.is_none() {
            if asked.elapsed() > GRACE {
                eprintln!("xtask: {} did not end within {GRACE:?} and is killed", self.name);
                self.child.kill()?;
                kill("KILL", &target)?;
                self.child.wait()?;
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("xtask: {} could not be ended: {error:#}", self.name);
        }
    }
}

/// Sends `signal` to a process, or to a group when `target` starts with a minus. That nobody is there
/// any more is no failure: it may end by itself at any moment.
pub(crate) fn kill(signal: &str, target: &str) -> Result<()> {
    let leader: u32 = target.trim_start_matches('-').parse().context("a target is a number")?;
    // The standard library can only send SIGKILL; every shell has a `kill` of its own.
    let words = format!("kill -s {signal} -- {target}");
    let output = Command::new("sh").args(["-c", &words]).output().context("cannot run sh")?;
    if !output.status.success() && postmaster::alive(leader) {
        bail!("`{words}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Runs a program to its end and fails unless it succeeded.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let words = describe(command);
    let status = status(command)?;
    if !status.success() {
        bail!("`{words}` failed ({status})");
    }
    Ok(())
}

/// Runs a program to its end.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    Job::start(command, Ending::Group)?.wait()
}

/// Runs a program to its end, shows its standard output, and hands each line of it to `on_line`.
pub(crate) fn watch_lines(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut job = Job::start(command.stdout(Stdio::piped()), Ending::Group)?;
    let lines = lines(&mut job)?;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                println!("{line}");
                on_line(&line);
            }
            Err(mpsc::RecvTimeoutError::Timeout) if !interrupted() => {}
            Err(_) => return job.wait(),
        }
    }
}

/// The lines of a job's standard output, read by a thread so that nobody blocks on them.
pub(crate) fn lines(job: &mut Job) -> Result<mpsc::Receiver<String>> {
    let stdout = job.stdout().context("the program was started without a pipe")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        // A line that is not UTF-8 is shown with replacement characters rather than ending the copy.
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    Ok(receiver)
}

/// The standard output of a program that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let words = describe(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{words}`"))?;
    if !output.status.success() {
        bail!("`{words}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as a person would type it.
fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// A shell that says when its trap is set, and how it was ended.
    fn child(script: &str) -> Child {
        let mut child =
            Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).process_group(0).spawn().expect("sh starts");
        let mut said = [0; 1];
        child.stdout.as_mut().expect("a pipe was asked for").read_exact(&mut said).expect("it says one byte");
        child
    }

    #[test]
    fn each_ending_reaches_its_process() {
        for (ending, number) in [(Ending::Group, 15), (Ending::Graceful, 15), (Ending::Fast, 2)] {
            let mut child = child("echo; exec sleep 1000");
            let (signal, target) = ending.target(child.id());
            kill(signal, &target).expect("the signal is sent");
            assert_eq!(child.wait().expect("it ends").signal(), Some(number), "{ending:?}");
            kill(signal, &target).expect("nobody being there is no failure");
        }
    }

    #[test]
    fn a_group_ends_with_its_grandchildren() {
        let mut child = child("sleep 1000 & echo; wait");
        let (signal, target) = Ending::Group.target(child.id());
        // The pipe closes only when the last process that holds it is gone.
        let mut pipe = child.stdout.take().expect("a pipe was asked for");
        kill(signal, &target).expect("the signal is sent");
        pipe.read_to_end(&mut Vec::new()).expect("the pipe closes");
        child.wait().expect("it ends");
    }
}
