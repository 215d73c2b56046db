//! Digests: the identity of content towards protocols.
//!
//! Owns the text form `sha256:<hex>` and `sha512:<hex>` and the bytes behind it. Computes
//! nothing.

use std::fmt;

use crate::error::{Fault, PathError, PathErrorKind};
use crate::text::textual;

/// The algorithm of a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The name as it is written: `sha256`, `sha512`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }
}

/// A digest of some content. Its text is lower-case hexadecimal behind the algorithm's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Bytes);

// The rare long form is boxed, so that a digest stays small where it is a map's key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bytes {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

impl Digest {
    /// A SHA-256 digest of these bytes.
    pub fn sha256(bytes: [u8; 32]) -> Digest {
        Digest(Bytes::Sha256(bytes))
    }

    /// A SHA-512 digest of these bytes.
    pub fn sha512(bytes: [u8; 64]) -> Digest {
        Digest(Bytes::Sha512(Box::new(bytes)))
    }

    /// Reads `sha256:<64 digits>` or `sha512:<128 digits>`.
    pub fn parse(text: &str) -> Result<Digest, PathError> {
        Digest::read(text).map_err(|fault| fault.of(text, |meant| Digest::read(meant).is_ok()))
    }

    pub(crate) fn read(text: &str) -> Result<Digest, Fault> {
        let wrong = || Fault::new(0..text.len(), PathErrorKind::Digest).fix(text.to_ascii_lowercase());
        match text.split_once(':') {
            Some(("sha256", hex)) => unhex(hex).map(Digest::sha256).ok_or_else(wrong),
            Some(("sha512", hex)) => unhex(hex).map(Digest::sha512).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Bytes::Sha256(_) => Algorithm::Sha256,
            Bytes::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The bytes, 32 or 64 of them.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Sha256(bytes) => bytes,
            Bytes::Sha512(bytes) => bytes.as_slice(),
        }
    }

    /// The digits without the algorithm.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = String::with_capacity(self.as_bytes().len() * 2);
        for &byte in self.as_bytes() {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        out
    }
}

fn unhex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits = hex.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

textual!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_what_it_was_read_from() {
        let long = format!("sha512:{}", "0f".repeat(64));
        for text in [format!("sha256:{}", "ab".repeat(32)), long] {
            assert_eq!(Digest::parse(&text).unwrap().to_string(), text);
        }
        assert_eq!(Digest::sha256([0xab; 32]).hex(), "ab".repeat(32));
    }

    #[test]
    fn other_lengths_cases_and_algorithms_are_refused() {
        for bad in ["", "sha256:", "sha256:abc", "md5:00", &format!("sha256:{}", "é".repeat(32))] {
            assert!(Digest::parse(bad).is_err(), "{bad}");
        }
        let upper = Digest::parse(&format!("sha256:{}", "AB".repeat(32))).unwrap_err();
        assert_eq!(upper.suggestion, Some(format!("`sha256:{}`", "ab".repeat(32))));
    }
}
