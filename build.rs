//! Two things are compiled in that cargo does not see by itself: the migrations, into the server,
//! and the words of every language, into the app, as keys that the compiler checks.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
    #[cfg(feature = "csr")]
    words::generate();
}

#[cfg(feature = "csr")]
mod words {
    use std::{env, fs, path::PathBuf};

    use leptos_i18n_parser::parse_locales::{
        options::{Config, ParseOptions},
        parse_locales,
    };

    const DIRECTORY: &str = "src/ui/locales";

    pub(super) fn generate() {
        println!("cargo:rerun-if-changed={DIRECTORY}");
        // Attributes (a button's name) need text, not views: hence `interpolate_display`.
        let options = ParseOptions::default().interpolate_display(true);
        let config = Config::new("en").expect("en is a locale").locales_path(DIRECTORY).parse_options(options);
        let locales = parse_locales(None, config).unwrap_or_else(|err| panic!("{DIRECTORY}: {err}"));
        for warning in locales.diag.warnings().iter() {
            println!("cargo:warning={warning}");
        }
        let engine = syn::parse_str("crate::ui::plurals").expect("a path");
        let code = leptos_i18n_codegen::gen_code(&locales, Some(&engine), false, None, false)
            .unwrap_or_else(|err| panic!("{DIRECTORY}: {err}"));
        let path = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("words.rs");
        fs::write(&path, code.to_string()).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    }
}
