//! Sources and targets: a path on the Star, a file of this machine, or a pipe.

use std::fmt;
use std::path::PathBuf;

use star_path::ResourcePath;

use crate::cli::error::CliError;
use crate::cli::paths;

/// Where bytes come from or go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// On the Star.
    Star(ResourcePath),
    /// On this machine.
    Local(PathBuf),
    /// Standard input or output.
    Pipe,
}

impl Place {
    /// Reads an argument. Whatever holds a colon is meant for the Star, unless it begins as only
    /// file names do.
    pub(super) fn parse(text: &str) -> Result<Place, CliError> {
        let is_local = ["/", "./", "../", "~"].iter().any(|begin| text.starts_with(begin)) || !text.contains(':');
        match text {
            "-" => Ok(Place::Pipe),
            "" => Err(CliError::usage("an empty text names no file")),
            _ if is_local => Ok(Place::Local(PathBuf::from(text))),
            _ => paths::resource(text).map(Place::Star),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Star(path) => write!(f, "{path}"),
            Place::Local(path) => write!(f, "{}", path.display()),
            Place::Pipe => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_makes_the_difference() {
        for (text, local) in [
            ("README.md", true),
            ("docs", true),
            ("./a:b", true),
            ("/tmp/a:b", true),
            ("..", true),
            ("localhost:files:/a", false),
            ("localhost:files", false),
        ] {
            let place = Place::parse(text).ok().unwrap();
            assert_eq!(matches!(place, Place::Local(_)), local, "{text}");
            assert_eq!(place.to_string(), text);
        }
        assert_eq!(Place::parse("-").ok(), Some(Place::Pipe));
        assert!(Place::parse("localhost:files:/a//b").is_err());
        assert!(Place::parse("").is_err());
    }
}
