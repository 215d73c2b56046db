//! `Upload-Metadata` of tus: keys, each with a value in base64 or without one, between commas.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use star_wire::{ErrorCode, StarError};

/// The header.
pub(crate) const HEADER: &str = "upload-metadata";

/// What a sender says of the bytes, and the text in which it did, which is told again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Metadata {
    text: String,
    pairs: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// Those that came with a request.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no list of pairs, or names a key twice.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Metadata, StarError> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Metadata::default()) };
        if values.next().is_some() {
            return Err(invalid("comes twice"));
        }
        Metadata::parse(value.to_str().map_err(|_| invalid("is no plain text"))?)
    }

    /// Reads the text of the header.
    pub(crate) fn parse(text: &str) -> Result<Metadata, StarError> {
        let mut pairs = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once(' ').unwrap_or((entry, ""));
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(invalid("has a key that is no ASCII"));
            }
            let value = STANDARD.decode(value.trim()).map_err(|_| invalid("has a value that is no base64"))?;
            if pairs.insert(key.to_owned(), value).is_some() {
                return Err(invalid("has a key twice"));
            }
        }
        Ok(Metadata { text: text.to_owned(), pairs })
    }

    /// The text of the first of some keys that is there.
    ///
    /// # Errors
    /// `InvalidArgument` where it is no text.
    pub(crate) fn text_of(&self, keys: &[&str]) -> Result<Option<&str>, StarError> {
        let Some(value) = keys.iter().find_map(|key| self.pairs.get(*key)) else { return Ok(None) };
        std::str::from_utf8(value).map(Some).map_err(|_| invalid("has a value that is no UTF-8"))
    }

    /// As it came.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

fn invalid(what: &str) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, format!("the header `{HEADER}` {what}"))
        .hint("like `filename d29ybGQudHh0,is_secret`: keys, each with a value in base64 or without one")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_come_with_a_value_or_without_one() {
        let metadata =
            Metadata::parse("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential, a YQ==").unwrap();
        assert_eq!(metadata.text_of(&["filename"]).unwrap(), Some("world_domination_plan.pdf"));
        assert_eq!(metadata.text_of(&["name", "is_confidential"]).unwrap(), Some(""));
        assert_eq!(metadata.text_of(&["a"]).unwrap(), Some("a"));
        assert_eq!(metadata.text_of(&["b"]).unwrap(), None);
        assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
    }

    #[test]
    fn what_is_no_list_of_pairs_is_refused() {
        for bad in ["a !", "a YQ", "a YQ==, a YQ==", "é YQ==", "a YQ== YQ=="] {
            assert_eq!(Metadata::parse(bad).unwrap_err().code(), ErrorCode::InvalidArgument, "{bad}");
        }
        assert!(Metadata::parse("a /w==").unwrap().text_of(&["a"]).is_err(), "not UTF-8");
    }

    proptest! {
        #[test]
        fn what_a_client_writes_is_read_as_it_meant_it(
            pairs in prop::collection::btree_map("[!-+\\--~]{1,12}", prop::collection::vec(any::<u8>(), 0..40), 0..8)
        ) {
            let written: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
            prop_assert_eq!(Metadata::parse(&written.join(",")).unwrap().pairs, pairs);
        }

        #[test]
        fn no_text_does_harm(text in "[ -~é]{0,80}") {
            if let Ok(read) = Metadata::parse(&text) {
                prop_assert_eq!(read.into_text(), text);
            }
        }
    }
}
