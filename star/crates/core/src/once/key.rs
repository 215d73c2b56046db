//! The key under which somebody asks, as it travels with a message.

use std::time::Duration;

use star_wire::{Envelope, ErrorCode, StarError};

use crate::limits;

/// The header of a message that holds the key.
pub const HEADER: &str = "idempotency-key";

/// The header that says for how many seconds the sender may come back with it.
pub const KEEP: &str = "idempotency-keep";

/// A key that makes it safe to send a request again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: String,
    keep: Option<Duration>,
}

impl IdempotencyKey {
    /// Reads a key: visible ASCII without quotes, as a plain word or, as RFC 8941 writes strings,
    /// between two quotes.
    pub fn parse(text: &str) -> Result<IdempotencyKey, StarError> {
        IdempotencyKey::read(text, limits::KEY_BYTES)
    }

    fn read(text: &str, max: usize) -> Result<IdempotencyKey, StarError> {
        let text = text.trim();
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let plain = inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if plain && (1..=max).contains(&inner.len()) {
            return Ok(IdempotencyKey { text: inner.to_owned(), keep: None });
        }
        let shown: String = text.chars().take(64).collect();
        Err(StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no idempotency key", shown.escape_debug()))
            .hint(format!(
                "1 to {} visible ASCII characters without quotes, e.g. a UUID; a fresh one for each request",
                limits::KEY_BYTES
            )))
    }

    /// The same, kept for this many seconds, written in digits, and at most for as long as any.
    pub fn keep_for(mut self, seconds: &str) -> Result<IdempotencyKey, StarError> {
        let seconds: u32 = seconds.trim().parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| {
            let shown: String = seconds.chars().take(64).collect();
            StarError::new(
                ErrorCode::InvalidArgument,
                format!("`{}` is no time to keep an idempotency key", shown.escape_debug()),
            )
            .hint(format!("whole seconds, at most {}", limits::KEY_KEPT.as_secs()))
        })?;
        self.keep = Some(Duration::from_secs(seconds.into()).min(limits::KEY_KEPT));
        Ok(self)
    }

    /// The key of another step of the same request.
    #[must_use]
    pub fn step(&self, name: &str) -> IdempotencyKey {
        IdempotencyKey { text: format!("{}/{name}", self.text), keep: self.keep }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A text of 32 hex digits that stands for it.
    pub fn fingerprint(&self) -> String {
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(self.text.as_bytes()))
    }

    /// The headers that carry it.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> {
        let keep = self.keep.map(|keep| (KEEP.to_owned(), keep.as_secs().to_string()));
        [(HEADER.to_owned(), self.text.clone())].into_iter().chain(keep)
    }

    /// How long it is kept.
    pub(crate) fn kept(&self) -> Duration {
        self.keep.unwrap_or(limits::KEY_KEPT)
    }

    /// The key that came with a message.
    pub(crate) fn of(envelope: &Envelope) -> Result<Option<IdempotencyKey>, StarError> {
        let Some(text) = envelope.header(HEADER) else { return Ok(None) };
        let key = IdempotencyKey::read(text, limits::KEY_BYTES + limits::KEY_STEP_BYTES)?;
        envelope.header(KEEP).map_or(Ok(key.clone()), |seconds| key.keep_for(seconds)).map(Some)
    }
}

/// The same message under a key.
#[must_use]
pub fn keyed(mut envelope: Envelope, key: Option<&IdempotencyKey>) -> Envelope {
    envelope.headers.extend(key.into_iter().flat_map(IdempotencyKey::headers));
    envelope
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_plain_word_with_or_without_quotes() {
        for (text, key) in [("a1", "a1"), ("\"a1\"", "a1"), (" a/b:c.d-e_f ", "a/b:c.d-e_f")] {
            assert_eq!(IdempotencyKey::parse(text).unwrap().as_str(), key, "{text}");
        }
        let long = "x".repeat(limits::KEY_BYTES + 1);
        for bad in ["", "\"\"", "a b", "a\"b", "\"a", "é", "a\nb", "a\\", &long] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nobody_has_a_key_kept_for_longer_than_any() {
        let key = IdempotencyKey::parse("a").unwrap();
        assert_eq!(key.kept(), limits::KEY_KEPT);
        assert_eq!(key.clone().keep_for("90").unwrap().kept(), Duration::from_secs(90));
        assert_eq!(key.clone().keep_for("999999999").unwrap().kept(), limits::KEY_KEPT);
        for bad in ["0", "-1", "1.5", "", "9999999999999"] {
            assert!(key.clone().keep_for(bad).is_err(), "{bad}");
        }
    }
}
