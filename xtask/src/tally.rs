//! Reads how many tests passed and failed out of what the runners say.

use anyhow::{Context, Result};

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) const PASS: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAIL: Self = Self { passed: 0, failed: 1 };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// `test result: ok. 12 passed; 1 failed; …`, as libtest and the runner for wasm write it.
    pub(crate) fn of_libtest_line(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("test result: ")?;
        let count = |word: &str| {
            let before = rest.split_once(word)?.0;
            before.split_whitespace().next_back()?.parse().ok()
        };
        Some(Self { passed: count(" passed")?, failed: count(" failed")? })
    }

    /// The JSON report of Playwright. A test that passed only when it was tried again has failed once,
    /// and counts as failed.
    pub(crate) fn of_playwright(report: &str) -> Result<Self> {
        let report: serde_json::Value = serde_json::from_str(report).context("the report is not JSON")?;
        let count = |name: &str| report["stats"][name].as_u64().with_context(|| format!("the report has no {name}"));
        // Errors outside of any test, as in a file that does not load, are in a list of their own.
        let outside = report["errors"].as_array().map_or(0, Vec::len) as u64;
        Ok(Self { passed: count("expected")?, failed: count("unexpected")? + count("flaky")? + outside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_libtest_line_gives_both_numbers() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s";
        assert_eq!(Tally::of_libtest_line(line), Some(Tally { passed: 12, failed: 3 }));
        let ok = "    test result: ok. 1 passed; 0 failed; 0 ignored; 0 filtered out";
        assert_eq!(Tally::of_libtest_line(ok), Some(Tally { passed: 1, failed: 0 }));
    }

    #[test]
    fn other_lines_give_nothing() {
        for line in ["", "test passed ... ok", "running 3 tests", "test result: none"] {
            assert_eq!(Tally::of_libtest_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_flaky_test_and_an_error_outside_of_tests_count_as_failed() {
        let report = r#"{"stats":{"expected":5,"unexpected":1,"flaky":2,"skipped":0},"errors":[{}]}"#;
        assert_eq!(Tally::of_playwright(report).expect("parses"), Tally { passed: 5, failed: 4 });
        assert!(Tally::of_playwright("{}").is_err());
    }
}
