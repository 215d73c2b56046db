//! Changes whose answers are lost: sent again under the same key, until somebody answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use star_client::{Below, Class, ClientError, Message, v1};
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

/// Hangs up on so many requests without a word and refuses the next; answers all of their heads.
async fn losing(count: usize) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().await.unwrap();
            heads.push(head(&mut stream).await);
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        heads.push(head(&mut stream).await);
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
