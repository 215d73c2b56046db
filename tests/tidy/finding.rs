//! What a rule found, and how it is told.

use std::fmt;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A file relative to the checkout, with a line where there is one.
    place: String,
    what: String,
    remedy: &'static str,
}

impl Finding {
    /// About a file, or about the workspace, as a whole.
    pub(crate) fn of(place: impl Into<String>, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { place: place.into(), what: what.into(), remedy }
    }

    /// About a line, counted from 1.
    pub(crate) fn at(file: &str, line: usize, what: impl Into<String>, remedy: &'static str) -> Self {
        Self::of(format!("{file}:{line}"), what, remedy)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.what, self.remedy)
    }
}

/// Fails the test that calls it if anything was found.
pub(crate) fn settle(findings: Vec<Finding>) {
    let told: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(told.is_empty(), "\n{}\n", told.join("\n"));
}
