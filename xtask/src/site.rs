//! Builds the site: everything the browser gets, ready to be served as files.
//!
//! The wasm crate goes through wasm-bindgen (as a library, so no version can drift), the style sheets
//! become one file, and each file under /pkg carries the hash of its content in its name: the wasm and
//! the plain scripts first, then what names them, the page and the service worker last. So a name never
//! stands for two contents, and the server may call all of /pkg immutable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::squeeze::squeeze;
use crate::{brotli_files, css, exec, paths, tools, words};

/// Whom a build is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build; large; the service worker removes itself, so nothing hides the newest build.
    Dev,
    /// What users get: small, precompressed, works offline.
    Release,
}

impl Profile {
    fn cargo_name(self) -> &'static str {
        if self == Self::Dev { "dev" } else { "wasm-release" }
    }
    fn target_dir_name(self) -> &'static str {
        if self == Self::Dev { "debug" } else { "wasm-release" }
    }
    fn site_dir_name(self) -> &'static str {
        if self == Self::Dev { "site-dev" } else { "site" }
    }
}

/// Builds the site if anything it is made of changed, and returns its directory.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    tools::ensure_wasm_target()?;
    for words in [&["cradlelog", "--features", "csr"][..], &["scan"]] {
        let mut cargo = paths::cargo();
        cargo.args(["build", "--lib", "--target", tools::WASM_TARGET, "--profile", profile.cargo_name()]);
        exec::run(cargo.arg("--package").args(words))?;
    }
    let target = paths::target()?;
    let built = target.join(tools::WASM_TARGET).join(profile.target_dir_name());
    let wasm = [built.join("cradlelog.wasm"), built.join("scan.wasm")];
    let site = target.join(profile.site_dir_name());
    let stamp_file = target.join(format!("{}.stamp", profile.site_dir_name()));
    let stamp = stamp(&wasm)?;
    if site.exists() && std::fs::read_to_string(&stamp_file).is_ok_and(|known| known == stamp) {
        return Ok(site);
    }
    let files = assemble(profile, &wasm, &target.join("bindgen"))?;
    write(&site, &files)?;
    if profile == Profile::Release {
        brotli_files::compress_all(&site)?;
    }
    std::fs::write(&stamp_file, stamp)?;
    Ok(site)
}

/// Stands for all that a site is made of, this program's source included.
fn stamp(wasm: &[PathBuf]) -> Result<String> {
    let repo = paths::repo();
    let mut inputs = wasm.to_vec();
    for dir in ["public", "style", "src/ui/locales", "xtask/src"] {
        inputs.extend(paths::files_under(&repo.join(dir))?);
    }
    let mut all = String::new();
    for path in inputs {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        all.push_str(&format!("{} {}\n", path.display(), paths::short_hash(&bytes)));
    }
    Ok(paths::short_hash(all.as_bytes()))
}

/// The files of a site by their path without the leading slash.
type Files = BTreeMap<String, Vec<u8>>;

fn assemble(profile: Profile, [wasm, reader]: &[PathBuf; 2], scratch: &Path) -> Result<Files> {
    let repo = paths::repo();
    let shell = |name: &str| {
        let path = repo.join("public/shell").join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut files = Files::new();
    let still = repo.join("public/static");
    for path in paths::files_under(&still)? {
        let name = path.strip_prefix(&still).context("files_under stays below its start")?;
        files.insert(name.to_string_lossy().into_owned(), std::fs::read(&path)?);
    }
    let (glue, wasm) = bind(profile, wasm, scratch)?;
    let wasm = add_hashed(&mut files, "cradlelog", "wasm", wasm);
    let app = add_hashed(&mut files, "cradlelog", "js", glue.into_bytes());
    let style = css::bundle(&repo.join("style"))? + &css::without_comments(&shell("shell.css")?);
    let style = add_hashed(&mut files, "style", "css", style.into_bytes());
    let mut words = BTreeMap::new();
    for (language, lines) in words::all(&repo.join("src/ui/locales"))? {
        let url = add_hashed(&mut files, &format!("words-{language}"), "txt", lines.into_bytes());
        words.insert(language, url);
    }
    let languages = serde_json::to_string(&Vec::from_iter(words.keys()))?;
    let words = serde_json::to_string(&words)?;
    let theme = fill(&shell("theme.js")?, &[("languages", &languages)])?;
    let theme = add_hashed(&mut files, "theme", "js", theme.into_bytes());
    let (glue, reader) = bind(profile, reader, scratch)?;
    let reader = add_hashed(&mut files, "scan-reader", "wasm", reader);
    let glue = add_hashed(&mut files, "scan-reader", "js", glue.into_bytes());
    let scan = fill(&shell("scan.js")?, &[("reader_js", &glue), ("reader_wasm", &reader)])?;
    let scan = add_hashed(&mut files, "scan", "js", scan.into_bytes());
    let boot = fill(&shell("boot.js")?, &[("app_js", &app), ("wasm", &wasm), ("words", &words), ("scan_js", &scan)])?;
    let boot = add_hashed(&mut files, "boot", "js", boot.into_bytes());
    let reset = add_hashed(&mut files, "reset", "js", shell("reset.js")?.into_bytes());

    let page = [("style", &*style), ("theme_js", &theme), ("boot_js", &boot), ("app_js", &app), ("wasm", &wasm)];
    files.insert("index.html".to_owned(), fill(&shell("index.html")?, &page)?.into_bytes());
    let page = [("style", &*style), ("theme_js", &theme), ("reset_js", &reset)];
    files.insert("reset/index.html".to_owned(), fill(&shell("reset.html")?, &page)?.into_bytes());

    let worker = if profile == Profile::Dev {
        shell("sw-dev.js")?
    } else {
        let template = shell("sw.js")?;
        let precache = serde_json::to_string(&precache(&files))?;
        fill(&template, &[("version", &version(&files, &template)), ("precache", &precache)])?
    };
    files.insert("sw.js".to_owned(), worker.into_bytes());
    Ok(files)
}

/// Runs wasm-bindgen: the script that loads the wasm, and the wasm.
fn bind(profile: Profile, wasm: &Path, scratch: &Path) -> Result<(String, Vec<u8>)> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch)?;
    }
    let release = profile == Profile::Release;
    let mut bindgen = Bindgen::new();
    bindgen
        .web(true)?
        .typescript(false)
        .out_name("program")
        .input_path(wasm)
        // The page names the wasm by its hash; the default path would be dead.
        .omit_default_module_path(true)
        .remove_name_section(release)
        .remove_producers_section(release);
    bindgen.generate(scratch).with_context(|| format!("wasm-bindgen cannot process {}", wasm.display()))?;
    ensure!(!scratch.join("snippets").exists(), "a crate brings script snippets, which would be served without a hash");
    let glue = std::fs::read_to_string(scratch.join("program.js"))?;
    let wasm = std::fs::read(scratch.join("program_bg.wasm"))?;
    Ok((glue, if release { squeeze(&wasm)? } else { wasm }))
}

