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

    /// The status of a POST, and its body.
    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\nconnection: close");
        write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn sign_up(&self, email: &str, more: &str) -> u16 {
        let body = format!(r#"{{"email": "{email}", "password": "a quiet night", "displayName": "Ada"{more}}}"#);
        self.post("/api/auth/sign-up", &body).0
    }

    fn sign_in(&self, email: &str, password: &str) -> u16 {
        self.post("/api/auth/sign-in", &format!(r#"{{"email": "{email}", "password": "{password}"}}"#)).0
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

/// What `cradlelog admin` prints, or on which word it fails.
fn admin(pool: &PgPool, words: &[&str], stdin: &str) -> Result<String, String> {
    let mut child = program(pool, "admin").args(words).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

async fn sessions(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from sessions").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn an_operator_helps_someone_who_forgot_their_password(pool: PgPool) {
    let server = start(&pool);
    assert_eq!(server.sign_up("ada@example.org", ""), 200);
    let list = admin(&pool, &["accounts"], "").unwrap();
    let line = list.lines().nth(1).unwrap();
    assert!(line.ends_with("  1  0  ada@example.org"), "{list}");

    let told = admin(&pool, &["reset-password", " Ada@example.org"], "").unwrap();
    let password = told.lines().next().unwrap().strip_prefix("password: ").unwrap().to_owned();
    assert_eq!((password.len(), sessions(&pool).await), (20, 0));
    assert_eq!(server.sign_in("ada@example.org", "a quiet night"), 401);
    assert_eq!(server.sign_in("ada@example.org", &password), 403, "it is for choosing another one");
    assert_eq!(sessions(&pool).await, 0);

    let told = admin(&pool, &["reset-password", "ada@example.org", "--stdin"], "a much quieter night\n").unwrap();
    assert!(!told.contains("quieter"), "{told}");
    let chosen =
        r#"{"email": "ada@example.org", "password": "a much quieter night", "newPassword": "the owl is back"}"#;
    assert_eq!(server.post("/api/auth/sign-in", chosen).0, 200);
    assert_eq!(server.sign_in("ada@example.org", "the owl is back"), 200);
    assert!(admin(&pool, &["reset-password", "ada@example.org", "--stdin"], "short\n").is_err());
    assert_eq!(admin(&pool, &["end-sessions", "ada@example.org"], "").unwrap(), "sessions ended: 2\n");
    assert_eq!(sessions(&pool).await, 0);
    let nobody = admin(&pool, &["end-sessions", "eve@example.org"], "").unwrap_err();
    assert!(nobody.contains("there is no account eve@example.org"), "{nobody}");
}

#[sqlx::test(migrations = false)]
async fn an_operator_deletes_an_account_and_its_babies_only_if_told_to(pool: PgPool) {
    let server = start(&pool);
    assert_eq!((server.sign_up("ada@example.org", ""), server.sign_up("bob@example.org", "")), (200, 200));
    let deleted = admin(&pool, &["delete-account", "bob@example.org"], "").unwrap();
    assert_eq!(deleted, "The account is deleted. Babies it had access to: 0\n");
    let baby = "with someone as (select id as user_id, gen_random_uuid() as baby_id from users limit 1),
        head as (insert into sync_head (baby_id, epoch) select baby_id, baby_id from someone),
        mine as (insert into user_baby select user_id, baby_id from someone)
        insert into baby_access (baby_id, user_id, level) select baby_id, user_id, 'owner' from someone
        returning baby_id::text";
    let baby: String = sqlx::query_scalar(baby).fetch_one(&pool).await.unwrap();
    let refused = admin(&pool, &["delete-account", "ada@example.org"], "").unwrap_err();
    assert!(refused.contains(&baby) && refused.contains("--with-babies"), "{refused}");
    assert_eq!(sessions(&pool).await, 1);
    admin(&pool, &["delete-account", "ada@example.org", "--with-babies"], "").unwrap();
    let left =
        "select (select count(*) from users) + (select count(*) from sync_head) + (select count(*) from user_baby)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
    assert_eq!((left, sessions(&pool).await), (0, 0));
}

/// A server that others can reach says in its log what the first account needs.
#[sqlx::test(migrations = false)]
async fn a_fresh_server_tells_its_set_up_token_in_its_log(pool: PgPool) {
    let mut serve = program(&pool, "serve");
    let mut child = serve.env("LISTEN_ADDR", "0.0.0.0:0").stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let server = Server::listening(child);
    let line = log.find(|line| line.contains("set-up token: ")).unwrap();
    let told = line.split_once("set-up token: ").unwrap().1.to_owned();
    let reader = std::thread::spawn(move || log.count());
    assert_eq!(server.sign_up("eve@example.org", ""), 403);
    let again = admin(&pool, &["set-up-token"], "").unwrap();
    assert_ne!(again.trim(), told);
    let bring = |token: &str| format!(r#", "setUpToken": "{token}""#);
    assert_eq!(server.sign_up("eve@example.org", &bring(&told)), 403, "the earlier one is void");
    assert_eq!(server.sign_up("ada@example.org", &bring(again.trim())), 200);
    assert!(admin(&pool, &["set-up-token"], "").unwrap_err().contains("there are accounts already"));
    assert!(server.terminate().success());
    reader.join().unwrap();
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
