//! Two servers on one Postgres are killed again and again, and the Postgres with them, while eight devices
//! push to whichever of the two, and answers get lost. What was acknowledged is there all the same, once
//! and in order.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod child;
mod postgres;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use child::Server;
use postgres::Postgres;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::{runtime::Runtime, sync::Semaphore};
use uuid::Uuid;

const WRITERS: u128 = 8;
/// Mutations of each writer.
const EACH: u128 = 40;
/// A mutation is sent at most so often; more than a restart takes, and yet an end.
const ATTEMPTS: u128 = 2_000;

/// What goes wrong, as often as it stands here, at even distances.
#[derive(Clone, Copy)]
enum Blow {
    /// `kill -9` of the postmaster.
    Postgres,
    /// `kill -9` of the process that works for one of the servers, in the middle of a push if there is one.
    Backend,
    /// `kill -9` of a server, while the other one goes on.
    Server(usize),
    /// A transaction sits on the lock that every push needs, until pushes have given up waiting.
    Lock,
}
const BLOWS: [Blow; 8] = [
    Blow::Postgres,
    Blow::Server(0),
    Blow::Backend,
    Blow::Lock,
    Blow::Postgres,
    Blow::Server(1),
    Blow::Backend,
    Blow::Postgres,
];

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

/// Status, head and body of an answer, if it came whole.
fn answer(mut stream: TcpStream) -> Option<(u16, String, Value)> {
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, head.to_owned(), serde_json::from_str(body).ok()?))
}

fn success(stream: TcpStream) -> Option<(String, Value)> {
    answer(stream).filter(|(status, ..)| *status == 200).map(|(_, head, body)| (head, body))
}

fn serve(database_url: &str) -> Server {
    // It has a lot to complain about.
    // One account does the work of hundreds.
    let mut program = child::program(database_url, "serve");
    Server::listening(program.env("ACCOUNT_RATE", "1000000").stderr(Stdio::null()).spawn().unwrap())
}

/// A mutation that was acknowledged, behind the version that it was told.
type Acked = (u64, Uuid);

/// What the devices see of it all.
struct World {
    /// Each is locked for writing while it, or Postgres, is started again: whoever begins a request waits.
    servers: [RwLock<Server>; 2],
    cookie: String,
    baby: Uuid,
    /// Answers that the devices never saw.
    lost: AtomicU64,
    /// A permit for each push that a server gave up.
    given_up: Semaphore,
    /// Runs the test's own look at the database.
    runtime: Runtime,
}

