//! What a mechtron may call: everything is offered, nothing is granted without the outbox.

use bytes::Bytes;
use serde_json::json;
use star_wire::ErrorCode;

use crate::fixture::{AMPLE, Fixture, ada, ask, envelope, path};

#[tokio::test]
async fn asks_tells_properties_and_files_go_through_the_outbox() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let echo = ask(&probe, "ask", &json!({ "to": "acme:echo", "method": "say", "input": [1, "two"] })).await.unwrap();
    assert_eq!(echo, json!([1, "two"]));
    ask(&probe, "tell", &json!({ "to": "acme:echo", "method": "note", "input": 7 })).await.unwrap();
    let told = fixture.world.told.lock().unwrap().clone();
    assert_eq!((told[0].method.as_str(), told[0].body.as_ref()), ("note", &b"7"[..]));

    let title = |value: Option<&str>| json!({ "at": "acme:files:x", "key": "title", "value": value });
    ask(&probe, "set_property", &title(Some("T"))).await.unwrap();
    assert_eq!(ask(&probe, "property", &title(None)).await.unwrap(), json!("T"));
    ask(&probe, "set_property", &title(None)).await.unwrap();
    assert_eq!(ask(&probe, "property", &title(None)).await.unwrap(), json!(null));

    let file = |more: serde_json::Value| {
        let mut call = json!({ "at": "acme:files:/x", "text": "abcdef" });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    ask(&probe, "write", &file(json!({}))).await.unwrap();
    assert_eq!(ask(&probe, "read", &file(json!({}))).await.unwrap(), json!("abcdef"));
    assert_eq!(ask(&probe, "read", &file(json!({ "offset": 2, "length": 3 }))).await.unwrap(), json!("cde"));
}

#[tokio::test]
async fn every_call_without_a_grant_is_refused_with_the_line_to_add() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    for (method, body) in [
        ("ask", json!({ "to": "acme:secret", "method": "m" })),
        ("tell", json!({ "to": "acme:secret", "method": "m" })),
        ("property", json!({ "at": "acme:secret", "key": "k" })),
        ("set_property", json!({ "at": "acme:secret", "key": "k", "value": "v" })),
        ("read", json!({ "at": "acme:secret" })),
        ("write", json!({ "at": "acme:secret" })),
    ] {
        let error = ask(&probe, method, &body).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CallNotGranted, "{method}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("acme:secret")), "{method}: {error:?}");
    }
}

#[tokio::test]
async fn what_another_resource_answers_reaches_the_caller_as_a_cause() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let error = ask(&probe, "read", &json!({ "at": "acme:files:/none" })).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MechtronRejected);
    assert!(error.causes()[0].contains("acme:files:/none (S0301)"), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_too_large_to_be_read_at_once_is_read_in_pieces() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let most = 8 * 1024 * 1024;
    fixture.world.files.lock().unwrap().insert("acme:files:/fits".into(), Bytes::from(vec![0; most]));
    fixture.world.files.lock().unwrap().insert("acme:files:/large".into(), Bytes::from(vec![b'x'; most + 1]));
    assert_eq!(ask(&probe, "read_length", &json!({ "at": "acme:files:/fits" })).await.unwrap(), json!(most));
    let error = ask(&probe, "read_length", &json!({ "at": "acme:files:/large" })).await.unwrap_err();
    assert!(error.hint_text().is_some_and(|hint| hint.contains("pieces")), "{error:?}");
    let piece = ask(&probe, "read", &json!({ "at": "acme:files:/large", "offset": most, "length": 10 })).await.unwrap();
    assert_eq!(piece, json!("x"));
}

#[tokio::test]
async fn a_call_carries_on_the_hops_the_deadline_and_the_chain_of_its_cause() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let mut envelope = envelope("tell", &json!({ "to": "acme:echo", "method": "m" }));
    envelope.hops = 3;
    envelope.chain = [path("acme:first")].into();
    probe.message(ada(), &envelope).await.unwrap();
    let cause = fixture.world.causes.lock().unwrap()[0].clone();
    assert_eq!(cause.hops, 3);
    assert_eq!(cause.chain.iter().map(ToString::to_string).collect::<Vec<_>>(), ["acme:first"]);
    assert!(cause.deadline <= tokio::time::Instant::now() + AMPLE.respond);
    assert_eq!(*cause.request_id, envelope.id.to_string());
}

#[tokio::test]
async fn a_program_of_the_standard_library_finds_nothing_of_the_machine() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let seen = ask(&probe, "std", &json!(null)).await.unwrap();
    assert_eq!((&seen["vars"], &seen["args"]), (&json!("0"), &json!("0")));
    assert!(seen["file"].as_str().unwrap().starts_with("Err("), "{seen}");
    assert_eq!(seen["seeds"], json!("true"));
    assert!(seen["year"].as_str().unwrap().parse::<u32>().unwrap() >= 2024, "{seen}");
}
