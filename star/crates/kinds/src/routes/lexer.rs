//! Words of the route language: what stands between blanks, and the `;` that ends a rule.
//!
//! A `#` begins a comment where a word could begin. Double quotes, anywhere in a word, keep
//! blanks, `;` and `#`; inside of them `\"` and `\\` stand for `"` and `\`.

use std::ops::Range;

use crate::config::text::{Fault, TextErrorKind};

/// A word with its bytes, or the end of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word.
    Word(Word),
    /// `;`
    End(Range<usize>),
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text, quotes taken off.
    pub(crate) text: String,
    /// The bytes that wrote it.
    pub(crate) span: Range<usize>,
    /// Whether the bytes are not the text, because of quotes.
    pub(crate) quoted: bool,
}

impl Word {
    /// The bytes that wrote a part of the word.
    pub(crate) fn part(&self, part: Range<usize>) -> Range<usize> {
        match self.quoted {
            true => self.span.clone(),
            false => self.span.start + part.start..self.span.start + part.end,
        }
    }

    /// Moves a fault from the text of the word to where it is written.
    pub(crate) fn inside(&self, mut fault: Fault) -> Fault {
        fault.span = self.part(fault.span);
        fault
    }

    /// The word from byte `at` on.
    pub(crate) fn from(&self, at: usize) -> Word {
        Word { text: self.text[at..].to_owned(), span: self.part(at..self.text.len()), quoted: self.quoted }
    }
}

/// Cuts a text into tokens.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(next) = text[at..].chars().next() {
        match next {
            '#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            ';' => {
                tokens.push(Token::End(at..at + 1));
                at += 1;
            }
            _ if is_blank(next) => at += next.len_utf8(),
            _ => {
                let word = word(text, at)?;
                at = word.span.end;
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn word(text: &str, start: usize) -> Result<Word, Fault> {
    let mut word = String::new();
    let mut quote: Option<usize> = None;
    let mut quoted = false;
    let mut chars = text[start..].char_indices().peekable();
    while let Some((offset, next)) = chars.next() {
        let at = start + offset;
        match (next, quote) {
            ('"', None) => {
                quote = Some(at);
                quoted = true;
            }
            ('"', Some(_)) => quote = None,
            ('\\', Some(_)) => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => word.push(escaped),
                other => {
                    let length = other.map_or(0, |(_, other)| other.len_utf8());
                    let fault = Fault::new(TextErrorKind::Syntax, at..at + 1 + length, "no such escape");
                    return Err(fault.hint("inside of quotes, `\\\"` and `\\\\` stand for `\"` and `\\`"));
                }
            },
            ('\n', Some(open)) => return Err(unclosed(open)),
            (next, Some(_)) => word.push(next),
            (';', None) => return Ok(Word { text: word, span: start..at, quoted }),
            (next, None) if is_blank(next) => return Ok(Word { text: word, span: start..at, quoted }),
            (next, None) if next.is_control() => {
                return Err(Fault::new(
                    TextErrorKind::Syntax,
                    at..at + next.len_utf8(),
                    "a control character cannot stand here",
                ));
            }
            (next, None) => word.push(next),
        }
    }
    match quote {
        Some(open) => Err(unclosed(open)),
        None => Ok(Word { text: word, span: start..text.len(), quoted }),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn unclosed(open: usize) -> Fault {
    Fault::new(TextErrorKind::Syntax, open..open + 1, "this quote is not closed on its line")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let word = |token: Token| match token {
            Token::Word(word) => word.text,
            Token::End(_) => ";".to_owned(),
        };
        tokens(text).expect("good words").into_iter().map(word).collect()
    }

    #[test]
    fn blanks_semicolons_and_comments_separate_words() {
        assert_eq!(words("GET /a -> b;# c ; d\r\n  x#y\tz ;"), ["GET", "/a", "->", "b", ";", "x#y", "z", ";"]);
        assert!(words("# only\n\n").is_empty());
    }

    #[test]
    fn quotes_keep_what_would_separate() {
        assert_eq!(words(r#"header.X="a; \"b\" \\ #c" d"#), [r#"header.X=a; "b" \ #c"#, "d"]);
    }

    #[test]
    fn open_quotes_and_unknown_escapes_are_refused_at_their_place() {
        assert_eq!(tokens("a \"b\nc\"").expect_err("open").span, 2..3);
        assert_eq!(tokens("a \"b").expect_err("open").span, 2..3);
        assert_eq!(tokens(r#""\n""#).expect_err("escape").span, 1..3);
    }
}
