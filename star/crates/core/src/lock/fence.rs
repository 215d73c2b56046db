//! What a write says about locks, and which lock guards what.
//!
//! A write names its tokens in the header [`HEADER`]: `17`, or `17@acme:files` for the lock of
//! that resource alone, or several of them with spaces between, for whoever works under several
//! locks at once.

use std::fmt;

use star_path::ResourcePath;
use star_wire::{Envelope, ErrorCode, StarError};

use super::lease::FencingToken;
use crate::gate::Permit;
use crate::limits;

/// The header of a message in which its sender names the tokens it holds.
pub const HEADER: &str = "star-fence";

/// Tokens that a sender holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fences {
    /// The token for whatever the message changes.
    any: Option<FencingToken>,
    /// Tokens for the locks of single resources.
    named: Vec<(ResourcePath, FencingToken)>,
}

impl Fences {
    /// Reads the text of a header. The empty text names none.
    pub fn parse(text: &str) -> Result<Fences, StarError> {
        let mut fences = Fences::default();
        for (count, word) in text.split_ascii_whitespace().enumerate() {
            if count == limits::FENCES {
                return Err(invalid(format!("a message names at most {} fencing tokens", limits::FENCES)));
            }
            let (token, path) = word.split_once('@').map_or((word, None), |(token, path)| (token, Some(path)));
            let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
            let token: FencingToken = token.parse().ok().filter(|_| digits).ok_or_else(|| {
                let shown: String = word.chars().take(64).collect();
                invalid(format!("`{}` is no fencing token", shown.escape_debug()))
            })?;
            match path {
                None => fences.any = Some(token),
                Some(path) => fences.named.push((ResourcePath::parse(path)?, token)),
            }
        }
        Ok(fences)
    }

    /// The token for the lock of a resource: the one that names it, else the one that names none.
    pub fn token(&self, path: &ResourcePath) -> Option<FencingToken> {
        // The innermost of several locks on one resource was taken last.
        let named = self.named.iter().rev().find(|(named, _)| named == path);
        named.map(|(_, token)| *token).or(self.any)
    }

    /// The tokens that came with a message.
    pub fn of(permit: &Permit) -> Result<Fences, StarError> {
        permit.envelope().header(HEADER).map_or(Ok(Fences::default()), Fences::parse)
    }
}

fn invalid(message: String) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, message)
        .hint("the number that `star lock` printed, or NUMBER@PATH for the lock of that resource alone")
}

impl fmt::Display for Fences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named.iter().map(|(path, token)| format!("{token}@{path}"));
        let words: Vec<String> = self.any.iter().map(FencingToken::to_string).chain(named).collect();
        f.write_str(&words.join(" "))
    }
}

/// The same message with the tokens of its sender.
#[must_use]
pub fn fenced(mut envelope: Envelope, fence: &str) -> Envelope {
    if !fence.is_empty() {
        envelope.headers.push((HEADER.to_owned(), fence.to_owned()));
    }
    envelope
}

/// The resource whose lock guards a path: a FileSystem guards its Files, a series its versions and
/// tags, everything else itself.
#[must_use]
pub fn guardian(path: &ResourcePath) -> ResourcePath {
    path.without_files().without_digest().without_release()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).unwrap()
    }

    #[test]
    fn tokens_are_for_all_or_for_one_and_the_one_that_is_named_counts() {
        let fences = Fences::parse("17 23@acme:web 29@ada@example.com:x 31@acme:web").unwrap();
        assert_eq!(fences.token(&path("acme:other")), Some(17));
        assert_eq!(fences.token(&path("acme:web")), Some(31), "the one that was taken last");
        assert_eq!(fences.token(&path("ada@example.com:x")), Some(29));
        assert_eq!(Fences::parse("23@acme:web").unwrap().token(&path("acme:other")), None);
        assert_eq!(Fences::parse("").unwrap(), Fences::default());
        assert_eq!(Fences::parse(&fences.to_string()).unwrap(), fences);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let many = "1 ".repeat(limits::FENCES + 1);
        for bad in ["x", "-1", "+1", "1@", "@acme", "1@acme:", "18446744073709551616", "1,2", &many] {
            assert!(Fences::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn small_things_are_guarded_by_what_answers_for_them() {
        for (of, by) in [
            ("acme:files:/a/b.txt", "acme:files"),
            ("acme:site:1.0.0", "acme:site"),
            ("acme:site:1.0.0:/index.html", "acme:site"),
            ("acme:files", "acme:files"),
            ("acme", "acme"),
        ] {
            assert_eq!(guardian(&path(of)), path(by), "{of}");
        }
    }
}
