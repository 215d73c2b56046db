//! Why a task ends early, in words for the person who ran it.

use std::fmt;
use std::io;
use std::path::Path;

/// What went wrong and, where there is one, what to do about it.
#[derive(Debug)]
pub(crate) struct Stop {
    what: String,
    remedies: Vec<String>,
}

impl Stop {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), remedies: Vec::new() }
    }

    /// A file or folder that could not be used: `doing` is a verb, such as "read".
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("could not {doing} {}: {error}", path.display()))
    }

    /// Adds one way out. Several are alternatives of each other.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (place, remedy) in self.remedies.iter().enumerate() {
            let word = if place == 0 { "try" } else { " or" };
            write!(f, "\n  {word}: {remedy}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_read_as_alternatives() {
        let stop = Stop::new("no compiler").remedy("install a").remedy("install b");
        assert_eq!(stop.to_string(), "no compiler\n  try: install a\n   or: install b");
    }
}
