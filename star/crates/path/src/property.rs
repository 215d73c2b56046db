//! Keys of properties: `routes`, `labels.team`.
//!
//! Owns their text. Which keys a kind knows, and what their values may be, is not known here.

use std::borrow::Borrow;
use std::fmt;

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::limits;
use crate::segment;
use crate::text::textual;

/// The key of a property: words in lower case, joined by dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyKey(Box<str>);

impl PropertyKey {
    /// Reads a key, without the `#`.
    pub fn parse(text: &str) -> Result<PropertyKey, PathError> {
        PropertyKey::read(text).map_err(|fault| fault.of(text, |meant| PropertyKey::read(meant).is_ok()))
    }

    pub(crate) fn read(text: &str) -> Result<PropertyKey, Fault> {
        let place = Place::Property;
        if text.len() > limits::PROPERTY_BYTES {
            let kind = PathErrorKind::PartTooLong { place, limit: limits::PROPERTY_BYTES };
            return Err(Fault::new(0..text.len(), kind));
        }
        segment::refuse_upper_case(text, place)?;
        let mut at = 0;
        for word in text.split('.') {
            read_word(word).map_err(|fault| fault.shifted(at))?;
            at += word.len() + 1;
        }
        Ok(PropertyKey(text.into()))
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words between the dots; at least one.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

fn read_word(word: &str) -> Result<(), Fault> {
    let place = Place::Property;
    let Some(found) = word.chars().next() else {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    };
    if found.is_ascii_digit() || matches!(found, '_' | '-') {
        return Err(Fault::new(0..1, PathErrorKind::Edge { found, place }));
    }
    segment::refuse_other(word, place, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

impl fmt::Display for PropertyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for PropertyKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for PropertyKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

textual!(PropertyKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_dotted_words_in_lower_case() {
        for good in ["routes", "labels.team", "a_b-c.d2"] {
            assert_eq!(PropertyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "a.", ".a", "a..b", "2a", "-a", "a b", "é", "a#b"] {
            assert!(PropertyKey::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(PropertyKey::parse("Routes").unwrap_err().suggestion.as_deref(), Some("`routes`"));
    }
}
