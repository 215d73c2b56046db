//! Patterns of characters, and globs of files made of them.
//!
//! Matching goes back at most to the last star, so its time is bounded by the product of
//! both lengths, whatever the pattern.

use std::fmt;

use crate::error::{Fault, PathErrorKind, Place};
use crate::file;
use crate::limits;

/// A text with wildcards, matched against decoded characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

impl Pattern {
    /// A name of a hop, in which only `*` is special.
    pub(super) fn of_name(text: &str) -> Pattern {
        Pattern(text.chars().map(|c| if c == '*' { Token::Many } else { Token::Char(c) }).collect())
    }

    /// A file name, percent-encoded, in which `*` and `?` are special.
    fn of_file(text: &str) -> Result<Pattern, Fault> {
        let mut tokens = Vec::new();
        let mut at = 0;
        for piece in text.split_inclusive(['*', '?']) {
            let plain = piece.trim_end_matches(['*', '?']);
            let name = file::read_name(plain).map_err(|fault| fault.shifted(at))?;
            if name.contains(['/', '\0']) {
                return Err(Fault::new(at..at + plain.len(), PathErrorKind::EncodedBytes));
            }
            tokens.extend(file::compose(&name).chars().map(Token::Char));
            match piece.as_bytes().last() {
                Some(b'*') => tokens.push(Token::Many),
                Some(b'?') => tokens.push(Token::One),
                _ => {}
            }
            at += piece.len();
        }
        let dots = matches!(tokens[..], [Token::Char('.')] | [Token::Char('.'), Token::Char('.')]);
        if dots {
            return Err(Fault::new(0..text.len(), PathErrorKind::DotFile));
        }
        Ok(Pattern(tokens))
    }

