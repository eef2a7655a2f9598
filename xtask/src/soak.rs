//! `cargo xtask soak`: the simulator for as long as one likes, on every core.
//!
//! The tests of the crate are built in a profile of their own, and ranges of seeds are run by one
//! process per core. What a process has to tell of its range is one line of JSON in which every number
//! is a sum, so that all of them add up; `--write` puts the figures into docs/reliability.md.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::bench::report::{self, Table, number};
use crate::{exec, paths};

const SEEDS: &str = "sync::sim::tests::three_devices_agree_after_any_faults";
const CRASH_POINTS: &str = "sync::sim::tests::a_process_may_end_at_any_storage_step";
const DEFECTS: &str = "sync::sim::tests::every_planted_defect_is_caught";

/// What a line of figures begins with, wherever libtest puts it.
const MARK: &str = "figures {";
/// Seeds that a process runs before it says what came of them: some seconds' worth.
const RANGE: u64 = 250;
/// How long is soaked when nothing is said.
const MINUTES: u64 = 10;
const TELL_EVERY: Duration = Duration::from_secs(10);

pub(crate) fn main(args: &[String]) -> Result<ExitCode> {
    let wish = Wish::parse(args)?;
    let program = build()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("Running seeds {}.. on {cores} cores.", wish.seeds.start);
    let soak = Mutex::new(Soak::new(&wish));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(|| work(&program, &soak))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a worker died"))))
    })?;
    let mut soak = soak.into_inner().unwrap_or_else(PoisonError::into_inner);
    let took = soak.began.elapsed();
    for (test, name) in [(CRASH_POINTS, "crash-points"), (DEFECTS, "planted-defects")] {
        println!("Running {test}.");
        let ran = Ran::of(&program, test, name, &[])?;
        add(&mut soak.figures, &ran.figures);
        if !ran.passed {
            soak.failures.push(format!("{test}: {}; all of it is in {}", ran.panic(), ran.log.display()));
        }
    }
    let text = soak.to_markdown(&wish, took)?;
    println!("\n{text}");
    soak.failures.iter().for_each(|failure| println!("FAILED {failure}"));
    if wish.write {
        report::write(&paths::repo().join("docs/reliability.md"), "soak", &text)?;
    }
    Ok(if soak.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    seeds: Range<u64>,
    time: Option<Duration>,
    write: bool,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self> {
        let (mut seeds, mut minutes, mut write) = (None, None, false);
        let mut words = args.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match (word, if word == "--write" { None } else { words.next() }) {
                ("--write", _) => write = true,
                ("--minutes", Some(text)) => minutes = Some(text.parse::<u64>().context("--minutes takes a number")?),
                ("--seeds", Some(text)) => seeds = Some(range(text)?),
                _ => bail!("cargo xtask soak [--minutes M] [--seeds A..B] [--write]"),
            }
        }
        // Seeds without a time are run to their end, a time without seeds goes on from the first.
        let minutes = minutes.or_else(|| seeds.is_none().then_some(MINUTES));
        Ok(Self {
            seeds: seeds.unwrap_or(1..u64::MAX),
            time: minutes.map(|minutes| Duration::from_secs(minutes * 60)),
            write,
        })
    }
}

/// `A..B`, without B, as in Rust.
fn range(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("--seeds takes A..B")?;
    let seeds = from.parse().context("--seeds takes A..B")?..to.parse().context("--seeds takes A..B")?;
    ensure!(!seeds.is_empty(), "there are no seeds in {text}");
    Ok(seeds)
}

