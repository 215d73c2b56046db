//! The event log over plain HTTP.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use star_core::kind::Kind;
use star_testkit::path;

use crate::door::{Star, bearer};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[tokio::test]
async fn the_log_is_read_in_parts_that_fit_together() {
    let star = Star::start().await;
    let whole = star.get("/events").await;
    assert_eq!(whole.headers["content-type"], "application/jsonl");
    let whole = lines(&whole.text);
    let mut parts = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let part = star.get(&format!("/events?since={cursor}&limit=1")).await;
        parts.extend(lines(&part.text));
        cursor = part.headers["star-cursor"].to_str().unwrap().to_owned();
        if part.text.is_empty() {
            break;
        }
    }
    assert_eq!(parts, whole);
    // A FileSystem and its root directory are made in one batch, so one cursor stands in the middle.
    assert!(whole.iter().any(|event| event["cursor"].as_str().unwrap().contains('.')), "{whole:?}");
}

#[tokio::test]
async fn a_selector_leaves_out_what_it_does_not_cover() {
    let star = Star::start().await;
    let events = lines(&star.get("/events?select=acme:web").await.text);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0]["type"].as_str(), events[0]["kind"].as_str()), (Some("created"), Some("FileSystem")));
}

#[tokio::test]
async fn who_waits_is_answered_by_the_first_event() {
    let star = Star::start().await;
    let head = star.get("/events").await.headers["star-cursor"].to_str().unwrap().to_owned();
    assert_eq!(star.get(&format!("/events?since={head}")).await.text, "");
    let url = format!("/events?since={head}&wait=15");
    let late = path("acme:late");
    let (waited, made) = tokio::join!(star.get(&url), star.tree.create(Kind::Base, &late));
    made.unwrap();
    assert_eq!(lines(&waited.text)[0]["path"], "acme:late");
}

#[tokio::test]
async fn who_follows_gets_what_happens_until_the_star_goes() {
    let star = Star::start().await;
    let request = Request::get("/events?since=0").header("accept", "text/event-stream");
    let response = star.open(request.header("authorization", bearer()).body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        let before = text.len();
        text.push_str(&String::from_utf8_lossy(&frame.unwrap().into_data().unwrap()));
        if before == 0 {
            star.tree.create(Kind::Base, &path("acme:late")).await.unwrap();
        }
        if text.contains("acme:late") {
            star.shutdown.cancel();
        }
    }
    let (opening, items) = text.split_once("\n\n").unwrap();
    assert_eq!(opening, "retry: 1000");
    assert!(items.starts_with("id: 1\ndata: {\"cursor\":\"1\","), "{text}");
    assert!(text.contains("acme:late"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_before_anything_is_sent() {
    let star = Star::start().await;
    for (url, code) in [("/events?since=x", "S0110"), ("/events?since=999999", "S0110"), ("/events?select=[", "S0101")]
    {
        let answer = star.get(url).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some(code)), "{url}");
    }
    let nobody = star.send(Request::get("/events").body(Body::empty()).unwrap()).await;
    assert_eq!((nobody.status.as_u16(), nobody.json()["code"].as_str()), (401, Some("S0201")));
}

#[tokio::test]
async fn nobody_reads_the_events_of_what_is_public() {
    let star = Star::start().await;
    star.call("Resources/Set", r#"{"path":"acme:web","properties":{"public":"read"}}"#).await;
    star.tree.create(Kind::Base, &path("acme:hidden")).await.unwrap();
    let request = |url: &str| Request::get(url).body(Body::empty()).unwrap();
    assert_eq!(star.send(request("/events?select=acme:**")).await.status, 401);
    let seen = star.send(request("/events?select=acme:web:**")).await;
    assert_eq!(seen.status, 200);
    assert!(lines(&seen.text).iter().all(|event| event["path"].as_str().unwrap().starts_with("acme:web")));
}
