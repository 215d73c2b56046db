//! The path of a web request: cut at its slashes first, decoded once after that.
//!
//! The order is what makes it safe: an encoded slash stays inside its segment, and `..` is seen
//! however it was spelled. Nothing is normalised away: what is odd is refused.

use std::borrow::Cow;

use crate::limits;

/// Why the path of a request is refused before any rule is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not begin with `/`.
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    /// It is longer, or has more segments, than is looked at.
    #[error("the path is too long")]
    TooLong,
    /// A segment is `.` or `..`.
    #[error("the path has a `.` or `..` segment")]
    Dots,
    /// Two slashes stand side by side.
    #[error("the path has an empty segment")]
    Empty,
    /// A `%` is not followed by two hexadecimal digits, or what they encode is not UTF-8.
    #[error("the path is not well encoded")]
    Encoding,
    /// It holds a control character.
    #[error("the path has a control character")]
    Control,
}

/// The decoded segments of a path: `/` has one that is empty, `/a/` has `a` and one that is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'p> {
    segments: Vec<Cow<'p, str>>,
}

impl<'p> RequestPath<'p> {
    /// Reads a path as it stands in a request, without query.
    pub fn parse(path: &'p str) -> Result<RequestPath<'p>, BadPath> {
        let inner = path.strip_prefix('/').ok_or(BadPath::NotAbsolute)?;
        if path.len() > limits::REQUEST_PATH_BYTES {
            return Err(BadPath::TooLong);
        }
        let mut segments = Vec::with_capacity(8);
        let mut pieces = inner.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            if piece.is_empty() && !is_last {
                return Err(BadPath::Empty);
            }
            if segments.len() == limits::ROUTE_SEGMENTS {
                return Err(BadPath::TooLong);
            }
            let segment = decode(piece).ok_or(BadPath::Encoding)?;
            match segment.as_ref() {
                "." | ".." => return Err(BadPath::Dots),
                text if text.chars().any(char::is_control) => return Err(BadPath::Control),
                _ => segments.push(segment),
            }
        }
        Ok(RequestPath { segments })
    }

    /// The segments; at least one, and only the last may be empty.
    pub fn segments(&self) -> &[Cow<'p, str>] {
        &self.segments
    }

    /// The decoded path as one text, for regular expressions; none where a segment holds a slash,
    /// because that text would mean another path.
    pub(crate) fn joined(&self) -> Option<String> {
        if self.segments.iter().any(|segment| segment.contains('/')) {
            return None;
        }
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            path.push_str(segment);
        }
        Some(path)
    }
}

/// Takes the percent signs out of a text; none if it is badly encoded or not UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, behind @ ..] = rest else { return None };
        bytes.push(hex(*high)? << 4 | hex(*low)?);
        rest = behind;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Appends a decoded segment to a path of a URL, encoding all that could end the segment or be
/// read as something else by a server behind.
pub(crate) fn encode_segment(segment: &str, output: &mut String) {
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'!'
            | b'$'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b'='
            | b':'
            | b'@' => output.push(char::from(byte)),
            _ => {
                output.push('%');
                output.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
                output.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Result<Vec<String>, BadPath> {
        RequestPath::parse(path).map(|path| path.segments().iter().map(|segment| segment.to_string()).collect())
    }

    #[test]
    fn segments_are_decoded_once() {
        for (path, expected) in [
            ("/", vec![""]),
            ("/a/b", vec!["a", "b"]),
            ("/a/", vec!["a", ""]),
            ("/caf%C3%A9/%2525", vec!["café", "%25"]),
            ("/a%2Fb", vec!["a/b"]),
            ("/a..b/...", vec!["a..b", "..."]),
        ] {
            assert_eq!(segments(path), Ok(expected.into_iter().map(str::to_owned).collect()), "{path}");
        }
    }

    #[test]
    fn odd_paths_are_refused_however_they_are_spelled() {
        for (path, reason) in [
            ("", BadPath::NotAbsolute),
            ("a", BadPath::NotAbsolute),
            ("/a//b", BadPath::Empty),
            ("//", BadPath::Empty),
            ("/..", BadPath::Dots),
            ("/a/%2e%2E/b", BadPath::Dots),
            ("/./a", BadPath::Dots),
            ("/%", BadPath::Encoding),
            ("/%zz", BadPath::Encoding),
            ("/%ff", BadPath::Encoding),
            ("/a%00", BadPath::Control),
            ("/a%0D%0Ab", BadPath::Control),
        ] {
            assert_eq!(segments(path), Err(reason), "{path}");
        }
        assert_eq!(segments(&"/a".repeat(limits::ROUTE_SEGMENTS + 1)), Err(BadPath::TooLong));
        assert_eq!(segments(&format!("/{}", "a".repeat(limits::REQUEST_PATH_BYTES))), Err(BadPath::TooLong));
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        let odd = "a/b?c#d%e\\f \"é;&[";
        let mut encoded = String::new();
        encode_segment(odd, &mut encoded);
        assert!(!encoded.contains(['/', '?', '#', '\\', ' ', '"', ';', '&']));
        assert_eq!(decode(&encoded).as_deref(), Some(odd));
    }
}
