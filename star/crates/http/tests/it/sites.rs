//! The web router, as visitors see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use bytes::Bytes;
use semver::Version;
use star_core::command::{Set, Tag};
use star_core::event::EventType;
use star_core::kind::Kind;
use star_core::ports::content::{ByteStream, ContentError, ContentRef};
use star_core::ports::mechtron::{
    CodeSource, HostStatus, LoadedMechtron, MechtronHost, MechtronSpec, Roles, WebRequest, WebResponse,
};
use star_core::watch::{Filter, WatchItem, Watcher};
use star_path::PropertyKey;
use star_testkit::path;
use star_wire::{Agent, Envelope, ErrorCode, Reply, StarError};

use crate::bundles::{archive, publish};
use crate::door::{Answer, Star};

const BUNDLE: (&str, &str) = ("bundle.yaml", "schema: 1\nname: site\n");

fn at(uri: &str) -> Builder {
    Request::get(uri).header("host", "acme:8080")
}

async fn visit(star: &Star, request: Builder) -> Answer {
    star.visit(request.body(Body::empty()).expect("a request of a test")).await
}

async fn page(star: &Star, uri: &str) -> Answer {
    visit(star, at(uri)).await
}

pub(crate) async fn set_routes(star: &Star, space: &str, routes: &str) -> Result<(), StarError> {
    let key = PropertyKey::parse("routes").expect("a key");
    let set = Set { properties: [(key, routes.to_owned())].into(), ..Set::default() };
    star.tree.send(&path(space), &set).await.map(drop)
}

async fn tag(star: &Star, version: &str) {
    let tag =
        Tag { tag: "latest".into(), version: Some(Version::parse(version).expect("a version")), if_version: None };
    star.tree.send(&path("acme:site"), &tag).await.expect("the tag moves");
}

/// A Star whose Space `acme` serves version 1.0.0 of `acme:site`.
async fn with_site(routes: &str) -> Star {
    let star = Star::start().await;
    let files = [
        BUNDLE,
        ("index.html", "<p>one"),
        ("docs/index.html", "<p>docs"),
        ("docs/a b.txt", "plain"),
        ("routes.conf", routes),
    ];
    let answer = publish(&star, "acme:site:1.0.0?tag=latest", archive(&files).await).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    set_routes(&star, "acme", "acme:site:latest:/routes.conf").await.expect("the routes are right");
    star
}

const ROUTES: &str = "\
GET /                -> ${bundle}:/index.html cache=60s header.X-Site=acme;
GET /docs/{*p}       -> ${bundle}:/docs/{p} index=index.html;
GET /d               -> ${bundle}:/docs index=index.html;
GET /app/{*p}        -> ${bundle}:/none/{p} spa=index.html;
GET|PUT /files/{*p}  -> ${self}:web:/{p};
GET /old/{*p}        -> redirect 308 /docs/{p};
GET /gone            -> status 410;
GET /empty           -> status 204;
";

#[tokio::test]
async fn files_are_served_with_what_browsers_need() {
    let star = with_site(ROUTES).await;
    let front = page(&star, "/?x=1").await;
    assert_eq!((front.status.as_u16(), front.text.as_str()), (200, "<p>one"), "{}", front.text);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "6"),
        ("cache-control", "public, max-age=60"),
        ("x-site", "acme"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(front.headers[name], value, "{name}");
    }
    let tag = front.headers["etag"].to_str().expect("plain text").to_owned();
    let known = visit(&star, at("/").header("if-none-match", tag)).await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    assert_eq!(known.headers["cache-control"], "public, max-age=60");
    let part = visit(&star, at("/docs/a%20b.txt").header("range", "bytes=1-2")).await;
    assert_eq!((part.status.as_u16(), part.text.as_str()), (206, "la"));
    let outside = visit(&star, at("/docs/a%20b.txt").header("range", "bytes=9-")).await;
    assert_eq!((outside.status.as_u16(), outside.headers["content-range"].as_bytes()), (416, &b"bytes */5"[..]));
    assert_eq!(page(&star, "/docs/").await.text, "<p>docs");
    assert_eq!(page(&star, "/docs/a%20b.txt").await.headers["cache-control"], "no-cache");
    assert_eq!(page(&star, "/app/any/where").await.text, "<p>one");
    assert_eq!(page(&star, "/docs/none").await.status, 404);
    let directory = page(&star, "/d?q=1").await;
    assert_eq!((directory.status.as_u16(), directory.headers["location"].as_bytes()), (307, &b"/d/?q=1"[..]));
}

