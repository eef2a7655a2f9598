//! Every word a person reads comes from here, by a key that is checked when the app is compiled.
//! The words themselves stand in `locales/`, one file per language.

#[allow(dead_code, unused, unreachable_pub, deprecated, clippy::all, clippy::unwrap_used)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}

use generated::i18n::Locale;

/// The language of this page.
pub(crate) fn locale() -> Locale {
    Locale::en
}

/// The words of a key: `tr!(save)`, and with what fills the gaps `tr!(save_amount, amount = text)`.
macro_rules! tr {
    ($($key:tt)*) => { leptos_i18n::td_string!($crate::ui::words::locale(), $($key)*) };
}
pub(crate) use tr;
