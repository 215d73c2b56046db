//! Messages in, replies out.

use serde_json::json;
use star_core::ports::mechtron::Roles;
use star_wire::{Deadline, ErrorCode};

use crate::fixture::{AMPLE, Fixture, LONG, ada, ask, envelope};

#[tokio::test]
async fn the_greeter_greets_in_the_words_of_its_configuration() {
    let fixture = Fixture::new();
    let greeter = fixture.mechtron("hello-greeter", AMPLE).await;
    assert_eq!(greeter.roles(), Roles { messages: true, web: true });
    let answer = ask(&greeter, "greet", &json!({ "name": "Ada" })).await.unwrap();
    assert_eq!(answer, json!({ "greeting": "Salut, Ada!" }));
}

#[tokio::test]
async fn a_body_that_does_not_fit_and_a_method_that_is_not_there_are_told_apart() {
    let fixture = Fixture::new();
    let greeter = fixture.mechtron("hello-greeter", AMPLE).await;
    let error = ask(&greeter, "greet", &json!({ "nam": "Ada" })).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidMessage);
    assert!(error.message().contains("missing field `name`"), "{error}");
    let error = ask(&greeter, "praise", &json!(null)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedMethod);
    assert_eq!(error.path().map(ToString::to_string).as_deref(), Some("acme:app:main"));
}

#[tokio::test]
async fn a_message_to_a_component_that_only_serves_the_web_is_refused() {
    let fixture = Fixture::new();
    let service = fixture.mechtron("wasi-http", AMPLE).await;
    assert_eq!(service.roles(), Roles { messages: false, web: true });
    let error = service.message(ada(), &envelope("greet", &json!(null))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedMethod);
}

#[tokio::test]
async fn the_context_of_a_message_is_what_its_envelope_says() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let context = ask(&probe, "context", &json!(null)).await.unwrap();
    let expected = json!({
        "me": "acme:app:main", "sender": "acme:other", "agent": "acme:users:ada",
        "in_time": true, "config": { "greeting": "Salut" },
    });
    assert_eq!(context, expected);
}

#[tokio::test]
async fn a_message_that_comes_too_late_is_not_begun() {
    let fixture = Fixture::new();
    let greeter = fixture.mechtron("hello-greeter", AMPLE).await;
    let late = envelope("greet", &json!({ "name": "Ada" })).with_deadline(Deadline::at(std::time::Instant::now()));
    assert_eq!(greeter.message(ada(), &late).await.unwrap_err().code(), ErrorCode::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_run_beside_each_other_and_share_nothing() {
    let fixture = Fixture::new();
    let greeter = fixture.mechtron("hello-greeter", AMPLE).await;
    let calls = (0..200).map(|number| {
        let greeter = greeter.clone();
        tokio::spawn(async move {
            let answer = ask(&greeter, "greet", &json!({ "name": number.to_string() })).await;
            (number, answer)
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut answered = 0;
    for call in calls {
        let (number, answer) = tokio::time::timeout(LONG, call).await.unwrap().unwrap();
        match answer {
            Ok(answer) => {
                assert_eq!(answer, json!({ "greeting": format!("Salut, {number}!") }));
                answered += 1;
            }
            // 16 may run and 128 may wait.
            Err(error) => assert_eq!(error.code(), ErrorCode::Busy),
        }
    }
    assert!(answered >= 144, "{answered}");
}
