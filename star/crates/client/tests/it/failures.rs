//! Stars that are not there, do not answer, or are none.

use std::time::Duration;

use star_client::{Class, Client, ClientError, Endpoint, Outgoing, Token, UploadOptions, silent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::fake::{FakeStar, client};

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).status().await.unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(!error.may_have_happened());
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(error.to_string(), format!("no connection to {url}"));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("refused"), "{source}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unreachable() {
    let error = client("http://nowhere.invalid").status().await.unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_star_that_takes_too_long_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let star = client(&url).with_timeout(Duration::from_millis(50));
    let path = "localhost".parse().unwrap();
    let info = star.file_info(&path);
    let error = info.await.unwrap_err();
    assert!(matches!(&error, ClientError::TimedOut { .. }), "{error:?}");
    assert!(error.may_have_happened());
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 64];
        socket.read_exact(&mut head).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 90\r\n\r\n").await
    });
    let error = client(&url).status().await.unwrap_err();
    server.await.unwrap().unwrap();
    assert!(matches!(&error, ClientError::Lost { .. }), "{error:?}");
    assert!(error.may_have_happened());
}

/// Takes two connections: hangs up on the first without a word, answers the second.
async fn hang_up_then_answer(listener: TcpListener, read_first: usize, answer: &'static str) {
    let (mut first, _) = listener.accept().await.expect("the upload");
    let mut bytes = vec![0; read_first];
    first.read_exact(&mut bytes).await.expect("its beginning");
    drop(first);
    let (mut second, _) = listener.accept().await.expect("the question why");
    let mut head = [0; 64];
    second.read_exact(&mut head).await.expect("its head");
    second.write_all(answer.as_bytes()).await.expect("somebody listens");
    second.shutdown().await.expect("somebody listens");
    second.read_to_end(&mut Vec::new()).await.ok();
}

const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n\
    {\"code\":\"S0402\",\"message\":\"it exists\"}  ";

#[tokio::test]
async fn the_reason_of_a_refusal_that_was_lost_is_asked_for_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let star = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(hang_up_then_answer(listener, 20_000, CONFLICT));
    let source = Outgoing::new("-", tokio::io::repeat(1));
    let path = "a:b:/c".parse().unwrap();
    let error = star.upload(&path, source, &UploadOptions::default(), silent()).await.unwrap_err();
    assert_eq!(error.to_string(), "it exists (S0402)");
    server.await.unwrap();
}

#[tokio::test]
async fn a_conflict_that_may_be_the_upload_itself_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let star = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(hang_up_then_answer(listener, 150, CONFLICT));
    let source = Outgoing::new("-", &b"short"[..]).with_length(5);
    let path = "a:b:/c".parse().unwrap();
    let error = star.upload(&path, source, &UploadOptions::default(), silent()).await.unwrap_err();
    assert!(matches!(error, ClientError::Lost { .. }), "{error:?}");
    assert!(error.may_have_happened());
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_no_star_is_called_by_its_name() {
    let star = FakeStar::start().await;
    let error = client(&format!("{}/page", star.url)).status().await.unwrap_err();
    assert!(matches!(&error, ClientError::Protocol { .. }), "{error:?}");
    assert!(error.to_string().contains("is not that of a Star"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_needs_a_login() {
    let star = FakeStar::start().await;
    for token in [None, Some(Token::new("another"))] {
        let stranger = Client::new(Endpoint { url: star.url.clone(), token }).unwrap();
        let path = "a:b:/c".parse().unwrap();
        let error = stranger.remove_file(&path).await.unwrap_err();
        assert_eq!(error.class(), Class::LoginNeeded, "{error:?}");
    }
}

#[tokio::test]
async fn a_secure_star_is_reached_without_a_provider_chosen_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let made = Client::new(Endpoint { url, token: None });
    // A machine without any certificates says so instead.
    match made {
        Ok(star) => assert!(matches!(star.status().await, Err(ClientError::Unreachable { .. }))),
        Err(error) => assert!(matches!(error, ClientError::Endpoint(_)), "{error:?}"),
    }
}
