//! The server and its Postgres are killed again and again while eight devices push, and answers get
//! lost. What was acknowledged is there all the same, once and in order.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod child;

use std::{
    fs::Permissions,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        RwLock,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use child::Server;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

const WRITERS: u128 = 8;
/// Mutations of each writer.
const EACH: u128 = 40;
/// A mutation is sent at most so often; more than a restart takes, and yet an end.
const ATTEMPTS: u128 = 2_000;

/// What is killed, as often as it stands here, at even distances.
#[derive(Clone, Copy)]
enum Victim {
    Postgres,
    Server,
}
const KILLS: [Victim; 5] = [Victim::Postgres, Victim::Server, Victim::Postgres, Victim::Postgres, Victim::Server];

/// A Postgres of this test's own, as durable as anybody's.
struct Postgres {
    programs: PathBuf,
    dir: PathBuf,
    /// Who runs it when we are root, whom it refuses.
    user: Option<(u32, u32)>,
    running: Option<(Child, JoinHandle<usize>)>,
}

impl Postgres {
    fn new() -> Self {
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
    fn start(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-k").arg(&self.dir).args(["-c", "listen_addresses=", "-p", "5432"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut said = String::new();
        let is_ready = log.any(|line| {
            said = format!("{said}{line}\n");
            line.contains("ready to accept connections")
        });
        assert!(is_ready, "Postgres does not start:\n{said}");
        self.running = Some((child, std::thread::spawn(move || log.count())));
    }

    /// `kill -9` of the postmaster.
    fn kill(&mut self) {
        let (mut child, log) = self.running.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // The log ends with the last of its processes; a new postmaster refuses to start before.
        log.join().unwrap();
    }

    fn url(&self) -> String {
        let dir = self.dir.to_str().unwrap().replace('/', "%2F");
        format!("postgres://cradlelog@localhost:5432/postgres?host={dir}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Whatever the test found, this is only tidying up.
        if let Some((mut child, _)) = self.running.take() {
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

/// Sends a request and returns where the answer will come from.
fn send(address: &str, target: &str, cookie: &str, body: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    let request = format!(
        "{target} HTTP/1.0\r\nhost: test\r\ncookie: {cookie}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Head and body of an answer, if it is a success and came whole.
fn success(mut stream: TcpStream) -> Option<(String, Value)> {
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let is_success = head.split_whitespace().nth(1) == Some("200");
    is_success.then_some((head.to_owned(), serde_json::from_str(body).ok()?))
}

fn serve(database_url: &str) -> Server {
    // It has a lot to complain about.
    Server::listening(child::program(database_url, "serve").stderr(Stdio::null()).spawn().unwrap())
}

/// A mutation that was acknowledged, behind the version that it was told.
type Acked = (u64, Uuid);

/// What the devices see of it all.
struct World {
    /// Locked for writing while something is started again: whoever begins a request waits for it.
    server: RwLock<Option<Server>>,
    cookie: String,
    baby: Uuid,
}

impl World {
    fn new(database_url: &str) -> Self {
        let server = serve(database_url);
        let body = json!({"email": "ada@example.org", "password": "a quiet night", "displayName": "Ada"}).to_string();
        let stream = send(&server.address, "POST /api/auth/sign-up", "", &body).unwrap();
        let (head, _) = success(stream).unwrap();
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { server: RwLock::new(Some(server)), cookie, baby: Uuid::from_u128(0xbaba) }
    }

    fn send(&self, target: &str, body: &str) -> Option<TcpStream> {
        let address = self.server.read().unwrap().as_ref().unwrap().address.clone();
        send(&address, target, &self.cookie, body).ok()
    }

    /// Pushes until an answer says what became of it. Of a hundred answers 15 are lost: the connection
    /// is dropped once all is sent, every second time after the answer has come.
    fn push(&self, writer: u128, n: u128, mutation: &Value) -> Acked {
        let client = Uuid::from_u128(writer);
        let body = json!({"babyId": self.baby, "clientId": client, "mutations": [mutation]}).to_string();
        let attempt = |attempt: u128| {
            let is_lost = (writer * 7 + n * 13 + attempt * 5) % 20 < 3;
            let stream = self.send("POST /api/sync/push", &body)?;
            if is_lost && n.is_multiple_of(2) {
                return None;
            }
            success(stream).filter(|_| !is_lost)
        };
        let (_, answer) = (0..ATTEMPTS).find_map(attempt).expect("it is taken in the end");
        let verdict = &answer["results"][0];
        assert!(matches!(verdict["status"].as_str(), Some("applied" | "duplicate")), "{verdict}");
        (verdict["version"].as_u64().unwrap(), mutation["mutationId"].as_str().unwrap().parse().unwrap())
    }

    fn write(&self, writer: u128, acked: &Sender<Acked>) {
        for n in 1..=EACH {
            let id = Uuid::from_u128((writer << 64) | n);
            let payload = json!({"type": "wee", "startedAt": "2026-11-20T02:10:00.000Z"});
            let mutation = json!({
                "mutationId": id, "entityType": "nappy_log", "entityId": id, "op": "create", "payload": payload,
            });
            acked.send(self.push(writer, n, &mutation)).unwrap();
        }
    }

    /// Reads on from where `seen` ends, up to the head.
    fn follow(&self, seen: &mut Vec<Acked>) {
        loop {
            let since = seen.last().map_or(0, |(id, _)| *id);
            let target = format!("GET /api/sync/pull?babyId={}&since={since}", self.baby);
            let page = (0..ATTEMPTS).find_map(|_| success(self.send(&target, "")?));
            let (_, page) = page.expect("a reader is served in the end");
            let change = |change: &Value| -> Acked {
                (change["id"].as_u64().unwrap(), change["mutationId"].as_str().unwrap().parse().unwrap())
            };
            seen.extend(page["changes"].as_array().unwrap().iter().map(change));
            if page["hasMore"] == false {
                return;
            }
        }
    }

    fn kill(&self, victim: Victim, postgres: &mut Postgres) {
        // Requests under way, and until the lock new ones too, find nobody there.
        if let Victim::Postgres = victim {
            postgres.kill();
        }
        let mut server = self.server.write().unwrap();
        match victim {
            Victim::Postgres => postgres.start(),
            Victim::Server => {
                *server = None;
                *server = Some(serve(&postgres.url()));
            }
        }
    }
}

/// A27, B02, C40, X6, X20: acked = events = rows = head = what a reader saw, nothing lost, nothing twice.
#[test]
fn what_was_acknowledged_is_there_once_whatever_is_killed() {
    let mut postgres = Postgres::new();
    let world = World::new(&postgres.url());
    let baby = json!({
        "mutationId": world.baby, "entityType": "baby", "entityId": world.baby, "op": "create",
        "payload": {"name": "Mia"},
    });
    let (mut acked, mut seen) = (vec![world.push(WRITERS + 1, 1, &baby)], Vec::new());
    std::thread::scope(|scope| {
        let (sender, told) = channel();
        for writer in 1..=WRITERS {
            let (world, sender) = (&world, sender.clone());
            scope.spawn(move || world.write(writer, &sender));
        }
        drop(sender);
        for victim in KILLS {
            let share = (WRITERS * EACH) as usize / (KILLS.len() + 1);
            acked.extend(told.iter().take(share));
            world.follow(&mut seen);
            world.kill(victim, &mut postgres);
        }
        acked.extend(told);
    });
    world.follow(&mut seen);

    acked.sort_unstable();
    let all = 1..=(1 + WRITERS * EACH) as u64;
    assert!(acked.iter().map(|(version, _)| *version).eq(all.clone()), "{acked:?}");
    assert_eq!(seen, acked, "a reader that followed through it all");
    let url = postgres.url();
    let stored = async {
        let pool = PgPool::connect(&url).await.unwrap();
        let events: Vec<(i64, Uuid)> =
            sqlx::query_as("select id, mutation_id from sync_events order by id").fetch_all(&pool).await.unwrap();
        let rows: Vec<i64> =
            sqlx::query_scalar("select row_version from entity order by 1").fetch_all(&pool).await.unwrap();
        let head: i64 = sqlx::query_scalar("select version from sync_head").fetch_one(&pool).await.unwrap();
        (events, rows, head.unsigned_abs())
    };
    let (events, rows, head) = tokio::runtime::Runtime::new().unwrap().block_on(stored);
    assert!(events.iter().map(|(id, mutation)| (id.unsigned_abs(), *mutation)).eq(acked), "{events:?}");
    assert!(rows.iter().map(|version| version.unsigned_abs()).eq(all.clone()), "{rows:?}");
    assert_eq!(head, *all.end());
    let verify = child::program(&url, "sync").arg("verify").output().unwrap();
    assert!(verify.status.success(), "{verify:?}");
}