/// Builds the crate's tests, optimised, and returns the program.
fn build() -> Result<PathBuf> {
    println!("Building the simulator, optimised.");
    let mut cargo = paths::cargo();
    cargo
        .args(["test", "--profile", "soak", "--package", "cradlelog", "--lib", "--features", "ssr", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .env("SQLX_OFFLINE", "true")
        .stderr(Stdio::inherit());
    program_in(&exec::output(&mut cargo)?).context("cargo names no test program")
}

/// The test program among the messages of cargo.
fn program_in(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter(|message| message["profile"]["test"] == true).find_map(|message| {
        let program = message["executable"].as_str()?;
        Some(PathBuf::from(program))
    })
}

/// What waits to be run, and what came of the rest.
struct Soak {
    open: Vec<Range<u64>>,
    began: Instant,
    time: Option<Duration>,
    told: Instant,
    figures: Value,
    failures: Vec<String>,
}

impl Soak {
    fn new(wish: &Wish) -> Self {
        let now = Instant::now();
        let open = vec![wish.seeds.clone()];
        Self { open, began: now, time: wish.time, told: now, figures: Value::Null, failures: Vec::new() }
    }

    /// The next seeds to run; none once the time is over.
    fn next(&mut self) -> Option<Range<u64>> {
        if self.time.is_some_and(|time| self.began.elapsed() >= time) {
            return None;
        }
        let seeds = self.open.pop()?;
        let cut = seeds.end.min(seeds.start.saturating_add(RANGE));
        self.wait_for(cut..seeds.end);
        Some(seeds.start..cut)
    }

    fn wait_for(&mut self, seeds: Range<u64>) {
        if !seeds.is_empty() {
            self.open.push(seeds);
        }
    }

    /// A range has been run: either it adds to the figures, or one of its seeds failed and the others
    /// wait to be run again.
    fn take(&mut self, seeds: &Range<u64>, ran: &Ran) -> Result<()> {
        if ran.passed {
            add(&mut self.figures, &ran.figures);
            std::fs::remove_file(&ran.log).context("cannot remove a log")?;
        } else {
            let log = ran.log.display();
            let seed = ran.failed_seed().filter(|seed| seeds.contains(seed));
            let seed = seed.with_context(|| format!("seeds {seeds:?} ended without a result: see {log}"))?;
            let replay = format!("SIM_SEED={seed} cargo test --lib --features ssr {SEEDS}");
            let failure = format!("seed {seed}: {}; all of it is in {log}; replay it with\n  {replay}", ran.panic());
            println!("FAILED {failure}");
            self.failures.push(failure);
            self.wait_for(seed + 1..seeds.end);
            self.wait_for(seeds.start..seed);
        }
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let (seeds, secs) = (number(self.figure("seeds")), self.began.elapsed().as_secs());
            println!("{seeds} seeds in {secs} s, {} failed", self.failures.len());
        }
        Ok(())
    }

    fn figure(&self, name: &str) -> f64 {
        self.figures[name].as_f64().unwrap_or(0.0)
    }

    fn to_markdown(&self, wish: &Wish, took: Duration) -> Result<String> {
        let seeds = self.figure("seeds");
        let last = wish.seeds.start as f64 + seeds + self.failures.len() as f64;
        let command = format!("cargo xtask soak --seeds {}..{last:.0}", wish.seeds.start);
        let with = format!("{} minutes", number(took.as_secs_f64() / 60.0));
        let mut text = report::heading(&command, &report::machine(), &with)?;
        let mut table = Table::new(&["what", "figure"]);
        let mut row = |what: &str, figure: String| table.row(&[what.to_owned(), figure]);
        row("seeds", number(seeds));
        row("seeds that failed", number(self.failures.len() as f64));
        row("steps, each followed by the invariants", number(self.figure("steps")));
        row("simulated hours", number(self.figure("lived_ms") / 3_600_000.0));
        for what in ["saves", "events", "requests"] {
            row(what, number(self.figure(what)));
        }
        let calm = counted(&self.figures["calm_s"]);
        for (percent, name) in [(50, "p50"), (99, "p99"), (100, "at most")] {
            row(&format!("seconds until all agree once faults end, {name}"), number(at(&calm, percent) as f64));
        }
        row("crash points survived, of all of one script", number(self.figure("crash_points")));
        let kills = kills(&self.figures["defects"]);
        row("planted defects caught", number(kills.len() as f64));
        row("planted defects not caught", number(self.figure("defects_missed")));
        row("seeds until a planted defect is caught, median", number(middle(&kills) as f64));
        row("the same, at most", number(kills.last().copied().unwrap_or(0) as f64));
        text.push_str(&table.to_markdown());
        for (what, key) in [("fault", "faults"), ("verdict", "verdicts"), ("call", "calls")] {
            let mut table = Table::new(&[what, "times"]);
            for (name, times) in self.figures[key].as_object().into_iter().flatten() {
                table.row(&[name.clone(), number(times.as_f64().unwrap_or(0.0))]);
            }
            text.push('\n');
            text.push_str(&table.to_markdown());
        }
        Ok(text)
    }
}

fn work(program: &Path, soak: &Mutex<Soak>) -> Result<()> {
    loop {
        // A lock taken in the head of a `while let` would be held through its body.
        let next = locked(soak).next();
        let Some(seeds) = next else { return Ok(()) };
        // One thread and ascending: of a range that failed, what is below the seed was right.
        let env = [
            ("SIM_FROM", seeds.start.to_string()),
            ("SIM_SEEDS", (seeds.end - seeds.start).to_string()),
            ("SIM_THREADS", "1".to_owned()),
        ];
        let ran = Ran::of(program, SEEDS, &format!("seeds-{}", seeds.start), &env);
        let taken = ran.and_then(|ran| locked(soak).take(&seeds, &ran));
        if taken.is_err() {
            locked(soak).open.clear();
            return taken;
        }
    }
}

fn locked(soak: &Mutex<Soak>) -> MutexGuard<'_, Soak> {
    soak.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One run of one test.
struct Ran {
    passed: bool,
    figures: Value,
    /// All that it said.
    text: String,
    log: PathBuf,
}

impl Ran {
    fn of(program: &Path, test: &str, name: &str, env: &[(&str, String)]) -> Result<Self> {
        let dir = paths::target()?.join("soak-logs");
        std::fs::create_dir_all(&dir)?;
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut command = Command::new(program);
        command
            .current_dir(paths::repo())
            .args([test, "--exact", "--nocapture"])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdout(file.try_clone()?)
            .stderr(file);
        let status = exec::status(&mut command)?;
        let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        let mut figures = Value::Null;
        text.lines().filter_map(figures_in).for_each(|more| add(&mut figures, &more));
        // A name that no test has any more would pass without having run.
        let passed = status.success() && !figures.is_null();
        Ok(Self { passed, figures, text, log })
    }

    fn failed_seed(&self) -> Option<u64> {
        let (_, rest) = self.text.split_once("replay it with SIM_SEED=")?;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    }

    /// What was found to be wrong first.
    fn panic(&self) -> &str {
        let said = self.text.split_once("panicked at ").and_then(|(_, rest)| rest.lines().nth(1));
        said.unwrap_or("it ended without a word")
    }
}

fn figures_in(line: &str) -> Option<Value> {
    let at = line.find(MARK)? + MARK.len() - 1;
    serde_json::from_str(&line[at..]).ok()
}

/// Adds numbers to numbers, name by name, however deep.
fn add(total: &mut Value, more: &Value) {
    if total.is_null() {
        *total = more.clone();
    } else if let Some(more) = more.as_object() {
        for (name, value) in more {
            add(&mut total[name.as_str()], value);
        }
    } else {
        *total = (total.as_u64().unwrap_or(0) + more.as_u64().unwrap_or(0)).into();
    }
}

/// `{"12": 3}`, three times twelve, as pairs in order.
fn counted(times: &Value) -> Vec<(u64, u64)> {
    let pair = |(value, times): (&String, &Value)| Some((value.parse::<u64>().ok()?, times.as_u64()?));
    let mut pairs: Vec<_> = times.as_object().into_iter().flatten().filter_map(pair).collect();
    pairs.sort_unstable();
    pairs
}

/// The value that so many percent do not exceed.
fn at(counted: &[(u64, u64)], percent: u64) -> u64 {
    let all: u64 = counted.iter().map(|(_, times)| times).sum();
    let mut below = 0;
    for (value, times) in counted {
        below += times;
        if below * 100 >= all * percent {
            return *value;
        }
    }
    0
}

/// The seeds that each planted defect survived until it was caught, fewest first.
fn kills(defects: &Value) -> Vec<u64> {
    let mut seeds: Vec<u64> = defects.as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).collect();
    seeds.sort_unstable();
    seeds
}

