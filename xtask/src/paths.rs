//! Where things are: the repository, cargo's target directory, and the data of a private run.
//!
//! Nothing here depends on the working directory, and the target directory is asked of cargo, so
//! `CARGO_TARGET_DIR` and cargo's own configuration are honoured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The root of the repository. Cargo tells where the xtask's own package is at run time, which stays
/// right when a checkout was moved.
pub(crate) fn repo() -> PathBuf {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or(package.clone(), Path::to_path_buf)
}

/// A cargo command that runs in the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repo());
    command
}

/// Cargo's target directory.
pub(crate) fn target() -> Result<PathBuf> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(known) = TARGET.get() {
        return Ok(known.clone());
    }
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(TARGET.get_or_init(|| PathBuf::from(target)).clone())
}

/// The data directory of `run` and `dev`: `DATA_DIR`, or one per checkout that a later run finds again.
///
/// Root keeps it under /var/lib, because Postgres then runs as another user, who cannot enter a home
/// directory with mode 0700.
pub(crate) fn data_dir(root: bool) -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("DATA_DIR").filter(|dir| !dir.is_empty()) {
        return std::path::absolute(given).context("DATA_DIR is not a usable path");
    }
    let checkout = short_hash(repo().as_os_str().as_encoded_bytes());
    if root {
        return Ok(Path::new("/var/lib/cradlelog").join(checkout));
    }
    let share = match std::env::var_os("XDG_DATA_HOME").filter(|dir| !dir.is_empty()) {
        Some(share) => PathBuf::from(share),
        None => PathBuf::from(std::env::var_os("HOME").context("neither DATA_DIR, XDG_DATA_HOME nor HOME is set")?)
            .join(".local/share"),
    };
    Ok(share.join("cradlelog").join(checkout))
}

/// Sixteen hex digits of the SHA-256 of `bytes`: enough to tell files and checkouts apart.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Every file under `dir`, sorted, so that what is made from the list is the same on each machine.
pub(crate) fn files_under(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
