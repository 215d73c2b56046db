//! The bytes of resources under `/r/PATH`.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use bytes::Bytes;

use crate::door::{Answer, Star, bearer};

fn request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("authorization", bearer())
}

async fn send(star: &Star, request: Builder, body: impl Into<Body>) -> Answer {
    star.send(request.body(body.into()).expect("a request of a test")).await
}

async fn put(star: &Star, path: &str, body: &'static str) -> Answer {
    send(star, request("PUT", path), body).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("plain text"))
}

#[tokio::test]
async fn what_was_written_is_read_back_with_its_validators() {
    let star = Star::start().await;
    let written = put(&star, "/r/acme:web:/docs/a%20b.html", "<p>hello").await;
    assert_eq!(written.status, 201, "{}", written.text);
    let tag = header(&written, "etag").to_owned();
    assert!(tag.starts_with("\"sha256:"), "{tag}");

    let read = star.get("/r/acme%3Aweb:/docs/a%20b.html").await;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (200, "<p>hello"));
    assert_eq!(header(&read, "etag"), tag);
    assert_eq!(header(&read, "content-length"), "8");
    assert_eq!(header(&read, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&read, "accept-ranges"), "bytes");
    assert!(header(&read, "content-security-policy").contains("sandbox"));

    let unchanged = send(&star, request("GET", "/r/acme:web:/docs/a%20b.html").header("if-none-match", &tag), "").await;
    assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""));
    let head = send(&star, request("HEAD", "/r/acme:web:/docs/a%20b.html"), "").await;
    assert_eq!((head.status.as_u16(), head.text.as_str(), header(&head, "content-length")), (200, "", "8"));
    assert_eq!(put(&star, "/r/acme:web:/docs/a%20b.html", "other").await.status, 204);
}

#[tokio::test]
async fn a_part_is_sent_as_a_part() {
    let star = Star::start().await;
    put(&star, "/r/acme:web:/a.txt", "0123456789").await;
    for (range, status, text, content_range) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-", 206, "89", "bytes 8-9/10"),
        ("bytes=0-0,2-3", 200, "0123456789", ""),
    ] {
        let part = send(&star, request("GET", "/r/acme:web:/a.txt").header("range", range), "").await;
        assert_eq!((part.status.as_u16(), part.text.as_str()), (status, text), "{range}");
        assert_eq!(header(&part, "content-range"), content_range, "{range}");
        assert_eq!(header(&part, "content-length"), text.len().to_string(), "{range}");
    }
    let outside = send(&star, request("GET", "/r/acme:web:/a.txt").header("range", "bytes=10-"), "").await;
    assert_eq!((outside.status.as_u16(), header(&outside, "content-range")), (416, "bytes */10"));
    assert_eq!(outside.json()["code"], "S0111");
}

#[tokio::test]
async fn a_condition_that_does_not_hold_changes_nothing() {
    let star = Star::start().await;
    let first = put(&star, "/r/acme:web:/a", "one").await;
    let tag = header(&first, "etag").to_owned();
    let only_new = send(&star, request("PUT", "/r/acme:web:/a").header("if-none-match", "*"), "two").await;
    assert_eq!(only_new.status, 412, "{}", only_new.text);
    let other = format!("\"sha256:{}\"", "0".repeat(64));
    let stale = send(&star, request("PUT", "/r/acme:web:/a").header("if-match", &other), "two").await;
    assert_eq!(stale.status, 412);
    assert_eq!(send(&star, request("DELETE", "/r/acme:web:/a").header("if-match", &other), "").await.status, 412);
    assert_eq!(star.get("/r/acme:web:/a").await.text, "one");
    assert_eq!(send(&star, request("PUT", "/r/acme:web:/a").header("if-match", &tag), "two").await.status, 204);
    assert_eq!(star.get("/r/acme:web:/a").await.text, "two");
    assert_eq!(send(&star, request("DELETE", "/r/acme:web:/a"), "").await.status, 204);
    assert_eq!(star.get("/r/acme:web:/a").await.status, 404);
}

