//! Builds and starts the server, and learns from its own words where it listens.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::exec::{self, Ending, Job};
use crate::paths;

/// A start includes the migrations, which may rewrite a large table.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Builds the server and returns its program.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--package", "cradlelog", "--bin", "cradlelog", "--features", "ssr"]);
    // Queries are checked against the descriptions in .sqlx, so that a build needs no database.
    cargo.env("SQLX_OFFLINE", "true");
    if release {
        cargo.arg("--release");
    }
    exec::run(&mut cargo)?;
    Ok(paths::target()?.join(if release { "release" } else { "debug" }).join("cradlelog"))
}

/// What a server is started with.
pub(crate) struct Setup<'a> {
    pub(crate) program: &'a Path,
    pub(crate) database_url: &'a str,
    /// `host:port`; with port 0 the system chooses a free one.
    pub(crate) listen_addr: &'a str,
    pub(crate) data_dir: &'a Path,
    pub(crate) site_dir: &'a Path,
    /// Further settings, over those of this program's own environment.
    pub(crate) env: &'a [(&'a str, &'a str)],
}

/// A running server.
pub(crate) struct Server {
    job: Job,
    /// `http://host:port`
    pub(crate) address: String,
}

impl Server {
    /// Starts the server and waits until it listens. Its output goes to `log`, else to the terminal.
    pub(crate) fn start(setup: &Setup<'_>, log: Option<File>) -> Result<Self> {
        std::fs::create_dir_all(setup.data_dir)?;
        let mut command = Command::new(setup.program);
        command
            .arg("serve")
            .env("DATABASE_URL", setup.database_url)
            .env("LISTEN_ADDR", setup.listen_addr)
            .env("DATA_DIR", setup.data_dir)
            .env("SITE_DIR", setup.site_dir)
            .envs(setup.env.iter().copied())
            .stdout(Stdio::piped());
        if let Some(log) = &log {
            command.stderr(log.try_clone()?);
        }
        let mut job = Job::start(&mut command, Ending::Graceful)?;
        let addresses = forward(&mut job, log)?;
        let started = Instant::now();
        loop {
            match addresses.recv_timeout(exec::TICK) {
                Ok(address) => return Ok(Self { job, address }),
                Err(_) if exec::interrupted() => bail!("interrupted"),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    bail!("the server ended before it listened ({})", job.wait()?)
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    ensure!(started.elapsed() < START_TIMEOUT, "the server does not listen after {START_TIMEOUT:?}");
                }
            }
        }
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.job.id()
    }

    /// How the server ended, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.job.ended()
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        self.job.stop()
    }
}

/// Copies the server's output and picks the address out of it.
fn forward(job: &mut Job, mut log: Option<File>) -> Result<mpsc::Receiver<String>> {
    let lines = exec::lines(job)?;
    let (sender, addresses) = mpsc::channel();
    std::thread::Builder::new()
        .name("server output".to_owned())
        .spawn(move || {
            for line in lines {
                if let Some(address) = address_in(&line) {
                    // Only the first is waited for; nobody listens to a later one.
                    let _ = sender.send(address.to_owned());
                }
                match &mut log {
                    Some(log) => drop(writeln!(log, "{line}")),
                    None => println!("{line}"),
                }
            }
        })
        .context("cannot start a thread")?;
    Ok(addresses)
}

/// `… listening on http://127.0.0.1:3000 …` → `http://127.0.0.1:3000`.
fn address_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("listening on ")?;
    let address = rest.split(|end: char| end.is_whitespace() || end == '"' || end == '\\').next()?;
    address.starts_with("http://").then_some(address.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_text_and_in_json() {
        assert_eq!(address_in("listening on http://127.0.0.1:3000"), Some("http://127.0.0.1:3000"));
        assert_eq!(address_in(r#"{"message":"listening on http://[::1]:80/"}"#), Some("http://[::1]:80"));
        assert_eq!(address_in("now listening on a socket"), None);
    }
}
