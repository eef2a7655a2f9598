//! A private Postgres: set up, started and stopped with the program that needs it.
//!
//! It listens on a unix socket in a directory that only its own user may enter, and on no TCP port, so
//! it can clash with no other server and needs no password. Postgres refuses to run as root, so root
//! starts it as the user `postgres` (else `nobody`). What a crash left behind is recovered: a stale
//! `postmaster.pid` is removed, a server that still runs is taken over.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::exec::{self, Ending, Job};
use crate::postmaster::{self, PidFile};
use crate::{guard, paths, tools};

/// A unix socket's path may hold 107 bytes on Linux and 103 on macOS; `/.s.PGSQL.5432` is added.
const SOCKET_DIR_BYTES_MAX: usize = 103 - "/.s.PGSQL.5432".len();
/// A start may have to replay a long log after a crash.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long another run may take to end before this one gives up on its data directory.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// The database of one run: the one that `DATABASE_URL` names, or a private one.
pub(crate) enum Database {
    Given(String),
    Private(Postgres),
}

impl Database {
    /// The database of `run` and `dev`, whose data is kept under `data_dir`.
    pub(crate) fn kept(data_dir: &Path) -> Result<Self> {
        if let Some(url) = given() {
            return Ok(Self::Given(url));
        }
        Postgres::start(&place(data_dir)?, Life::Kept).map(Self::Private)
    }

    /// A fresh database for one kind of test.
    pub(crate) fn throwaway(purpose: &str) -> Result<Self> {
        if let Some(url) = given() {
            return Ok(Self::Given(url));
        }
        Postgres::start(&throwaway_dir(purpose), Life::Test).map(Self::Private)
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Private(postgres) => &postgres.url,
        }
    }

    /// Ends the private server; one that was given is left alone.
    pub(crate) fn stop(self) -> Result<()> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Private(postgres) => postgres.stop(),
        }
    }
}

fn throwaway_dir(purpose: &str) -> PathBuf {
    let checkout = paths::short_hash(paths::repo().as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("cradlelog-{purpose}-{checkout}"))
}

fn given() -> Option<String> {
    std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// Where Postgres keeps the data of a run: in the data directory, unless the user it must run as cannot
/// get there.
fn place(data_dir: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    if User::of_postgres()?.is_none() {
        return Ok(data_dir.join("postgres"));
    }
    let closed = data_dir
        .ancestors()
        .find(|dir| std::fs::metadata(dir).is_ok_and(|found| found.permissions().mode() & 0o001 == 0));
    let Some(closed) = closed else { return Ok(data_dir.join("postgres")) };
    let other = Path::new("/var/lib/cradlelog").join(paths::short_hash(data_dir.as_os_str().as_encoded_bytes()));
    println!(
        "Postgres runs as another user, who may not enter {}: its data is in {}.",
        closed.display(),
        other.display()
    );
    Ok(other.join("postgres"))
}

/// What a private server's data is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// People's own: found again by the next run.
    Kept,
    /// Empty at the start, removed at the end, and safety is traded for speed.
    Test,
    /// Empty at the start and removed at the end, but as durable as people's own: what is measured
    /// on it holds for them.
    Measured,
}

/// A running private server.
pub(crate) struct Postgres {
    pub(crate) url: String,
    programs: Programs,
    dir: PathBuf,
    server: Server,
    life: Life,
}

enum Server {
    Started(Job),
    /// It was left running by a run that was killed together with its guard.
    TakenOver(u32),
    Stopped,
}

impl Postgres {
    /// A fresh server with the settings of production, for a benchmark.
    pub(crate) fn measured(purpose: &str) -> Result<Self> {
        Self::start(&throwaway_dir(purpose), Life::Measured)
    }

    /// A program that belongs to this server, such as `psql`.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.programs.dir.join(name))
    }

    /// Where the server writes its log.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    fn start(dir: &Path, life: Life) -> Result<Self> {
        let user = User::of_postgres()?;
        own(dir, user)?;
        wait_for_lock(&dir.join("lock"))?;
        let data = dir.join("data");
        let running = PidFile::read(&data)?.filter(|file| file.lives(&data));
        if life != Life::Kept {
            if let Some(file) = &running {
                end(file.pid)?;
            }
            empty(dir)?;
        }
        let programs = Programs::find(&data)?;
        if !data.join("PG_VERSION").exists() {
            init(&programs, dir, user, life)?;
        }
        let socket = socket_dir(dir, user)?;
        let server = match running.filter(|_| life == Life::Kept) {
            Some(file) => {
                println!("Taking over the Postgres that an earlier run left in {}.", dir.display());
                guard::watch("INT", &file.pid.to_string())?;
                wait_until_ready(&data, dir, file.pid, || Ok(!postmaster::alive(file.pid)))?;
                Server::TakenOver(file.pid)
            }
            None => Server::Started(launch(&programs, dir, &socket, user, life)?),
        };
        let url = format!("postgres://cradlelog@localhost:5432/postgres?host={}", percent_encode(&socket));
        Ok(Self { url, programs, dir: dir.to_path_buf(), server, life })
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.server, Server::Stopped) {
            Server::Started(mut job) => job.stop()?,
            Server::TakenOver(pid) => {
                end(pid)?;
                guard::forget(&pid.to_string())?;
            }
            Server::Stopped => return Ok(()),
        }
        if self.life == Life::Kept { Ok(()) } else { empty(&self.dir) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("xtask: the private Postgres did not end well: {error:#}");
        }
    }
}

