//! The server program as a child of a test, ended with the test whatever happens.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub(crate) fn program(database_url: &str, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cradlelog"));
    command.arg(verb).env("DATABASE_URL", database_url).env("LISTEN_ADDR", "127.0.0.1:0").stdout(Stdio::piped());
    command
}

/// A running server. Dropped, it is killed as by `kill -9`.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    /// Waits until the child says where it listens.
    pub(crate) fn listening(mut child: Child) -> Self {
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_owned();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone when the test ended it; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
