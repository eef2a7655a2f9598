//! The server's resident memory while a thousand devices are connected and idle.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::database::psql;
use super::family::{Family, session_hash};
use super::http::Connection;
use super::report::{Table, number, verdict};
use super::server::Place;

const SESSIONS: usize = 1_000;
const AIM_MB: f64 = 80.0;
/// People who sign up before, so that the memory of hashing passwords has been used, too.
const PEOPLE: u16 = 4;
/// Beyond the numbers of the families of other measurements.
const FIRST_PERSON: u16 = 10_000;

/// Each session keeps a connection open and has polled once.
pub(crate) fn measure(place: &Place) -> Result<String> {
    let server = place.start_server()?;
    let mut table = Table::new(&["resident memory of the server", "MB", "aim", ""]);
    table.row(&["just started".to_owned(), number(resident_mb(server.id())?), String::new(), String::new()]);

    let families: Vec<Family> =
        (0..PEOPLE).map(|n| Family::found(&server.address, FIRST_PERSON + n)).collect::<Result<_>>()?;
    let tokens: Vec<String> = (0..SESSIONS).map(|n| format!("{n:064x}")).collect();
    let mut sql = String::from("insert into sessions (id_hash, user_id) values\n");
    for (n, token) in tokens.iter().enumerate() {
        let owner = &families[n % families.len()].caregiver;
        writeln!(sql, "{}('{}', '{owner}')", if n == 0 { "" } else { "," }, session_hash(token))?;
    }
    psql(&place.postgres, &place.scratch, &sql)?;
    let mut connections = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let family = Family { cookie: format!("session={token}"), ..families[n % families.len()].clone() };
        let mut connection = Connection::open(&server.address)?;
        connection.send(&family.pull_request(0))?.ok()?;
        connections.push(connection);
    }
    let resident = resident_mb(server.id())?;
    table.row(&[
        format!("{} idle sessions, connections kept open", number(SESSIONS as f64)),
        number(resident),
        format!("< {AIM_MB}"),
        verdict(resident < AIM_MB),
    ]);
    drop(connections);
    server.stop()?;
    Ok(table.to_markdown())
}

fn resident_mb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    resident_mb_in(&status).context("/proc/…/status tells no resident memory")
}

fn resident_mb_in(status: &str) -> Option<f64> {
    let kib: f64 =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_told_in_megabytes() {
        assert_eq!(resident_mb_in("Name:\tcradlelog\nVmRSS:\t   31250 kB\nThreads:\t3\n"), Some(32.0));
        assert_eq!(resident_mb_in("Name:\tzombie\n"), None);
    }
}
