//! Contents that lie in another form than their plain bytes, and who gets which.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;

use crate::door::{Answer, Star, bearer};

const PLAIN: &str = "the same again, the same again, the same again";
/// Stands for frames of zstd: no door looks into them.
const STORED: &str = "(3x the same again)";

/// A Star with a file that lies in two forms.
async fn star() -> Star {
    let star = Star::start().await;
    let put = Request::put("/r/acme:web:/a.txt").header("authorization", bearer());
    let written = star.send(put.body(Body::from(PLAIN)).expect("a request of a test")).await;
    assert_eq!(written.status, 201, "{}", written.text);
    let content = star.tree.tree.ports.content.stat(&digest_of(&written)).await.expect("a store").expect("a content");
    star.tree.content.lies_as(&content, STORED);
    star
}

fn digest_of(answer: &Answer) -> star_path::Digest {
    let tag = header(answer, "etag").trim_matches('"').to_owned();
    star_path::Digest::parse(&tag).expect("the tag of plain bytes is their digest")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("plain text"))
}

fn get(method: &str, headers: &[(&str, &str)]) -> Builder {
    let request = Request::builder().method(method).uri("/r/acme:web:/a.txt").header("authorization", bearer());
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn ask(star: &Star, method: &str, headers: &[(&str, &str)]) -> Answer {
    star.send(get(method, headers).body(Body::empty()).expect("a request of a test")).await
}

const ZSTD: (&str, &str) = ("accept-encoding", "gzip, br, zstd");

#[tokio::test]
async fn who_takes_zstd_gets_what_lies_there_and_others_the_plain_bytes() {
    let star = star().await;
    let plain = ask(&star, "GET", &[]).await;
    assert_eq!((plain.text.as_str(), header(&plain, "content-encoding")), (PLAIN, ""));
    let stored = ask(&star, "GET", &[ZSTD]).await;
    assert_eq!((stored.text.as_str(), header(&stored, "content-encoding")), (STORED, "zstd"));
    assert_eq!(header(&stored, "content-length"), STORED.len().to_string());
    assert_ne!(header(&stored, "etag"), header(&plain, "etag"));
    for answer in [&plain, &stored] {
        assert_eq!(header(answer, "vary"), "accept-encoding");
        assert_eq!(header(answer, "content-type"), "text/plain; charset=utf-8");
    }
    for refusing in ["zstd;q=0", "zstd;q=0.5, identity", "identity;q=0", "*;q=0", "br"] {
        let answer = ask(&star, "GET", &[("accept-encoding", refusing)]).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, PLAIN), "{refusing}");
    }
    for headers in [&[][..], &[ZSTD], &[ZSTD, ("range", "bytes=3-5")]] {
        let (get, head) = (ask(&star, "GET", headers).await, ask(&star, "HEAD", headers).await);
        for name in ["etag", "vary", "content-encoding", "content-type", "last-modified"] {
            assert_eq!(header(&get, name), header(&head, name), "{name}");
        }
        // A HEAD knows no ranges.
        let whole = if headers.contains(&ZSTD) { STORED.len() } else { PLAIN.len() };
        assert_eq!((head.text.as_str(), header(&head, "content-length")), ("", whole.to_string().as_str()));
    }
}

#[tokio::test]
async fn each_form_has_its_own_validators() {
    let star = star().await;
    let plain = header(&ask(&star, "GET", &[]).await, "etag").to_owned();
    let stored = header(&ask(&star, "GET", &[ZSTD]).await, "etag").to_owned();
    let both = format!("{plain}, {stored}");
    for (name, listed, of_plain, of_stored) in [
        ("if-none-match", &plain, 304, 200),
        ("if-none-match", &stored, 200, 304),
        ("if-none-match", &both, 304, 304),
        ("if-match", &plain, 200, 412),
        ("if-match", &stored, 412, 200),
        ("if-match", &both, 200, 200),
    ] {
        let answer = ask(&star, "GET", &[(name, listed)]).await;
        assert_eq!(answer.status, of_plain, "{name}: {listed}");
        let answer = ask(&star, "GET", &[ZSTD, (name, listed)]).await;
        assert_eq!(answer.status, of_stored, "{name}: {listed}");
        if answer.status == 304 {
            assert_eq!((header(&answer, "etag"), header(&answer, "vary")), (stored.as_str(), "accept-encoding"));
        }
    }
    // Whoever changes the file means the content, in whichever form he saw it.
    let (if_stored, other) = ([("if-match", stored.as_str())], format!("\"sha256:{};zstd-19\"", "0".repeat(64)));
    assert_eq!(ask(&star, "DELETE", &[("if-match", &other)]).await.status, 412);
    let put = get("PUT", &if_stored).body(Body::from("another")).expect("a request of a test");
    assert_eq!(star.send(put).await.status, 204);
    assert_eq!(ask(&star, "DELETE", &if_stored).await.status, 412, "it was written meanwhile");
}

