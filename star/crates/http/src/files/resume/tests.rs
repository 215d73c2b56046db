//! Both protocols against a tree in memory: headers and statuses, as their texts have them. What needs a
//! process, a disk or a connection that breaks is in `tests/it`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use star_core::command::{Command as _, Put, PutIf};
use star_core::kind::Kind;
use star_core::limits::{UPLOAD_LIFE, UPLOADS_OF_SPACE};
use star_core::uploads::{Extension, Found};
use star_testkit::{TestTree, path};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api;
use crate::limits;
use crate::state::{ApiState, StarInfo};

/// The key that the gate of a test tree knows.
const KEY: &str = "Bearer star_test";
const FILE: &str = "/r/acme:fs:/a.txt";

struct Star {
    tree: TestTree,
    router: axum::Router,
}

impl Star {
    async fn start() -> Star {
        let tree = TestTree::start(star_kinds::behaviours()).await;
        for (kind, at) in [
            (Kind::Space, "acme"),
            (Kind::FileSystem, "acme:fs"),
            (Kind::Space, "other"),
            (Kind::FileSystem, "other:fs"),
        ] {
            tree.create(kind, &path(at)).await.unwrap();
        }
        let info = StarInfo {
            name: "test".into(),
            version: "0.0.0".into(),
            pid: 7,
            started_ms: 0,
            data_dir: std::env::temp_dir(),
            api_url: "http://localhost:1".into(),
            web_url: "http://localhost:2".into(),
        };
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let state = ApiState::new(Arc::clone(&tree.tree), info, metrics, CancellationToken::new());
        Star { tree, router: api::router(&state) }
    }

    async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
        let request = Request::builder().method(method).uri(target).header("authorization", KEY);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn tus(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &'static str) -> Response {
        let headers: Vec<_> = headers.iter().copied().chain([("tus-resumable", "1.0.0")]).collect();
        let response = self.send(method, target, &headers, body).await;
        assert_eq!(header(&response, "tus-resumable"), "1.0.0", "{response:?}");
        response
    }

    /// Begins an upload of so many bytes, and answers its URL.
    async fn begun(&self, target: &str, length: &str) -> String {
        let begun = self.tus("POST", target, &[("upload-length", length)], "").await;
        assert_eq!(begun.status(), StatusCode::CREATED);
        header(&begun, "location").to_owned()
    }

    async fn append(&self, url: &str, at: &str, body: &'static str) -> Response {
        let length = body.len().to_string();
        let headers = [BYTES, ("upload-offset", at), ("content-length", &length)];
        self.tus("PATCH", url, &headers, body).await
    }

    async fn file(&self, target: &str) -> Option<String> {
        let response = self.send("GET", target, &[], "").await;
        let found = response.status() == StatusCode::OK;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        found.then(|| String::from_utf8(body.to_vec()).unwrap())
    }
}