impl World {
    fn new(database_url: &str) -> Self {
        let servers = [serve(database_url), serve(database_url)];
        let body = json!({"email": "ada@example.org", "password": "a quiet night", "displayName": "Ada"}).to_string();
        let stream = send(&servers[0].address, "POST /api/auth/sign-up", "", &body).unwrap();
        let (head, _) = success(stream).unwrap();
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self {
            servers: servers.map(RwLock::new),
            cookie,
            baby: Uuid::from_u128(0xbaba),
            lost: AtomicU64::new(0),
            given_up: Semaphore::new(0),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// Sends to one server or the other, by turns.
    fn send(&self, turn: u128, target: &str, body: &str) -> Option<TcpStream> {
        let address = self.servers[(turn % 2) as usize].read().unwrap().address.clone();
        send(&address, target, &self.cookie, body).ok()
    }

    /// Pushes until an answer says what became of it. Of a hundred answers 15 are lost: the connection
    /// is dropped once all is sent, every second time after the answer has come.
    fn push(&self, writer: u128, n: u128, mutation: &Value) -> Acked {
        let client = Uuid::from_u128(writer);
        let body = json!({"babyId": self.baby, "clientId": client, "mutations": [mutation]}).to_string();
        let attempt = |attempt: u128| {
            let is_lost = (writer * 7 + n * 13 + attempt * 5) % 20 < 3;
            let stream = self.send(writer + n + attempt, "POST /api/sync/push", &body)?;
            self.lost.fetch_add(is_lost.into(), Ordering::Relaxed);
            if is_lost && n.is_multiple_of(2) {
                return None;
            }
            let answer = answer(stream)?;
            self.given_up.add_permits((answer.0 == 503).into());
            (answer.0 == 200 && !is_lost).then_some(answer)
        };
        let (_, _, answer) = (0..ATTEMPTS).find_map(attempt).expect("it is taken in the end");
        let verdict = &answer["results"][0];
        assert!(matches!(verdict["status"].as_str(), Some("applied" | "duplicate")), "{verdict}");
        (verdict["version"].as_u64().unwrap(), mutation["mutationId"].as_str().unwrap().parse().unwrap())
    }

    fn write(&self, writer: u128, acked: &Sender<Acked>) {
        for n in 1..=EACH {
            acked.send(self.push(writer, n, &nappy(writer, n))).unwrap();
        }
    }

    /// Reads on from where `seen` ends, up to the head.
    fn follow(&self, seen: &mut Vec<Acked>) {
        loop {
            let since = seen.last().map_or(0, |(id, _)| *id);
            let target = format!("GET /api/sync/pull?babyId={}&since={since}", self.baby);
            let page = (0..ATTEMPTS).find_map(|turn| success(self.send(turn, &target, "")?));
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

    fn strike(&self, blow: Blow, postgres: &mut Postgres) {
        match blow {
            Blow::Postgres => {
                // Requests under way, and until the locks new ones too, find nobody there.
                postgres.kill();
                let _nobody_begins = self.servers.each_ref().map(|server| server.write().unwrap());
                postgres.start();
            }
            Blow::Backend => {
                let pid = self.runtime.block_on(busiest(&postgres.url()));
                postgres.crash(pid);
            }
            Blow::Server(n) => {
                let mut server = self.servers[n].write().unwrap();
                server.child.kill().unwrap();
                *server = serve(&postgres.url());
            }
            Blow::Lock => self.runtime.block_on(async {
                let mut sitter = PgConnection::connect(&postgres.url()).await.unwrap();
                let mut sitting = sitter.begin().await.unwrap();
                sqlx::query("select version from sync_head for update").execute(&mut *sitting).await.unwrap();
                self.given_up.forget_permits(self.given_up.available_permits());
                self.given_up.acquire_many(WRITERS as u32 / 2).await.unwrap().forget();
            }),
        }
    }

    /// What a device that listens at one server is told of a push to the other.
    fn hint_across(&self, listens_at: usize, n: u128) {
        let stream = self.send(listens_at as u128, "GET /api/sync/hints", "").unwrap();
        let mut told = BufReader::new(stream).lines().map(Result::unwrap);
        let mut hint = || -> Value {
            let data = told.find_map(|line| line.strip_prefix("data: ").map(str::to_owned));
            serde_json::from_str(&data.expect("the stream goes on")).unwrap()
        };
        let before = hint()["head"].as_u64().unwrap();
        let mutation = nappy(WRITERS + 2, n);
        let body = json!({"babyId": self.baby, "clientId": Uuid::nil(), "mutations": [mutation]}).to_string();
        let (_, answer) = success(self.send(listens_at as u128 + 1, "POST /api/sync/push", &body).unwrap()).unwrap();
        assert_eq!(answer["results"][0]["version"], before + 1);
        assert_eq!(hint(), json!({"babyId": self.baby, "head": before + 1}), "heard at server {listens_at}");
    }
}

fn nappy(writer: u128, n: u128) -> Value {
    let id = Uuid::from_u128((writer << 64) | n);
    let payload = json!({"type": "wee", "startedAt": "2026-11-20T02:10:00.000Z"});
    json!({"mutationId": id, "entityType": "nappy_log", "entityId": id, "op": "create", "payload": payload})
}

/// The process of Postgres that has been in a transaction of one of the servers for longest.
async fn busiest(url: &str) -> i32 {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let sql = "select pid from pg_stat_activity
         where application_name = 'cradlelog'
         order by xact_start nulls last, state_change desc
         limit 1";
    sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
}

/// A27, B02, C40, X6, X20: acked = events = rows = head = what a reader saw, nothing lost, nothing twice; and
/// B73: what is pushed to one server is hinted by the other, after all of that.
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
        for blow in BLOWS {
            let share = (WRITERS * EACH) as usize / (BLOWS.len() + 1);
            acked.extend(told.iter().take(share));
            world.follow(&mut seen);
            world.strike(blow, &mut postgres);
        }
        acked.extend(told);
    });
    world.follow(&mut seen);
    let lost = world.lost.load(Ordering::Relaxed);
    assert!(u128::from(lost) * 100 >= WRITERS * EACH * 15, "{lost} answers were lost");

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
    let (events, rows, head) = world.runtime.block_on(stored);
    assert!(events.iter().map(|(id, mutation)| (id.unsigned_abs(), *mutation)).eq(acked), "{events:?}");
    assert!(rows.iter().map(|version| version.unsigned_abs()).eq(all.clone()), "{rows:?}");
    assert_eq!(head, *all.end());
    for (n, listens_at) in [(1, 0), (2, 1)] {
        world.hint_across(listens_at, n);
    }
    let verify = child::program(&url, "sync").arg("verify").output().unwrap();
    assert!(verify.status.success(), "{verify:?}");
}