fn middle(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(words: &str) -> Result<Wish> {
        Wish::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn seeds_or_minutes_or_both_can_be_asked_for() {
        let told = |words| wish(words).map(|wish| (wish.seeds, wish.time.map(|time| time.as_secs() / 60), wish.write));
        assert_eq!(told("").expect("a default"), (1..u64::MAX, Some(MINUTES), false));
        assert_eq!(told("--seeds 5..9 --write").expect("seeds"), (5..9, None, true));
        assert_eq!(told("--minutes 2 --seeds 5..9").expect("both"), (5..9, Some(2), false));
        for wrong in ["--seeds", "--seeds 9..5", "--seeds 5", "--minutes soon", "--fast yes", "10"] {
            assert!(wish(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_of_figures_add_up() {
        let mut sum = Value::Null;
        for line in [
            r#"test sync::sim … figures {"seeds":2,"faults":{"kill":1},"calm_s":{"3":2}}"#,
            r#"figures {"seeds":3,"faults":{"kill":2,"crash":5},"calm_s":{"3":1,"20":1}}"#,
        ] {
            add(&mut sum, &figures_in(line).expect("a line of figures"));
        }
        assert_eq!(sum, json!({"seeds": 5, "faults": {"kill": 3, "crash": 5}, "calm_s": {"3": 3, "20": 1}}));
        let calm = counted(&sum["calm_s"]);
        assert_eq!((at(&calm, 50), at(&calm, 99), at(&calm, 100)), (3, 20, 20));
        assert_eq!(figures_in("figures are below"), None);
    }

    #[test]
    fn every_seed_is_handed_out_once() {
        let mut soak = Soak::new(&wish("--seeds 1..601").expect("seeds"));
        let ranges: Vec<_> = std::iter::from_fn(|| soak.next()).collect();
        assert_eq!(ranges, [1..251, 251..501, 501..601]);
    }

    /// The figures of a range that failed are not counted; its other seeds are run again.
    #[test]
    fn a_seed_that_failed_is_told_and_left_out() {
        let mut soak = Soak::new(&wish("--seeds 1..251").expect("seeds"));
        let seeds = soak.next().expect("a range");
        let text = "thread 'x' panicked at src/a.rs:1:2:\nI2: a gap\nseed 7 failed; replay it with SIM_SEED=7\n";
        let ran = Ran { passed: false, figures: Value::Null, text: text.to_owned(), log: "a.log".into() };
        soak.take(&seeds, &ran).expect("a seed is named");
        assert!(soak.failures[0].starts_with("seed 7: I2: a gap;"), "{:?}", soak.failures);
        assert_eq!((soak.next(), soak.next(), soak.next()), (Some(1..7), Some(8..251), None));
        let silent = Ran { text: String::new(), ..ran };
        assert!(soak.take(&seeds, &silent).is_err(), "a process that was killed proves nothing");
    }

    #[test]
    fn the_test_program_is_found_among_cargos_messages() {
        let messages = "{\"profile\":{\"test\":false},\"executable\":null}\nnoise\n\
                        {\"profile\":{\"test\":true},\"executable\":\"/t/soak/deps/cradlelog-1\"}";
        assert_eq!(program_in(messages), Some("/t/soak/deps/cradlelog-1".into()));
        assert_eq!(program_in(""), None);
    }
}