#[tokio::test]
async fn an_upload_that_is_cut_or_not_what_was_announced_changes_nothing() {
    let star = Star::start().await;
    put(&star, "/r/acme:web:/a", "before").await;
    let pieces = [Ok(Bytes::from_static(b"aft")), Err(std::io::Error::other("the connection broke"))];
    let cut = Body::from_stream(futures::stream::iter(pieces));
    let answer = send(&star, request("PUT", "/r/acme:web:/a").header("content-length", "5"), cut).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some("S0112")));
    let wrong = request("PUT", "/r/acme:web:/a")
        .header("repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    assert_eq!(send(&star, wrong, "after").await.json()["code"], "S0112");
    assert_eq!(star.get("/r/acme:web:/a").await.text, "before");
}

#[tokio::test]
async fn who_may_not_write_is_refused_before_a_byte_is_read() {
    let star = Star::start().await;
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let nobody = Request::put("/r/acme:web:/a").body(never).expect("a request of a test");
    assert_eq!(star.send(nobody).await.status, 401);
    let archive = [("bundle.yaml", "schema: 1\nname: site\n"), ("a", "a")];
    crate::bundles::publish(&star, "acme:site:1.0.0?tag=latest", crate::bundles::archive(&archive).await).await;
    for path in ["/r/acme:site:1.0.0:/a", "/r/acme:site:latest:/a", "/r/acme:site:(%5E1):/b"] {
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let in_bundle = send(&star, request("PUT", path), never).await;
        assert_eq!((in_bundle.status.as_u16(), in_bundle.json()["code"].as_str()), (409, Some("S0402")), "{path}");
    }
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let nowhere = send(&star, request("PUT", "/r/acme:nothing:/a"), never).await;
    assert_eq!((nowhere.status.as_u16(), nowhere.json()["code"].as_str()), (404, Some("S0301")));
}

#[tokio::test]
async fn directories_are_made_emptied_and_have_no_bytes() {
    let star = Star::start().await;
    assert_eq!(put(&star, "/r/acme:web:/docs/", "").await.status, 201);
    assert_eq!(put(&star, "/r/acme:web:/docs/", "bytes").await.status, 400);
    let read = star.get("/r/acme:web:/docs/").await;
    assert_eq!((read.status.as_u16(), read.json()["hint"].as_str()), (404, Some("star ls acme:web:/docs/")));
    put(&star, "/r/acme:web:/docs/a", "x").await;
    assert_eq!(send(&star, request("DELETE", "/r/acme:web:/docs/"), "").await.status, 409);
    assert_eq!(send(&star, request("DELETE", "/r/acme:web:/docs/?recursive=true"), "").await.status, 204);
    assert_eq!(star.get("/r/acme:web:/docs/a").await.status, 404);
    assert_eq!(star.get("/r/acme:web").await.status, 404);
    assert_eq!(star.get("/r/acme:web:/a%2Fb").await.json()["code"], "S0101");
}

#[tokio::test]
async fn a_put_that_names_a_source_copies_on_the_star() {
    let star = Star::start().await;
    let source =
        send(&star, request("PUT", "/r/acme:web:/gr%C3%BC%C3%9Fe").header("content-type", "text/x-a"), "hello");
    let tag = header(&source.await, "etag").to_owned();
    let copy = |to: &str| request("PUT", to).header("star-copy-source", "acme:web:/gr%C3%BC%C3%9Fe");
    let made = send(&star, copy("/r/acme:web:/b/c"), "").await;
    assert_eq!((made.status.as_u16(), header(&made, "etag")), (201, tag.as_str()), "{}", made.text);
    let read = star.get("/r/acme:web:/b/c").await;
    assert_eq!((read.text.as_str(), header(&read, "content-type")), ("hello", "text/x-a"));
    assert_eq!(send(&star, copy("/r/acme:web:/b/c"), "").await.status, 204);

    // Its digest is that of the source, and its conditions are about the target.
    let digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    assert_eq!(send(&star, copy("/r/acme:web:/d").header("repr-digest", digest), "").await.status, 201);
    let other = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let stale = send(&star, copy("/r/acme:web:/e").header("repr-digest", other), "").await;
    assert_eq!((stale.status.as_u16(), stale.json()["code"].as_str()), (412, Some("S0403")));
    assert_eq!(send(&star, copy("/r/acme:web:/d").header("if-none-match", "*"), "").await.status, 412);
    assert_eq!(send(&star, copy("/r/acme:web:/d").header("if-match", &tag), "").await.status, 204);

    let bytes = send(&star, copy("/r/acme:web:/f"), "bytes").await;
    assert_eq!((bytes.status.as_u16(), bytes.json()["code"].as_str()), (400, Some("S0110")));
    let missing = request("PUT", "/r/acme:web:/f").header("star-copy-source", "acme:web:/none");
    assert_eq!(send(&star, missing, "").await.status, 404);
    let nobody = Request::put("/r/acme:web:/f").header("star-copy-source", "acme:web:/d").body(Body::empty());
    assert_eq!(star.send(nobody.expect("a request of a test")).await.status, 401);
    assert_eq!(star.get("/r/acme:web:/f").await.status, 404);
}

