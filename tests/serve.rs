//! The server as a program: it starts on an empty database, says where it listens, and goes when
//! asked.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod child;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use child::Server;
use sqlx::{ConnectOptions, PgPool};

fn program(pool: &PgPool, verb: &str) -> Command {
    child::program(pool.connect_options().to_url_lossy().as_str(), verb)
}

fn start(pool: &PgPool) -> Server {
    Server::listening(program(pool, "serve").spawn().unwrap())
}

impl Server {
    fn get(&self, path: &str) -> String {
        Self::get_at(&self.address, path)
    }

    fn get_at(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn terminate(mut self) -> std::process::ExitStatus {
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn it_serves_an_empty_database_and_goes_when_asked(pool: PgPool) {
    let server = start(&pool);
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200 "));
    assert!(server.get("/readyz").ends_with("ready\n"));
    assert!(server.get("/api/auth/me").starts_with("HTTP/1.1 401 "));
    assert!(server.terminate().success());
}

/// The figures have an address of their own; on the app's there are none.
#[sqlx::test(migrations = false)]
async fn metrics_are_served_where_they_are_asked_for(pool: PgPool) {
    let mut child = program(&pool, "serve").env("METRICS_ADDR", "127.0.0.1:0").stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let server = Server::listening(child);
    let line = log.find(|line| line.contains("metrics on http://")).unwrap();
    let (_, address) = line.split_once("http://").unwrap();
    let figures = Server::get_at(address.strip_suffix("/metrics").unwrap(), "/metrics");
    assert!(figures.contains("cradlelog_babies 0\n"), "{figures}");
    assert!(!server.get("/metrics").contains("cradlelog_babies"));
    // Whoever writes to a log that nobody reads any more stops.
    let reader = std::thread::spawn(move || log.count());
    assert!(server.terminate().success());
    reader.join().unwrap();
}

#[sqlx::test(migrations = false)]
async fn servers_that_start_together_migrate_once(pool: PgPool) {
    let children: Vec<_> = (0..3).map(|_| program(&pool, "serve").spawn().unwrap()).collect();
    for child in children {
        let server = Server::listening(child);
        assert!(server.get("/readyz").ends_with("ready\n"));
    }
    let steps: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&pool).await.unwrap();
    assert_eq!(steps, std::fs::read_dir("migrations").unwrap().count() as i64);
}

#[sqlx::test(migrations = false)]
async fn the_demo_can_be_asked_for_twice(pool: PgPool) {
    let tell = || {
        let output = program(&pool, "demo").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (first, second) = (tell(), tell());
    assert!(first.contains("anna@demo.example") && second.contains("anna@demo.example"), "{second}");
    assert!(second.contains("already"), "{second}");
    let babies: i64 = sqlx::query_scalar("select count(*) from baby").fetch_one(&pool).await.unwrap();
    assert_eq!(babies, 2);
}

#[sqlx::test]
async fn compaction_can_be_asked_for(pool: PgPool) {
    let output = program(&pool, "compact").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("Let go: superseded events: 0"));
}

/// A script can ask whether all is well.
#[sqlx::test]
async fn verify_fails_when_something_is_wrong(pool: PgPool) {
    let verify = || program(&pool, "sync").arg("verify").output().unwrap();
    let well = verify();
    assert!(well.status.success(), "{well:?}");
    assert_eq!(String::from_utf8(well.stdout).unwrap(), "babies checked: 0, findings: 0\n");
    let damage = "insert into user_baby (user_id, baby_id) values (gen_random_uuid(), gen_random_uuid())";
    sqlx::query(damage).execute(&pool).await.unwrap();
    let ill = verify();
    assert_eq!(ill.status.code(), Some(1), "{ill:?}");
    assert!(String::from_utf8(ill.stdout).unwrap().contains("findings: "));
}

#[test]
fn a_database_out_of_reach_ends_the_program_with_a_word() {
    let output = Command::new(env!("CARGO_BIN_EXE_cradlelog"))
        .arg("migrate")
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Error: "));
}
