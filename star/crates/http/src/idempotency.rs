//! The key under which a request may be sent again: the header `Idempotency-Key` of all doors.
//!
//! A plain word is taken as well as a string in quotes, as the draft about the header has it. What
//! a key does is the affair of core.

use axum::http::HeaderMap;
use star_core::once::IdempotencyKey;
use star_core::once::key::{HEADER, KEEP};
use star_wire::{ErrorCode, StarError};

/// The key that the headers of a request name.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, StarError> {
    let Some(text) = only(headers, HEADER)? else { return Ok(None) };
    let key = IdempotencyKey::parse(text)?;
    match only(headers, KEEP)? {
        Some(seconds) => key.keep_for(seconds).map(Some),
        None => Ok(Some(key)),
    }
}

/// The value of a header that may stand once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, StarError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = |why: &str| StarError::new(ErrorCode::InvalidArgument, format!("the header `{name}` {why}"));
    if values.next().is_some() {
        return Err(invalid("stands twice"));
    }
    value.to_str().map(Some).map_err(|_| invalid("is no text"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, ErrorCode> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let key = key(&HeaderMap::from_iter(headers)).map_err(|error| error.code())?;
        Ok(key.map(|key| key.as_str().to_owned()))
    }

    #[test]
    fn a_key_is_read_with_or_without_quotes() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("idempotency-key", "k1")]), Ok(Some("k1".to_owned())));
        assert_eq!(read(&[("idempotency-key", "\"k1\""), ("idempotency-keep", "60")]), Ok(Some("k1".to_owned())));
    }

    #[test]
    fn a_key_that_cannot_be_read_is_not_taken_for_none() {
        assert_eq!(read(&[("idempotency-key", "")]), Err(ErrorCode::InvalidArgument));
        assert_eq!(read(&[("idempotency-key", "k1"), ("idempotency-keep", "soon")]), Err(ErrorCode::InvalidArgument));
        let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
        let headers = twice.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        assert!(key(&map).is_err());
    }
}
