//! Which test holds which requirement? Reads docs/requirements.txt and the tests of the repository, and
//! writes docs/requirements.md.
//!
//! A test says what it holds in its doc comment (`/// A27: …`, `/** B48: … */` above a browser test) or in
//! its name (`a27_…`, `trap_07_…`). An id that no test names fails the check, unless a line `open ID reason`
//! admits it; then it stands at the head of the table as not covered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;

const LIST: &str = "docs/requirements.txt";
const TABLE: &str = "docs/requirements.md";
/// Where tests are.
const ROOMS: [&str; 4] = ["src", "tests", "xtask/src", "end2end/tests"];

/// Writes the table, or with `--check` fails when it would change.
pub(crate) fn main(args: &[String]) -> Result<()> {
    match args {
        [] => {
            std::fs::write(paths::repo().join(TABLE), table()?)?;
            println!("{TABLE} is written");
            Ok(())
        }
        [check] if check == "--check" => check_table(),
        _ => bail!("cargo xtask requirements [--check]"),
    }
}

/// Fails when an id has no test and is not admitted, or when the table is out of date.
pub(crate) fn check_table() -> Result<()> {
    let fresh = table()?;
    let known = std::fs::read_to_string(paths::repo().join(TABLE)).unwrap_or_default();
    if known != fresh {
        bail!("{TABLE} is out of date: run `cargo xtask requirements`");
    }
    Ok(())
}

fn table() -> Result<String> {
    let text = std::fs::read_to_string(paths::repo().join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let list = List::parse(&text)?;
    let mut tests = Vec::new();
    for room in ROOMS {
        walk(&paths::repo().join(room), &mut tests)?;
    }
    tests.sort();
    list.table(&tests)
}

/// A test, where it is, and what it says that it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    file: String,
    name: String,
    ids: BTreeSet<String>,
}

fn walk(dir: &Path, found: &mut Vec<Test>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            walk(&path, found)?;
        } else if let Some(language @ ("rs" | "js")) = extension {
            let file = path.strip_prefix(paths::repo())?.to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path)?;
            let tests = if language == "rs" { rust_tests(&text) } else { browser_tests(&text) };
            found.extend(tests.into_iter().map(|(name, ids)| Test { file: file.clone(), name, ids }));
        }
    }
    Ok(())
}

/// Name and ids of each test function: one with an attribute whose path ends in `test`.
fn rust_tests(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let (mut found, mut said, mut is_test) = (Vec::new(), String::new(), false);
    for line in text.lines().map(str::trim) {
        let name = line.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next().unwrap_or(rest));
        if let Some(words) = line.strip_prefix("///") {
            said.push_str(words);
            said.push('\n');
        } else if let Some(attribute) = line.strip_prefix("#[") {
            let path = attribute.split(['(', ']']).next().unwrap_or(attribute);
            is_test |= path.ends_with("test");
        } else {
            if let Some(name) = name.filter(|_| is_test) {
                found.push((name.to_owned(), ids(&said, name)));
            }
            (said, is_test) = (String::new(), false);
        }
    }
    found
}

/// Name and ids of each `test('…', …)`: from the comment above it, or above a loop around it, and from
/// the comment that its body opens with.
fn browser_tests(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
    let (mut said, mut opens) = (String::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("//") || line.starts_with("/*") || line.starts_with('*') {
            match found.last_mut().filter(|_| opens) {
                Some((_, known)) => known.extend(ids(line, "")),
                None => said = said + line + "\n",
            }
            continue;
        }
        opens = line.starts_with("test(");
        if let Some(rest) = line.strip_prefix("test(")
            && let Some(quote) = rest.chars().next()
        {
            let name = rest[quote.len_utf8()..].split(quote).next().unwrap_or(rest).to_owned();
            let ids = ids(&said, &name);
            found.push((name, ids));
            said.clear();
        } else if !line.starts_with("for (") {
            said.clear();
        }
    }
    found
}

/// The ids in a comment, and in front of a name.
fn ids(said: &str, name: &str) -> BTreeSet<String> {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut found = BTreeSet::new();
    for text in [said, name] {
        let words = words(text);
        for (n, word) in words.iter().enumerate() {
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && matches!(text.len(), 1 | 2);
            let is_trap = n > 0 && words[n - 1].eq_ignore_ascii_case("trap") && digits(word);
            if is_trap {
                found.insert(format!("T{word:0>2}"));
            }
            // In a name, and there alone, an id is in lower case and comes first.
            let word = if text == name && n == 0 { word.to_ascii_uppercase() } else { word.clone() };
            let (family, number) = word.split_at(1);
            if (matches!(family, "A" | "B" | "C") && number.len() == 2 && digits(number))
                || (family == "X" && digits(number))
            {
                found.insert(word);
            }
        }
    }
    found
}

/// docs/requirements.txt, read.
struct List {
    /// A headline and its ids, in order.
    families: Vec<(String, Vec<String>)>,
    /// Resolutions and statement of each id.
    said: BTreeMap<String, (String, String)>,
    /// The reason why no test holds it yet.
    open: BTreeMap<String, String>,
}

