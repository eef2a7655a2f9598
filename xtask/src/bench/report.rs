//! What is said about a run: tables, printed to the terminal and, with `--write`, put between the
//! marks of a page under docs together with the command, the commit, the date and the machine.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{exec, paths};

/// A table in Markdown, which reads well enough in a terminal too.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(ToString::to_string).collect()] }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }

    /// Columns are padded to one width; all but the first are flush right.
    pub(crate) fn to_markdown(&self) -> String {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                let (left, right) =
                    if column == 0 { (cell.as_str(), pad.as_str()) } else { (pad.as_str(), cell.as_str()) };
                text.push_str("| ");
                text.push_str(left);
                text.push_str(right);
                text.push(' ');
            }
            text.push_str("|\n");
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let rule = "-".repeat(*width);
                    text.push_str(&if column == 0 { format!("| {rule} ") } else { format!("| {}: ", &rule[1..]) });
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// What one verb measured.
pub(crate) struct Section {
    /// The verb, which is also the name of the marks in the page.
    pub(crate) name: &'static str,
    /// Versions of what took part besides ourselves.
    pub(crate) with: String,
    pub(crate) body: String,
}

impl Section {
    pub(crate) fn to_markdown(&self, machine: &str) -> Result<String> {
        let mut text = heading(&format!("cargo xtask bench {}", self.name), machine, &self.with)?;
        text.push_str(self.body.trim_end());
        text.push('\n');
        Ok(text)
    }
}

/// What stands above figures: where they come from.
pub(crate) fn heading(command: &str, machine: &str, with: &str) -> Result<String> {
    let date = exec::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(format!("`{command}`, commit {}, {date}; {machine}; {with}.\n\n", commit()?))
}

/// Puts `text` between the marks called `name` of a page.
pub(crate) fn write(page: &Path, name: &str, text: &str) -> Result<()> {
    let known = std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    Ok(std::fs::write(page, replace_block(&known, name, text)?)?)
}

fn replace_block(page: &str, name: &str, text: &str) -> Result<String> {
    let (open, close) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = page.split_once(&open).with_context(|| format!("the page has no mark {open:?}"))?;
    let (_, after) = rest.split_once(&close).with_context(|| format!("the page has no mark {close:?}"))?;
    ensure!(!after.contains(&open), "the page has the mark {open:?} twice");
    Ok(format!("{before}{open}{text}{close}{after}"))
}

/// The commit that was measured; changes that are not committed are said, the pages of figures aside.
fn commit() -> Result<String> {
    let git = |words: &[&str]| exec::output(Command::new("git").current_dir(paths::repo()).args(words));
    let hash = git(&["rev-parse", "--short=10", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--", ".", ":!docs/performance.md", ":!docs/reliability.md"])?;
    Ok(if changed.is_empty() { hash } else { format!("{hash} with uncommitted changes") })
}

/// The hardware and the system, as far as Linux tells.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == key));
        line.map(|(_, value)| value.trim().to_owned())
    };
    let cpu = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory = kib.map_or_else(String::new, |kib| format!(", {} GiB", kib.div_ceil(1024 * 1024)));
    let system = read("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or(std::env::consts::OS);
    format!("{cores} cores of {cpu}{memory}, {}", system.trim_matches('"'))
}

/// `1234567.8` → `1,234,568`; below ten one digit stays after the point.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured value beside its aim.
pub(crate) fn verdict(met: bool) -> String {
    (if met { "met" } else { "missed" }).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_columns_of_one_width() {
        let mut table = Table::new(&["what", "per second"]);
        table.row(&["push, 1 mutation".to_owned(), "1,234".to_owned()]);
        let expect = "| what             | per second |\n\
                      | ---------------- | ---------: |\n\
                      | push, 1 mutation |      1,234 |\n";
        assert_eq!(table.to_markdown(), expect);
    }

    #[test]
    fn only_the_named_block_is_replaced() {
        let page = "a\n<!-- measured: x -->\nold\n<!-- end: x -->\nb\n<!-- measured: y -->\nkept\n<!-- end: y -->\n";
        let once = replace_block(page, "x", "new\n").expect("the marks are there");
        assert_eq!(once, page.replace("old", "new"));
        assert_eq!(replace_block(&once, "x", "new\n").expect("the marks are still there"), once);
        assert!(replace_block(page, "z", "").is_err(), "no such mark");
        assert!(replace_block("<!-- measured: x -->\n", "x", "").is_err(), "no end");
    }

    #[test]
    fn numbers_are_grouped() {
        let check = |value: f64, expect: &str| assert_eq!(number(value), expect);
        check(0.0, "0");
        check(7.25, "7.2");
        check(999.6, "1,000");
        check(1_234_567.8, "1,234,568");
        check(-1234.0, "-1,234");
    }
}
