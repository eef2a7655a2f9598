//! `cargo xtask bench server`: pushes and pulls per second of the release server, beside pgbench
//! running the same statements on the same Postgres in the same run, turn by turn; and the server's
//! resident memory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::database::{self, psql};
use super::family::Family;
use super::http::Connection;
use super::load::{self, Done, Work};
use super::report::{Section, Table, number, verdict};
use super::samples::Samples;
use super::script::Capture;
use super::statements;
use super::{Effort, memory};
use crate::postgres::Postgres;
use crate::server::{self, Server, Setup};
use crate::{exec, paths};

/// As many devices as a busy moment of a small installation has, and enough to keep two cores busy.
const CLIENTS: u16 = 8;
/// Every family of the pull tests has this many logs.
const HISTORY: usize = 100;

/// What is measured, and what share of pgbench's rate is aimed at.
const CASES: [(Work, Option<f64>); 7] = [
    (Work::Push(1), Some(0.60)),
    (Work::Push(10), None),
    (Work::Push(100), Some(0.85)),
    (Work::Pull(0), Some(0.60)),
    (Work::Pull(1), None),
    (Work::Pull(10), None),
    (Work::Pull(100), None),
];

/// What is measured is how much the server can do, not how much it lets one account ask.
pub(crate) const UNHURRIED: (&str, &str) = ("ACCOUNT_RATE", "1000000");

/// Where a benchmark runs.
pub(crate) struct Place {
    program: PathBuf,
    pub(crate) postgres: Postgres,
    pub(crate) scratch: PathBuf,
}

impl Place {
    pub(crate) fn start_server(&self) -> Result<Server> {
        let log = self.scratch.join("server.log");
        let setup = Setup {
            program: &self.program,
            database_url: &self.postgres.url,
            listen_addr: "127.0.0.1:0",
            data_dir: &self.scratch.join("data"),
            site_dir: &paths::target()?.join("site"),
            env: &[UNHURRIED],
        };
        Server::start(&setup, Some(File::create(&log)?)).with_context(|| format!("its log is {}", log.display()))
    }
}

pub(crate) fn measure(effort: Effort) -> Result<Section> {
    let program = server::build(true)?;
    let scratch = paths::target()?.join("bench");
    std::fs::create_dir_all(&scratch)?;
    let place = Place { program, postgres: Postgres::measured("bench-server")?, scratch };

    let captures = capture(&place)?;
    let server = place.start_server()?;
    let mut crowd = Crowd::found(&server.address)?;
    for capture in &captures {
        let script = capture.to_script()?;
        let families = if capture.pushed > 0 { &crowd.pgbench_pushing } else { &crowd.pulling };
        psql(&place.postgres, &place.scratch, &script.table(families))?;
        std::fs::write(database::script_file(&place.scratch, &script.name), &script.text)?;
    }
    let cases = CASES.map(|(work, aim)| Case { work, aim, rounds: Vec::new() });
    let cases = rounds(&place, &server, &mut crowd, cases, effort)?;
    crowd.verify(&place)?;
    let idle_bytes = idle_bytes(&server.address, &crowd.pulling[0])?;
    let statements = captures.iter().map(|capture| (capture.name.as_str(), capture.statements.len()));
    let mut body = words(&place, effort, idle_bytes, statements)?;
    body.push_str(&table(&cases)?);
    server.stop()?;

    body.push('\n');
    body.push_str(&memory::measure(&place)?);
    let with = psql(&place.postgres, &place.scratch, "select 'Postgres ' || current_setting('server_version')")?;
    place.postgres.stop()?;
    Ok(Section { name: "server", with, body })
}

