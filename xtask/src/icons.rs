//! `cargo xtask icons`: draws the PNG icons from the SVG ones, by taking pictures of them in Chromium.
//!
//! The PNGs are committed; this runs only when the drawing changes.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{exec, paths, tools};

/// Drawing, picture, edge in pixels.
const ICONS: [(&str, &str, u32); 5] = [
    ("icon.svg", "icon-192.png", 192),
    ("icon.svg", "icon-512.png", 512),
    ("maskable.svg", "maskable-512.png", 512),
    ("maskable.svg", "apple-touch-icon.png", 180),
    ("monochrome.svg", "monochrome-512.png", 512),
];

pub(crate) fn main() -> Result<()> {
    let chromium = tools::Chromium::ensure()?.browser;
    let dir = paths::repo().join("public/static/icons");
    let scratch = paths::target()?.join("icons");
    std::fs::create_dir_all(&scratch)?;
    for (drawing, picture, edge) in ICONS {
        let svg = std::fs::read_to_string(dir.join(drawing)).with_context(|| format!("cannot read {drawing}"))?;
        draw(&chromium, &scratch, &svg, edge, &dir.join(picture))?;
        println!("{picture}: {edge} × {edge}");
    }
    Ok(())
}

fn draw(chromium: &Path, scratch: &Path, svg: &str, edge: u32, picture: &Path) -> Result<()> {
    let page = scratch.join("icon.html");
    let style = format!("*{{margin:0}}svg{{display:block;width:{edge}px;height:{edge}px}}");
    std::fs::write(&page, format!("<!doctype html><style>{style}</style>{svg}"))?;
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"])
        .arg("--default-background-color=00000000")
        .arg(format!("--user-data-dir={}", scratch.join("profile").display()))
        .arg(format!("--window-size={edge},{edge}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        // It speaks at length of desktop services that are not there.
        .stderr(File::create(scratch.join("chromium.log"))?);
    exec::run(&mut command)?;
    ensure!(picture.exists(), "Chromium drew no {}", picture.display());
    Ok(())
}
