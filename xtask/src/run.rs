//! `cargo xtask run` and `cargo xtask build`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::exec;
use crate::postgres::Database;
use crate::server::{self, Server, Setup};
use crate::site::{self, Profile};
use crate::{paths, tools};

/// Where the app listens unless `LISTEN_ADDR` says otherwise.
pub(crate) fn listen_addr() -> String {
    std::env::var("LISTEN_ADDR").ok().filter(|addr| !addr.is_empty()).unwrap_or_else(|| "127.0.0.1:3000".to_owned())
}

/// Serves the release app until it is interrupted. What can fail quickly comes before what builds long.
pub(crate) fn main() -> Result<()> {
    let data_dir = paths::data_dir(tools::is_root()?)?;
    let database = Database::kept(&data_dir)?;
    let (program, site_dir) = build_both(Profile::Release)?;
    let setup = Setup {
        program: &program,
        database_url: database.url(),
        listen_addr: &listen_addr(),
        data_dir: &data_dir,
        site_dir: &site_dir,
        env: &[],
    };
    let mut server = Server::start(&setup, None)?;
    println!("\nCradlelog is at {}\nIts data is in {}. Ctrl-C ends it.\n", server.address, data_dir.display());
    while !exec::interrupted() {
        if let Some(status) = server.ended()? {
            database.stop()?;
            bail!("the server ended by itself ({status})");
        }
        std::thread::sleep(exec::TICK);
    }
    server.stop()?;
    database.stop()
}

/// Builds without starting anything.
pub(crate) fn build(args: &[String]) -> Result<()> {
    let profile = match args {
        [] => Profile::Dev,
        [flag] if flag == "--release" => Profile::Release,
        _ => bail!("build takes only --release"),
    };
    let (program, site) = build_both(profile)?;
    println!("server: {}\nsite:   {}", program.display(), site.display());
    Ok(())
}

pub(crate) fn build_both(profile: Profile) -> Result<(PathBuf, PathBuf)> {
    let site = site::build(profile)?;
    Ok((server::build(profile == Profile::Release)?, site))
}
