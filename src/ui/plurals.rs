//! Stands in for leptos_i18n in the words that `build.rs` makes: the same crate, but which form of a
//! word belongs to a number is the platform's knowledge (`Intl.PluralRules`). ICU's own tables, of all
//! languages, are 12 kB to load.

pub use leptos_i18n::*;

pub mod __private {
    pub use leptos_i18n::__private::*;

    use super::reexports::icu::plurals::{PluralCategory, PluralOperands, PluralRuleType};

    /// A closure that gives a number.
    pub trait InterpolatePluralCount: Fn() -> Self::Count + Clone + 'static + Send + Sync {
        type Count: Into<PluralOperands>;
    }

    impl<T: Into<PluralOperands>, F: Fn() -> T + Clone + 'static + Send + Sync> InterpolatePluralCount for F {
        type Count = T;
    }

    #[derive(Clone, Copy)]
    pub struct PluralRules {
        pub(super) locale: &'static str,
        pub(super) kind: PluralRuleType,
    }

    pub fn get_plural_rules(locale: impl leptos_i18n::Locale, kind: PluralRuleType) -> PluralRules {
        PluralRules { locale: locale.as_str(), kind }
    }

    impl PluralRules {
        pub fn category_for(&self, count: impl Into<PluralOperands>) -> PluralCategory {
            let kind = if self.kind == PluralRuleType::Cardinal { "cardinal" } else { "ordinal" };
            match crate::ui::intl::plural_form(self.locale, kind, count.into().0).as_deref() {
                Some("zero") => PluralCategory::Zero,
                Some("one") => PluralCategory::One,
                Some("two") => PluralCategory::Two,
                Some("few") => PluralCategory::Few,
                Some("many") => PluralCategory::Many,
                _ => PluralCategory::Other,
            }
        }
    }
}

pub mod reexports {
    pub use leptos_i18n::reexports::*;

    pub mod icu {
        pub use leptos_i18n::reexports::icu::*;

        pub mod plurals {
            #[derive(Clone, Copy, PartialEq, Eq)]
            pub enum PluralRuleType {
                Cardinal,
                #[expect(dead_code, reason = "no word stands for a place in a row yet")]
                Ordinal,
            }

            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum PluralCategory {
                Zero,
                One,
                Two,
                Few,
                Many,
                Other,
            }

            /// A number that words depend on.
            #[derive(Clone, Copy)]
            pub struct PluralOperands(pub f64);

            macro_rules! counts_in {
                ($($number:ty)*) => { $(
                    impl From<$number> for PluralOperands {
                        fn from(count: $number) -> Self { Self(count as f64) }
                    }
                )* };
            }
            counts_in!(usize u32 i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::reexports::icu::plurals::{PluralCategory, PluralRuleType};
    use crate::ui::words::{locale, tr};

    #[wasm_bindgen_test]
    fn each_language_has_its_own_forms() {
        let polish = super::__private::PluralRules { locale: "pl", kind: PluralRuleType::Cardinal };
        let forms = [1_u32, 3, 5].map(|count| polish.category_for(count));
        assert_eq!(forms, [PluralCategory::One, PluralCategory::Few, PluralCategory::Many]);
        assert_eq!(leptos_i18n::Locale::as_str(locale()), "en");
        assert_eq!([1_i64, 2].map(|days| tr!(time.days_ago, count = days)), ["1 day ago", "2 days ago"]);
    }
}
