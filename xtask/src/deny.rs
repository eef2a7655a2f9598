//! What comes with the crates that we build on: their licences, where they are from, which ones we do not
//! want, and what is known to be wrong with them. `deny.toml` holds the rules.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::{exec, paths, tools};

const VERSION: &str = "0.20.2";

/// Each of the two questions counts as one check. The second needs a database from elsewhere; where that is
/// out of reach it is left out, in words.
pub(crate) fn check() -> Result<Tally> {
    let program = ensure()?;
    let mut tally = Tally::default();
    let mut ask = |words: &[&str]| {
        println!("cargo deny {}", words.join(" "));
        let passed = exec::status(&mut cargo_deny(&program, words))?.success();
        tally.add(if passed { Tally::PASS } else { Tally::FAIL });
        anyhow::Ok(())
    };
    ask(&["check", "--hide-inclusion-graph", "bans", "licenses", "sources"])?;
    let mut fetch = cargo_deny(&program, &["fetch", "db"]);
    // Nobody is there to be asked for a password.
    let fetch = fetch.env("GIT_TERMINAL_PROMPT", "0").stdout(Stdio::null()).stderr(Stdio::null());
    if exec::status(fetch)?.success() {
        ask(&["--offline", "check", "--hide-inclusion-graph", "advisories"])?;
    } else {
        println!("Known defects of our crates were NOT looked for: the database of advisories is out of reach.");
    }
    Ok(tally)
}

/// Warnings are for whoever asks it by hand.
fn cargo_deny(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(paths::repo()).args(["--log-level", "error"]).args(words);
    command
}

/// The system's, if it is the version that we know, else one of our own under `target`: built once, in a few
/// minutes.
fn ensure() -> Result<PathBuf> {
    let is_it = |program: &Path| {
        let told = exec::output(Command::new(program).arg("--version"));
        told.is_ok_and(|told| told == format!("cargo-deny {VERSION}"))
    };
    if let Some(found) = tools::on_path("cargo-deny").filter(|found| is_it(found)) {
        return Ok(found);
    }
    let home = paths::target()?.join("tools");
    let program = home.join("bin/cargo-deny");
    if is_it(&program) {
        return Ok(program);
    }
    println!("Building cargo-deny {VERSION} under target, once; it takes a few minutes.");
    let build = home.join("build");
    let mut install = paths::cargo();
    install
        .args(["install", "cargo-deny", "--quiet", "--locked", "--debug", "--force", "--version", VERSION])
        .arg("--root")
        .arg(&home)
        .arg("--target-dir")
        .arg(&build);
    exec::run(&mut install)?;
    std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    Ok(program)
}
