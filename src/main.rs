//! The server program: `serve`, `migrate`, `compact`, `sync`, `admin`, `demo`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cradlelog::{
    domain::time::Timestamp,
    server::{
        self, admin, compact,
        config::{DatabaseConfig, LogConfig, ServeConfig},
        db, demo, inspect,
    },
};

/// The system's allocator keeps what password hashing used: 80 MB after the fourth sign-in.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cradlelog: the baby log every caregiver can trust
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database up to date and serve the app
    Serve {
        #[command(flatten)]
        database: DatabaseConfig,
        #[command(flatten)]
        serve: ServeConfig,
        #[command(flatten)]
        log: LogConfig,
    },
    /// Bring the database up to date and stop
    Migrate {
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Let go what no device needs any more; a running server does it by itself
    Compact {
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Ask how sync is doing; only reads, and shows nothing that a person typed
    Sync {
        #[command(flatten)]
        database: DatabaseConfig,
        #[command(subcommand)]
        question: inspect::Question,
    },
    /// Do something about accounts
    Admin {
        #[command(flatten)]
        database: DatabaseConfig,
        #[command(subcommand)]
        act: admin::Act,
    },
    /// Fill the database with a family to look at: twins, 90 days, three caregivers
    Demo {
        #[command(flatten)]
        database: DatabaseConfig,
        #[command(flatten)]
        serve: ServeConfig,
        /// The moment of the last entries, like 2026-11-20T18:00:00Z (now, if not given)
        #[arg(long)]
        until: Option<Timestamp>,
        /// Years instead of 90 days; five are about 70,000 entries
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
        years: Option<u8>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Serve { database, serve, log } => {
            server::init_logs(log);
            server::serve(&database, serve).await?;
        }
        Command::Migrate { database } => db::migrate(&database).await?,
        Command::Compact { database } => println!("{}", compact::command(&database).await?),
        Command::Sync { database, question } => {
            let told = inspect::command(&database, question).await?;
            print!("{}", told.text);
            return Ok(if told.is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Admin { database, act } => print!("{}", admin::command(&database, act).await?),
        Command::Demo { database, serve, until, years } => {
            println!("{}", demo::demo(&database, serve, until, years).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}
