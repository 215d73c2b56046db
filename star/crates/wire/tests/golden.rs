//! Golden vectors: bytes that were written once and have to be read for ever. Only ever added to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use star_path::ResourcePath;
use star_wire::{Agent, Deadline, Envelope, ErrorCode, MessageId, Method, REQUEST_ID, Reply, StarError, codec};

fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Version 1: format 1, schema 1, then the fields in their order.
const ENVELOPE_V1: &str = include_str!("golden/envelope-v1.hex");
const REPLY_V1: &str = include_str!("golden/reply-v1.hex");
const ERROR_V1: &str = include_str!("golden/error-v1.hex");

#[test]
fn an_envelope_of_version_1_is_read_and_written_as_ever() {
    let bytes = unhex(ENVELOPE_V1);
    let (agent, envelope) = Envelope::decode(&bytes).unwrap();
    assert_eq!(envelope.id, MessageId::from_u128(42));
    assert_eq!(envelope.from, Some(path("acme:app1")));
    assert_eq!(agent, Agent::Resource(path("star:users:admin")));
    assert_eq!(envelope.to, path("acme:app"));
    assert_eq!(envelope.method, Method::parse("greet").unwrap());
    assert_eq!(envelope.header("lang"), Some("en"));
    assert_eq!(envelope.content_type, "application/json");
    assert_eq!(envelope.body, "{}");
    assert_eq!(envelope.hops, 3);
    assert_eq!(envelope.chain.to_vec(), [path("acme:a")]);
    assert!(envelope.deadline.remaining().as_millis() <= 1000);
    // The deadline runs, so it is set anew to compare the bytes.
    let again = Envelope { deadline: Deadline::within(std::time::Duration::from_millis(1000)), ..envelope };
    let mut written = again.encode(&agent).unwrap();
    let remaining_at = bytes.len() - 4 - 1 - 8 - 8 - 6;
    written[remaining_at..remaining_at + 4].copy_from_slice(&bytes[remaining_at..remaining_at + 4]);
    assert_eq!(written, bytes);
}

#[test]
fn the_request_of_an_envelope_travels_as_its_last_header_and_nobody_else_writes_it() {
    let mut envelope = Envelope::new(path("acme:app"), Method::parse("greet").unwrap()).for_request("r-1");
    envelope.headers = vec![(REQUEST_ID.into(), "forged".into()), ("lang".into(), "en".into())];
    let (_, read) = Envelope::decode(&envelope.encode(&Agent::Anonymous).unwrap()).unwrap();
    assert_eq!((read.request_id.as_deref(), read.header(REQUEST_ID)), (Some("r-1"), None));
    assert_eq!(read.headers, [("lang".to_owned(), "en".to_owned())]);
    envelope.request_id = None;
    let (_, read) = Envelope::decode(&envelope.encode(&Agent::Anonymous).unwrap()).unwrap();
    assert_eq!((read.request_id, read.headers.len()), (None, 1));
}

#[test]
fn a_reply_of_version_1_is_read_and_written_as_ever() {
    let bytes = unhex(REPLY_V1);
    let reply = Reply::new("text/plain", "hi");
    assert_eq!(Reply::decode(&bytes).unwrap(), reply);
    assert_eq!(reply.encode().unwrap(), bytes);
}

#[test]
fn an_error_of_version_1_is_read_and_written_as_ever() {
    let error = StarError::new(ErrorCode::NotFound, "gone").at(&path("acme")).hint("look");
    let bytes = unhex(ERROR_V1);
    assert_eq!(codec::encode(1, &error).unwrap(), bytes);
    assert_eq!(codec::decode::<StarError>(1, &bytes).unwrap(), error);
}

#[test]
fn cut_and_garbled_envelopes_are_errors_and_never_panics() {
    let bytes = unhex(ENVELOPE_V1);
    for cut in 0..bytes.len() {
        assert!(Envelope::decode(&bytes[..cut]).is_err(), "{cut}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut garbled = bytes.clone();
            garbled[at] ^= 1 << bit;
            // Many flips give another valid envelope; none may panic or allocate without bound.
            if let Ok((agent, envelope)) = Envelope::decode(&garbled) {
                assert!(envelope.encode(&agent).is_ok());
            }
        }
    }
}
