//! Errors as clients get them: the same code, path, causes, hint and excerpt in every protocol, in
//! streams and over plain HTTP.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use star_api::oneof::ask_request::Body;
use star_api::v1::{self, ErrorDetail};

use crate::support::{Bundle, Call, Http, PROTOCOLS, Protocol, Star, guest, hello_site};

/// Calls that have a place at a mechtron that runs one at a time: that one, and those that wait.
const PLACES: usize = 9;

/// Calls that come at once, so that some have no place.
const CALLS_AT_ONCE: usize = 20;

/// Takes the times out of an error that says when to try again: they go on between two calls.
fn without_time(detail: &mut ErrorDetail) {
    if detail.retry_after_ms > 0 {
        detail.retry_after_ms = 1;
        detail.message.retain(|c| !c.is_ascii_digit() && c != '.');
    }
}

/// The error of a call, which must be the same in all protocols; answers it.
#[track_caller]
fn told_alike(star: &Star, call: &Call) -> ErrorDetail {
    let mut first: Option<(ErrorDetail, Option<String>)> = None;
    for protocol in PROTOCOLS {
        let told = call.make(star, protocol);
        let mut detail = told.detail.unwrap_or_else(|| panic!("{protocol:?}: {} without a detail", told.message));
        assert!(told.messages.is_empty() && told.code.is_some(), "{protocol:?}: {detail:?}");
        without_time(&mut detail);
        match &first {
            None => first = Some((detail, told.code)),
            Some(first) => assert_eq!(first, &(detail, told.code), "{protocol:?}"),
        }
    }
    first.expect("there are protocols").0
}

/// The error of a request to a door of plain HTTP.
#[track_caller]
fn told_plainly(request: Http) -> ErrorDetail {
    let answer = request.send();
    assert!(answer.status >= 400, "{answer}");
    let mut detail: ErrorDetail =
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(answer.header("star-error"), Some(detail.code.as_str()), "{answer}");
    assert_eq!(answer.header("retry-after").is_some(), detail.retry_after_ms > 0, "{answer}");
    without_time(&mut detail);
    detail
}

fn info(path: &str) -> Call {
    Call::new("Resources/Info", &v1::InfoRequest { path: path.into(), ..Default::default() })
}

fn ask(to: &str, method: &str, json: serde_json::Value) -> Call {
    let body = serde_json::from_value(json).expect("a value is a value");
    let (to, method, body) = (to.to_owned(), method.to_owned(), Some(Body::Json(body)));
    Call::new("Messages/Ask", &v1::AskRequest { to, method, body, ..Default::default() })
}

fn watch(selector: &str) -> Call {
    let request = v1::WatchRequest { selector: selector.into(), include_initial: true, ..Default::default() };
    Call::new("Watch/Watch", &request).streamed()
}

