//! `cargo xtask test`: every kind of test, one after the other, each with its own set-up.
//!
//! A stage that fails does not hide the next; a stage that ran no test at all has failed. The last line
//! is `N passed, N failed`, over all stages. To compile each crate as few times as possible, the browser
//! tests drive the release front end (what users get) against the debug server, whose parts the server
//! tests have just built.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::playwright::Run;
use crate::postgres::Database;
use crate::tally::Tally;
use crate::{deny, exec, paths, requirements, tools};

/// A kind of test: its name on the command line, and what runs it.
struct Stage {
    name: &'static str,
    run: fn(&[String]) -> Result<Tally>,
}

const STAGES: [Stage; 4] = [
    Stage { name: "lint", run: lint },
    Stage { name: "rust", run: rust },
    Stage { name: "web", run: web },
    Stage { name: "e2e", run: e2e },
];

pub(crate) fn main(args: &[String]) -> Result<ExitCode> {
    let mut args = args.iter();
    let names: Vec<&String> = args.by_ref().take_while(|arg| *arg != "--").collect();
    let rest: Vec<String> = args.cloned().collect();
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != name.as_str())) {
        bail!("there are no tests named `{unknown}`: lint, rust, web, e2e");
    }
    let mut total = Tally::default();
    for stage in STAGES.iter().filter(|stage| names.is_empty() || names.iter().any(|name| *name == stage.name)) {
        println!("\n== {}", stage.name);
        let started = Instant::now();
        let mut tally = (stage.run)(&rest).unwrap_or_else(|error| {
            eprintln!("xtask: {}: {error:#}", stage.name);
            Tally::FAIL
        });
        if exec::interrupted() {
            bail!("interrupted");
        }
        if tally.is_empty() {
            eprintln!("xtask: {}: no test ran", stage.name);
            tally = Tally::FAIL;
        }
        let seconds = started.elapsed().as_secs();
        println!("== {}: {} passed, {} failed in {seconds} s", stage.name, tally.passed, tally.failed);
        total.add(tally);
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Formatting, clippy for each of the programs, the table of requirements, and what our crates bring along;
/// each counts as one check.
fn lint(_: &[String]) -> Result<Tally> {
    tools::ensure_wasm_target()?;
    let checks: [&[&str]; 5] = [
        &["fmt", "--all", "--check"],
        &["clippy", "--package", "xtask", "--all-targets", "--", "-D", "warnings"],
        &["clippy", "--package", "scan", "--all-targets", "--", "-D", "warnings"],
        &["clippy", "--package", "cradlelog", "--features", "ssr", "--all-targets", "--", "-D", "warnings"],
        &[
            "clippy",
            "--package",
            "cradlelog",
            "--lib",
            "--target",
            tools::WASM_TARGET,
            "--features",
            "csr",
            "--",
            "-D",
            "warnings",
        ],
    ];
    let mut tally = Tally::default();
    for words in checks {
        println!("cargo {}", words.join(" "));
        let passed = exec::status(paths::cargo().args(words).env("SQLX_OFFLINE", "true"))?.success();
        tally.add(if passed { Tally::PASS } else { Tally::FAIL });
    }
    println!("cargo xtask requirements --check");
    tally.add(match requirements::check_table() {
        Ok(()) => Tally::PASS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            Tally::FAIL
        }
    });
    tally.add(deny::check()?);
    Ok(tally)
}

/// The tests of this program, of the scanner, and those of the app that run outside of a browser, on a Postgres of
/// their own. Arguments go to the app's tests alone.
fn rust(args: &[String]) -> Result<Tally> {
    tools::ensure_curl()?;
    let mut tally = Tally::default();
    if args.is_empty() {
        for package in ["xtask", "scan"] {
            tally.add(cargo_test(paths::cargo().args(["test", "--no-fail-fast", "--package", package]))?);
        }
    }
    let database = Database::throwaway("rust")?;
    let mut cargo = paths::cargo();
    cargo
        .args(["test", "--no-fail-fast", "--package", "cradlelog", "--features", "ssr"])
        .args(args)
        .env("DATABASE_URL", database.url())
        .env("SQLX_OFFLINE", "true");
    tally.add(cargo_test(&mut cargo)?);
    database.stop()?;
    Ok(tally)
}

/// The tests that run as wasm in a headless Chromium; cargo starts this program again to run them.
fn web(args: &[String]) -> Result<Tally> {
    tools::ensure_wasm_target()?;
    let chromium = tools::Chromium::ensure()?;
    let capabilities = capabilities(&chromium.browser)?;
    let this = std::env::current_exe()?;
    let runner = format!("{} wasm-test-runner", this.to_str().context("the path of this program is not UTF-8")?);
    let mut cargo = paths::cargo();
    cargo
        .args(["test", "--no-fail-fast", "--package", "cradlelog", "--target", tools::WASM_TARGET])
        .args(["--features", "csr"])
        .args(args)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("CHROMEDRIVER", chromium.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        // Files of unit tests do not each say that they want a browser.
        .env("WASM_BINDGEN_USE_BROWSER", "1")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    cargo_test(&mut cargo)
}

/// webdriver.json of the repository, with the browser that was found on this machine.
fn capabilities(browser: &Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string(paths::repo().join("webdriver.json")).context("cannot read webdriver.json")?;
    let mut json: serde_json::Value = serde_json::from_str(&text).context("webdriver.json is not JSON")?;
    json["goog:chromeOptions"]["binary"] = browser.to_string_lossy().into();
    let path = paths::target()?.join("webdriver.json");
    std::fs::write(&path, json.to_string())?;
    Ok(path)
}

/// Cargo's runner for wasm tests. It must keep the working directory, where webdriver.json is.
pub(crate) fn wasm_test_runner() -> Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os().skip(1))
}

/// Runs a `cargo test` and adds up what each of its programs says.
fn cargo_test(cargo: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = exec::watch_lines(cargo, |line| {
        if let Some(one) = Tally::of_libtest_line(line) {
            tally.add(one);
        }
    })?;
    if !status.success() && tally.failed == 0 {
        // It did not compile, or a test program ended without a result.
        tally.add(Tally::FAIL);
    }
    Ok(tally)
}

/// Playwright: the whole program in a browser, on a database of its own and on a free port.
fn e2e(args: &[String]) -> Result<Tally> {
    let run = Run { name: "e2e", config: "playwright.config.js", demo_until: None, args, env: &[] };
    let outcome = run.start()?;
    playwright_tally(&outcome.report, outcome.status.success())
}

fn playwright_tally(report: &Path, succeeded: bool) -> Result<Tally> {
    let text = std::fs::read_to_string(report).context("Playwright wrote no report")?;
    let mut tally = Tally::of_playwright(&text)?;
    if !succeeded && tally.failed == 0 {
        tally.add(Tally::FAIL);
    }
    Ok(tally)
}
