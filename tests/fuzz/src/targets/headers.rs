//! What is read out of the headers and the address of a request before anybody knows who sends it.
//!
//! The first line of an input is the address, the others are headers. A part that is sent lies within
//! the content; what is said of an upload is a count of bytes and a text that is told again; a host means a name that a Space can have; a key and a digest are what they say; what
//! cannot be read is an answer and never a guess.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use star_http::fuzzing::{self, Verdict};
use star_http::request_id::RequestId;
use star_path::{Digest, ResourcePath, is_space_name};

use crate::check;

/// The sizes of contents that are asked for in part.
const SIZES: [u64; 5] = [0, 1, 10, 4096, u64::MAX];

/// An address and headers, line by line.
pub(crate) fn run(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    ranges(&headers);
    conditions(&headers);
    identities(&headers);
    uploads(&headers);
    fuzzing::prefers_json(&headers);
    // Who says nothing of codings gets none.
    assert!(headers.contains_key("accept-encoding") || !fuzzing::takes_zstd(&headers));
    if let Ok(uri) = Uri::try_from(first) {
        addressed(&uri, &headers);
    }
}

fn ranges(headers: &HeaderMap) {
    let Some(value) = headers.get("range").and_then(|value| value.to_str().ok()) else { return };
    for size in SIZES {
        if let Some((start, len)) = fuzzing::range(value, size) {
            let end = start.checked_add(len).unwrap_or_else(|| panic!("`{value}` ends behind all numbers"));
            assert!(len > 0 && end <= size, "`{value}` of {size} bytes gives {len} from {start}");
        }
    }
}

fn conditions(headers: &HeaderMap) {
    let digest = Digest::sha256([0xab; 32]);
    let named = format!("\"{digest}\"");
    let (verdict, ranged) = fuzzing::conditions(headers, &digest, 784_111_777_000);
    let only = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    match (only("if-match").as_slice(), only("if-none-match").as_slice()) {
        ([], [one]) if *one == named.as_bytes() && !headers.contains_key("if-unmodified-since") => {
            assert_eq!(verdict, Verdict::NotModified);
        }
        ([one], []) if *one == named.as_bytes() => assert_ne!(verdict, Verdict::Failed),
        ([], []) if headers.keys().all(|name| !name.as_str().starts_with("if-")) => {
            assert_eq!((verdict, ranged), (Verdict::Go, true));
        }
        _ => {}
    }
    for refused in fuzzing::conditions_of_changes(headers).into_iter().filter_map(Result::err) {
        assert!(!refused.message().is_empty());
    }
    let (length, digest) = fuzzing::announced(headers);
    assert!(length.is_none() || headers.contains_key("content-length"));
    if let Ok(Some(digest)) = digest {
        check::prints_itself(&digest, Digest::parse);
    }
}

fn uploads(headers: &HeaderMap) {
    let (offset, metadata) = fuzzing::upload(headers);
    if let Ok(offset) = offset {
        assert_eq!(offset.is_some(), headers.contains_key("upload-offset"), "an offset is taken for none");
        assert!(offset.is_none_or(|offset| offset < 1_000_000_000_000_000), "{offset:?}");
    }
    if let Ok(metadata) = metadata {
        let came = headers.get("upload-metadata").map_or(&b""[..], HeaderValue::as_bytes);
        assert_eq!(metadata.as_bytes(), came, "metadata are told again as they came");
    }
}

fn identities(headers: &HeaderMap) {
    let id = RequestId::of(headers);
    assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{id:?}");
    if let Ok(Some(key)) = fuzzing::idempotency_key(headers) {
        assert!(!key.is_empty() && key.len() <= star_core::limits::KEY_BYTES);
        assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key:?}");
    }
    match fuzzing::key_of_caller(headers) {
        Ok(key) => assert_eq!(key.is_some(), headers.contains_key("authorization"), "a caller is taken for nobody"),
        // Whoever reads a log must not find keys in it.
        Err(error) => assert!(!error.to_string().contains("star_"), "{error}"),
    }
}

fn addressed(uri: &Uri, headers: &HeaderMap) {
    if let Some(space) = fuzzing::host(uri, headers) {
        assert!(space == "localhost" || is_space_name(&space), "no Space is called {space:?}");
    }
    if let Ok(path) = fuzzing::address(uri.path().trim_start_matches('/')) {
        check::prints_itself(&path, ResourcePath::parse);
        // What is printed can be written into a URL again, with all that is not ASCII encoded.
        let written: String = path.as_str().bytes().map(written).collect();
        assert_eq!(fuzzing::address(&written).ok(), Some(path), "{written}");
    }
    if let Ok(prefix) = fuzzing::events_query(uri, headers) {
        check::prints_itself(&prefix, ResourcePath::parse);
    }
}

fn written(byte: u8) -> String {
    if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}