/// Adds a file under /pkg and returns its URL path.
fn add_hashed(files: &mut Files, stem: &str, extension: &str, bytes: Vec<u8>) -> String {
    let name = format!("pkg/{stem}.{}.{extension}", paths::short_hash(&bytes));
    files.insert(name.clone(), bytes);
    format!("/{name}")
}

/// What the service worker stores at its installation: all but itself, the manifest's pictures of the
/// app, what only a crawler reads and what few people need once, with the two pages under the address that
/// people open.
fn precache(files: &Files) -> Vec<String> {
    let name = |path: &String| match path.as_str() {
        "sw.js" | "robots.txt" => None,
        "index.html" => Some("/".to_owned()),
        "reset/index.html" => Some("/reset/".to_owned()),
        path if path.starts_with("screenshots/") || path.starts_with("pkg/scan") => None,
        path => Some(format!("/{path}")),
    };
    files.keys().filter_map(name).collect()
}

/// Changes when any file, or the worker itself, does.
fn version(files: &Files, worker: &str) -> String {
    let mut all = worker.to_owned();
    for (path, bytes) in files {
        all.push_str(&format!("{path} {}\n", paths::short_hash(bytes)));
    }
    paths::short_hash(all.as_bytes())
}

/// Replaces each `{{name}}`. A name on only one side is a mistake and fails the build.
fn fill(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut filled = template.to_owned();
    for (name, value) in values {
        let mark = format!("{{{{{name}}}}}");
        ensure!(filled.contains(&mark), "a template does not use {mark}");
        filled = filled.replace(&mark, value);
    }
    if let Some(at) = filled.find("{{") {
        bail!("a template names something unknown: {}", filled[at..].lines().next().unwrap_or_default());
    }
    Ok(filled)
}

/// Replaces the site as a whole, so that a running server never serves half of two builds for long.
fn write(site: &Path, files: &Files) -> Result<()> {
    let fresh = site.with_extension("new");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    for (name, bytes) in files {
        let path = fresh.join(name);
        std::fs::create_dir_all(path.parent().context("a file has a directory")?)?;
        std::fs::write(&path, bytes)?;
    }
    if site.exists() {
        std::fs::remove_dir_all(site)?;
    }
    std::fs::rename(&fresh, site).with_context(|| format!("cannot put {} in place", site.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(content: &str) -> Files {
        let mut files = Files::new();
        for name in
            ["index.html", "reset/index.html", "sw.js", "robots.txt", "manifest.webmanifest", "screenshots/today.png"]
        {
            files.insert(name.to_owned(), content.as_bytes().to_vec());
        }
        add_hashed(&mut files, "boot", "js", content.as_bytes().to_vec());
        add_hashed(&mut files, "scan-reader", "wasm", content.as_bytes().to_vec());
        files
    }

    #[test]
    fn the_precache_holds_each_file_once_under_the_address_it_is_asked_for() {
        let list = precache(&site("a"));
        let boot = format!("/pkg/boot.{}.js", paths::short_hash(b"a"));
        assert_eq!(list, ["/", "/manifest.webmanifest", &boot, "/reset/"]);
    }

    #[test]
    fn another_content_is_another_name_and_another_version() {
        assert_ne!(precache(&site("a")), precache(&site("b")));
        assert_ne!(version(&site("a"), "worker"), version(&site("b"), "worker"));
        assert_ne!(version(&site("a"), "worker"), version(&site("a"), "other worker"));
        assert_eq!(version(&site("a"), "worker"), version(&site("a"), "worker"));
    }

    #[test]
    fn a_template_and_its_values_must_name_the_same_things() {
        assert_eq!(fill("<a {{x}}{{x}}>", &[("x", "1")]).expect("fits"), "<a 11>");
        assert!(fill("<a>", &[("x", "1")]).is_err(), "an unused value");
        assert!(fill("<a {{y}}>", &[]).is_err(), "an unknown name");
    }
}
