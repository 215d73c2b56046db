//! Many readers of one log, as they come: 1,000 of them with the same filter.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use futures::future::join_all;
use http_body_util::BodyExt;
use star_core::kind::Kind;
use star_testkit::path;

use crate::door::{Star, bearer};

const READERS: usize = 1_000;
const EVENTS: usize = 100;

/// Reads so many items of a body, and gives their cursors.
async fn cursors(mut body: Body, count: usize) -> Vec<u64> {
    let mut text = String::new();
    while text.lines().count() < count || !text.ends_with('\n') {
        let frame = body.frame().await.expect("the log has no end").expect("it is whole");
        text.push_str(std::str::from_utf8(frame.data_ref().expect("events")).expect("JSON"));
    }
    let cursor = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["cursor"].as_str()?.parse().ok();
    text.lines().map(|line| cursor(line).expect("every item is an event")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figure, for whoever measures")]
async fn a_thousand_readers_share_one_reading_of_the_log_and_a_slow_one_holds_up_nobody() {
    let star = Star::start().await;
    let since = star.tree.tree.log.head();
    let open = |_| async {
        let request = Request::get(format!("/events?follow=true&since={since}&select=acme:**"));
        star.open(request.header("authorization", bearer()).body(Body::empty()).unwrap()).await.into_body()
    };
    let asleep: Body = open(READERS).await;
    let bodies: Vec<Body> = join_all((0..READERS).map(open)).await;
    let reads_before = star.tree.meta.event_reads();
    let reading: Vec<_> = bodies.into_iter().map(|body| tokio::spawn(cursors(body, EVENTS))).collect();
    let begun = Instant::now();
    for number in 0..EVENTS {
        star.tree.create(Kind::Base, &path(&format!("acme:n{number}"))).await.unwrap();
    }
    let written = begun.elapsed();
    let expected: Vec<u64> = (since + 1..=since + EVENTS as u64).collect();
    for told in tokio::time::timeout(Duration::from_secs(120), join_all(reading)).await.unwrap() {
        assert_eq!(told.unwrap(), expected);
    }
    let took = begun.elapsed();
    let per_second = (READERS * EVENTS) as f64 / took.as_secs_f64();
    println!("{READERS} readers, {EVENTS} events: written in {written:?}, told in {took:?}, {per_second:.0} a second");
    // Each change is read once, whoever watches it; a few more where a reader was faster.
    let reads = star.tree.meta.event_reads() - reads_before;
    assert!(reads <= 4 * EVENTS as u64, "the log was read {reads} times for {EVENTS} events");
    assert_eq!(cursors(asleep, EVENTS).await, expected);
}