    /// Whether there is no wildcard in it.
    fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Char(_)))
    }

    pub(super) fn covers(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let tokens = &self.0;
        let (mut at, mut next) = (0, 0);
        // Where to go on after the last star, and how far that star reaches by now.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match tokens.get(next) {
                Some(Token::Many) => {
                    star = Some((next + 1, at));
                    next += 1;
                }
                Some(token) if *token == Token::One || *token == Token::Char(text[at]) => {
                    at += 1;
                    next += 1;
                }
                _ => match &mut star {
                    Some((behind, reach)) => {
                        *reach += 1;
                        (at, next) = (*reach, *behind);
                    }
                    None => return false,
                },
            }
        }
        tokens[next..].iter().all(|token| *token == Token::Many)
    }

    pub(super) fn write_name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &mut |plain, f| f.write_str(plain))
    }

    fn write_file(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &mut |plain, f| f.write_str(&file::encoded(plain)))
    }

    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        literal: &mut dyn FnMut(&str, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        for token in &self.0 {
            match token {
                Token::Char(c) => literal(c.encode_utf8(&mut [0; 4]), f)?,
                Token::One => f.write_str("?")?,
                Token::Many => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

/// A pattern of file paths, level by level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Glob {
    levels: Vec<Level>,
    /// Whether it ends with `/` and so covers directories only.
    directory: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Level {
    Like(Pattern),
    /// `**`
    Many,
}

impl Glob {
    /// Reads a glob from its leading `/` on.
    pub(super) fn read(text: &str) -> Result<Glob, Fault> {
        let mut glob = Glob { levels: Vec::new(), directory: false };
        let mut at = 1;
        for name in text[1..].split('/') {
            let last = at + name.len() == text.len();
            if name.is_empty() && last {
                glob.directory = true;
                break;
            }
            glob.levels.push(level(name).map_err(|fault| fault.shifted(at))?);
            if glob.levels.len() > limits::FILE_LEVELS {
                let kind = PathErrorKind::TooMany { place: Place::File, limit: limits::FILE_LEVELS };
                return Err(Fault::new(at..text.len(), kind));
            }
            at += name.len() + 1;
        }
        Ok(glob)
    }

    /// The canonical text of the levels before the first wildcard: a directory, or the whole
    /// glob if there is no wildcard.
    pub(super) fn literal_prefix(&self) -> (String, bool) {
        let mut text = String::from("/");
        for (at, level) in self.levels.iter().enumerate() {
            let Level::Like(pattern) = level else {
                return (text, false);
            };
            if !pattern.is_literal() {
                return (text, false);
            }
            let name: String = pattern
                .0
                .iter()
                .filter_map(|token| match token {
                    Token::Char(c) => Some(*c),
                    Token::One | Token::Many => None,
                })
                .collect();
            file::encode_into(&name, &mut text);
            if at + 1 < self.levels.len() || self.directory {
                text.push('/');
            }
        }
        (text, true)
    }

    /// Whether `files`, a decoded files part, is covered.
    pub(super) fn covers(&self, files: &str) -> bool {
        // A directory ends with an empty name, which only its own mark or `**` can match.
        let names: Vec<&str> = files[1..].split('/').collect();
        let (mut at, mut next) = (0, 0);
        let mut many: Option<(usize, usize)> = None;
        let levels = self.levels.len() + usize::from(self.directory);
        while at < names.len() {
            let step = self.levels.get(next);
            let matched = match step {
                Some(Level::Many) if next + 1 == levels => return true,
                Some(Level::Many) => {
                    many = Some((next + 1, at));
                    next += 1;
                    continue;
                }
                Some(Level::Like(pattern)) => !names[at].is_empty() && pattern.covers(names[at]),
                None => next < levels && names[at].is_empty(),
            };
            if matched {
                at += 1;
                next += 1;
                continue;
            }
            let Some((behind, reach)) = &mut many else {
                return false;
            };
            *reach += 1;
            (at, next) = (*reach, *behind);
        }
        next == levels
    }
}

fn level(name: &str) -> Result<Level, Fault> {
    if name.is_empty() {
        let kind = PathErrorKind::Missing { place: Place::File };
        return Err(Fault::new(0..1, kind).fix(""));
    }
    if name == "**" {
        return Ok(Level::Many);
    }
    if let Some(at) = name.find("**") {
        return Err(Fault::new(at..at + 2, PathErrorKind::DoubleStar));
    }
    if name.len() > limits::FILE_BYTES * 3 {
        let kind = PathErrorKind::PartTooLong { place: Place::File, limit: limits::FILE_BYTES };
        return Err(Fault::new(0..name.len(), kind));
    }
    Pattern::of_file(name).map(Level::Like)
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for level in &self.levels {
            f.write_str("/")?;
            match level {
                Level::Like(pattern) => pattern.write_file(f)?,
                Level::Many => f.write_str("**")?,
            }
        }
        if self.directory { f.write_str("/") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_what_it_says() {
        for (glob, files, covered) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/*", "/a", true),
            ("/*", "/", false),
            ("/*", "/a/", false),
            ("/*/", "/a/", true),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/docs/**", "/docs/", true),
            ("/docs/**", "/docs", false),
            ("/docs/**", "/docs/a/b/", true),
            ("/img/**/*.png", "/img/a.png", true),
            ("/img/**/*.png", "/img/x/y/a.png", true),
            ("/img/**/*.png", "/img/a.jpg", false),
            ("/**/a/**/b", "/a/x/a/b", true),
            ("/**/a/**/b", "/a/x/b/c", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/a漢c", true),
            ("/a?c", "/ac", false),
            ("/a%20*", "/a b", true),
            ("/**/", "/a/b/", true),
            ("/**/", "/a/b", false),
            ("/a", "/a/", false),
        ] {
            assert_eq!(Glob::read(glob).unwrap().covers(files), covered, "{glob} on {files}");
        }
    }

    #[test]
    fn many_stars_take_bounded_time() {
        let pattern = Pattern::of_name(&"a*".repeat(1_000));
        assert!(!pattern.covers(&format!("{}b!", "a".repeat(900))));
        let glob = Glob::read(&"/**/a".repeat(32)).unwrap();
        assert!(!glob.covers(&format!("{}/b", "/a".repeat(63))));
    }
}
