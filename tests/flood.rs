//! The server under callers who mean it ill: it forgets them, and its memory stays what it was.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod child;

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use child::Server;
use sqlx::{ConnectOptions, PgPool};

/// Nothing takes nearly as long; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// Callers at the same time, and how often each asks for everything that it should not.
const CALLERS: usize = 8;
const TURNS: usize = 60;
/// Connections that say something, and never all of it.
const SLOW: usize = 300;

fn start(pool: &PgPool, env: &[(&str, &str)]) -> Server {
    let mut program = child::program(pool.connect_options().to_url_lossy().as_str(), "serve");
    Server::listening(program.envs(env.iter().copied()).stderr(std::process::Stdio::null()).spawn().unwrap())
}

fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `request` over a connection of its own and returns the status of the answer, if there is one: a
/// server may hang up on what it has seen enough of.
fn ask(server: &Server, request: &[u8]) -> Option<u16> {
    let mut stream = connect(server);
    // It may have hung up before the end.
    let _ = stream.write_all(request);
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

fn post(path: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Requests that nobody should make, the `n`-th time.
fn bad_requests(n: usize) -> Vec<Vec<u8>> {
    let cookie = format!("cookie: session={n:064x}\r\n");
    let sign_in = format!(r#"{{"email": "{n}@example.org", "password": "not the password"}}"#);
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
        format!("GET /{} HTTP/1.1\r\nhost: test\r\n\r\n", "x".repeat(60_000)).into(),
        format!("GET / HTTP/1.1\r\nhost: test\r\n{}\r\n", "x-a: b\r\n".repeat(9_000)).into(),
        format!("GET / HTTP/1.1\r\nhost: test\r\nx-a: {}\r\n\r\n", "b".repeat(100_000)).into(),
        post("/api/sync/push", &cookie, nested.as_bytes()),
        post("/api/sync/push", &cookie, &vec![b'['; 250_000]),
        post("/api/sync/push", &cookie, &vec![b' '; 400_000]),
        post("/api/sync/v2", &cookie, format!(r#"{{"changes": [{}1]}}"#, "1,".repeat(100_000)).as_bytes()),
        post(&format!("/api/none/{n}"), "", b"{}"),
        post("/api/auth/sign-in", "", sign_in.as_bytes()),
        post(
            "/api/auth/sign-up",
            "",
            format!(r#"{{"email": "{}", "password": "", "displayName": ""}}"#, "x".repeat(200_000)).as_bytes(),
        ),
        b"POST /api/sync/push HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}".to_vec(),
    ]
}

/// C45, C46: thousands of bad requests at once, while hundreds of connections never come to their point:
/// all the time the server has not three times the memory that it had while it did nothing, beside what
/// hashing passwords takes, and answers who asks properly.
#[sqlx::test(migrations = false)]
async fn bad_requests_cost_no_memory(pool: PgPool) {
    // Let in, so that each is judged, and not only counted.
    let server = start(&pool, &[("ACCOUNT_RATE", "1000000")]);
    assert_eq!(ask(&server, b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"), Some(200));
    let idle = resident_kib(&server);
    let hashing = 4 * 19 * 1024;
    let ceiling = 3 * idle + hashing;
    let starts = [
        "GET / HTTP/1.1\r\nhost: te",
        "POST /api/sync/push HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 250000\r\n\r\n[",
        "POST /api/sync/push HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n[",
        "",
    ];
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|n| {
            let mut stream = connect(&server);
            stream.write_all(starts[n % starts.len()].as_bytes()).unwrap();
            stream
        })
        .collect();
    let peak = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let server = &server;
                scope.spawn(move || {
                    let mut peak = 0;
                    for turn in 0..TURNS {
                        for request in bad_requests(caller * TURNS + turn) {
                            let status = ask(server, &request);
                            assert!(status.is_none_or(|status| matches!(status, 400..=499 | 503)), "{status:?}");
                        }
                        peak = peak.max(resident_kib(server));
                    }
                    peak
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).max().unwrap()
    });
    assert!(peak < ceiling, "{peak} KiB at the most, {idle} KiB before");
    assert_eq!(ask(&server, b"GET /readyz HTTP/1.1\r\nhost: test\r\n\r\n"), Some(200));
    drop(slow);
}

/// A caller who never comes to the end of a request's head is hung up on, however busily it goes on sending;
/// so is one who says nothing at all.
#[sqlx::test(migrations = false)]
async fn a_head_that_never_ends_is_given_up(pool: PgPool) {
    let server = start(&pool, &[("SILENCE_SECS", "1")]);
    let mut silent = connect(&server);
    let mut busy = connect(&server);
    busy.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let started = Instant::now();
    let is_over = |result: std::io::Result<usize>| match result {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    while busy.write_all(b"x-a: b\r\n").is_ok() && !is_over(busy.read(&mut [0; 64])) {
        assert!(started.elapsed() < PATIENCE, "it goes on listening");
    }
    assert_eq!(silent.read(&mut [0; 64]).unwrap_or_default(), 0, "nothing was asked, so nothing is answered");
}

/// When all places are taken, who comes next waits for one, and is served.
#[sqlx::test(migrations = false)]
async fn connections_are_bounded_and_the_next_one_waits(pool: PgPool) {
    let server = start(&pool, &[("CONNECTIONS", "2")]);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 1_024]).unwrap() > 0);
            stream
        })
        .collect();
    let mut next = connect(&server);
    next.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    next.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.read(&mut [0; 1]).is_err(), "there is no place");
    drop(held);
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    next.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