#[test]
fn errors_say_the_same_in_every_protocol_and_over_plain_http() {
    let star = Star::start();
    hello_site(&star);

    let malformed = told_alike(&star, &info("localhost::x"));
    assert_eq!((malformed.code.as_str(), malformed.outcome.as_str()), ("S0101", "rejected"));
    assert!(malformed.excerpt.contains('^'), "{malformed:?}");
    assert_eq!(told_plainly(star.api("GET", "/r/localhost::x")), malformed);

    let missing = told_alike(&star, &info("localhost:files:/nothing.md"));
    assert_eq!((missing.code.as_str(), missing.path.as_str()), ("S0301", "localhost:files:/nothing.md"));
    assert_eq!(told_plainly(star.api("GET", "/r/localhost:files:/nothing.md")), missing);

    let unknown = v1::CreateRequest { path: "localhost:x".into(), kind: "FileSytem".into(), ..Default::default() };
    let unknown = told_alike(&star, &Call::new("Resources/Create", &unknown));
    assert!(unknown.code == "S0102" && unknown.hint.contains("FileSystem"), "{unknown:?}");

    let invalid = told_alike(&star, &ask("localhost:app:greeter", "greet", json!({ "name": 7 })));
    assert_eq!((invalid.code.as_str(), invalid.path.as_str()), ("S0106", "localhost:app:greeter"));
    assert!(!invalid.causes.is_empty() || invalid.message.contains("name"), "{invalid:?}");

    let large = v1::AskRequest {
        to: "localhost:app:greeter".into(),
        method: "greet".into(),
        body: Some(Body::Raw(vec![b' '; 1024 * 1024 + 1].into())),
        ..Default::default()
    };
    // In JSON it is already too large for the body of a call, which is another limit.
    let mut large_details = [Protocol::ConnectProto, Protocol::Grpc, Protocol::GrpcWeb]
        .map(|protocol| Call::new("Messages/Ask", &large).make(&star, protocol).detail.expect("a detail"));
    assert_eq!((large_details[0].code.as_str(), &large_details[0]), ("S0501", &large_details[1]));
    large_details.reverse();
    assert_eq!(large_details[0], large_details[1]);
    for protocol in [Protocol::ConnectJson, Protocol::GrpcJson] {
        let told = Call::new("Messages/Ask", &large).make(&star, protocol);
        let detail = told.detail.expect("a detail");
        assert!(detail.code == "S0501" && !detail.hint.is_empty(), "{detail:?}");
    }

    star.run(&["lock", "localhost:files"]).ok();
    let set = v1::SetRequest {
        path: "localhost:files".into(),
        properties: [("title".into(), "x".into())].into(),
        ..Default::default()
    };
    let locked = told_alike(&star, &Call::new("Resources/Set", &set));
    assert_eq!((locked.code.as_str(), locked.path.as_str(), locked.retryable), ("S0408", "localhost:files", true));
    assert!(locked.retry_after_ms > 0 && !locked.hint.is_empty(), "{locked:?}");
    let file = told_plainly(star.api("PUT", "/r/localhost:files:/x.md").body("x"));
    assert_eq!((file.code.as_str(), &file.path, &file.hint), ("S0408", &locked.path, &locked.hint));
    assert_eq!(file.retry_after_ms, 1, "{file:?}");
}

#[test]
fn faults_of_a_mechtron_say_the_same_in_every_protocol() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let bind = "messages:\n  trap: {}\n  spin: {}\nlimits: { exec_ms: 200 }\n";
    Bundle::mechtron(&star, "bad", &guest("misbehaving"), bind);
    star.run(&["publish", "bad", "localhost:bad:1.0.0"]).ok();
    star.run(&["create", "App", "localhost:app", "--from", "localhost:bad:1.0.0:/app.yaml"]).ok();
    for (method, code) in [("trap", "S0701"), ("spin", "S0702")] {
        let fault = told_alike(&star, &ask("localhost:app:main", method, json!(null)));
        assert_eq!((fault.code.as_str(), fault.outcome.as_str()), (code, "unknown"), "{fault:?}");
        assert!(fault.path == "localhost:app:main" && !fault.hint.is_empty(), "{fault:?}");
    }
}

#[test]
fn a_mechtron_with_too_much_to_do_says_when_to_come_again_in_every_protocol() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let limits = "limits: { exec_ms: 10000, respond_ms: 30000, concurrent: 1 }\n";
    Bundle::mechtron(&star, "bad", &guest("misbehaving"), &format!("messages:\n  spin: {{}}\n{limits}"));
    star.run(&["publish", "bad", "localhost:bad:1.0.0"]).ok();
    star.run(&["create", "App", "localhost:app", "--from", "localhost:bad:1.0.0:/app.yaml"]).ok();
    let message = json!({ "to": "localhost:app:main", "method": "spin", "json": null, "timeoutMs": "30000" });
    let spin = star.api("POST", "/starlane.v1.Messages/Ask").header("content-type", "application/json");
    let spin = spin.body(message.to_string());
    // One runs, some wait, and the others are sent away; those that have a place end with the Star.
    let (send, sent_away) = mpsc::channel();
    for _ in 0..CALLS_AT_ONCE {
        let (spin, send) = (spin.clone(), send.clone());
        std::thread::spawn(move || spin.try_send().is_ok_and(|answer| send.send(answer.status).is_ok()));
    }
    for _ in PLACES..CALLS_AT_ONCE {
        assert_eq!(sent_away.recv_timeout(Duration::from_secs(60)), Ok(503));
    }
    let call = ask("localhost:app:main", "spin", json!(null));
    let busy = told_alike(&star, &call);
    assert_eq!((busy.code.as_str(), busy.path.as_str(), busy.retryable), ("S0502", "localhost:app:main", true));
    assert!(busy.retry_after_ms > 0 && !busy.hint.is_empty() && busy.outcome == "rejected", "{busy:?}");
}