/// Ends a server that is no child of ours.
fn end(pid: u32) -> Result<()> {
    exec::kill("INT", &pid.to_string())?;
    let asked = Instant::now();
    while postmaster::alive(pid) {
        ensure!(asked.elapsed() < READY_TIMEOUT, "Postgres (process {pid}) does not end");
        std::thread::sleep(exec::TICK);
    }
    Ok(())
}

/// Makes `dir` a directory that only the user of Postgres (and root) may enter.
fn own(dir: &Path, user: Option<User>) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let found = std::fs::symlink_metadata(dir)?;
    // In a shared directory such as /tmp somebody else may have been there first.
    let mine = std::fs::metadata("/proc/self").map_or(found.uid(), |own| own.uid());
    let trusted = found.is_dir() && (found.uid() == mine || user.is_some_and(|user| user.uid == found.uid()));
    ensure!(trusted, "{} belongs to another user", dir.display());
    std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    if let Some(user) = user {
        std::os::unix::fs::chown(dir, Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}

fn wait_for_lock(path: &Path) -> Result<()> {
    let asked = Instant::now();
    while !guard::lock(path)? {
        if asked.elapsed() > LOCK_TIMEOUT {
            bail!("another run is using {}; end it, or set DATA_DIR", path.with_file_name("").display());
        }
        ensure!(!exec::interrupted(), "interrupted");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Removes all but the lock, which must stay the same file for whoever waits for it.
fn empty(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            std::fs::remove_dir_all(&path)?;
        } else if path.file_name().is_some_and(|name| name != "lock") {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The directory of the socket: beside the data where its path is short enough, else under /tmp.
fn socket_dir(dir: &Path, user: Option<User>) -> Result<PathBuf> {
    let beside = dir.join("socket");
    let socket = if beside.as_os_str().len() <= SOCKET_DIR_BYTES_MAX {
        beside
    } else {
        std::env::temp_dir().join(format!("cradlelog-{}", paths::short_hash(dir.as_os_str().as_encoded_bytes())))
    };
    own(&socket, user)?;
    Ok(socket)
}

/// Creates the cluster under another name first, so that a half-made one is never taken for whole.
fn init(programs: &Programs, dir: &Path, user: Option<User>, life: Life) -> Result<()> {
    let unfinished = dir.join("data.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    println!("Setting up a private Postgres {} in {}.", programs.version, dir.display());
    let mut command = programs.command("initdb", user);
    command
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", "cradlelog", "--auth=trust", "--encoding=UTF8", "--no-locale"])
        .stdout(Stdio::null());
    if life == Life::Test {
        command.arg("--no-sync");
    }
    exec::run(&mut command)?;
    std::fs::rename(&unfinished, dir.join("data")).context("cannot keep the new cluster")
}

/// Starts `postgres` and waits until it takes connections.
fn launch(programs: &Programs, dir: &Path, socket: &Path, user: Option<User>, life: Life) -> Result<Job> {
    let data = dir.join("data");
    clear_misleading_pid_files(&data, socket)?;
    let log = std::fs::File::create(dir.join("postgres.log"))?;
    let mut command = programs.command("postgres", user);
    command.arg("-D").arg(&data).arg("-k").arg(socket).args(["-c", "listen_addresses=", "-p", "5432"]);
    if life == Life::Test {
        command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
    }
    command.stdout(log.try_clone()?).stderr(log);
    let mut job = Job::start(&mut command, Ending::Fast)?;
    wait_until_ready(&data, dir, job.id(), || Ok(job.ended()?.is_some()))?;
    Ok(job)
}

/// Postgres recovers from its own pid files, and checks more than we could, unless the process number in
/// them has meanwhile gone to another program (or to a zombie): then it would refuse to start for ever.
/// Whoever wrote them is gone, because nobody else passes the lock.
fn clear_misleading_pid_files(data: &Path, socket: &Path) -> Result<()> {
    let Some(file) = PidFile::read(data)? else { return Ok(()) };
    println!("The last run of Postgres did not end in order; it recovers now.");
    if !postmaster::exists(file.pid) {
        return Ok(());
    }
    for path in [data.join("postmaster.pid"), socket.join(".s.PGSQL.5432.lock"), socket.join(".s.PGSQL.5432")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn wait_until_ready(data: &Path, dir: &Path, pid: u32, mut ended: impl FnMut() -> Result<bool>) -> Result<()> {
    let asked = Instant::now();
    loop {
        if PidFile::read(data)?.is_some_and(|file| file.pid == pid && file.ready) {
            return Ok(());
        }
        ensure!(!exec::interrupted(), "interrupted");
        if ended()? || asked.elapsed() > READY_TIMEOUT {
            let log = std::fs::read_to_string(dir.join("postgres.log")).unwrap_or_default();
            bail!("Postgres does not start; its log says:\n{log}");
        }
        std::thread::sleep(exec::TICK);
    }
}

/// The user that Postgres runs as when we are root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// `None` when we are not root, and Postgres runs as ourselves.
    fn of_postgres() -> Result<Option<Self>> {
        if !tools::is_root()? {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let user = Self::named(&passwd, "postgres").or_else(|| Self::named(&passwd, "nobody"));
        user.map(Some)
            .context("/etc/passwd has neither a user postgres nor nobody, and Postgres refuses to run as root")
    }

    fn named(passwd: &str, name: &str) -> Option<Self> {
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.first() == Some(&name))?;
        Some(Self { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }
}

/// The directory that holds `postgres` and `initdb`, and their major version.
struct Programs {
    dir: PathBuf,
    version: String,
}

impl Programs {
    /// Installs Postgres if there is none. Data that exists is served by the version that wrote it.
    fn find(data: &Path) -> Result<Self> {
        let wanted = std::fs::read_to_string(data.join("PG_VERSION")).ok().map(|text| text.trim().to_owned());
        let mut found = Self::installed();
        if found.is_empty() {
            tools::apt_install("Postgres", &["postgresql"])?;
            found = Self::installed();
        }
        let fits = found.into_iter().find(|programs| wanted.as_ref().is_none_or(|wanted| *wanted == programs.version));
        match (fits, wanted) {
            (Some(programs), _) => Ok(programs),
            (None, Some(wanted)) => bail!(
                "the data in {} was written by Postgres {wanted}, which is not installed; install it, or move the data away",
                data.display()
            ),
            (None, None) => bail!("no Postgres found; set PG_BIN to the directory of `initdb`, or set DATABASE_URL"),
        }
    }

    /// `PG_BIN`, then what Debian keeps under /usr/lib/postgresql (newest first), then the PATH.
    fn installed() -> Vec<Self> {
        let mut dirs: Vec<PathBuf> = std::env::var_os("PG_BIN").map(PathBuf::from).into_iter().collect();
        let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        debian.sort_by(|a, b| b.cmp(a));
        dirs.extend(debian.into_iter().map(|(_, dir)| dir));
        if let Ok(dir) = exec::output(Command::new("pg_config").arg("--bindir")) {
            dirs.push(PathBuf::from(dir));
        }
        dirs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        dirs.into_iter().filter_map(Self::in_dir).collect()
    }

    fn in_dir(dir: PathBuf) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let words = exec::output(Command::new(dir.join("postgres")).arg("--version")).ok()?;
        Some(Self { dir, version: major_version(&words)? })
    }

    /// A command of this Postgres, run as the given user and from a directory that this user may enter.
    fn command(&self, program: &str, user: Option<User>) -> Command {
        let mut command = Command::new(self.dir.join(program));
        command.current_dir("/");
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → `15`.
fn major_version(words: &str) -> Option<String> {
    let number = words.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(major)
}

/// A path as the value of a query parameter.
fn percent_encode(path: &Path) -> String {
    let mut encoded = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_the_first_number() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)").as_deref(), Some("15"));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta2").as_deref(), Some("18"));
        assert_eq!(major_version("postgres"), None);
    }

    #[test]
    fn a_path_survives_as_a_query_parameter() {
        assert_eq!(percent_encode(Path::new("/var/lib/a b&c")), "%2Fvar%2Flib%2Fa%20b%26c");
    }

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgres2:x:1:2::/:/bin/sh\npostgres:x:104:111:,,,:/var/lib/postgresql:/bin/bash\n";
        let user = User::named(passwd, "postgres").expect("the second line");
        assert_eq!((user.uid, user.gid), (104, 111));
        assert!(User::named(passwd, "nobody").is_none());
    }
}
