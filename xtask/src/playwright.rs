//! Runs Playwright against the whole program: the site that users get, a server, and a database of
//! their own, on a free port, ended afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use crate::postgres::Database;
use crate::server::{self, Server, Setup};
use crate::site::{self, Profile};
use crate::{exec, paths, tools};

/// One run: what is its own, and what it does.
pub(crate) struct Run<'a> {
    /// Names its database and its directory under target.
    pub(crate) name: &'a str,
    /// The configuration file in `end2end`.
    pub(crate) config: &'a str,
    /// Fill the database with the demo family that ends at this moment, before the server starts.
    pub(crate) demo_until: Option<&'a str>,
    /// Further words for Playwright.
    pub(crate) args: &'a [String],
    pub(crate) env: &'a [(&'a str, &'a Path)],
}

/// How Playwright ended, and its report as JSON.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) report: PathBuf,
}

impl Run<'_> {
    pub(crate) fn start(&self) -> Result<Outcome> {
        let chromium = tools::Chromium::ensure()?.browser;
        let node = tools::Node::ensure()?;
        let site_dir = site::build(Profile::Release)?;
        let program = server::build(false)?;
        let work = paths::target()?.join(self.name);
        std::fs::create_dir_all(&work)?;
        let log = work.join("server.log");
        let report = work.join("report.json");
        if report.exists() {
            std::fs::remove_file(&report)?;
        }
        let database = Database::throwaway(self.name)?;
        if let Some(until) = self.demo_until {
            let mut demo = Command::new(&program);
            demo.args(["demo", "--until", until]).env("DATABASE_URL", database.url()).env("SITE_DIR", &site_dir);
            exec::run(&mut demo)?;
        }
        let setup = Setup {
            program: &program,
            database_url: database.url(),
            listen_addr: "127.0.0.1:0",
            data_dir: &work.join("data"),
            site_dir: &site_dir,
            env: &[],
        };
        let server = Server::start(&setup, Some(std::fs::File::create(&log)?))
            .with_context(|| format!("its log is {}", log.display()))?;
        let mut playwright = Command::new(&node.program);
        playwright
            .current_dir(&node.dir)
            .args(["node_modules/@playwright/test/cli.js", "test", "--reporter=list,json"])
            .arg(format!("--config={}", self.config))
            .args(self.args)
            // By its name, which browsers trust with passkeys; at the number beside it they make none.
            .env("BASE_URL", server.address.replace("127.0.0.1", "localhost"))
            .env("CHROMIUM", chromium)
            .env("SITE_DIR", &site_dir)
            .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
            .envs(self.env.iter().copied());
        let status = exec::status(&mut playwright)?;
        server.stop()?;
        database.stop()?;
        Ok(Outcome { status, report })
    }
}
