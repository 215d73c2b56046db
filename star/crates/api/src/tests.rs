//! What callers rely on in the generated code: the JSON that people type and read.

use buffa::Message as _;

use crate::oneof::{ask_request, ask_response, watch_response};
use crate::v1;

#[test]
fn an_ask_typed_by_hand_carries_its_json_body() {
    let typed = r#"{"to":"localhost:app:greeter","method":"greet","json":{"name":"Ada","n":3}}"#;
    let ask: v1::AskRequest = serde_json::from_str(typed).unwrap();
    let Some(ask_request::Body::Json(body)) = &ask.body else { panic!("{:?}", ask.body) };
    let body = serde_json::to_value(body).unwrap();
    assert_eq!(body["name"], "Ada");
    let again = v1::AskRequest::decode_from_slice(&ask.encode_to_vec()).unwrap();
    assert_eq!(again, ask);
}

#[test]
fn a_json_null_is_a_body_and_not_its_absence() {
    let ask: v1::AskRequest = serde_json::from_str(r#"{"to":"a","json":null}"#).unwrap();
    assert!(matches!(ask.body, Some(ask_request::Body::Json(_))), "{:?}", ask.body);
}

#[test]
fn an_empty_raw_body_is_told_from_no_body() {
    let reply = v1::AskResponse { body: Some(ask_response::Body::Raw(Default::default())), ..Default::default() };
    let again = v1::AskResponse::decode_from_slice(&reply.encode_to_vec()).unwrap();
    assert_eq!(again, reply);
}

#[test]
fn an_event_reads_as_one_line_in_the_order_of_its_keys() {
    let event = v1::Event {
        cursor: "17".into(),
        shard: 5,
        revision: 9,
        r#type: "status".into(),
        path: "localhost:files".into(),
        kind: "FileSystem".into(),
        detail: [("state".into(), "Ready".into()), ("a".into(), "b".into())].into(),
        ..Default::default()
    };
    let line = serde_json::to_string(&event).unwrap();
    assert_eq!(
        line,
        r#"{"cursor":"17","shard":5,"revision":"9","type":"status","path":"localhost:files","kind":"FileSystem","detail":{"a":"b","state":"Ready"}}"#
    );
    assert_eq!(serde_json::from_str::<v1::Event>(&line).unwrap(), event);
}

#[test]
fn an_item_of_a_watch_names_what_it_is() {
    let gap = v1::Gap { from: "3".into(), to: "9".into(), ..Default::default() };
    let item = v1::WatchResponse { item: Some(watch_response::Item::from(gap)), ..Default::default() };
    assert_eq!(serde_json::to_string(&item).unwrap(), r#"{"gap":{"from":"3","to":"9"}}"#);
}

#[test]
fn the_plain_error_body_and_the_error_detail_are_one_text() {
    let plain = r#"{"code":"S0301","message":"no such resource","causes":[],"path":"a:b","hint":"star ls a","retryable":false,"excerpt":""}"#;
    let detail: v1::ErrorDetail = serde_json::from_str(plain).unwrap();
    assert_eq!(detail.code, "S0301");
    assert_eq!(detail.hint, "star ls a");
    assert_eq!(crate::ERROR_DETAIL, "starlane.v1.ErrorDetail");
}

#[test]
fn a_precondition_of_zero_is_not_the_absence_of_one() {
    let set: v1::SetRequest = serde_json::from_str(r#"{"path":"a","ifRevision":"0"}"#).unwrap();
    assert_eq!(set.if_revision, Some(0));
    let set: v1::SetRequest = serde_json::from_str(r#"{"path":"a"}"#).unwrap();
    assert_eq!(set.if_revision, None);
}