#[tokio::test]
async fn a_range_is_one_of_the_form_that_is_sent() {
    let star = star().await;
    let plain = header(&ask(&star, "GET", &[]).await, "etag").to_owned();
    let stored = header(&ask(&star, "GET", &[ZSTD]).await, "etag").to_owned();
    let len = STORED.len();
    for (range, text, content_range) in [
        ("bytes=1-2", "3x", format!("bytes 1-2/{len}")),
        ("bytes=-6", "again)", format!("bytes {}-{}/{len}", len - 6, len - 1)),
        ("bytes=13-", "again)", format!("bytes 13-{}/{len}", len - 1)),
    ] {
        let part = ask(&star, "GET", &[ZSTD, ("range", range), ("if-range", &stored)]).await;
        assert_eq!((part.status.as_u16(), part.text.as_str()), (206, text), "{range}");
        assert_eq!(header(&part, "content-range"), content_range);
        assert_eq!((header(&part, "content-encoding"), header(&part, "etag")), ("zstd", stored.as_str()));
    }
    let other_form = ask(&star, "GET", &[ZSTD, ("range", "bytes=1-2"), ("if-range", &plain)]).await;
    assert_eq!((other_form.status.as_u16(), other_form.text.as_str()), (200, STORED));
    let behind = format!("bytes={len}-");
    let outside = ask(&star, "GET", &[ZSTD, ("range", &behind)]).await;
    assert_eq!((outside.status.as_u16(), header(&outside, "content-range")), (416, format!("bytes */{len}").as_str()));
    let inside = ask(&star, "GET", &[("range", &behind)]).await;
    assert_eq!((inside.status.as_u16(), inside.text.as_str()), (206, &PLAIN[len..]));
    let outside = ask(&star, "GET", &[("range", "bytes=1000-")]).await;
    let whole = format!("bytes */{}", PLAIN.len());
    assert_eq!((outside.status.as_u16(), header(&outside, "content-range")), (416, whole.as_str()));
}

#[tokio::test]
async fn sites_send_what_lies_there_too() {
    let star = star().await;
    let routes = "GET /{*p} -> ${self}:web:/{p};\n";
    let put = Request::put("/r/acme:web:/routes.conf").header("authorization", bearer());
    star.send(put.body(Body::from(routes)).expect("a request of a test")).await;
    crate::sites::set_routes(&star, "acme", "acme:web:/routes.conf").await.expect("the routes are set");
    let visit = async |headers: &[(&str, &str)]| {
        let request = Request::get("/a.txt").header("host", "acme:8080");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        star.visit(request.body(Body::empty()).expect("a request of a test")).await
    };
    let (plain, stored) = (visit(&[]).await, visit(&[ZSTD]).await);
    assert_eq!((plain.text.as_str(), header(&plain, "content-encoding")), (PLAIN, ""));
    assert_eq!((stored.text.as_str(), header(&stored, "content-encoding")), (STORED, "zstd"));
    assert_eq!((header(&plain, "vary"), header(&stored, "vary")), ("accept-encoding", "accept-encoding"));
    let outside = visit(&[ZSTD, ("range", "bytes=30-")]).await;
    let len = format!("bytes */{}", STORED.len());
    assert_eq!((outside.status.as_u16(), header(&outside, "content-range")), (416, len.as_str()));
    let tag = header(&stored, "etag").to_owned();
    assert_eq!(visit(&[ZSTD, ("if-none-match", &tag)]).await.status, 304);
    assert_eq!(visit(&[("if-none-match", &tag)]).await.status, 200);
}
