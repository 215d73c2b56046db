//! The services, as somebody who types JSON sees them.

use axum::body::Body;
use axum::http::Request;
use http_body::Body as _;
use http_body_util::BodyExt;
use serde_json::json;
use star_core::kind::Kind;
use star_testkit::path;

use crate::door::{Star, bearer};

#[tokio::test]
async fn a_resource_is_made_read_changed_and_removed() {
    let star = Star::start().await;
    let create = r#"{"path":"acme:docs","kind":"FileSystem","properties":{"title":"Docs","labels.team":"red"}}"#;
    let made = star.call("Resources/Create", create).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json()["created"], true);
    assert_eq!(made.json()["resource"]["owner"], "star:users:admin");

    let info = star.call("Resources/Info", r#"{"path":"acme"}"#).await.json();
    assert_eq!(info["resource"]["children"], json!({ "FileSystem": "2" }));

    let got = star.call("Resources/Get", r#"{"path":"acme:docs","key":"labels.team"}"#).await.json();
    assert_eq!(got["value"], "red");
    let revision = got["revision"].as_str().unwrap().to_owned();

    let set = format!(
        r#"{{"path":"acme:docs","properties":{{"title":"New"}},"removals":["labels.team"],"ifRevision":"{revision}"}}"#
    );
    let changed = star.call("Resources/Set", &set).await;
    assert_eq!(changed.json()["resource"]["properties"]["title"], "New", "{}", changed.text);
    let stale = star.call("Resources/Set", &set).await;
    assert_eq!((stale.status.as_u16(), stale.json()["details"][0]["debug"]["code"].clone()), (400, json!("S0403")));

    let gone = star.call("Resources/Delete", r#"{"path":"acme:docs","recursive":true}"#).await;
    assert_eq!(gone.json()["deleted"], "2", "the root directory counts: {}", gone.text);
    assert_eq!(star.call("Resources/Info", r#"{"path":"acme:docs"}"#).await.status, 404);
}

#[tokio::test]
async fn ensuring_leaves_a_resource_and_applying_brings_its_properties_in_line() {
    let star = Star::start().await;
    let make = |strategy: &str| {
        format!(
            r#"{{"path":"acme:web","kind":"FileSystem","strategy":"{strategy}","properties":{{"title":"One"}},"labels":{{"env":"prod"}}}}"#
        )
    };
    let found = star.call("Resources/Create", &make("STRATEGY_ENSURE")).await.json();
    assert!(found.get("created").is_none() && found.get("changed").is_none(), "{found}");
    assert!(found["resource"].get("properties").is_none(), "{found}");
    let applied = star.call("Resources/Create", &make("STRATEGY_APPLY")).await.json();
    assert!(applied.get("created").is_none() && applied["changed"] == true, "{applied}");
    assert_eq!(
        (&applied["resource"]["properties"]["title"], &applied["resource"]["labels"]["env"]),
        (&json!("One"), &json!("prod"))
    );
    let again = star.call("Resources/Create", &make("STRATEGY_APPLY")).await.json();
    assert!(again.get("changed").is_none(), "{again}");
    let duplicate = star.call("Resources/Create", r#"{"path":"acme:web","kind":"FileSystem"}"#).await;
    assert_eq!((duplicate.status.as_u16(), duplicate.json()["code"].clone()), (409, json!("already_exists")));
}

#[tokio::test]
async fn a_list_by_label_goes_over_pages_and_takes_no_foreign_cursor() {
    let star = Star::start().await;
    for (name, env) in [("a", "prod"), ("b", "test"), ("c", "prod"), ("d", "prod")] {
        let create = format!(r#"{{"path":"acme:{name}","kind":"Base","labels":{{"env":"{env}"}}}}"#);
        star.call("Resources/Create", &create).await;
    }
    let (mut paths, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = format!(r#"{{"selector":"acme:**[labels.env=prod]","pageSize":1,"cursor":"{cursor}"}}"#);
        let page = star.call("Resources/List", &list).await.json();
        let resources = page["resources"].as_array().cloned().unwrap_or_default();
        paths.extend(resources.iter().filter_map(|resource| resource["path"].as_str().map(str::to_owned)));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paths, ["acme:a", "acme:c", "acme:d"]);
    for (selector, cursor) in [("acme:**", cursor.as_str()), ("acme:**[labels.env=prod]", "acme:c")] {
        let refused = star.call("Resources/List", &format!(r#"{{"selector":"{selector}","cursor":"{cursor}"}}"#)).await;
        assert_eq!(refused.json()["details"][0]["debug"]["code"], "S0110", "{}", refused.text);
    }
}

#[tokio::test]
async fn a_percent_sign_becomes_a_number_that_the_answer_says() {
    let star = Star::start().await;
    for path in ["acme:job-1", "acme:job-2"] {
        let made = star.call("Resources/Create", r#"{"path":"acme:job-%","kind":"Base"}"#).await;
        assert_eq!(made.json()["resource"]["path"], path, "{}", made.text);
    }
    let ensured = r#"{"path":"acme:job-%","kind":"Base","strategy":"STRATEGY_ENSURE"}"#;
    let refused = star.call("Resources/Create", ensured).await;
    assert_eq!(refused.json()["details"][0]["debug"]["code"], "S0110", "{}", refused.text);
}

#[tokio::test]
async fn bad_input_is_answered_with_the_remedy() {
    let star = Star::start().await;
    for (method, body, code) in [
        ("Resources/Create", r#"{"path":"acme:x","kind":"FileSytem"}"#, "S0102"),
        ("Resources/Create", r#"{"path":"nobody:x","kind":"Base"}"#, "S0302"),
        ("Resources/Create", r#"{"path":"acme:web:x","kind":"Base"}"#, "S0405"),
        ("Resources/Info", r#"{"path":"acme::"}"#, "S0101"),
        ("Resources/Get", r#"{"path":"acme","key":"title"}"#, "S0304"),
        ("Resources/List", r#"{"selector":"acme:["}"#, "S0101"),
        ("Resources/Tag", r#"{"series":"acme:site","tag":"latest","version":"newest"}"#, "S0110"),
        ("Messages/Ask", r#"{"to":"acme","method":"star.delete"}"#, "S0107"),
        ("Messages/Ask", r#"{"to":"acme:web","method":"greet"}"#, "S0107"),
    ] {
        let answer = star.call(method, body).await;
        let detail = &answer.json()["details"][0]["debug"];
        assert_eq!(detail["code"], code, "{method} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_in_the_order_of_paths() {
    let star = Star::start().await;
    for name in ["a", "b", "c"] {
        star.tree.create(Kind::Base, &path(&format!("acme:{name}"))).await.unwrap();
    }
    let first = star.call("Resources/List", r#"{"selector":"acme:*","pageSize":3}"#).await.json();
    let next = first["nextCursor"].as_str().unwrap().to_owned();
    let rest = star.call("Resources/List", &format!(r#"{{"selector":"acme:*","cursor":"{next}"}}"#)).await.json();
    let paths: Vec<&str> = [&first, &rest]
        .iter()
        .flat_map(|page| page["resources"].as_array().unwrap())
        .map(|resource| resource["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["acme:a", "acme:b", "acme:c", "acme:web"]);
}

#[tokio::test]
async fn nobody_sees_what_is_not_public_and_a_wrong_key_is_not_nobody() {
    let star = Star::start().await;
    let info = r#"{"path":"acme:web"}"#;
    let refused = star.call_as_nobody("Resources/Info", info).await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].clone()), (401, json!("unauthenticated")));
    assert!(refused.headers.contains_key("www-authenticate"));
    let empty = star.call_as_nobody("Resources/List", r#"{"selector":"acme:**"}"#).await;
    assert_eq!(empty.status, 401, "an empty list would say that there is nothing: {}", empty.text);

    star.call("Resources/Set", r#"{"path":"acme:web","properties":{"public":"read"}}"#).await;
    assert_eq!(star.call_as_nobody("Resources/Info", info).await.status, 200);
    let listed = star.call_as_nobody("Resources/List", r#"{"selector":"acme:**"}"#).await.json();
    assert_eq!(listed["resources"][0]["path"], "acme:web");

    let request = Request::post("/starlane.v1.Resources/Info").header("content-type", "application/json");
    let wrong = request.header("authorization", "Bearer wrong").body(Body::from(info)).unwrap();
    assert_eq!(star.send(wrong).await.status, 401);
}

#[tokio::test]
async fn a_message_reaches_its_resource_and_its_reply_comes_back_as_json() {
    let star = Star::start().await;
    star.tree.create(Kind::Broadcast, &path("acme:news")).await.unwrap();
    let ask = r#"{"to":"acme:news","method":"broadcast","json":{"n":3}}"#;
    let answer = star.call("Messages/Ask", ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.json()["json"]["position"].is_number(), "{}", answer.text);

    let told = star.call("Messages/Tell", ask).await;
    assert_eq!(told.json()["messageId"].as_str().unwrap().len(), 32);
    let said = star.get("/events?since=0&select=acme:news").await.text;
    assert!(said.contains(r#""body":"{\"n\":3}""#), "{said}");
}

#[tokio::test]
async fn a_plain_answer_knows_its_length_and_does_not_go_out_in_chunks() {
    let star = Star::start().await;
    let request = Request::post("/starlane.v1.Stars/WhoAmI").header("content-type", "application/json");
    let response = star.open(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(response.body().size_hint().exact(), Some(r#"{"method":"anonymous"}"#.len() as u64));
}

#[tokio::test]
async fn a_body_of_json_that_is_too_long_is_refused() {
    let star = Star::start().await;
    let long = "x".repeat(star_http::limits::CALL_JSON_BYTES);
    let answer = star.call("Messages/Ask", &format!(r#"{{"to":"acme","method":"m","json":"{long}"}}"#)).await;
    assert_eq!(answer.json()["code"], "resource_exhausted", "{}", answer.text);
}

#[tokio::test]
async fn the_table_of_kinds_and_the_caller_are_told_to_everyone() {
    let star = Star::start().await;
    let kinds = star.call_as_nobody("Resources/Kinds", "{}").await.json();
    assert!(kinds["kinds"].as_array().unwrap().iter().any(|kind| kind["name"] == "Mechtron"));
    let nobody = star.call_as_nobody("Stars/WhoAmI", "{}").await.json();
    assert_eq!(nobody, json!({ "method": "anonymous" }));
    let admin = star.call("Stars/WhoAmI", "{}").await.json();
    assert_eq!(admin, json!({ "agent": "star:users:admin", "method": "key" }));
}

#[tokio::test]
async fn the_status_counts_spaces_and_is_for_those_who_may_see_the_star() {
    let star = Star::start().await;
    let status = star.call("Stars/Status", "{}").await.json();
    assert_eq!((status["name"].as_str(), status["spaces"].as_str()), (Some("test"), Some("1")), "{status}");
    assert_eq!(star.call_as_nobody("Stars/Status", "{}").await.status, 401);
}

#[tokio::test]
async fn a_watch_begins_with_what_is_there_and_ends_with_an_error_when_the_star_goes() {
    let star = Star::start().await;
    let message = br#"{"selector":"acme:**","includeInitial":true}"#;
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    let request = Request::post("/starlane.v1.Watch/Watch").header("content-type", "application/connect+json");
    let response = star.open(request.header("authorization", bearer()).body(Body::from(framed)).unwrap()).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let mut text = String::new();
    let mut stages = vec!["end of the stream", "acme:late", "\"progress\"", "acme:web"];
    while let Some(frame) = body.frame().await {
        text.push_str(&String::from_utf8_lossy(&frame.unwrap().into_data().unwrap()));
        while stages.last().is_some_and(|stage| text.contains(stage)) {
            match stages.pop() {
                Some("\"progress\"") => drop(star.tree.create(Kind::Base, &path("acme:late")).await.unwrap()),
                Some("acme:late") => star.shutdown.cancel(),
                _ => {}
            }
        }
    }
    assert_eq!(stages, ["end of the stream"], "{text}");
    assert!(text.contains("unavailable"), "{text}");
}

#[tokio::test]
async fn what_lies_below_a_path_is_counted() {
    let star = Star::start().await;
    for (at, bytes) in [("/r/acme:web:/docs/a", "one"), ("/r/acme:web:/docs/b", "one"), ("/r/acme:web:/c", "four")] {
        let put = Request::put(at).header("authorization", bearer()).body(Body::from(bytes));
        assert_eq!(star.send(put.expect("a request of a test")).await.status, 201);
    }
    let counted = star.call("Resources/Usage", r#"{"path":"acme:web","depth":1}"#).await.json();
    let whole = &counted["usage"];
    assert_eq!(
        (&whole["path"], &whole["files"], &whole["directories"]),
        (&"acme:web".into(), &"3".into(), &"1".into())
    );
    assert_eq!((&whole["bytes"], &counted["distinctBytes"]), (&"10".into(), &"7".into()));
    assert_eq!((&counted["parts"][0]["path"], &counted["parts"][0]["bytes"]), (&"acme:web:/docs/".into(), &"6".into()));
    assert_eq!(star.call_as_nobody("Resources/Usage", r#"{"path":"acme:web"}"#).await.status, 401);
    assert_eq!(star.call("Resources/Usage", r#"{"path":"acme:none"}"#).await.status, 404);
}
