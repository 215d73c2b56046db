//! Numbers and truths as they stand in headers: those of tus, and those of structured fields (RFC 9651).

use axum::http::{HeaderMap, HeaderName};
use star_wire::{ErrorCode, StarError};

/// How far an upload has come.
pub(crate) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// How many bytes an upload has.
pub(crate) const LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The number in a header: digits alone, at most as many as a structured field may have.
///
/// # Errors
/// `InvalidArgument` where there is something else: nobody should believe it was looked at.
pub(crate) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, StarError> {
    const DIGITS: usize = 15;
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes().trim_ascii();
    let plain = (1..=DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) && values.next().is_none();
    let number = std::str::from_utf8(text).ok().filter(|_| plain).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        StarError::new(ErrorCode::InvalidArgument, format!("the header `{name}` is no count of bytes"))
            .hint("digits alone, once")
    })
}

/// Whether a header says `?1` or `?0`. Other values are as good as none, as the draft has it.
pub(crate) fn truth(headers: &HeaderMap, name: &str) -> Option<bool> {
    let item = headers.get(name)?.to_str().ok()?.split(';').next()?.trim();
    match item {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_count_of_bytes_is_digits_alone() {
        for (text, expected) in [("0", 0), ("42", 42), ("00007", 7), ("999999999999999", 999_999_999_999_999)] {
            assert_eq!(number(&headers("upload-offset", text), &OFFSET).unwrap(), Some(expected), "{text}");
        }
        for bad in ["", "-1", "+1", "1.0", "0x10", "1 2", "1,2", "9999999999999999", "١"] {
            let Ok(value) = HeaderValue::from_bytes(bad.as_bytes()) else { continue };
            let headers = HeaderMap::from_iter([(OFFSET, value)]);
            assert_eq!(number(&headers, &OFFSET).unwrap_err().code(), ErrorCode::InvalidArgument, "{bad}");
        }
        assert_eq!(number(&HeaderMap::new(), &OFFSET).unwrap(), None);
        let mut twice = headers("upload-offset", "1");
        twice.append(OFFSET, HeaderValue::from_static("1"));
        assert!(number(&twice, &OFFSET).is_err());
    }

    #[test]
    fn a_truth_is_read_as_a_structured_field() {
        for (text, expected) in
            [("?1", Some(true)), (" ?0 ", Some(false)), ("?1;a=b", Some(true)), ("1", None), ("true", None), ("", None)]
        {
            assert_eq!(truth(&headers("upload-complete", text), "upload-complete"), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_count_reads_back(count in 0..1_000_000_000_000_000u64) {
            prop_assert_eq!(number(&headers("upload-offset", &count.to_string()), &OFFSET).unwrap(), Some(count));
        }
    }
}
