//! Bodies of messages between their two forms in the schema and the one on the way.

use std::collections::BTreeMap;

use buffa_types::google::protobuf::Value;
use buffa_types::google::protobuf::value::Kind;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use star_api::oneof::{ask_request, tell_request};
use star_core::once::IdempotencyKey;
use star_core::once::key::{HEADER, KEEP};
use star_wire::{ErrorCode, StarError, limits};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// The form in which a body came, and in which the reply shall go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes.
    Raw,
    /// A JSON value, where the reply is one.
    Json,
}

/// A body with its media type.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) form: Form,
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

impl Payload {
    pub(super) fn asked(body: Option<ask_request::Body>, content_type: String) -> Result<Payload, StarError> {
        match body {
            None => Ok(Payload::empty(content_type)),
            Some(ask_request::Body::Raw(bytes)) => Ok(Payload::raw(bytes, content_type)),
            Some(ask_request::Body::Json(value)) => Payload::json(&value, content_type),
        }
    }

    pub(super) fn told(body: Option<tell_request::Body>, content_type: String) -> Result<Payload, StarError> {
        match body {
            None => Ok(Payload::empty(content_type)),
            Some(tell_request::Body::Raw(bytes)) => Ok(Payload::raw(bytes, content_type)),
            Some(tell_request::Body::Json(value)) => Payload::json(&value, content_type),
        }
    }

    fn empty(content_type: String) -> Payload {
        Payload { form: Form::Json, content_type, bytes: Bytes::new() }
    }

    fn raw(bytes: Bytes, content_type: String) -> Payload {
        Payload { form: Form::Raw, content_type: or(content_type, BYTES), bytes }
    }

    fn json(value: &Value, content_type: String) -> Result<Payload, StarError> {
        let bytes = serde_json::to_vec(&Written(value)).map_err(|error| {
            StarError::new(ErrorCode::InvalidMessage, "the field `json` is no JSON value").because(&error)
        })?;
        Ok(Payload { form: Form::Json, content_type: or(content_type, JSON), bytes: bytes.into() })
    }
}

/// Whole numbers up to here are exact in 64-bit floating point, in which the schema carries them.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON value as somebody would write it by hand: `3` and not `3.0`, which a receiver that
/// expects a whole number would refuse.
struct Written<'v>(&'v Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() <= EXACT => {
                serializer.serialize_i64(*number as i64)
            }
            Some(Kind::StructValue(fields)) => {
                serializer.collect_map(fields.fields.iter().map(|(name, value)| (name, Written(value))))
            }
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(Written)),
            _ => self.0.serialize(serializer),
        }
    }
}

/// Headers as they travel: lower-case names, and no more of them than a message may have.
pub(super) fn headers(
    given: BTreeMap<String, String>,
    key: Option<&IdempotencyKey>,
) -> Result<Vec<(String, String)>, StarError> {
    if given.len() >= limits::HEADERS {
        let message = format!("there are {} headers, at most {} are allowed", given.len(), limits::HEADERS);
        return Err(StarError::new(ErrorCode::TooLarge, message));
    }
    let mut headers: Vec<(String, String)> = Vec::with_capacity(given.len() + 2);
    for (name, value) in given {
        check_header(&name, &value)?;
        headers.push((name, value));
    }
    let Some(key) = key else { return Ok(headers) };
    headers.retain(|(name, _)| name != HEADER && name != KEEP);
    headers.extend(key.headers());
    Ok(headers)
}

fn check_header(name: &str, value: &str) -> Result<(), StarError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let named = !name.is_empty() && name.bytes().all(plain);
    if named && !value.chars().any(char::is_control) {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    Err(StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no header", shown.escape_debug()))
        .hint("names are of lower-case letters, digits, `-`, `_` and `.`; values have no control characters"))
}

fn or(given: String, default: &str) -> String {
    if given.is_empty() { default.to_owned() } else { given }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Payload {
        let value: Value = serde_json::from_str(text).unwrap();
        Payload::asked(Some(ask_request::Body::from(value)), String::new()).unwrap()
    }

    #[test]
    fn a_json_value_travels_as_the_text_that_people_would_write() {
        let payload = json(r#"{"name":"Ada","n":3,"half":0.5,"list":[true,null]}"#);
        assert_eq!(payload.content_type, "application/json");
        let value: serde_json::Value = serde_json::from_slice(&payload.bytes).unwrap();
        assert_eq!(value, serde_json::json!({ "name": "Ada", "n": 3, "half": 0.5, "list": [true, null] }));
        assert!(std::str::from_utf8(&payload.bytes).unwrap().contains("\"n\":3"), "a whole number stays one");
    }

    #[test]
    fn the_key_for_repeating_travels_as_a_header_that_nothing_else_can_set() {
        let given = [("idempotency-key".to_owned(), "forged".to_owned())].into();
        let key = IdempotencyKey::parse("k1").unwrap();
        assert_eq!(headers(given, Some(&key)).unwrap(), [("idempotency-key".to_owned(), "k1".to_owned())]);
    }

    #[test]
    fn a_header_that_could_end_a_line_is_refused() {
        for (name, value) in [("X", "a"), ("", "a"), ("a b", "a"), ("a", "b\r\nc: d")] {
            assert!(headers([(name.to_owned(), value.to_owned())].into(), None).is_err(), "{name:?}");
        }
    }
}
