//! Whether a process is alive, and what a `postmaster.pid` says about the server that wrote it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// The lines of `postmaster.pid` that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: u32,
    /// Postgres writes `ready` in line 8 once it takes connections.
    pub(crate) ready: bool,
}

impl PidFile {
    /// `None` for a file that is still being written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let ready = lines.nth(6).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, ready })
    }

    /// The file in a Postgres data directory, or `None` when there is none.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>> {
        let path = data.join("postmaster.pid");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Whether the server that wrote the file still runs. A number alone does not tell: after a reboot
    /// it may belong to any program, so where /proc exists the command line must name the directory.
    pub(crate) fn lives(&self, data: &Path) -> bool {
        match std::fs::read(format!("/proc/{}/cmdline", self.pid)) {
            Ok(words) => String::from_utf8_lossy(&words).contains(&*data.to_string_lossy()) && alive(self.pid),
            Err(_) => !Path::new("/proc/self").exists() && alive(self.pid),
        }
    }
}

/// Whether the number belongs to any process, even to one that has ended and was not yet waited for.
pub(crate) fn exists(pid: u32) -> bool {
    let words = format!("kill -s 0 -- {pid} 2>/dev/null || test -e /proc/{pid}");
    Command::new("sh").args(["-c", &words]).status().is_ok_and(|status| status.success())
}

/// Whether a process runs; one that has ended and was not yet waited for does not.
pub(crate) fn alive(pid: u32) -> bool {
    if Path::new("/proc/self").exists() {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        // The state follows the program's name, which stands in brackets and may hold any character.
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        return !matches!(state, None | Some('Z' | 'X'));
    }
    exists(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTING: &str = "4711\n/data\n1700000000\n5432\n/sock\n\n  5432001    0\nstarting\n";

    #[test]
    fn a_server_is_ready_only_when_line_eight_says_so() {
        assert_eq!(PidFile::parse(STARTING), Some(PidFile { pid: 4711, ready: false }));
        let ready = STARTING.replace("starting", "ready   ");
        assert_eq!(PidFile::parse(&ready), Some(PidFile { pid: 4711, ready: true }));
    }

    #[test]
    fn a_half_written_file_is_nobody_yet_or_not_ready() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("4711\n/data"), Some(PidFile { pid: 4711, ready: false }));
    }

    #[test]
    fn a_reused_process_number_is_not_taken_for_postgres() {
        let own = PidFile { pid: std::process::id(), ready: true };
        assert!(alive(own.pid));
        assert!(!own.lives(Path::new("/no/such/data/directory")));
    }

    #[test]
    fn an_ended_process_is_not_alive_before_it_is_waited_for() {
        let mut child = Command::new("true").stdout(std::process::Stdio::piped()).spawn().expect("true starts");
        // Its end closes the pipe, so the read returns when it is over, and only then is it asked.
        let mut pipe = child.stdout.take().expect("a pipe was asked for");
        std::io::Read::read_to_end(&mut pipe, &mut Vec::new()).expect("the pipe closes");
        while alive(child.id()) {
            std::thread::yield_now();
        }
        assert!(child.wait().expect("it can be waited for").success());
    }
}
