//! The two commands of this repository, `cargo xtask run` and `cargo xtask test`, and their helpers.
//!
//! This file only says which verb lives where. Each verb sets up what it needs, says so in one line,
//! and ends everything that it started, however it is ended itself (see `guard`).

mod bench;
mod brotli_files;
mod css;
mod deny;
mod dev;
mod exec;
mod guard;
mod icons;
mod paths;
mod playwright;
mod postgres;
mod postmaster;
mod requirements;
mod run;
mod screenshots;
mod server;
mod site;
mod soak;
mod squeeze;
mod tally;
mod tests;
mod tools;
mod words;

use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
cargo xtask run                         install what is missing, build the release app, serve it
cargo xtask test [lint|rust|web|e2e] [-- ARGS]
                                        every check, or one kind of them; ARGS go to its runner
cargo xtask dev                         debug build, rebuilt and restarted when a file changes
cargo xtask build [--release]           the site and the server, without starting them
cargo xtask screenshots                 take the pictures of the README again
cargo xtask bench [size|browser|server] [--write] [--quick]
                                        measure, beside the aims; --write puts it in docs/performance.md
cargo xtask soak [--minutes M] [--seeds A..B] [--write]
                                        the simulator, seed after seed; --write: into docs/reliability.md
cargo xtask requirements [--check]      which test holds which requirement, into docs/requirements.md
cargo xtask icons                       redraw the PNG icons in public/icons from their SVG

Environment: DATABASE_URL (else a private Postgres is started), LISTEN_ADDR (127.0.0.1:3000), DATA_DIR.";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let verb = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    // Two verbs are started by programs, not by people: they keep the working directory and the
    // signals as they find them.
    match verb.as_str() {
        "guard" => return guard::main().map(|()| ExitCode::SUCCESS),
        "wasm-test-runner" => return tests::wasm_test_runner().map(|()| ExitCode::SUCCESS),
        _ => exec::watch_for_interrupt()?,
    }
    let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
    match verb.as_str() {
        "run" => done(run::main()),
        "test" => tests::main(&rest),
        "dev" => done(dev::main()),
        "build" => done(run::build(&rest)),
        "screenshots" => done(screenshots::main()),
        "bench" => done(bench::main(&rest)),
        "soak" => soak::main(&rest),
        "requirements" => done(requirements::main(&rest)),
        "icons" => done(icons::main()),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => anyhow::bail!("there is no verb `{other}`\n{HELP}"),
    }
}
