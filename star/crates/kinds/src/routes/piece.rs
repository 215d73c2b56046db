//! Texts with captures in them: where the captures stand, and which of the pattern's they are.

use std::ops::Range;

use super::pattern::{Capture, Pattern};
use super::request::decode;
use crate::config::text::{Fault, TextErrorKind};

/// A piece of a text with captures in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Capture(Capture),
}

/// The text with every capture replaced by as many letters, so that spans stay where they are.
pub(crate) fn stand_ins(text: &str, pieces: &[Piece], pattern: &Pattern) -> String {
    let mut output = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(piece) => output.push_str(piece),
            Piece::Capture(_) => {
                let length = mark(&text[output.len()..], pattern).map_or(1, |(length, _)| length);
                output.extend(std::iter::repeat_n('x', length));
            }
        }
    }
    output
}

/// Cuts a text at its captures.
pub(crate) fn pieces(text: &str, pattern: &Pattern) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while at < text.len() {
        let Some((length, name)) = mark(&text[at..], pattern) else {
            if let Some(odd @ ('{' | '}')) = text[at..].chars().next() {
                let message = format!("`{odd}` has no partner");
                return Err(Fault::new(TextErrorKind::Syntax, at..at + 1, message));
            }
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let capture = resolve(name, at..at + length, pattern)?;
        if plain < at {
            pieces.push(Piece::Text(text[plain..at].to_owned()));
        }
        pieces.push(Piece::Capture(capture));
        at += length;
        plain = at;
    }
    if plain < text.len() {
        pieces.push(Piece::Text(text[plain..].to_owned()));
    }
    Ok(pieces)
}

/// How a capture is named.
enum Name<'a> {
    Word(&'a str),
    Number(&'a str),
}

/// The capture that a text begins with, and its length: `{name}`, `{*name}`, or `$1` where the
/// pattern is a regular expression.
fn mark<'a>(text: &'a str, pattern: &Pattern) -> Option<(usize, Name<'a>)> {
    if let Some(behind) = text.strip_prefix('{') {
        let close = behind.find('}')?;
        let name = &behind[..close];
        return Some((close + 2, Name::Word(name.strip_prefix('*').unwrap_or(name))));
    }
    let behind = text.strip_prefix('$').filter(|_| pattern.is_regex())?;
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (digits + 1, Name::Number(&behind[..digits])))
}

fn resolve(name: Name<'_>, span: Range<usize>, pattern: &Pattern) -> Result<Capture, Fault> {
    match name {
        Name::Word(name) => pattern.capture(name).ok_or_else(|| {
            let fault = Fault::new(TextErrorKind::Unknown, span, format!("the pattern captures no `{name}`"));
            let names = pattern.names();
            match (star_path::suggest::nearest(name, names.iter().copied()), names.as_slice()) {
                (Some(near), _) => fault.hint(format!("did you mean `{{{near}}}`?")),
                (None, []) => fault,
                (None, names) => fault.hint(format!("it captures `{{{}}}`", names.join("}`, `{"))),
            }
        }),
        Name::Number(number) => number.parse().ok().and_then(|number| pattern.group(number)).ok_or_else(|| {
            Fault::new(TextErrorKind::Unknown, span, format!("the regular expression has no group {number}"))
        }),
    }
}

/// Files are joined decoded and encoded as a whole afterwards, so their texts are decoded here.
pub(crate) fn decoded(pieces: Vec<Piece>) -> Result<Vec<Piece>, Fault> {
    let decode_piece = |piece: Piece| match piece {
        Piece::Capture(capture) => Ok(Piece::Capture(capture)),
        Piece::Text(text) => match decode(&text) {
            Some(plain) => Ok(Piece::Text(plain.into_owned())),
            None => Err(Fault::new(TextErrorKind::Syntax, 0..text.len(), "not well encoded")),
        },
    };
    pieces.into_iter().map(decode_piece).collect()
}
