//! `cargo xtask dev`: debug builds, made again and restarted when a source file changes.
//!
//! Changes are found by looking at modification times: no service of the operating system is needed,
//! and a look at this many files takes a few milliseconds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use crate::postgres::Database;
use crate::server::{Server, Setup};
use crate::site::Profile;
use crate::{exec, paths, run, tools};

const WATCHED: [&str; 6] = ["src", "style", "public", "migrations", "Cargo.toml", "Cargo.lock"];
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(crate) fn main() -> Result<()> {
    let data_dir = paths::data_dir(tools::is_root()?)?;
    let database = Database::kept(&data_dir)?;
    while !exec::interrupted() {
        let seen = look()?;
        let started = Instant::now();
        let server = start(&database, &data_dir);
        match &server {
            Ok(server) => {
                println!("\nCradlelog is at {} (built in {:.1} s)\n", server.address, started.elapsed().as_secs_f32());
            }
            Err(_) if exec::interrupted() => break,
            // A mistake in the source is the normal case here: say it and wait for the next change.
            Err(error) => eprintln!("xtask: {error:#}\nwaiting for a change"),
        }
        while !exec::interrupted() && look()? == seen {
            std::thread::sleep(LOOK_EVERY);
        }
        if let Ok(server) = server {
            server.stop()?;
        }
    }
    database.stop()
}

fn start(database: &Database, data_dir: &std::path::Path) -> Result<Server> {
    let (program, site_dir) = run::build_both(Profile::Dev)?;
    let setup = Setup {
        program: &program,
        database_url: database.url(),
        listen_addr: &run::listen_addr(),
        data_dir,
        site_dir: &site_dir,
        env: &[],
    };
    Server::start(&setup, None)
}

/// Each watched file and when it was last written.
fn look() -> Result<BTreeMap<PathBuf, SystemTime>> {
    let mut seen = BTreeMap::new();
    for name in WATCHED {
        let path = paths::repo().join(name);
        let files = if path.is_dir() { paths::files_under(&path)? } else { vec![path] };
        for file in files {
            // A file that vanishes between the listing and this look is a change like any other.
            if let Ok(time) = file.metadata().and_then(|found| found.modified()) {
                seen.insert(file, time);
            }
        }
    }
    Ok(seen)
}