/// Lets a server of its own do each kind of work, and reads in the log which statements that took.
/// Each request is made twice: the first may prepare things that later ones find ready.
fn capture(place: &Place) -> Result<Vec<Capture>> {
    psql(&place.postgres, &place.scratch, "alter database postgres set log_statement = 'all'")?;
    let server = place.start_server()?;
    let mut family = Family::found(&server.address, 0)?;
    let mut connection = Connection::open(&server.address)?;
    let push = |connection: &mut Connection, family: &mut Family, k: usize| {
        connection.send(&family.push_request(k))?.ok()?;
        family.pushed(k);
        anyhow::Ok(())
    };
    push(&mut connection, &mut family, HISTORY)?;
    let log_bytes = || Ok::<_, std::io::Error>(std::fs::metadata(place.postgres.log())?.len() as usize);
    let mut captures = Vec::new();
    // Pulls first: their cursors must be those of families that have pushed only their history.
    for (work, _) in CASES.iter().rev() {
        let name = work.name();
        let before;
        let (pushed, start) = match *work {
            Work::Pull(k) => {
                let request = family.pull_request(k as u64);
                connection.send(&request)?.ok()?;
                let start = log_bytes()?;
                before = family.clone();
                connection.send(&request)?.ok()?;
                (0, start)
            }
            Work::Push(k) => {
                push(&mut connection, &mut family, k)?;
                let start = log_bytes()?;
                before = family.clone();
                push(&mut connection, &mut family, k)?;
                (k, start)
            }
        };
        // Postgres writes a statement down before it runs it, so with the answer here all are there.
        let log = std::fs::read(place.postgres.log())?;
        let statements = statements::in_log(&String::from_utf8_lossy(&log[start..]))?;
        ensure!(!statements.is_empty(), "the log of Postgres shows no statement of {name}");
        let types = database::parameter_types(&place.postgres, &place.scratch, &statements)?;
        captures.push(Capture { name, family: before, pushed, statements, types });
    }
    server.stop()?;
    psql(&place.postgres, &place.scratch, "alter database postgres reset log_statement")?;
    Ok(captures)
}

/// All who take part.
struct Crowd {
    pushing: Vec<Family>,
    pgbench_pushing: Vec<Family>,
    /// Never pushed to after the start, so server and pgbench can read the same.
    pulling: Vec<Family>,
}

impl Crowd {
    fn found(address: &str) -> Result<Self> {
        let group = |number: u16| {
            let numbers = number * CLIENTS + 1..=(number + 1) * CLIENTS;
            let families = numbers.map(|number| {
                let mut family = Family::found(address, number)?;
                Connection::open(address)?.send(&family.push_request(HISTORY))?.ok()?;
                family.pushed(HISTORY);
                Ok(family)
            });
            families.collect::<Result<Vec<_>>>()
        };
        Ok(Self { pushing: group(0)?, pgbench_pushing: group(1)?, pulling: group(2)? })
    }

    /// Whether the server and pgbench really wrote what they were counted for: each baby's events are
    /// as many as its version says, and the server's babies have all that was answered.
    fn verify(&self, place: &Place) -> Result<()> {
        let sql = "select h.baby_id, h.version,
                     (select count(*) from sync_events e where e.baby_id = h.baby_id),
                     (select count(*) from sync_mutation m where m.baby_id = h.baby_id),
                     (select count(*) from entity e where e.baby_id = h.baby_id)
                   from sync_head h";
        let rows = psql(&place.postgres, &place.scratch, sql)?;
        for row in rows.lines() {
            let (baby, counts) = row.split_once('|').context("a row has a baby")?;
            let counts: Vec<u64> = counts.split('|').map(str::parse).collect::<Result<_, _>>()?;
            ensure!(counts.iter().all(|count| *count == counts[0]), "head, events, verdicts and rows differ: {row}");
            let own = self.pushing.iter().find(|family| family.baby == baby);
            ensure!(own.is_none_or(|family| family.version == counts[0]), "the server lost or doubled work: {row}");
        }
        Ok(())
    }
}

/// One kind of work and how it went, round by round.
struct Case {
    work: Work,
    aim: Option<f64>,
    rounds: Vec<Round>,
}

struct Round {
    server: Done,
    server_cpu_us: f64,
    pgbench_per_s: f64,
}

