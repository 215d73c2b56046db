//! The services as a stranger to our client speaks to them: JSON over POST, typed by hand.

use serde_json::{Value, json};

use crate::support::{Star, hello_site};

#[test]
fn a_call_can_be_typed_by_hand() {
    let star = Star::start();
    hello_site(&star);
    star.write("header", format!("authorization: Bearer {}\n", star.key()));
    let curl = |method: &str, input: &str| {
        let line = format!(
            "curl -sS -H @header -H 'content-type: application/json' {}/starlane.v1.{method} -d '{input}'",
            star.api_url()
        );
        star.type_in(&line).finish().ok().json()
    };
    let answer = curl("Messages/Ask", r#"{"to":"localhost:app:greeter","method":"greet","json":{"name":"Ada"}}"#);
    assert_eq!(answer["json"]["greeting"], "Hello, Ada!", "{answer}");
    let info = curl("Resources/Info", r#"{"path":"localhost:hello"}"#);
    assert_eq!(info["resource"]["kind"], "ArtifactBundleSeries", "{info}");
    assert_eq!(info["resource"]["tags"]["latest"], "1.0.0", "{info}");
    let kinds = curl("Resources/Kinds", "{}");
    assert!(kinds["kinds"].as_array().is_some_and(|kinds| kinds.len() == 12), "{kinds}");
    let me = curl("Stars/WhoAmI", "{}");
    assert_eq!(me["method"], "key", "{me}");
    let status = curl("Stars/Status", "{}");
    assert_eq!(status["pid"], star.pid(), "{status}");
}

#[test]
fn an_error_of_a_call_carries_all_that_the_command_line_shows() {
    let star = Star::start();
    let refused = star.call("Resources/Create", &json!({ "path": "nowhere:x", "kind": "FileSytem" })).is(400).json();
    assert_eq!(refused["code"], "invalid_argument", "{refused}");
    let detail = &refused["details"][0];
    assert_eq!(detail["type"], "starlane.v1.ErrorDetail", "{refused}");
    assert!(detail["value"].is_string(), "{refused}");
    let detail = &detail["debug"];
    assert_eq!(detail["code"], "S0102", "{refused}");
    assert!(detail["hint"].as_str().is_some_and(|hint| hint.contains("FileSystem")), "{refused}");
    assert_eq!(detail["outcome"], "rejected", "{refused}");

    let malformed = star.call("Resources/Info", &json!({ "path": "local host" })).is(400).json();
    let excerpt = malformed["details"][0]["debug"]["excerpt"].as_str().unwrap_or_default().to_owned();
    assert!(excerpt.contains('^'), "{malformed}");
    star.call("Resources/Info", &json!({ "path": "nowhere" })).is(404);
    star.call("Resources/Create", &json!({ "path": "star", "kind": "Space" })).is(409);
}

#[test]
fn what_is_no_call_is_refused_within_its_limits() {
    let star = Star::start();
    let post = |target: &str, media_type: &str, body: &[u8]| {
        star.api("POST", target).header("content-type", media_type).body(body).send()
    };
    let info = "/starlane.v1.Resources/Info";
    post(info, "application/json", b"{\"path\":").is(400);
    post(info, "application/json", b"{\"path\":7}").is(400);
    let unknown = post("/starlane.v1.Resources/Nothing", "application/json", b"{}");
    assert!(matches!(unknown.status, 404 | 501), "{unknown}");
    let unknown = post("/starlane.v1.Nothing/Info", "application/json", b"{}");
    assert!(matches!(unknown.status, 404 | 501), "{unknown}");
    post(info, "text/plain", b"hello").is(415);
    let deep = "[".repeat(100_000);
    let refused = post(info, "application/json", deep.as_bytes());
    assert!((400..500).contains(&refused.status), "{refused}");
    let long = format!("{{\"path\":\"{}\"}}", "a".repeat(2_000_000));
    let refused = post(info, "application/json", long.as_bytes());
    assert!((400..500).contains(&refused.status), "{}", refused.status);
    let built_in = star.call("Messages/Ask", &json!({ "to": "star", "method": "star.delete" }));
    assert_ne!(built_in.status, 200, "{built_in}");
    star.stranger("GET", "/livez").send().is(200);
}

#[test]
fn a_list_comes_in_pages_and_a_set_can_be_conditional() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    for number in 0..7 {
        star.call("Resources/Create", &json!({ "path": format!("localhost:b{number}"), "kind": "Base" })).is(200);
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let ask = json!({ "selector": "localhost:**<Base>", "pageSize": 3, "cursor": cursor });
        let page = star.call("Resources/List", &ask).is(200).json();
        let empty = Vec::new();
        seen.extend(page["resources"].as_array().unwrap_or(&empty).iter().map(|resource| resource["path"].to_string()));
        match page["nextCursor"].as_str().filter(|next| !next.is_empty()) {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<String> = (0..7).map(|number| format!("\"localhost:b{number}\"")).collect();
    assert_eq!(seen, expected);

    let info = star.call("Resources/Info", &json!({ "path": "localhost:b0" })).is(200).json();
    let revision = info["resource"]["revision"].clone();
    let set = |title: &str| {
        let change = json!({ "path": "localhost:b0", "properties": { "title": title }, "ifRevision": revision });
        star.call("Resources/Set", &change)
    };
    set("first").is(200);
    let late = set("second");
    assert_eq!(late.json()["details"][0]["debug"]["code"], "S0403", "{late}");
    let title = star.call("Resources/Get", &json!({ "path": "localhost:b0", "key": "title" })).is(200).json();
    assert_eq!(title["value"], Value::from("first"));
}

#[test]
fn requests_have_an_identity() {
    let star = Star::start();
    star.stranger("GET", "/livez").header("x-request-id", "abc-1").send().is(200).with("x-request-id", "abc-1");
    let made = star.stranger("GET", "/livez").header("x-request-id", "a b; forged").send();
    assert!(made.header("x-request-id").is_some_and(|id| id.len() > 8 && !id.contains(' ')), "{made}");
    let refused = star.stranger("GET", "/r/localhost:files:/a").send().is(401);
    let id = refused.header("x-request-id").expect("an identity").to_owned();
    assert_eq!(refused.json()["request_id"], id);
}
