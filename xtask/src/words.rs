//! The words of all languages as the app loads them: lines in the order of the English keys.
//!
//! A language that lacks a key, has one too many, fills other gaps or has not the forms that its plurals
//! need fails the build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

#[path = "../../src/ui/words/table.rs"]
mod table;

use table::Words;

type Table = BTreeMap<String, Words>;

/// The lines of each language, by its tag.
pub(crate) fn all(directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut tables = BTreeMap::new();
    for file in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = file?.path();
        let language = path.file_stem().context("a file has a name")?.to_string_lossy().into_owned();
        let json = std::fs::read_to_string(&path)?;
        let table = table::read(&json).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        tables.insert(language, table);
    }
    let english = tables.get("en").context("there is no en.json")?;
    tables.iter().map(|(language, table)| Ok((language.clone(), lines(language, table, english)?))).collect()
}

fn lines(language: &str, table: &Table, english: &Table) -> Result<String> {
    if let Some(key) = table.keys().find(|key| !english.contains_key(*key)) {
        bail!("{language}: {key} is no key of the English words");
    }
    let mut lines = String::new();
    for (key, original) in english {
        let words = table.get(key).with_context(|| format!("{language}: {key} is missing"))?;
        let fits = words.gaps().is_subset(&original.gaps())
            && original.gaps().difference(&words.gaps()).all(|gap| *gap == "count");
        ensure!(fits, "{language}: {key} has other gaps than in English");
        let needed = if original.forms().is_empty() { BTreeSet::new() } else { forms(language) };
        let missing = needed.difference(&words.forms()).next().copied();
        ensure!(missing.is_none(), "{language}: {key} lacks the form {}", missing.unwrap_or_default());
        ensure!(needed.is_empty() == words.forms().is_empty(), "{language}: {key} has forms, unlike in English");
        lines += &(words.line() + "\n");
    }
    Ok(lines)
}

/// The forms that whole numbers below a million need (CLDR's plural rules).
fn forms(language: &str) -> BTreeSet<&'static str> {
    match language {
        "ar" => BTreeSet::from(["zero", "one", "two", "few", "many", "other"]),
        "zh-Hans" => BTreeSet::from(["other"]),
        _ => BTreeSet::from(["one", "other"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(language: &str, json: &str) -> Result<String> {
        let english =
            r#"{"a": {"save": "Save {{ what }}"}, "days_one": "{{ count }} day", "days_other": "{{ count }} days"}"#;
        let read = |json| table::read(json).map_err(anyhow::Error::msg);
        lines(language, &read(json)?, &read(english)?)
    }

    #[test]
    fn a_language_stands_in_the_order_of_the_english_keys() {
        let german =
            r#"{"days_one": "ein Tag", "days_other": "{{ count }} Tage", "a": {"save": "{{ what }} sichern"}}"#;
        let lines = of("de", german).expect("it is complete");
        assert_eq!(lines, "{{ what }} sichern\n\u{1f}one\u{1f}ein Tag\u{1f}other\u{1f}{{ count }} Tage\n");
        let chinese = r#"{"days_other": "{{ count }} 天", "a": {"save": "保存{{ what }}"}}"#;
        assert_eq!(of("zh-Hans", chinese).expect("one form is enough").lines().count(), 2);
    }

    #[test]
    fn every_language_of_the_app_is_complete() {
        let languages = all(&crate::paths::repo().join("src/ui/locales")).expect("each has what it needs");
        assert_eq!(languages.keys().collect::<Vec<_>>(), ["ar", "de", "en", "es", "fr", "pt-BR", "zh-Hans"]);
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let said = |language: &str, json: &str| of(language, json).expect_err("it does not fit").to_string();
        let days = r#""days_one": "a", "days_other": "b""#;
        assert_eq!(said("de", &format!("{{{days}}}")), "de: a.save is missing");
        assert_eq!(
            said("de", &format!(r#"{{"a": {{"save": "Sichern"}}, {days}}}"#)),
            "de: a.save has other gaps than in English"
        );
        let saved = r#""a": {"save": "{{ what }}"}"#;
        assert_eq!(said("de", &format!(r#"{{{saved}, {days}, "b": "c"}}"#)), "de: b is no key of the English words");
        assert_eq!(said("ar", &format!("{{{saved}, {days}}}")), "ar: days lacks the form few");
        assert_eq!(said("de", &format!(r#"{{{saved}, "days": "Tage"}}"#)), "de: days lacks the form one");
    }
}
