//! A Postgres that a test may kill.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
};

/// A Postgres of this test's own, as durable as anybody's.
pub(crate) struct Postgres {
    programs: PathBuf,
    dir: PathBuf,
    /// Who runs it when we are root, whom it refuses.
    user: Option<(u32, u32)>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    log: JoinHandle<()>,
    /// The lines of its log that nobody has read yet.
    said: Receiver<String>,
}

impl Postgres {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("cradlelog-kill-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let mut postgres = Self { programs: programs(), dir, user: user(), running: None };
        std::fs::set_permissions(&postgres.dir, Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = postgres.user {
            std::os::unix::fs::chown(&postgres.dir, Some(uid), Some(gid)).unwrap();
        }
        let mut init = postgres.command("initdb");
        init.args(["-U", "cradlelog", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let output = init.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        postgres.start();
        postgres
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir("/").arg("-D").arg(self.dir.join("data"));
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Starts it, and waits until it takes connections; after a kill that includes the recovery.
    pub(crate) fn start(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-k").arg(&self.dir).args(["-c", "listen_addresses=", "-p", "5432"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let (sender, said) = channel();
        // Read to its end whoever listens: a full pipe would stop Postgres.
        let log = std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
        self.running = Some(Running { child, log, said });
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let mut said = String::new();
        for line in &self.running.as_ref().unwrap().said {
            said = format!("{said}{line}\n");
            if line.contains("ready to accept connections") {
                return;
            }
        }
        panic!("Postgres does not start:\n{said}");
    }

    /// `kill -9` of one of its processes. Postgres then ends all others, recovers as after any crash and
    /// takes connections again by itself.
    pub(crate) fn crash(&self, pid: i32) {
        let killed = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status().unwrap();
        assert!(killed.success(), "{pid} was there to be killed");
        self.wait_until_ready();
    }

    /// `kill -9` of the postmaster.
    pub(crate) fn kill(&mut self) {
        let Running { mut child, log, .. } = self.running.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // The log ends with the last of its processes; a new postmaster refuses to start before.
        log.join().unwrap();
    }

    pub(crate) fn url(&self) -> String {
        let dir = self.dir.to_str().unwrap().replace('/', "%2F");
        format!("postgres://cradlelog@localhost:5432/postgres?host={dir}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Whatever the test found, this is only tidying up.
        if let Some(Running { mut child, .. }) = self.running.take() {
            let _ = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Where `initdb` is: `PG_BIN`, then what Debian keeps under /usr/lib/postgresql, then the PATH.
fn programs() -> PathBuf {
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    debian.sort();
    let given = std::env::var_os("PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = given.into_iter().chain(debian.into_iter().rev()).chain(std::env::split_paths(&path));
    dirs.find(|dir| dir.join("initdb").is_file()).expect("Postgres is installed")
}

/// The user `postgres`, else `nobody`, if we are root.
fn user() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let named = |name: &str| -> Option<(u32, u32)> {
        let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
        Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
    };
    Some(named("postgres").or_else(|| named("nobody")).expect("a user who may run Postgres"))
}
