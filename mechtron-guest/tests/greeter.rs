//! A whole mechtron, as an author writes it, called through the mock host.

#[path = "greeter/source.rs"]
mod source;

use mechtron_guest::{MockHost, Reason};
use serde_json::json;
use source::Greeter;

#[test]
fn a_greeter_takes_at_most_twenty_lines() {
    let source = include_str!("greeter/source.rs").lines();
    let lines = source.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(lines <= 20, "{lines}");
}

#[test]
fn it_answers_messages_and_web_requests() {
    let host = MockHost::new().with_config("greeting", "Salut");
    let answer: String = host.ask(&Greeter, "greet", &json!({ "name": "Ada" })).unwrap();
    assert_eq!(answer, "Salut, Ada!");
    assert_eq!(host.get(&Greeter, "/hello/Ada").body(), b"Salut, Ada!");
}

#[test]
fn a_body_that_does_not_fit_is_invalid_and_another_method_is_not_found() {
    let host = MockHost::new();
    let error = host.ask::<String>(&Greeter, "greet", &json!({ "nam": "Ada" })).unwrap_err();
    assert_eq!(error.reason(), Reason::Invalid);
    assert!(error.message().contains("`greet`") && error.message().contains("missing field `name`"), "{error}");
    assert_eq!(host.ask::<String>(&Greeter, "page", &json!(null)).unwrap_err().reason(), Reason::NotFound);
}
