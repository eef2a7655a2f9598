//! Runs a script of end2end/bench in front of the release app, on a fresh Postgres with the settings
//! of production, and reads the JSON that it prints.

use std::fs::File;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::samples::Samples;
use super::server::UNHURRIED;
use crate::postgres::Postgres;
use crate::server::{self, Server, Setup};
use crate::site::{self, Profile};
use crate::{exec, paths, tools};

/// The release app, being served.
pub(crate) struct App {
    server: Server,
    postgres: Postgres,
}

impl App {
    /// `purpose` names its database; no two of one run may have the same.
    pub(crate) fn start(purpose: &str) -> Result<Self> {
        let site_dir = site::build(Profile::Release)?;
        let program = server::build(true)?;
        let work = paths::target()?.join("bench");
        std::fs::create_dir_all(&work)?;
        let log = work.join("server.log");
        let postgres = Postgres::measured(purpose)?;
        let setup = Setup {
            program: &program,
            database_url: &postgres.url,
            listen_addr: "127.0.0.1:0",
            data_dir: &work.join("data"),
            site_dir: &site_dir,
            env: &[UNHURRIED],
        };
        let server = Server::start(&setup, Some(File::create(&log)?))
            .with_context(|| format!("its log is {}", log.display()))?;
        Ok(Self { server, postgres })
    }

    /// What the script `name` found. `env` tells it how much to do.
    pub(crate) fn run(&self, name: &str, env: &[(&str, usize)]) -> Result<Value> {
        println!("Measuring by end2end/bench/{name}.");
        let chromium = tools::Chromium::ensure()?.browser;
        let node = tools::Node::ensure()?;
        let mut script = Command::new(node.program);
        script
            .current_dir(node.dir)
            .arg(format!("bench/{name}"))
            .env("BASE_URL", &self.server.address)
            .env("CHROMIUM", chromium)
            .envs(env.iter().map(|(key, value)| (key, value.to_string())));
        let mut found = None;
        let status = exec::watch_lines(&mut script, |line| found = serde_json::from_str(line).ok())?;
        anyhow::ensure!(status.success(), "end2end/bench/{name} failed ({status})");
        found.with_context(|| format!("end2end/bench/{name} printed no JSON"))
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.server.stop()?;
        self.postgres.stop()
    }
}

/// A list of milliseconds in what a script found.
pub(crate) fn samples(found: &Value) -> Result<Samples> {
    let list = found.as_array().context("not a list of times")?;
    let times: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
    Ok(Samples::of_ms(times.context("a time is not a number")?))
}

/// A whole number in what a script found.
pub(crate) fn whole(found: &Value) -> Result<u64> {
    found.as_u64().with_context(|| format!("{found} is not a whole number"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_numbers_are_samples() {
        assert_eq!(samples(&json!([3, 1.5, 2])).expect("numbers").median(), 2.0);
        assert!(samples(&json!([1, null])).is_err());
        assert!(samples(&json!(null)).is_err());
        assert_eq!(whole(&json!(7)).expect("a number"), 7);
        assert!(whole(&json!(7.5)).is_err());
    }
}