#[tokio::test]
async fn methods_and_conditions_keep_to_the_standard() {
    let star = Star::start().await;
    let first = put(&star, "/r/acme:web:/a.css", "one").await;
    let tag = header(&first, "etag").to_owned();
    // 13.1.2: a PUT is refused if one of the tags is there, and done if none of them is.
    let weak = format!("\"other\", W/{tag}");
    assert_eq!(
        send(&star, request("PUT", "/r/acme:web:/a.css").header("if-none-match", &weak), "two").await.status,
        412
    );
    let unless = send(&star, request("PUT", "/r/acme:web:/a.css").header("if-none-match", "\"other\""), "two").await;
    assert_eq!(unless.status, 204, "{}", unless.text);
    let two = header(&unless, "etag").to_owned();
    assert_eq!(send(&star, request("PUT", "/r/acme:web:/b").header("if-none-match", &two), "x").await.status, 201);
    // 13.1.1: `*` is anything, and a weak tag is none.
    assert_eq!(send(&star, request("PUT", "/r/acme:web:/none").header("if-match", "*"), "x").await.status, 412);
    let weak = format!("W/{two}");
    assert_eq!(send(&star, request("PUT", "/r/acme:web:/a.css").header("if-match", &weak), "x").await.status, 412);
    // 9.3.2: HEAD says what GET says, without the bytes.
    let (get, head) =
        (star.get("/r/acme:web:/a.css").await, send(&star, request("HEAD", "/r/acme:web:/a.css"), "").await);
    for name in ["etag", "last-modified", "content-type", "content-length", "accept-ranges"] {
        assert!(!header(&get, name).is_empty() && header(&get, name) == header(&head, name), "{name}");
    }
    assert_eq!((get.text.as_str(), head.text.as_str()), ("two", ""));
    assert_eq!(send(&star, request("HEAD", "/r/acme:web:/none"), "").await.status, 404);
    // 14.2: a range of a HEAD is not looked at.
    let head = send(&star, request("HEAD", "/r/acme:web:/a.css").header("range", "bytes=0-0"), "").await;
    assert_eq!((head.status.as_u16(), header(&head, "content-length")), (200, "3"));
    // 8.3: the type that was guessed, the type that came along, and the type that was set.
    assert_eq!(header(&get, "content-type"), "text/css; charset=utf-8");
    send(&star, request("PUT", "/r/acme:web:/a.css").header("content-type", "text/x-css"), "two").await;
    assert_eq!(header(&star.get("/r/acme:web:/a.css").await, "content-type"), "text/x-css");
    star.call("Resources/Set", r#"{"path":"acme:web:/a.css","properties":{"content-type":"text/plain"}}"#).await;
    assert_eq!(header(&star.get("/r/acme:web:/a.css").await, "content-type"), "text/plain");
    let no_type = request("PUT", "/r/acme:web:/a.css").header("content-type", "nonsense");
    assert_eq!(send(&star, no_type, "x").await.status, 400);
    // 15.5.6: what is not allowed says what is.
    let post = send(&star, request("POST", "/r/acme:web:/a.css"), "x").await;
    assert_eq!(post.status, 405);
    assert!(header(&post, "allow").contains("PUT"), "{:?}", post.headers);
}
