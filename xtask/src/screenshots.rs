//! `cargo xtask screenshots`: the pictures of the README, taken of the real app with the demo family
//! on a phone's screen, by day and by night. The same source gives the same pictures.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::paths;
use crate::playwright::Run;

/// The demo's last entry, and what the pages' clocks show.
const UNTIL: &str = "2026-11-20T16:30:00Z";

pub(crate) fn main() -> Result<()> {
    let pictures = paths::repo().join("docs/screenshots");
    std::fs::create_dir_all(&pictures)?;
    let outcome = Run {
        name: "screenshots",
        config: "screenshots.config.js",
        demo_until: Some(UNTIL),
        args: &[],
        env: &[("SCREENSHOTS", &pictures), ("UNTIL", Path::new(UNTIL))],
    }
    .start()?;
    ensure!(outcome.status.success(), "the pictures could not be taken");
    println!("The pictures are in {}.", pictures.display());
    Ok(())
}
