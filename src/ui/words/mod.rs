//! Every word a person reads comes from here, by a key that is checked when the app is compiled. The words
//! themselves stand in `locales/`, one file per language; the page hands the app those of its language
//! when it starts it, so that no language is part of the program.

use std::{fmt::Display, sync::OnceLock};

use super::intl;

#[allow(dead_code, reason = "reading whole files is the build's part of it")]
mod table;

use table::{FORM, GAP};

/// The setting that names a language of `locales/`; empty when the browser's own languages choose. The page's
/// script reads it before anything is drawn.
pub const SETTING: &str = "language";

/// Each key and the names of its gaps, in the order of the lines; only the compiler reads it.
const KEYS: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// One language.
struct Language {
    /// As BCP 47 writes it.
    tag: &'static str,
    lines: Vec<&'static str>,
}

static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Takes in the language of this page; another one is another page.
pub fn load(tag: String, lines: String) {
    // For as long as the page is open.
    let (tag, lines): (&str, &str) = (tag.leak(), lines.leak());
    // Only the first counts, as what is on screen was written in it.
    let _ = LANGUAGE.set(Language { tag, lines: lines.lines().collect() });
}

#[cfg(not(test))]
fn language() -> &'static Language {
    LANGUAGE.get_or_init(|| Language { tag: "en", lines: Vec::new() })
}
#[cfg(test)]
fn language() -> &'static Language {
    let lines = include_str!(concat!(env!("OUT_DIR"), "/words.txt"));
    LANGUAGE.get_or_init(|| Language { tag: "en", lines: lines.lines().collect() })
}

/// The language of this page.
pub(crate) fn tag() -> &'static str {
    language().tag
}

/// Where the words of a key stand, given as its parts. A key that nobody wrote, or that has other gaps, is
/// an error of the compiler.
pub(crate) const fn place(key: &[&str], gaps: &[&str]) -> usize {
    let mut at = 0;
    while at < KEYS.len() {
        let (known, needs) = KEYS[at];
        if is_path(known, key) {
            assert!(needs.len() == gaps.len(), "these words have other gaps");
            let mut n = 0;
            while n < gaps.len() {
                assert!(has(needs, gaps[n]), "these words have other gaps");
                n += 1;
            }
            return at;
        }
        at += 1;
    }
    panic!("there are no words under this key")
}

/// Whether `path` is these parts with points between.
const fn is_path(path: &str, parts: &[&str]) -> bool {
    let (path, mut at, mut n) = (path.as_bytes(), 0, 0);
    while n < parts.len() {
        let part = parts[n].as_bytes();
        let mut i = 0;
        while i < part.len() {
            if at >= path.len() || path[at] != part[i] {
                return false;
            }
            (at, i) = (at + 1, i + 1);
        }
        n += 1;
        if n < parts.len() {
            if at >= path.len() || path[at] != b'.' {
                return false;
            }
            at += 1;
        }
    }
    at == path.len()
}

const fn has(names: &[&str], name: &str) -> bool {
    let mut n = 0;
    while n < names.len() {
        if is_path(names[n], &[name]) {
            return true;
        }
        n += 1;
    }
    false
}

/// The words at a place.
pub(crate) fn text(at: usize) -> &'static str {
    language().lines.get(at).copied().unwrap_or_default()
}

/// The words at a place with their gaps filled. Where they have forms, the gap `count` is a whole number
/// and chooses among them.
pub(crate) fn filled(at: usize, gaps: &[(&str, &dyn Display)]) -> String {
    let gaps: Vec<_> = gaps.iter().map(|(name, value)| (*name, value.to_string())).collect();
    let value = |name: &str| gaps.iter().find(|gap| gap.0 == name).map_or("", |gap| &gap.1);
    let mut rest = text(at);
    if rest.starts_with(FORM) {
        rest = form(rest, value("count"));
    }
    let mut words = String::new();
    while let Some((before, after)) = rest.split_once(GAP[0]) {
        let (name, after) = after.split_once(GAP[1]).unwrap_or((after, ""));
        words = words + before + value(name);
        rest = after;
    }
    words + rest
}

/// The form for a number; which one that is, is the platform's knowledge.
fn form(forms: &'static str, count: &str) -> &'static str {
    let form = intl::plural_form(tag(), count.parse().unwrap_or(0));
    let named = |name: &str| {
        let mut parts = forms.split(FORM).skip(1);
        std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).find(|part| part.0 == name).map(|part| part.1)
    };
    named(&form).or_else(|| named("other")).unwrap_or_default()
}

/// The words of a key: `tr!(action.save)`, and with what fills the gaps `tr!(feed.save_amount, amount = text)`.
macro_rules! tr {
    ($($key:ident).+) => {{
        const PLACE: usize = $crate::ui::words::place(&[$(stringify!($key)),+], &[]);
        $crate::ui::words::text(PLACE)
    }};
    ($($key:ident).+, $($gap:ident = $value:expr),+ $(,)?) => {{
        const PLACE: usize = $crate::ui::words::place(&[$(stringify!($key)),+], &[$(stringify!($gap)),+]);
        $crate::ui::words::filled(PLACE, &[$((stringify!($gap), &$value)),+])
    }};
}
pub(crate) use tr;

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn gaps_are_filled_and_a_number_chooses_its_form() {
        assert_eq!(tr!(action.save), "Save");
        assert_eq!(tr!(app.title, page = "Today"), "Today · Cradlelog");
        assert_eq!([1, 2].map(|days| tr!(time.days_ago, count = days)), ["1 day ago", "2 days ago"]);
        let forms = "\u{1f}few\u{1f}three\u{1f}other\u{1f}many";
        assert_eq!([form(forms, "3"), form(forms, "5")], ["many", "many"], "English has no other");
    }

    #[wasm_bindgen_test]
    fn each_language_has_its_own_forms() {
        assert_eq!([1, 3, 5].map(|count| intl::plural_form("pl", count)), ["one", "few", "many"]);
    }
}