const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_upload_of_tus_comes_in_pieces_and_is_a_file_when_all_are_there() {
    let star = Star::start().await;
    let url = star.begun(FILE, "11").await;
    assert!(url.starts_with("/r/acme:fs:/a.txt?upload="), "{url}");
    let first = star.append(&url, "0", "hello ").await;
    assert_eq!((first.status(), header(&first, "upload-offset")), (StatusCode::NO_CONTENT, "6"));
    assert!(header(&first, "upload-expires").ends_with("GMT"));
    assert_eq!(star.file(FILE).await, None, "nothing is there before all of it is");
    let head = star.tus("HEAD", &url, &[], "").await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!((header(&head, "upload-offset"), header(&head, "upload-length")), ("6", "11"));
    assert_eq!(header(&head, "cache-control"), "no-store");
    let last = star.append(&url, "6", "world").await;
    assert_eq!((last.status(), header(&last, "upload-offset")), (StatusCode::NO_CONTENT, "11"));
    assert!(header(&last, "etag").starts_with("\"sha256:b94d27b9934d3e08"), "{last:?}");
    assert_eq!(star.file(FILE).await.as_deref(), Some("hello world"));
    // Whoever did not get that answer finds out.
    let head = star.tus("HEAD", &url, &[], "").await;
    assert_eq!((header(&head, "upload-offset"), header(&head, "upload-length")), ("11", "11"));
    assert_eq!(star.append(&url, "11", "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(star.append(&url, "11", "!").await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_goes_wrong_with_tus_has_the_status_that_tus_has_for_it() {
    let star = Star::start().await;
    let old = star.send("POST", FILE, &[("tus-resumable", "0.2.2"), ("upload-length", "1")], "").await;
    assert_eq!((old.status(), header(&old, "tus-version")), (StatusCode::PRECONDITION_FAILED, "1.0.0"));
    assert_eq!(star.send("POST", FILE, &[], "x").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    for lengths in [&[][..], &[("upload-length", "1"), ("upload-defer-length", "1")], &[("upload-length", "-1")]] {
        assert_eq!(star.tus("POST", FILE, lengths, "").await.status(), StatusCode::BAD_REQUEST, "{lengths:?}");
    }
    let too_long = (limits::FILE_BYTES + 1).to_string();
    let refused = star.tus("POST", FILE, &[("upload-length", &too_long)], "").await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for nowhere in ["/r/acme:none:/a", "/r/none:fs:/a"] {
        assert_eq!(star.tus("POST", nowhere, &[("upload-length", "1")], "").await.status(), StatusCode::NOT_FOUND);
    }
    let url = star.begun(FILE, "11").await;
    let elsewhere = star.append(&url, "3", "lo world").await;
    assert_eq!((elsewhere.status(), header(&elsewhere, "upload-offset")), (StatusCode::CONFLICT, "0"));
    let untyped = star.tus("PATCH", &url, &[("upload-offset", "0")], "hello").await;
    assert_eq!(untyped.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(star.tus("PATCH", &url, &[BYTES], "hello").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(star.append(&url, "0", "hello, hello").await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // The same where the length of the body is not announced.
    let long = star.tus("PATCH", &url, &[BYTES, ("upload-offset", "0")], "hello, hello").await;
    assert_eq!((long.status(), header(&long, "upload-offset")), (StatusCode::PAYLOAD_TOO_LARGE, "0"));
    let nobody = star.tus("HEAD", &format!("{FILE}?upload={}", "0".repeat(40)), &[], "").await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    assert_eq!(star.send("HEAD", &format!("{FILE}?upload=x"), &[], "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bytes_that_do_not_fit_their_checksum_are_not_kept() {
    let star = Star::start().await;
    let url = star.begun(FILE, "11").await;
    let patch = async |at, checksum: &str, body| {
        star.tus("PATCH", &url, &[BYTES, ("upload-offset", at), ("upload-checksum", checksum)], body).await
    };
    let sha256 = |text: &str| format!("sha256 {}", STANDARD.encode(Sha256::digest(text)));
    for wrong in [sha256("other"), "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=".to_owned()] {
        let refused = patch("0", &wrong, "hello ").await;
        assert_eq!((refused.status().as_u16(), header(&refused, "upload-offset")), (460, "0"), "{wrong}");
    }
    assert_eq!(patch("0", "md5 AAAA", "hello ").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(patch("0", &sha256("hello "), "hello ").await.status(), StatusCode::NO_CONTENT);
    let sha1_of_world = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";
    assert_eq!(patch("6", sha1_of_world, "worse").await.status().as_u16(), 460);
    assert_eq!(patch("6", sha1_of_world, "world").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(star.file(FILE).await.as_deref(), Some("hello world"));
}

#[tokio::test]
async fn the_first_bytes_of_tus_come_with_the_post_and_the_length_with_a_later_request() {
    let star = Star::start().await;
    let metadata = format!("filename {},filetype {}", STANDARD.encode("b.bin"), STANDARD.encode("image/x-thing"));
    let begun = [BYTES, ("upload-defer-length", "1"), ("upload-metadata", metadata.as_str())];
    let begun = star.tus("POST", "/r/acme:fs:/pictures/", &begun, "hello").await;
    assert_eq!((begun.status(), header(&begun, "upload-offset")), (StatusCode::CREATED, "5"));
    let url = header(&begun, "location");
    assert!(url.starts_with("/r/acme:fs:/pictures/b.bin?upload="), "{url}");
    let head = star.tus("HEAD", url, &[], "").await;
    assert_eq!((header(&head, "upload-defer-length"), header(&head, "upload-metadata")), ("1", metadata.as_str()));
    let headers = [BYTES, ("upload-offset", "5"), ("upload-length", "11")];
    assert_eq!(star.tus("PATCH", url, &headers, " world").await.status(), StatusCode::NO_CONTENT);
    let file = star.send("GET", "/r/acme:fs:/pictures/b.bin", &[], "").await;
    assert_eq!(header(&file, "content-type"), "image/x-thing");
    let empty = star.tus("POST", "/r/acme:fs:/empty", &[("upload-length", "0")], "").await;
    assert_eq!(empty.status(), StatusCode::CREATED);
    assert_eq!(star.file("/r/acme:fs:/empty").await.as_deref(), Some(""));
    for name in ["", "a/b", ".."] {
        let metadata = format!("filename {}", STANDARD.encode(name));
        let headers = [("upload-length", "1"), ("upload-metadata", metadata.as_str())];
        let refused = star.tus("POST", "/r/acme:fs:/", &headers, "").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{name:?}");
    }
}

#[tokio::test]
async fn what_was_asked_when_an_upload_began_holds_when_it_ends() {
    let star = Star::start().await;
    let only_new = [("upload-length", "5"), ("if-none-match", "*")];
    let url = header(&star.tus("POST", FILE, &only_new, "").await, "location").to_owned();
    assert_eq!(star.send("PUT", FILE, &[], "first").await.status(), StatusCode::CREATED);
    assert_eq!(star.append(&url, "0", "later").await.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        star.tus("HEAD", &url, &[], "").await.status(),
        StatusCode::PRECONDITION_FAILED,
        "nor is it called done"
    );
    assert_eq!(star.file(FILE).await.as_deref(), Some("first"));
    let early = star.tus("POST", FILE, &only_new, "").await;
    assert_eq!(early.status(), StatusCode::PRECONDITION_FAILED, "before anything is sent for nothing");

    let hex = Sha256::digest("right").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let metadata = format!("sha256 {}", STANDARD.encode(hex));
    let announced = [("upload-length", "5"), ("upload-metadata", metadata.as_str())];
    for (body, status) in [("wrong", StatusCode::BAD_REQUEST), ("right", StatusCode::NO_CONTENT)] {
        let url = header(&star.tus("POST", FILE, &announced, "").await, "location").to_owned();
        assert_eq!(star.append(&url, "0", body).await.status(), status);
        let gone = star.tus("HEAD", &url, &[], "").await.status() == StatusCode::NOT_FOUND;
        assert_eq!(gone, body == "wrong", "wrong bytes stay wrong, so they are forgotten");
    }
    assert_eq!(star.file(FILE).await.as_deref(), Some("right"));
}

#[tokio::test]
async fn an_upload_that_a_crash_left_whole_is_made_a_file_by_whoever_asks() {
    let star = Star::start().await;
    let url = star.begun(FILE, "11").await;
    star.append(&url, "0", "hello ").await;
    let envelope = Put { body: None, only_if: PutIf::Any }.envelope(&path("acme:fs:/a.txt")).unwrap();
    let permit = star.tree.tree.gate.admit(&star.tree.admin, envelope).await.unwrap();
    let id = url.rsplit('=').next().unwrap().parse().unwrap();
    let Found::Open(mut upload) = star.tree.tree.find_upload(&permit, id).await.unwrap() else { panic!("it is open") };
    let part = star.tree.content.put("world");
    let extension = Extension { part: Some(part), length: None, whole: true };
    star.tree.tree.extend_upload(&mut upload, extension).await.unwrap();
    assert_eq!(star.file(FILE).await, None);
    let head = star.tus("HEAD", &url, &[], "").await;
    assert_eq!((head.status(), header(&head, "upload-offset")), (StatusCode::OK, "11"));
    assert_eq!(star.file(FILE).await.as_deref(), Some("hello world"));
}

#[tokio::test]
async fn an_upload_is_nobody_elses_and_not_that_of_another_path() {
    let star = Star::start().await;
    let url = star.begun(FILE, "11").await;
    let query = url.split_once('?').unwrap().1;
    for elsewhere in ["/r/acme:fs:/b.txt", "/r/other:fs:/a.txt"] {
        for method in ["HEAD", "DELETE"] {
            let response = star.tus(method, &format!("{elsewhere}?{query}"), &[], "").await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {elsewhere}");
        }
        assert_eq!(star.append(&format!("{elsewhere}?{query}"), "0", "x").await.status(), StatusCode::NOT_FOUND);
    }
    for method in ["HEAD", "PATCH", "DELETE", "POST"] {
        let target = if method == "POST" { FILE } else { url.as_str() };
        let request = Request::builder().method(method).uri(target).header("tus-resumable", "1.0.0");
        let request = request.header("upload-length", "1").header("upload-offset", "0").header(BYTES.0, BYTES.1);
        let response = star.router.clone().oneshot(request.body(Body::from("x")).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method}");
    }
    assert_eq!(star.append(&url, "0", "hello world").await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_upload_runs_out_or_is_cancelled_and_then_there_is_none() {
    let star = Star::start().await;
    let (idle, busy, cancelled) =
        (star.begun(FILE, "5").await, star.begun("/r/acme:fs:/b", "5").await, star.begun("/r/acme:fs:/c", "5").await);
    let listed = async || {
        let response = star.send("GET", "/r/acme:fs?uploads", &[], "").await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Vec<serde_json::Value>>(&body).unwrap()
    };
    assert_eq!(listed().await.len(), 3);
    assert_eq!(star.tus("DELETE", &cancelled, &[], "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(star.tus("DELETE", &cancelled, &[], "").await.status(), StatusCode::NOT_FOUND);
    star.append(&idle, "0", "ab").await;
    let half_ms = u64::try_from(UPLOAD_LIFE.as_millis()).unwrap() / 2;
    star.tree.clock.advance_ms(half_ms);
    star.append(&busy, "0", "ab").await;
    star.tree.clock.advance_ms(half_ms + 1);
    assert_eq!(star.tus("HEAD", &idle, &[], "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(star.append(&idle, "2", "cde").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        listed().await.iter().map(|upload| upload["path"].as_str().unwrap()).collect::<Vec<_>>(),
        ["acme:fs:/b"]
    );
    assert_eq!(star.tree.tree.sweep_uploads().await.unwrap(), 1, "that which ran out, and no other");
    assert_eq!(star.append(&busy, "2", "cde").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(star.file("/r/acme:fs:/b").await.as_deref(), Some("abcde"));
}

#[tokio::test]
async fn there_is_an_end_to_how_many_uploads_a_space_has() {
    let star = Star::start().await;
    for _ in 0..UPLOADS_OF_SPACE {
        star.begun(FILE, "5").await;
    }
    let refused = star.tus("POST", FILE, &[("upload-length", "5")], "").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    star.begun("/r/other:fs:/a", "5").await;
    let queue = star.tree.tree.vitals().queues.into_iter().find(|queue| queue.name == "uploads").unwrap();
    assert_eq!((queue.taken, queue.refused), (UPLOADS_OF_SPACE as u64 + 1, Some(1)));
}

#[tokio::test]
async fn an_upload_of_the_draft_comes_in_pieces_and_ends_when_its_client_says_so() {
    let star = Star::start().await;
    for interop in [None, Some("8"), Some("6"), Some("5")] {
        let version: Vec<(&str, &str)> =
            interop.map(|version| ("upload-draft-interop-version", version)).into_iter().collect();
        let with = |headers: &[(&'static str, &'static str)]| [&version[..], headers].concat();
        let target = format!("/r/acme:fs:/{}", interop.unwrap_or("none"));
        let begun = star.send("POST", &target, &with(&[("upload-complete", "?0")]), "hello ").await;
        assert_eq!((begun.status(), header(&begun, "upload-complete")), (StatusCode::CREATED, "?0"), "{interop:?}");
        assert_eq!(header(&begun, "upload-offset"), "6");
        assert!(header(&begun, "upload-limit").contains("max-age=86400"), "{begun:?}");
        let url = header(&begun, "location");
        let head = star.send("HEAD", url, &version, "").await;
        assert_eq!((head.status(), header(&head, "upload-offset")), (StatusCode::NO_CONTENT, "6"));
        assert_eq!((header(&head, "upload-complete"), header(&head, "upload-length")), ("?0", ""));
        let wrong =
            with(&[("upload-offset", "5"), ("upload-complete", "?1"), ("content-type", "application/partial-upload")]);
        let elsewhere = star.send("PATCH", url, &wrong, " world").await;
        assert_eq!((elsewhere.status(), header(&elsewhere, "upload-offset")), (StatusCode::CONFLICT, "6"));
        let untyped = with(&[("upload-offset", "6"), ("upload-complete", "?0")]);
        let untyped = star.send("PATCH", url, &untyped, "wor").await;
        let is_typed = interop != Some("5");
        assert_eq!(untyped.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE, is_typed, "{interop:?}");
        let (at, rest) = if is_typed { ("6", "world") } else { ("9", "ld") };
        let last =
            with(&[("upload-offset", at), ("upload-complete", "?1"), ("content-type", "application/partial-upload")]);
        let last = star.send("PATCH", url, &last, rest).await;
        assert_eq!((last.status(), header(&last, "upload-complete")), (StatusCode::CREATED, "?1"));
        assert!(header(&last, "etag").starts_with("\"sha256:b94d27b9934d3e08"), "{last:?}");
        assert_eq!(star.file(&target).await.as_deref(), Some("hello world"));
        let head = star.send("HEAD", url, &version, "").await;
        assert_eq!((header(&head, "upload-complete"), header(&head, "upload-length")), ("?1", "11"));
        assert_eq!(star.send("DELETE", url, &version, "").await.status(), StatusCode::NO_CONTENT);
        assert_eq!(star.send("HEAD", url, &version, "").await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_write_in_one_request_stays_one_whatever_draft_its_client_follows() {
    let star = Star::start().await;
    for (method, headers) in [
        ("PUT", &[("upload-complete", "?1"), ("upload-draft-interop-version", "6")][..]),
        ("POST", &[("upload-complete", "?1")]),
        ("PUT", &[("upload-incomplete", "?0"), ("upload-draft-interop-version", "3")]),
        ("PUT", &[("upload-complete", "?1"), ("upload-draft-interop-version", "99")]),
    ] {
        let written = star.send(method, FILE, headers, "whole").await;
        assert!(written.status().is_success(), "{written:?}");
        assert!(header(&written, "location").is_empty(), "{written:?}");
        assert_eq!(star.file(FILE).await.as_deref(), Some("whole"));
    }
    let unknown = [("upload-complete", "?0"), ("upload-draft-interop-version", "99")];
    let refused = star.send("PUT", FILE, &unknown, "some").await;
    assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE, "some bytes are not taken for all");
    assert_eq!(star.file(FILE).await.as_deref(), Some("whole"));
}

#[tokio::test]
async fn lengths_of_the_draft_that_differ_are_refused() {
    let star = Star::start().await;
    let begun = [("upload-complete", "?0"), ("upload-length", "11")];
    let begun = star.send("PUT", FILE, &begun, "hello ").await;
    let url = header(&begun, "location");
    let typed = ("content-type", "application/partial-upload");
    let ends = [typed, ("upload-offset", "6"), ("upload-complete", "?1"), ("content-length", "3")];
    assert_eq!(star.send("PATCH", url, &ends, "wor").await.status(), StatusCode::BAD_REQUEST);
    let other = [typed, ("upload-offset", "6"), ("upload-complete", "?0"), ("upload-length", "12")];
    assert_eq!(star.send("PATCH", url, &other, "wor").await.status(), StatusCode::BAD_REQUEST);
    let more = [typed, ("upload-offset", "6"), ("upload-complete", "?0"), ("content-length", "6")];
    let more = star.send("PATCH", url, &more, "world!").await;
    assert_eq!(more.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(header(&more, "upload-limit").contains("max-size="), "{more:?}");
    let last = [typed, ("upload-offset", "6"), ("upload-complete", "?1"), ("content-length", "5")];
    assert_eq!(star.send("PATCH", url, &last, "world").await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn options_say_what_is_spoken_to_anybody() {
    let star = Star::start().await;
    let request = Request::builder().method("OPTIONS").uri(FILE).body(Body::empty()).unwrap();
    let told = star.router.clone().oneshot(request).await.unwrap();
    assert_eq!((told.status(), header(&told, "tus-version")), (StatusCode::NO_CONTENT, "1.0.0"));
    assert_eq!(header(&told, "tus-max-size"), limits::FILE_BYTES.to_string());
    for extension in
        ["creation", "creation-with-upload", "creation-defer-length", "expiration", "termination", "checksum"]
    {
        assert!(header(&told, "tus-extension").split(',').any(|told| told == extension), "{extension}");
    }
    assert_eq!(header(&told, "tus-checksum-algorithm"), "sha256,sha1");
    assert!(header(&told, "accept-patch").contains("application/partial-upload"));
    assert!(header(&told, "upload-limit").contains("max-size="));
}
