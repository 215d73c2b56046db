//! Changes whose answers are lost: sent again under the same key, until somebody answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use star_client::{ApiVersion, Below, Class, ClientError, Message, v1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::fake::client;

const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\nconnection: close\r\n\
    content-length: 40\r\n\r\n{\"code\":\"S0402\",\"message\":\"it exists\"}  ";

/// The head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// The value of a header.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What a Star of this release, and what one of the first release, answers to who asks who it is.
const THIS_RELEASE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\nstar-api-version: 1.1\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";
const FIRST_RELEASE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The next request, when those who ask who this is were answered.
async fn next_request(listener: &TcpListener, who: &str) -> (TcpStream, String) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        if !head.contains("Stars/WhoAmI") {
            return (stream, head);
        }
        stream.write_all(who.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

/// Hangs up on so many requests without a word and refuses the next; answers all of their heads.
async fn losing(count: usize) -> (String, JoinHandle<Vec<String>>) {
    losing_as(THIS_RELEASE, count).await
}

async fn losing_as(who: &'static str, count: usize) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        for _ in 0..count {
            heads.push(next_request(&listener, who).await.1);
        }
        let (mut stream, head) = next_request(&listener, who).await;
        heads.push(head);
        stream.write_all(CONFLICT.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
        heads
    });
    (url, server)
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_sent_again_under_its_key_until_it_is_answered() {
    let (url, server) = losing(2).await;
    let error = client(&url).delete(&"a:b".parse().unwrap(), Below::Refuse).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error:?}");
    let heads = server.await.unwrap();
    let keys: Vec<&str> = heads.iter().filter_map(|head| header(head, "idempotency-key")).collect();
    assert_eq!((keys.len(), keys[0], keys[0]), (3, keys[1], keys[2]));
    let keep: u64 = header(&heads[0], "idempotency-keep").unwrap().parse().unwrap();
    assert!((60..600).contains(&keep), "as long as the call may take: {keep}");
}

#[tokio::test]
async fn a_key_of_the_caller_is_kept_for_as_long_as_any_and_a_refusal_is_not_asked_for_twice() {
    let (url, server) = losing(0).await;
    let request = v1::SetRequest { path: "a".into(), ..Default::default() };
    let error = client(&url).with_idempotency_key("job-1").set(request).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error:?}");
    let heads = server.await.unwrap();
    assert_eq!(header(&heads[0], "idempotency-key"), Some("job-1"));
    assert_eq!(header(&heads[0], "idempotency-keep"), None);
}

#[tokio::test]
async fn what_is_lost_to_the_end_of_its_time_may_have_happened() {
    let (url, server) = losing(1_000).await;
    let star = client(&url).with_timeout(Duration::from_millis(500));
    let error = star.remove_file(&"a:b:/c".parse().unwrap()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Lost { .. }), "{error:?}");
    assert!(error.may_have_happened());
    server.abort();
}

#[tokio::test]
async fn a_message_is_sent_again_only_if_it_has_a_key() {
    let (url, server) = losing(1).await;
    let message = Message::new("a:b".parse().unwrap(), "greet");
    let error = client(&url).ask(message.clone()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Lost { .. }), "{error:?}");
    let error = client(&url).ask(Message { idempotency_key: Some("k1".into()), ..message }).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error:?}");
    let heads = server.await.unwrap();
    assert_eq!((heads.len(), header(&heads[0], "idempotency-key")), (2, None));
}

#[tokio::test]
async fn a_change_is_not_sent_again_to_a_star_that_would_do_it_twice() {
    let (url, server) = losing_as(FIRST_RELEASE, 1).await;
    let error = client(&url).delete(&"a:b".parse().unwrap(), Below::Refuse).await.unwrap_err();
    assert!(matches!(&error, ClientError::Lost { .. }), "{error:?}");
    assert!(!server.is_finished(), "a second request would have ended it");
    server.abort();
}

#[tokio::test]
async fn a_fencing_token_is_not_sent_to_a_star_that_would_pass_over_it() {
    let (url, server) = losing_as(FIRST_RELEASE, 0).await;
    let star = client(&url).with_fence("17");
    let error = star.delete(&"a:b".parse().unwrap(), Below::Refuse).await.unwrap_err();
    let ClientError::Version { spoken, oldest, .. } = &error else { panic!("{error:?}") };
    assert_eq!((spoken.as_str(), oldest.to_string().as_str()), ("1.0", "1.1"));
    assert!(error.to_string().ends_with("update the Star") && !error.may_have_happened(), "{error}");
    assert!(!server.is_finished(), "the change would have ended it");
    server.abort();
}

#[tokio::test]
async fn an_answer_in_a_version_that_is_not_known_names_it_and_the_remedy() {
    const NEXT_MAJOR: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\nstar-api-version: 2.0\r\n\
        connection: close\r\ncontent-length: 0\r\n\r\n";
    let (url, server) = losing_as(NEXT_MAJOR, 0).await;
    let error = client(&url).who_am_i().await.unwrap_err();
    let ClientError::Version { spoken, .. } = &error else { panic!("{error:?}") };
    assert_eq!((spoken.as_str(), error.class()), ("2.0", Class::Invalid));
    assert!(error.to_string().ends_with("update this client") && error.may_have_happened(), "{error}");
    server.abort();
}

#[tokio::test]
async fn every_request_names_the_newest_version_that_the_client_knows() {
    let (url, server) = losing(0).await;
    let star = client(&url);
    assert_eq!(star.spoken(), None);
    star.delete(&"a:b".parse().unwrap(), Below::Refuse).await.unwrap_err();
    let heads = server.await.unwrap();
    assert_eq!(header(&heads[0], "star-api-version"), Some(ApiVersion::NEWEST.to_string().as_str()));
}