#[test]
fn errors_of_streams_say_the_same_before_and_after_their_first_item() {
    let mut star = Star::start();
    let malformed = told_alike(&star, &watch("localhost:["));
    assert!(malformed.code == "S0101" && malformed.excerpt.contains('^'), "{malformed:?}");
    assert_eq!(told_plainly(star.api("GET", "/events?selector=localhost:%5B")), malformed);
    for protocol in PROTOCOLS {
        let told = watch("star").make_and(&star, protocol, || star.tell_to_end());
        assert!(!told.messages.is_empty(), "{protocol:?}: what is there comes first");
        let detail = told.detail.unwrap_or_else(|| panic!("{protocol:?}: {} without a detail", told.message));
        assert_eq!((detail.code.as_str(), told.code.as_deref()), ("S0602", Some("unavailable")), "{protocol:?}");
        assert_eq!((detail.outcome.as_str(), detail.retryable), ("rejected", true), "{protocol:?}");
        star.end();
        star.restart();
    }
}

#[test]
fn what_no_handler_gets_to_see_is_refused_in_our_words_in_every_protocol() {
    let star = Star::start();
    let garbled = told_alike_but_for_words(&star, "Resources/Info", b"{\"path\":");
    assert!(garbled.iter().all(|detail| detail.code == "S0110" && !detail.hint.is_empty()), "{garbled:?}");
    let unknown = told_alike_but_for_words(&star, "Resources/Nothing", b"");
    assert!(unknown.iter().all(|detail| detail.code == "S0107"), "{unknown:?}");
    let unknown = told_alike_but_for_words(&star, "Nothing/Info", b"");
    assert!(unknown.iter().all(|detail| detail.code == "S0107"), "{unknown:?}");
    for protocol in PROTOCOLS {
        let told = Call::of_bytes("Watch/Watch", b"\xff\xff{").streamed().make(&star, protocol);
        assert_eq!(told.detail.map(|detail| detail.code).as_deref(), Some("S0110"), "{protocol:?}");
    }
    let post = |content_type: &str| {
        star.api("POST", "/starlane.v1.Resources/Info").header("content-type", content_type).body("{}").send()
    };
    post("text/plain").is(415).problem("S0115");
    post("application/xml").is(415).problem("S0115");
    let framed = post("application/grpc-web+thrift").is(200).text();
    assert!(framed.contains("grpc-status: 12"), "{framed}");
    star.api("DELETE", "/starlane.v1.Resources/Info").send().is(405).problem("S0107").with("allow", "GET, POST");
    star.api("POST", "/starlane.v1.Resources/Info").header("content-type", "application/json").body("{").send().is(400);
    // Nothing but the head says what is wrong where there is no body.
    star.api("HEAD", "/r/localhost:nothing").send().is(404).with("star-error", "S0301");
}

/// The details of the same bytes in every protocol, whose messages come from different decoders.
#[track_caller]
fn told_alike_but_for_words(star: &Star, method: &str, bytes: &[u8]) -> Vec<ErrorDetail> {
    let tell = |protocol: Protocol| {
        let told = Call::of_bytes(method, bytes).make(star, protocol);
        let detail = told.detail.unwrap_or_else(|| panic!("{protocol:?}: {} without a detail", told.message));
        assert!(!detail.message.is_empty() && detail.outcome == "rejected", "{protocol:?}: {detail:?}");
        detail
    };
    PROTOCOLS.map(tell).to_vec()
}
