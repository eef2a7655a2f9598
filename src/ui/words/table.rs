//! The words of one language as lines, one for each key in the order of the keys. Three programs read this
//! file: the app, `build.rs`, which tells the compiler the keys, and `cargo xtask`, which writes the lines
//! of each language for the app to load.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What stands around the name of a gap: `{{ name }}`.
pub(super) const GAP: [&str; 2] = ["{{ ", " }}"];
/// Stands before each form of a word that depends on a number, and between a form's name and its text.
pub(super) const FORM: char = '\u{1f}';
/// The forms that any language has, as CLDR names them. A key that ends in `_other` has forms.
const FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// What one key says.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// By the name of the form; without a name for words that no number changes.
    forms: BTreeMap<&'static str, String>,
}

impl Words {
    /// As the app reads it.
    pub(super) fn line(&self) -> String {
        match self.forms.get("") {
            Some(text) => text.clone(),
            None => self.forms.iter().map(|(name, text)| format!("{FORM}{name}{FORM}{text}")).collect(),
        }
    }

    /// The names of what is filled in, in the order of the alphabet.
    pub(super) fn gaps(&self) -> BTreeSet<&str> {
        let marks = self.forms.values().flat_map(|text| text.split(GAP[0]).skip(1));
        marks.filter_map(|after| Some(after.split_once(GAP[1])?.0)).collect()
    }

    /// The names of its forms; none for words that no number changes.
    pub(super) fn forms(&self) -> BTreeSet<&'static str> {
        self.forms.keys().copied().filter(|name| !name.is_empty()).collect()
    }
}

/// Reads the file of a language: objects in objects, whose leaves are texts. A key is the way to its leaf,
/// with points between.
///
/// # Errors
/// Not such a file; the text says where.
pub(super) fn read(json: &str) -> Result<BTreeMap<String, Words>, String> {
    let root = serde_json::from_str(json).map_err(|err| err.to_string())?;
    let mut leaves = BTreeMap::new();
    collect(&root, "", &mut leaves)?;
    let mut table = BTreeMap::<String, Words>::new();
    for (key, text) in &leaves {
        if text.contains(['\n', FORM]) {
            return Err(format!("{key} holds a line break"));
        }
        let form = key.rsplit_once('_').and_then(|(stem, end)| {
            let name = FORMS.into_iter().find(|form| *form == end)?;
            leaves.contains_key(&format!("{stem}_other")).then_some((stem, name))
        });
        let (key, form) = form.unwrap_or((key, ""));
        table.entry(key.to_owned()).or_default().forms.insert(form, text.clone());
    }
    match table.iter().find(|(_, words)| words.forms.len() > 1 && words.forms.contains_key("")) {
        Some((key, _)) => Err(format!("{key} stands both with forms and without")),
        None => Ok(table),
    }
}

fn collect(value: &Value, key: &str, leaves: &mut BTreeMap<String, String>) -> Result<(), String> {
    match value {
        Value::Object(parts) => parts.iter().try_for_each(|(part, value)| {
            let key = if key.is_empty() { part.clone() } else { format!("{key}.{part}") };
            collect(value, &key, leaves)
        }),
        Value::String(text) => {
            leaves.insert(key.to_owned(), text.clone());
            Ok(())
        }
        _ => Err(format!("{key} is neither text nor a group of keys")),
    }
}