impl List {
    fn parse(text: &str) -> Result<Self> {
        let mut list = Self { families: Vec::new(), said: BTreeMap::new(), open: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (id, rest) = line.split_once(' ').with_context(|| format!("{LIST}: {line:?} says nothing"))?;
            match id {
                "=" => list.families.push((rest.to_owned(), Vec::new())),
                "open" => {
                    let (id, why) = rest.split_once(' ').with_context(|| format!("{LIST}: {rest} has no reason"))?;
                    list.open.insert(id.to_owned(), why.to_owned());
                }
                id => {
                    let (by, statement) = match rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
                        Some((by, statement)) => (by.replace(' ', ", "), statement),
                        None => (String::new(), rest),
                    };
                    let (_, ids) = list.families.last_mut().context("a statement stands before any headline")?;
                    ids.push(id.to_owned());
                    if list.said.insert(id.to_owned(), (by, statement.to_owned())).is_some() {
                        bail!("{LIST}: {id} stands twice");
                    }
                }
            }
        }
        Ok(list)
    }

    fn table(&self, tests: &[Test]) -> Result<String> {
        let mut held: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
        for test in tests {
            for id in &test.ids {
                if !self.said.contains_key(id) {
                    bail!("{}: {} names {id}, which {LIST} does not know", test.file, test.name);
                }
                held.entry(id).or_default().push(test);
            }
        }
        let uncovered: Vec<&str> = self.said.keys().map(String::as_str).filter(|id| !held.contains_key(id)).collect();
        let forgotten: Vec<_> = uncovered.iter().filter(|id| !self.open.contains_key(**id)).collect();
        if !forgotten.is_empty() {
            bail!("no test names {forgotten:?}: write one, or say why not in {LIST} (`open ID reason`)");
        }
        if let Some(done) = self.open.keys().find(|id| held.contains_key(id.as_str())) {
            bail!("{done} is held by a test now: take its `open` line out of {LIST}");
        }
        Ok(self.written(&held))
    }

    fn written(&self, held: &BTreeMap<&str, Vec<&Test>>) -> String {
        let mut text = String::from("# Requirements and the tests that hold them\n\n");
        let (all, covered) = (self.said.len(), held.len());
        let _ = writeln!(
            text,
            "Made by `cargo xtask requirements` from docs/requirements.txt and from what the tests say of \
             themselves; `cargo xtask test lint` fails when an id has no test or this page is old.\n\n\
             **{covered} of {all} are held by tests, {} are not.**",
            self.open.len()
        );
        for (id, why) in &self.open {
            let _ = writeln!(text, "- {id} is NOT covered: {why}");
        }
        for (headline, ids) in &self.families {
            let _ = writeln!(text, "\n## {headline}\n\n| id | statement | see | tests |\n|---|---|---|---|");
            for id in ids {
                let (by, statement) = &self.said[id];
                let tests: Vec<String> = match held.get(id.as_str()) {
                    Some(tests) => tests.iter().map(|test| format!("`{}` {}", test.file, test.name)).collect(),
                    None => vec!["**none yet**".into()],
                };
                let _ = writeln!(text, "| {id} | {statement} | {by} | {} |", tests.join("<br>"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a file of its own, or it would be taken for tests.
    const RUST: &str = include_str!("requirements/sample.txt");

    fn named(found: &[(String, BTreeSet<String>)]) -> Vec<(&str, Vec<&str>)> {
        found.iter().map(|(name, ids)| (name.as_str(), ids.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn a_test_says_what_it_holds_and_a_helper_says_nothing() {
        let found = rust_tests(RUST);
        assert_eq!(
            named(&found),
            [("a03_they_write", vec!["A03", "A27", "T07", "X1"]), ("trap_19_days_begin", vec!["T19"])]
        );
    }

    #[test]
    fn a_browser_test_is_found_by_its_words() {
        let text = "/** trap_24: A64 */\nfor (const n of [1]) {\n  test(`it shows ${n}`, async () => {\n  // B01.\n  x();\n  // B02\n});\n";
        assert_eq!(named(&browser_tests(text)), [("it shows ${n}", vec!["A64", "B01", "T24"])]);
    }

    /// X22: what is claimed is shown with its test, or as not covered.
    #[test]
    fn an_id_without_a_test_fails_unless_it_is_admitted() {
        let list = |text| List::parse(text).expect("it is a list");
        let test = |id: &str| Test { file: "f".into(), name: "n".into(), ids: [id.to_owned()].into() };
        let said = "= A\nA01 [X1] It is so.\n";
        assert!(list(said).table(&[]).is_err());
        assert!(list(said).table(&[test("A01"), test("A02")]).is_err(), "nobody knows A02");
        assert!(
            list(said).table(&[test("A01")]).is_ok_and(|text| text.contains("1 of 1 are held by tests, 0 are not"))
        );
        let admitted = format!("{said}open A01 it takes time\n");
        assert!(list(&admitted).table(&[]).is_ok_and(|text| text.contains("A01 is NOT covered: it takes time")));
        assert!(list(&admitted).table(&[test("A01")]).is_err(), "an admission that is no longer true");
    }
}