#[tokio::test]
async fn rules_answer_by_themselves() {
    let star = with_site(ROUTES).await;
    let moved = page(&star, "/old/a%20b").await;
    assert_eq!((moved.status.as_u16(), moved.headers["location"].as_bytes()), (308, &b"/docs/a%20b"[..]));
    assert_eq!(page(&star, "/gone").await.status, 410);
    assert_eq!(page(&star, "/empty").await.text, "");
    let nothing = page(&star, "/nothing").await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.text.contains("S0301") && nothing.headers["content-type"] == "text/html; charset=utf-8");
    let json = visit(&star, at("/nothing").header("accept", "application/json")).await;
    assert_eq!(json.json()["code"], "S0301");
    let post = visit(&star, Request::post("/").header("host", "acme")).await;
    assert_eq!((post.status.as_u16(), post.headers["allow"].as_bytes()), (405, &b"GET, HEAD, OPTIONS"[..]));
    let options = visit(&star, Request::options("/").header("host", "acme")).await;
    assert_eq!((options.status.as_u16(), options.headers["allow"].as_bytes()), (204, &b"GET, HEAD, OPTIONS"[..]));
    let written = visit(&star, Request::put("/files/x").header("host", "acme")).await;
    assert_eq!(written.status, 405, "the web port writes nothing");
    assert_eq!(page(&star, "/docs/%2e%2e/index.html").await.status, 400);
    assert_eq!(page(&star, "/docs/%2findex.html").await.status, 404);
}

#[tokio::test]
async fn a_tag_that_moved_is_seen_by_the_next_request() {
    let star = with_site(ROUTES).await;
    for step in 1..=20u32 {
        let text = format!("<p>{step}");
        let files = [BUNDLE, ("index.html", text.as_str()), ("routes.conf", ROUTES)];
        publish(&star, &format!("acme:site:1.{step}.0"), archive(&files).await).await;
        tag(&star, &format!("1.{step}.0")).await;
        assert_eq!(page(&star, "/").await.text, text);
    }
    let other = [BUNDLE, ("routes.conf", "GET / -> status 404;\nGET /b -> status 204;\n")];
    publish(&star, "acme:site:2.0.0", archive(&other).await).await;
    tag(&star, "2.0.0").await;
    assert_eq!((page(&star, "/b").await.status.as_u16(), page(&star, "/").await.status.as_u16()), (204, 404));
    set_routes(&star, "acme", "acme:site:1.0.0:/routes.conf").await.expect("the routes are right");
    assert_eq!(page(&star, "/").await.text, "<p>one");
}

#[tokio::test]
async fn routes_that_cannot_be_read_leave_the_former_ones_in_force() {
    let star = with_site(ROUTES).await;
    assert_eq!(page(&star, "/").await.text, "<p>one");
    let broken = [BUNDLE, ("index.html", "<p>two"), ("routes.conf", "GET / -> \"\n")];
    let published = publish(&star, "acme:site:2.0.0", archive(&broken).await).await;
    assert!(!published.json()["warnings"].as_array().expect("a list").is_empty(), "{}", published.text);
    let mut watcher = Watcher::from_now(&star.tree.tree.log, Filter::everything());
    tag(&star, "2.0.0").await;
    let rejected = async {
        loop {
            if let WatchItem::Event(_, happened) = watcher.next().await.expect("the log is there")
                && happened.event.what == EventType::RoutesRejected
            {
                return happened.event.clone();
            }
        }
    };
    let event = tokio::time::timeout(Duration::from_secs(20), rejected).await.expect("the event comes by itself");
    assert_eq!((event.path.as_str(), event.detail["routes"].as_str()), ("acme", "acme:site:latest:/routes.conf"));
    for _ in 0..3 {
        // The rules are the former ones; what they lead to follows the tag.
        assert_eq!(page(&star, "/").await.text, "<p>two");
    }
    let more = watcher.drain().await.expect("the log is there");
    assert!(more.is_empty(), "told once for one content: {more:?}");
    let mended = [BUNDLE, ("index.html", "<p>three"), ("routes.conf", "GET / -> ${bundle}:/index.html;\n")];
    publish(&star, "acme:site:3.0.0", archive(&mended).await).await;
    tag(&star, "3.0.0").await;
    assert_eq!((page(&star, "/").await.text.as_str(), page(&star, "/gone").await.status.as_u16()), ("<p>three", 404));
}

