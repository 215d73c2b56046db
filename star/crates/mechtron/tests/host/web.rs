//! Web requests: of a mechtron, and of a component that knows nothing of Starlane.

use bytes::Bytes;
use futures::StreamExt;
use star_core::ports::content::ContentError;
use star_core::ports::mechtron::WebResponse;
use star_wire::ErrorCode;

use crate::fixture::{AMPLE, Fixture, body, get, request};

fn header<'a>(response: &'a WebResponse, name: &str) -> Option<&'a [u8]> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
}

async fn text(response: WebResponse) -> String {
    let (bytes, error) = body(response).await;
    assert!(error.is_none(), "{error:?}");
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_greeter_answers_with_a_page() {
    let fixture = Fixture::new();
    let greeter = fixture.mechtron("hello-greeter", AMPLE).await;
    let response = greeter.web(get("/hello/Ada%20L.")).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(header(&response, "content-type"), Some(&b"text/html; charset=utf-8"[..]));
    assert!(text(response).await.contains("<h1>Salut, Ada L.!</h1>"));
    assert_eq!(greeter.web(get("/hello/")).await.unwrap().status, 404);
}

#[tokio::test]
async fn method_path_headers_and_body_reach_the_mechtron() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let pieces = vec![Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de"))];
    let response = probe.web(request("POST", "/x/y?z=1", pieces)).await.unwrap();
    assert_eq!((response.status, header(&response, "x-probe")), (201, Some(&b"seen"[..])));
    assert_eq!(text(response).await, "POST /x/y 5");
    let context: serde_json::Value =
        serde_json::from_str(&text(probe.web(get("/context")).await.unwrap()).await).unwrap();
    assert_eq!((&context["sender"], &context["agent"]), (&"acme".into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn errors_of_a_mechtron_become_pages_that_tell_no_secrets() {
    let fixture = Fixture::new();
    let probe = fixture.mechtron("probe", AMPLE).await;
    let response = probe.web(get("/fail")).await.unwrap();
    assert_eq!(response.status, 400);
    assert_eq!(text(response).await, "that was asked for\n");
    let response = probe.web(get("/ask")).await.unwrap();
    assert_eq!(response.status, 500);
    assert!(!text(response).await.contains("acme:db"));
}

#[tokio::test]
async fn a_component_that_knows_nothing_of_starlane_is_served() {
    let fixture = Fixture::new();
    let service = fixture.mechtron("wasi-http", AMPLE).await;
    assert_eq!(text(service.web(get("/")).await.unwrap()).await, "Hello from plain WASI\n");
    assert_eq!(text(service.web(get("/headers")).await.unwrap()).await, "x-probe: seen\n");
    assert_eq!(service.web(get("/none")).await.unwrap().status, 404);
    let count = text(service.web(get("/count/20000")).await.unwrap()).await;
    assert_eq!(count.lines().count(), 20_000);
    assert_eq!(count.lines().last(), Some("20000"));
}

#[tokio::test]
async fn a_body_is_passed_on_while_it_still_comes() {
    let fixture = Fixture::new();
    let service = fixture.mechtron("wasi-http", AMPLE).await;
    let (send, pieces) = futures::channel::mpsc::channel::<Result<Bytes, ContentError>>(1);
    let mut request = request("POST", "/echo", Vec::new());
    request.body = Box::pin(pieces);
    let mut send = send;
    send.try_send(Ok(Bytes::from_static(b"first"))).unwrap();
    let mut response = service.web(request).await.unwrap();
    assert_eq!(response.body.next().await.unwrap().unwrap(), "first");
    send.try_send(Ok(Bytes::from_static(b"second"))).unwrap();
    assert_eq!(response.body.next().await.unwrap().unwrap(), "second");
    drop(send);
    assert!(response.body.next().await.is_none());
}

#[tokio::test]
async fn a_request_that_cannot_be_one_is_refused() {
    let fixture = Fixture::new();
    let service = fixture.mechtron("wasi-http", AMPLE).await;
    let error = service.web(request("GET", "no slash", Vec::new())).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}
