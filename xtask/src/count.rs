//! Reads how many tests passed from what the test runners print.
//!
//! Knows the summaries of cargo-nextest, `cargo test` and pytest, and nothing of
//! how they are run.

use std::ops::AddAssign;

/// How many of something passed, failed, and did not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Count {
    pub(crate) const ONE_PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const ONE_FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const ONE_SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// How many ran.
    pub(crate) fn ran(self) -> usize {
        self.passed + self.failed
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Whose summary an output ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `Summary [ 1.2s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped`.
    Nextest,
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`, once for each binary.
    CargoTest,
    /// `==== 1 failed, 9 passed, 2 skipped in 3.21s ====`.
    Pytest,
}

impl Runner {
    /// Adds up what an output says; `None` if it holds no summary.
    pub(crate) fn count(self, output: &str) -> Option<Count> {
        let plain = without_colours(output);
        let mut summaries = plain.lines().filter_map(|line| self.summary(line.trim()));
        match self {
            // One summary for each binary.
            Self::CargoTest => summaries.reduce(|mut sum, one| {
                sum += one;
                sum
            }),
            // One summary, the last thing said.
            Self::Nextest | Self::Pytest => summaries.next_back(),
        }
    }

    fn summary(self, line: &str) -> Option<Count> {
        let counts = match self {
            Self::Nextest => line.strip_prefix("Summary [")?.split_once(" run: ")?.1,
            Self::CargoTest => line.strip_prefix("test result: ")?.split_once(". ")?.1,
            Self::Pytest => line.strip_prefix("==")?.trim_matches('=').trim().rsplit_once(" in ")?.0,
        };
        Some(terms(counts))
    }
}

/// Adds up `11 passed (1 slow), 1 failed; 2 skipped`.
fn terms(text: &str) -> Count {
    let mut count = Count::default();
    for term in without_parentheses(text).split([',', ';']) {
        let Some((number, what)) = term.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        match what.trim() {
            "passed" | "xfailed" => count.passed += number,
            // An expected failure that passes is a table that became untrue.
            "failed" | "error" | "errors" | "xpassed" | "exec failed" | "timed out" => count.failed += number,
            "skipped" | "ignored" => count.skipped += number,
            // What a filter left out, warnings, measured: no result of a test.
            _ => {}
        }
    }
    count
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| {
            depth = match c {
                '(' => depth + 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => depth,
            };
            depth == 0
        })
        .collect()
}

/// Takes out ANSI colour sequences (`ESC [ … m`).
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &after[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, expected: Option<(usize, usize, usize)>) {
        let expected = expected.map(|(passed, failed, skipped)| Count { passed, failed, skipped });
        assert_eq!(runner.count(output), expected, "{output}");
    }

    #[test]
    fn nextest_summaries_are_read() {
        let nextest = |output, expected| check(Runner::Nextest, output, expected);
        nextest("     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped\n", Some((3, 0, 0)));
        nextest(
            "Summary [ 1.0s] 9 tests run: 4 passed (1 slow, 1 flaky), 2 failed, 1 exec failed, 2 timed out, 7 skipped",
            Some((4, 5, 7)),
        );
        nextest(
            "\u{1b}[31;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m1\u{1b}[0m \u{1b}[32mpassed\u{1b}[0m, 1 failed",
            Some((1, 1, 0)),
        );
        nextest("     Summary [   0.000s] 0 tests run: 0 passed, 5 skipped\nerror: no tests to run", Some((0, 0, 5)));
        nextest("error: could not compile `ebskeep-core`", None);
    }

    #[test]
    fn each_binary_of_cargo_test_counts() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s\n\
                      test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        check(Runner::CargoTest, output, Some((4, 2, 1)));
        check(Runner::CargoTest, "error[E0425]: cannot find value `x`", None);
    }

    #[test]
    fn pytest_summaries_are_read() {
        let pytest = |output, expected| check(Runner::Pytest, output, expected);
        pytest("===== 1 failed, 9 passed, 2 skipped in 3.21s =====", Some((9, 1, 2)));
        pytest(
            "=== 2 passed, 4 deselected, 1 xfailed, 1 xpassed, 3 errors, 1 warning in 61.21s (0:01:01) ===",
            Some((3, 4, 0)),
        );
        pytest("======= no tests ran in 0.01s =======", Some((0, 0, 0)));
        pytest("ImportError: no module named boto3", None);
    }
}
