//! `cargo xtask bench size`: how much comes over the wire before the app can be used.

use std::path::Path;

use anyhow::{Context, Result};

use super::Effort;
use super::report::{Section, Table, number, verdict};
use super::scripts::{App, whole};
use crate::paths;
use crate::site::{self, Profile};

const WASM_KB_AIM: f64 = 350.0;
const SCANNER_KB_AIM: f64 = 40.0;
const FIRST_LOAD_KB_AIM: f64 = 650.0;

pub(crate) fn measure(_: Effort) -> Result<Section> {
    let site_dir = site::build(Profile::Release)?;
    let mut files = Table::new(&["file", "kB", "brotli kB", "aim", ""]);
    for (what, name, extension, aim) in [
        ("app wasm", "cradlelog", "wasm", Some(WASM_KB_AIM)),
        ("its script", "cradlelog", "js", None),
        ("style sheet", "style", "css", None),
        ("scanner, fetched only when scanning: wasm", "scan-reader", "wasm", Some(SCANNER_KB_AIM)),
        ("its scripts", "scan-reader", "js", None),
        ("", "scan", "js", None),
    ] {
        let (raw, small) = sizes(&site_dir.join("pkg"), name, extension)?;
        files.row(&[
            what.to_owned(),
            kilobytes(raw),
            kilobytes(small),
            aim.map_or_else(String::new, |aim| format!("≤ {aim}")),
            aim.map_or_else(String::new, |aim| verdict(small as f64 <= aim * 1000.0)),
        ]);
    }
    let app = App::start("bench-size")?;
    let found = app.run("first_load.js", &[])?;
    app.stop()?;
    let mut load = Table::new(&["first visit", "kB over the wire", "requests", "aim", ""]);
    for (what, part, aim) in [
        ("until the page is usable", &found["page"], None),
        ("until it also works offline", &found["all"], Some(FIRST_LOAD_KB_AIM)),
    ] {
        let bytes = whole(&part["bytes"])?;
        load.row(&[
            what.to_owned(),
            kilobytes(bytes),
            whole(&part["requests"])?.to_string(),
            aim.map_or_else(String::new, |aim| format!("≤ {aim} kB")),
            aim.map_or_else(String::new, |aim| verdict(bytes as f64 <= aim * 1000.0)),
        ]);
    }
    let with = found["browser"].as_str().context("a script tells the browser")?.to_owned();
    Ok(Section { name: "size", with, body: format!("{}\n{}", files.to_markdown(), load.to_markdown()) })
}

/// Bytes of the file `NAME.HASH.EXTENSION`, and of its compressed twin.
fn sizes(dir: &Path, name: &str, extension: &str) -> Result<(u64, u64)> {
    let found = paths::files_under(dir)?.into_iter().find(|path| {
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        file.starts_with(&format!("{name}.")) && file.ends_with(&format!(".{extension}"))
    });
    let found = found.with_context(|| format!("the site has no {name}.….{extension}"))?;
    let small = found.with_added_extension("br");
    Ok((found.metadata()?.len(), small.metadata().context("a file was not compressed")?.len()))
}

/// Thousands of bytes.
fn kilobytes(bytes: u64) -> String {
    number((bytes as f64 / 1000.0).round())
}