fn rounds(
    place: &Place,
    server: &Server,
    crowd: &mut Crowd,
    mut cases: [Case; CASES.len()],
    effort: Effort,
) -> Result<[Case; CASES.len()]> {
    // A warm server is compared with a warm database.
    for case in &cases {
        load::run(&server.address, crowd.of(case.work), case.work, Duration::from_secs(1))?;
    }
    for round in 1..=effort.rounds {
        for case in &mut cases {
            let before = cpu_time(server.id())?;
            let done = load::run(&server.address, crowd.of(case.work), case.work, effort.time)?;
            let server_cpu_us = (cpu_time(server.id())? - before).as_secs_f64() * 1e6 / done.requests as f64;
            let name = case.work.name();
            let pgbench_per_s = database::pgbench(&place.postgres, &place.scratch, &name, CLIENTS.into(), effort.time)?;
            println!(
                "round {round}: {name}: server {}/s, pgbench {}/s",
                number(done.requests_per_s),
                number(pgbench_per_s)
            );
            ensure!(!exec::interrupted(), "interrupted");
            case.rounds.push(Round { server: done, server_cpu_us, pgbench_per_s });
        }
    }
    Ok(cases)
}

impl Crowd {
    fn of(&mut self, work: Work) -> &mut [Family] {
        match work {
            Work::Push(_) => &mut self.pushing,
            Work::Pull(_) => &mut self.pulling,
        }
    }
}

fn table(cases: &[Case]) -> Result<String> {
    let mut table = Table::new(&[
        "what",
        "server /s",
        "p50 ms",
        "p95 ms",
        "server CPU µs",
        "pgbench /s",
        "share (rounds)",
        "aim",
        "",
    ]);
    for Case { work, aim, rounds } in cases {
        let middle = |value: &dyn Fn(&Round) -> f64| Samples::of_ms(rounds.iter().map(value).collect()).median();
        let shares =
            Samples::of_ms(rounds.iter().map(|round| round.server.requests_per_s / round.pgbench_per_s).collect());
        let percent = |share: f64| format!("{:.0}", share * 100.0);
        table.row(&[
            match work {
                Work::Push(k) => format!("push, {k} mutation{}", if *k == 1 { "" } else { "s" }),
                Work::Pull(0) => "pull, idle".to_owned(),
                Work::Pull(k) => format!("pull, {k} change{}", if *k == 1 { "" } else { "s" }),
            },
            number(middle(&|round| round.server.requests_per_s)),
            format!("{:.2}", middle(&|round| round.server.latency.median())),
            format!("{:.2}", middle(&|round| round.server.latency.percentile(95.0))),
            number(middle(&|round| round.server_cpu_us)),
            number(middle(&|round| round.pgbench_per_s)),
            format!("{} % ({}–{})", percent(shares.median()), percent(shares.min()), percent(shares.max())),
            aim.map_or_else(String::new, |aim| format!("{} %", percent(aim))),
            aim.map_or_else(String::new, |aim| verdict(shares.median() >= aim)),
        ]);
    }
    Ok(table.to_markdown())
}

/// How the figures of this run came about.
fn words<'c>(
    place: &Place,
    effort: Effort,
    idle_bytes: usize,
    statements: impl Iterator<Item = (&'c str, usize)>,
) -> Result<String> {
    let settings = psql(
        &place.postgres,
        &place.scratch,
        "select string_agg(name || ' ' || current_setting(name), ', ' order by name)
         from pg_settings
         where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers')",
    )?;
    let counts: Vec<String> = statements.map(|(name, count)| format!("{name} {count}")).collect();
    Ok(format!(
        "{CLIENTS} devices, {} rounds of {} s each side, by turns; {settings}. Round trips to Postgres per request: {}. \
         The answer to an idle poll is {idle_bytes} bytes, headers included.\n\n",
        effort.rounds,
        effort.time.as_secs(),
        counts.join(", "),
    ))
}

fn idle_bytes(address: &str, family: &Family) -> Result<usize> {
    Ok(Connection::open(address)?.send(&family.pull_request(0))?.ok()?.bytes())
}

/// The processor time that a process has used, of all its threads.
fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    cpu_time_in(&stat).context("/proc/…/stat is not as expected")
}

fn cpu_time_in(stat: &str) -> Option<Duration> {
    // The program's name stands in brackets and may hold anything; user and system time are the 12th
    // and 13th field after it, in hundredths of a second on every Linux.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_the_programs_name() {
        let stat = "77 (a) name) S 1 77 77 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 12345 1 2\n";
        assert_eq!(cpu_time_in(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_time_in("77"), None);
    }
}
