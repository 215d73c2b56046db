//! The first cut: route, body, kind and property of a text, before any of them is read.
//!
//! Owns where one ends and the next begins; needs no context and looks at each byte a fixed
//! number of times. What the pieces hold is left to their own modules.

use crate::error::{Fault, PathErrorKind, Place};
use crate::limits;

/// A piece of the input, and the byte at which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Piece<'a> {
    /// Reads the piece; a fault is moved to where it lies in the input.
    pub(crate) fn read<T>(self, by: impl FnOnce(&'a str) -> Result<T, Fault>) -> Result<T, Fault> {
        by(self.text).map_err(|fault| fault.shifted(self.at))
    }

    /// The bytes of the input that this piece is.
    pub(crate) fn span(self) -> std::ops::Range<usize> {
        self.at..self.at + self.text.len()
    }
}

/// The pieces of a reference.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    /// Before `::`.
    pub(crate) route: Option<Piece<'a>>,
    /// The path itself.
    pub(crate) body: Piece<'a>,
    /// With its angle brackets.
    pub(crate) kind: Option<Piece<'a>>,
    /// Behind `#`.
    pub(crate) property: Option<Piece<'a>>,
}

/// Cuts a reference into its pieces.
pub(crate) fn split(input: &str) -> Result<Pieces<'_>, Fault> {
    check_length(input)?;
    let route = route(input)?;
    let start = route.map_or(0, |piece| piece.at + piece.text.len() + 2);
    let end = find_outside_parentheses(&input[start..], &['<', '#']).map_or(input.len(), |at| start + at);
    let body = Piece { text: &input[start..end], at: start };
    let behind = &input[end..];
    let (kind, property) = match behind.find('#') {
        Some(0) => (None, Some(1)),
        Some(at) => (Some(&behind[..at]), Some(at + 1)),
        None if behind.is_empty() => (None, None),
        None => (Some(behind), None),
    };
    Ok(Pieces {
        route,
        body,
        kind: kind.map(|text| Piece { text, at: end }),
        property: property.map(|from| Piece { text: &behind[from..], at: end + from }),
    })
}

/// Refuses a text that is empty or too long, before any work is done on it.
pub(crate) fn check_length(input: &str) -> Result<(), Fault> {
    if input.is_empty() {
        return Err(Fault::new(0..0, PathErrorKind::Empty));
    }
    if input.len() > limits::INPUT_BYTES {
        let kind = PathErrorKind::TooLong { limit: limits::INPUT_BYTES };
        return Err(Fault::new(limits::INPUT_BYTES..input.len(), kind));
    }
    Ok(())
}

/// The piece before `::`, which is looked for only before the first `:/`.
pub(crate) fn route(input: &str) -> Result<Option<Piece<'_>>, Fault> {
    let end = if input.starts_with('[') {
        let Some(close) = input.find(']') else {
            return Err(Fault::new(0..1, PathErrorKind::Unclosed { open: '[' }));
        };
        let Some(at) = input[close..].find("::") else {
            let colon = close + 1 + usize::from(input[close + 1..].starts_with(':'));
            let fault = Fault::new(0..close + 1, PathErrorKind::OpenRoute);
            return Err(fault.fix_at(close + 1..colon, "::"));
        };
        close + at
    } else {
        let before = input.find(['<', '#', '(']).unwrap_or(input.len());
        let before = input[..before].find(":/").unwrap_or(before);
        match input[..before].find("::") {
            Some(at) => at,
            // In `a::/b` the second colon belongs to both marks; the route comes first.
            None if before > 0 && input[before..].starts_with(":/") && input[..before].ends_with(':') => before - 1,
            None => return Ok(None),
        }
    };
    if end == 0 {
        return Err(Fault::new(0..2, PathErrorKind::Missing { place: Place::Remote }).fix(""));
    }
    Ok(Some(Piece { text: &input[..end], at: 0 }))
}

/// The first of `wanted` that does not stand between parentheses, where a requirement like
/// `(>=1.2,<2)` uses the same characters.
pub(crate) fn find_outside_parentheses(text: &str, wanted: &[char]) -> Option<usize> {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            _ if !inside && wanted.contains(&c) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(input: &str) -> Option<[&str; 4]> {
        let text = |piece: Option<Piece<'static>>| piece.map_or("", |piece| piece.text);
        let input: &'static str = Box::leak(input.to_owned().into_boxed_str());
        let pieces = split(input).ok()?;
        Some([text(pieces.route), pieces.body.text, text(pieces.kind), text(pieces.property)])
    }

    #[test]
    fn every_piece_is_found_without_context() {
        for (input, pieces) in [
            ("acme", ["", "acme", "", ""]),
            ("a::b:c<D>#e", ["a", "b:c", "<D>", "e"]),
            ("a:/b::c#d", ["", "a:/b::c", "", "d"]),
            ("a::/b", ["a", "/b", "", ""]),
            ("[2001:db8::7]:7443::a", ["[2001:db8::7]:7443", "a", "", ""]),
            ("a:(>=1,<2)<K>", ["", "a:(>=1,<2)", "<K>", ""]),
            ("a<K<v:p:*:(<2)>>#x", ["", "a", "<K<v:p:*:(<2)>>", "x"]),
        ] {
            assert_eq!(cut(input), Some(pieces), "{input}");
        }
    }

    #[test]
    fn an_empty_route_and_an_open_bracket_are_refused() {
        for bad in ["", "::a", "[hub", "[hub]", "[hub]:a"] {
            assert_eq!(cut(bad), None, "{bad}");
        }
    }
}