#[tokio::test]
async fn the_page_shows_the_step_that_comes_next() {
    let star = Star::start().await;
    let next = async || {
        let request = Request::get("/").header("host", "localhost:8080").header("accept", "application/json");
        visit(&star, request).await.json()["hint"].as_str().expect("a command").to_owned()
    };
    assert_eq!(next().await, "star create Space localhost");
    star.tree.create(Kind::Space, &path("localhost")).await.expect("the Space is made");
    assert_eq!(next().await, "star create FileSystem localhost:files");
    star.tree.create(Kind::FileSystem, &path("localhost:files")).await.expect("the FileSystem is made");
    assert_eq!(next().await, "star cp README.md localhost:files:/readme.md");
    let put = Request::put("/r/localhost:files:/readme.md").header("authorization", crate::door::bearer());
    assert_eq!(star.send(put.body(Body::from("# hi")).expect("a request")).await.status, 201);
    assert_eq!(next().await, "star publish bundles/hello localhost:hello:1.0.0 --tag latest");
    let files = [BUNDLE, ("index.html", "<p>hello"), ("routes.conf", "GET / -> ${bundle}:/index.html;\n")];
    publish(&star, "localhost:hello:1.0.0?tag=latest", archive(&files).await).await;
    assert_eq!(next().await, "star set localhost#routes=localhost:hello:latest:/routes.conf");
    set_routes(&star, "localhost", "localhost:hello:latest:/routes.conf").await.expect("the routes are right");
    let front = visit(&star, Request::get("/").header("host", "127.0.0.1:8080")).await;
    assert_eq!((front.status.as_u16(), front.text.as_str()), (200, "<p>hello"));
}

#[tokio::test]
async fn what_is_wrong_with_a_site_is_shown_with_the_remedy() {
    let star = Star::start().await;
    let stranger = visit(&star, Request::get("/").header("host", "[2001:db8::1]")).await;
    assert_eq!(stranger.status, 404);
    assert_eq!(visit(&star, Request::get("/")).await.status, 400);
    star.tree.create(Kind::Space, &path("localhost")).await.expect("the Space is made");
    let files = [BUNDLE, ("routes.conf", "GET / -> status 204;\n")];
    publish(&star, "localhost:hello:1.0.0?tag=latest", archive(&files).await).await;
    set_routes(&star, "localhost", "localhost:hello:latest:/routes.conf").await.expect("the routes are right");
    let bare = [BUNDLE];
    publish(&star, "localhost:hello:2.0.0?tag=latest", archive(&bare).await).await;
    let missing = visit(&star, Request::get("/").header("host", "localhost")).await;
    assert_eq!(missing.status, 503, "{}", missing.text);
    assert!(missing.text.contains("star publish FOLDER localhost:hello:VERSION --tag latest"), "{}", missing.text);
}

/// A host whose mechtrons answer by the last segment of the path that they see.
struct Fake;

struct FakeMechtron;

#[async_trait]
impl MechtronHost for Fake {
    async fn load(
        &self,
        _: &ContentRef,
        _: &dyn CodeSource,
        _: MechtronSpec,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        Ok(Arc::new(FakeMechtron))
    }

    fn status(&self) -> HostStatus {
        HostStatus::default()
    }
}

fn stream(pieces: Vec<Result<Bytes, ContentError>>) -> ByteStream {
    Box::pin(futures::stream::iter(pieces))
}

#[async_trait]
impl LoadedMechtron for FakeMechtron {
    fn roles(&self) -> Roles {
        Roles { messages: false, web: true }
    }

    async fn message(&self, _: &Agent, _: &Envelope) -> Result<Option<Reply>, StarError> {
        Ok(None)
    }

