//! `cargo xtask bench browser`: what a person with a slow phone waits for.

use anyhow::{Context, Result};

use super::Effort;
use super::report::{Section, Table, number, verdict};
use super::samples::Samples;
use super::scripts::{App, samples};

pub(crate) fn measure(effort: Effort) -> Result<Section> {
    let app = App::start("bench-browser")?;
    let count = |full| if effort.is_full() { full } else { full / 10 };
    let taps = app.run("taps.js", &[("TAPS", count(120))])?;
    let screens = app.run("other_screen.js", &[("SAVES", count(30))])?;
    let starts = app.run("offline_start.js", &[("STARTS", count(20))])?;
    let copies = app.run("first_copy.js", &[("LOGS", count(10_000)), ("COPIES", count(10))])?;
    app.stop()?;

    let mut table = Table::new(&["milliseconds", "samples", "p50", "p95", "max", "aim", ""]);
    let mut row = |what: String, samples: &Samples, aim: Option<f64>| {
        let measured = |value: f64| number(value.round());
        table.row(&[
            what,
            samples.len().to_string(),
            measured(samples.median()),
            measured(samples.percentile(95.0)),
            measured(samples.max()),
            aim.map_or_else(String::new, |aim| format!("p95 ≤ {}", number(aim))),
            aim.map_or_else(String::new, |aim| verdict(samples.percentile(95.0) <= aim)),
        ]);
    };
    row(format!("tap to durable, {}× slower CPU", taps["slower"]), &samples(&taps["saved"])?, Some(100.0));
    row("the same, to the next frame".to_owned(), &samples(&taps["seen"])?, None);
    row("saved here, seen there, by a hint".to_owned(), &samples(&screens["hinted"])?, None);
    row("the same by polling every 5 s, hints switched off".to_owned(), &samples(&screens["polled"])?, None);
    row("second start, offline, to usable".to_owned(), &samples(&starts["starts"]["1"])?, Some(1000.0));
    row("the same, 4× slower CPU".to_owned(), &samples(&starts["starts"]["4"])?, None);
    let logs = copies["logs"].as_f64().map(number).context("a script tells how many logs it wrote")?;
    row(format!("longest task while {logs} logs come in"), &samples(&copies["longest"])?, Some(50.0));
    row(format!("a new device, {logs} logs, to the last"), &samples(&copies["took"])?, None);

    let body = table.to_markdown();
    let with = taps["browser"].as_str().context("a script tells the browser")?.to_owned();
    Ok(Section { name: "browser", with, body })
}
