//! Two things are compiled in that cargo does not see by itself: the migrations, into the server,
//! and the keys of the app's words, which the compiler checks.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
    #[cfg(feature = "csr")]
    words::generate();
}

#[cfg(feature = "csr")]
#[path = "src/ui/words/table.rs"]
#[allow(dead_code, reason = "another part of it is the app's, and `cargo xtask`'s")]
mod table;

#[cfg(feature = "csr")]
mod words {
    use std::{env, fs, path::PathBuf};

    use super::table;

    const ENGLISH: &str = "src/ui/locales/en.json";

    /// Writes the keys with their gaps as Rust, and the English words as the app's own tests read them.
    pub(super) fn generate() {
        println!("cargo:rerun-if-changed={ENGLISH}");
        let table = fs::read_to_string(ENGLISH)
            .map_err(|err| err.to_string())
            .and_then(|json| table::read(&json))
            .unwrap_or_else(|err| panic!("{ENGLISH}: {err}"));
        let keys: Vec<_> = table.iter().map(|(key, words)| (key, Vec::from_iter(words.gaps()))).collect();
        let keys: String = keys.iter().map(|(key, gaps)| format!("    ({key:?}, &{gaps:?}),\n")).collect();
        let lines: String = table.values().map(|words| words.line() + "\n").collect();
        let to = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        for (name, text) in [("words.rs", format!("&[\n{keys}]\n")), ("words.txt", lines)] {
            fs::write(to.join(name), text).unwrap_or_else(|err| panic!("{name}: {err}"));
        }
    }
}