    async fn web(&self, mut request: WebRequest) -> Result<WebResponse, StarError> {
        use futures::StreamExt;
        let text = |text: &str| stream(vec![Ok(Bytes::copy_from_slice(text.as_bytes()))]);
        let plain = |status: u16, body| WebResponse { status, headers: Vec::new(), body };
        let header = |name: &str, value: &str| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        match request.path_and_query.split(['/', '?']).rfind(|part| !part.is_empty()).unwrap_or_default() {
            "trap" => Err(StarError::new(ErrorCode::MechtronTrapped, "a secret of the inside")),
            "slow" => Err(StarError::new(ErrorCode::MechtronTimeout, "too slow")),
            "short" => Ok(WebResponse { headers: vec![header("content-length", "9")], ..plain(200, text("short")) }),
            "hostile" => Ok(WebResponse {
                headers: vec![
                    header("set-cookie", "a=b; Domain=example.com"),
                    header("transfer-encoding", "chunked"),
                    header("x-own", "1"),
                ],
                ..plain(200, text("hostile"))
            }),
            "switch" => Ok(plain(101, text(""))),
            "body" => {
                let mut bytes = 0;
                while let Some(piece) = request.body.next().await {
                    let failed = |_| StarError::new(ErrorCode::MechtronTrapped, "the body broke");
                    bytes += piece.map_err(failed)?.len();
                }
                Ok(plain(200, text(&bytes.to_string())))
            }
            _ => {
                let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
                let told = format!("{} {} {} {names:?}", request.method, request.authority, request.path_and_query);
                Ok(plain(200, text(&told)))
            }
        }
    }
}

async fn with_code() -> Star {
    let star = Star::with_mechtrons(Arc::new(Fake)).await;
    let files = [
        BUNDLE,
        ("app.yaml", "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n"),
        (
            "mechtron.yaml",
            "schema: 1\nname: greeter\nwasm: \"${bundle}:/greeter.wasm\"\nbind: \"${bundle}:/bind.yaml\"\n",
        ),
        ("bind.yaml", "schema: 1\nhttp: |\n  * /{*p} -> core;\n"),
        ("greeter.wasm", "code"),
        (
            "routes.conf",
            "* /hello/{name} -> ${self}:app:greeter ^/inner/{name} limit=8B;\n* /raw/{*p} -> ${self}:app;\n",
        ),
    ];
    let answer = publish(&star, "acme:site:1.0.0?tag=latest", archive(&files).await).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["warnings"]), (201, &serde_json::json!([])), "{}", answer.text);
    let create = star_core::command::Create {
        path: path("acme:app"),
        kind: Kind::App,
        properties: BTreeMap::from([(PropertyKey::parse("from").expect("a key"), "acme:site:1.0.0:/app.yaml".into())]),
        labels: BTreeMap::new(),
        owner: None,
        strategy: star_core::command::Strategy::Create,
    };
    star.tree.tree.create(&star.tree.admin, create).await.expect("the App is made");
    set_routes(&star, "acme", "acme:site:latest:/routes.conf").await.expect("the routes are right");
    star
}

#[tokio::test]
async fn code_sees_the_request_as_its_rule_says() {
    let star = with_code().await;
    let request = at("/hello/Ada%20L?x=1").header("connection", "x-gone").header("x-gone", "1").header("accept", "*/*");
    let answer = visit(&star, request).await;
    assert_eq!(answer.text, r#"GET acme:8080 /inner/Ada%20L?x=1 ["accept", "x-request-id"]"#);
    assert_eq!(answer.headers["content-length"], answer.text.len().to_string());
    assert_eq!(page(&star, "/raw/a").await.text, r#"GET acme:8080 /raw/a ["x-request-id"]"#);
    let head = visit(&star, Request::head("/raw/a").header("host", "acme")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn an_answer_of_code_is_not_trusted() {
    let star = with_code().await;
    let hostile = page(&star, "/raw/hostile").await;
    assert_eq!(hostile.headers["set-cookie"], "a=b");
    assert!(!hostile.headers.contains_key("transfer-encoding"));
    assert_eq!(
        (hostile.headers["x-own"].as_bytes(), hostile.headers["content-length"].as_bytes()),
        (&b"1"[..], &b"7"[..])
    );
    for (uri, status, code) in [
        ("/raw/trap", 502, "S0701"),
        ("/raw/slow", 504, "S0702"),
        ("/raw/short", 502, "S0705"),
        ("/raw/switch", 502, "S0705"),
    ] {
        let answer = page(&star, uri).await;
        assert_eq!(answer.status, status, "{uri}: {}", answer.text);
        assert!(answer.text.contains(code) && !answer.text.contains("secret"), "{uri}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let star = with_code().await;
    let post = || Request::post("/hello/body").header("host", "acme");
    assert_eq!(star.visit(post().body(Body::from("12345678")).expect("a request")).await.text, "8");
    let announced = post().header("content-length", "9").body(Body::from("123456789")).expect("a request");
    assert_eq!(star.visit(announced).await.status, 413);
    let pieces = ["12345", "6789"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
    let streamed = post().body(Body::from_stream(futures::stream::iter(pieces))).expect("a request");
    assert_eq!(star.visit(streamed).await.status, 413);
}
