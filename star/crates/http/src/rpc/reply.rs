//! The reply to an ask, in the form of its question.
//!
//! A reply that is JSON goes out in an answer that is JSON as it came: it is checked but not taken
//! apart, so that whole numbers stay whole and nothing is parsed only to be printed again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::Message;
use buffa_types::google::protobuf::Value;
use bytes::Bytes;
use connectrpc::{CodecFormat, ConnectError, Encodable};
use serde::Serialize;
use serde_json::value::RawValue;
use star_api::oneof::ask_response::Body;
use star_api::v1;
use star_wire::Reply;

use super::payload::Form;

/// What a plain success is called, in the manner of HTTP.
const SUCCESS: u32 = 200;

/// The answer to an ask.
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// The form of the question.
    pub(super) form: Form,
}

/// The answer in JSON, as the schema spells it: what is empty is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'r> {
    code: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'r str, &'r str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    content_type: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'r RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

impl Encodable<v1::AskResponse> for Answer {
    fn encode(&self, codec: CodecFormat) -> Result<Bytes, ConnectError> {
        match codec {
            CodecFormat::Json => serde_json::to_vec(&self.written())
                .map(Bytes::from)
                .map_err(|error| ConnectError::internal(format!("the reply cannot be written: {error}"))),
            _ => Ok(self.message().encode_to_vec().into()),
        }
    }
}

impl Answer {
    fn written(&self) -> Written<'_> {
        let reply = &self.reply;
        let json = self.may_be_json().then(|| serde_json::from_slice::<&RawValue>(&reply.body).ok()).flatten();
        // What calls itself JSON and is none goes out as the bytes that it is.
        let raw = (json.is_none() && self.has_body()).then(|| STANDARD.encode(&reply.body));
        let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Written { code: SUCCESS, headers, content_type: &reply.content_type, json, raw }
    }

    fn message(&self) -> v1::AskResponse {
        let reply = &self.reply;
        let json = self.may_be_json().then(|| serde_json::from_slice::<Value>(&reply.body).ok()).flatten();
        let raw = (json.is_none() && self.has_body()).then(|| Body::Raw(reply.body.clone()));
        v1::AskResponse {
            code: SUCCESS,
            headers: reply.headers.iter().cloned().collect(),
            content_type: reply.content_type.clone(),
            body: json.map(Body::from).or(raw),
            ..Default::default()
        }
    }

    fn may_be_json(&self) -> bool {
        let media_type = self.reply.content_type.split(';').next().unwrap_or_default().trim();
        let json = media_type.eq_ignore_ascii_case("application/json")
            || media_type.len() > 5 && media_type.as_bytes()[media_type.len() - 5..].eq_ignore_ascii_case(b"+json");
        self.form == Form::Json && json && self.has_body()
    }

    /// An empty reply to a question in JSON has no body at all; one in bytes has an empty one.
    fn has_body(&self) -> bool {
        self.form == Form::Raw || !self.reply.body.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &str, body: &str, form: Form) -> Answer {
        Answer { reply: Reply::new(content_type, body.to_owned()), form }
    }

    fn json(answer: &Answer) -> String {
        String::from_utf8(answer.encode(CodecFormat::Json).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_reply_in_json_goes_out_as_it_came() {
        let exact = r#"{"n":9007199254740993,"half":0.50}"#;
        let written = json(&answer("application/problem+json; charset=utf-8", exact, Form::Json));
        assert_eq!(
            written,
            format!(r#"{{"code":200,"contentType":"application/problem+json; charset=utf-8","json":{exact}}}"#)
        );
    }

    #[test]
    fn what_is_no_json_or_was_asked_for_in_bytes_goes_out_as_bytes() {
        for (content_type, form) in
            [("text/plain", Form::Json), ("application/json", Form::Raw), ("application/json", Form::Json)]
        {
            let answer = answer(content_type, "{oops", form);
            assert_eq!(json(&answer), format!(r#"{{"code":200,"contentType":"{content_type}","raw":"e29vcHM="}}"#));
            assert!(matches!(answer.message().body, Some(Body::Raw(_))));
        }
    }

    #[test]
    fn an_empty_reply_has_a_body_only_where_bytes_were_asked_for() {
        assert_eq!(json(&answer("", "", Form::Json)), r#"{"code":200}"#);
        assert_eq!(json(&answer("", "", Form::Raw)), r#"{"code":200,"raw":""}"#);
        assert!(answer("", "", Form::Json).message().body.is_none());
    }

    #[test]
    fn both_encodings_say_the_same() {
        for form in [Form::Json, Form::Raw] {
            let mut answer = answer("application/json", r#"{"name":"Ada","list":[true,null]}"#, form);
            answer.reply.headers.push(("x-a".into(), "b".into()));
            let read: v1::AskResponse = serde_json::from_str(&json(&answer)).unwrap();
            let bytes = answer.encode(CodecFormat::Proto).unwrap();
            assert_eq!(v1::AskResponse::decode_from_slice(&bytes).unwrap(), read);
        }
    }
}
