//! The benchmark's talk with Postgres, by its own programs: psql and pgbench.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::statements::Statement;
use crate::exec;
use crate::postgres::Postgres;

/// Runs SQL and returns the rows, columns separated by `|`. `scratch` is where the SQL is put first:
/// it can be larger than an argument may be.
pub(crate) fn psql(postgres: &Postgres, scratch: &Path, sql: &str) -> Result<String> {
    let file = scratch.join("statements.sql");
    fs::write(&file, sql)?;
    let mut psql = postgres.program("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file"]);
    exec::output(psql.arg(&file).arg(&postgres.url))
}

/// The types that Postgres gives to the parameters of each statement.
pub(crate) fn parameter_types(postgres: &Postgres, scratch: &Path, all: &[Statement]) -> Result<Vec<Vec<String>>> {
    let mut types = Vec::new();
    for statement in all {
        if statement.parameters.is_empty() {
            types.push(Vec::new());
            continue;
        }
        let sql = format!(
            "prepare captured as {};\nselect t::text from pg_prepared_statements, unnest(parameter_types) t;",
            statement.sql
        );
        types.push(psql(postgres, scratch, &sql)?.lines().map(str::to_owned).collect());
    }
    Ok(types)
}

/// Runs a script of the given name in `scratch` for some time; transactions per second.
pub(crate) fn pgbench(postgres: &Postgres, scratch: &Path, name: &str, clients: usize, time: Duration) -> Result<f64> {
    let mut pgbench = postgres.program("pgbench");
    pgbench
        // As the server's own connections have it.
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan")
        .args(["--no-vacuum", "--protocol=prepared", "--define=ready=0", "--jobs=2"])
        .arg(format!("--client={clients}"))
        .arg(format!("--time={}", time.as_secs()))
        .arg("--file")
        .arg(script_file(scratch, name))
        .arg(&postgres.url);
    let said = exec::output(&mut pgbench)?;
    let failed = value(&said, "number of failed transactions: ").unwrap_or("0");
    ensure!(failed == "0", "pgbench had failed transactions:\n{said}");
    let tps = value(&said, "tps = ").and_then(|tps| tps.parse().ok());
    tps.with_context(|| format!("pgbench said no rate:\n{said}"))
}

pub(crate) fn script_file(scratch: &Path, name: &str) -> PathBuf {
    scratch.join(format!("{name}.sql"))
}

/// The first word after `key` in what pgbench said.
fn value<'s>(said: &'s str, key: &str) -> Option<&'s str> {
    said.split_once(key)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_found_in_what_pgbench_says() {
        let said = "number of transactions actually processed: 12\nnumber of failed transactions: 0 (0.000%)\n\
                    latency average = 0.9 ms\ntps = 8888.125 (without initial connection time)\n";
        assert_eq!(value(said, "tps = "), Some("8888.125"));
        assert_eq!(value(said, "number of failed transactions: "), Some("0"));
        assert_eq!(value(said, "number of skipped: "), None);
    }
}
