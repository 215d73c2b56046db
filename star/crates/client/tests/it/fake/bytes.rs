//! The plain HTTP surfaces of the fake.
//!
//! Files whose name begins with `damaged` arrive altered, with `cut` broken off in the middle,
//! with `denied` are refused before their bytes are read, with `packed` arrive as frames of zstd when
//! somebody asks for these: `packed-damaged` altered, `packed-cut` without their end, `packed-other` with
//! other bytes in them.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use star_api::v1;

use super::{KEY, Shared};

type Answer = Result<Response, Refusal>;

/// The error that all plain HTTP surfaces answer.
pub(crate) struct Refusal(StatusCode, &'static str, String);

fn refuse(status: StatusCode, code: &'static str, message: &str) -> Refusal {
    Refusal(status, code, message.to_owned())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, code, message) = self;
        let body = json!({
            "code": code, "message": message, "causes": [], "path": null, "hint": "try another",
            "retryable": false, "excerpt": null, "outcome": "rejected",
        });
        (status, Json(body)).into_response()
    }
}

fn enter(headers: &HeaderMap) -> Result<(), Refusal> {
    let expected = format!("Bearer {KEY}");
    match headers.get(header::AUTHORIZATION) {
        Some(value) if value == expected.as_str() => Ok(()),
        _ => Err(refuse(StatusCode::UNAUTHORIZED, "S0201", "no such key")),
    }
}

fn etag(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"sha256:{hex}\"")
}

/// The path as it was sent: nothing is decoded.
fn path_of(uri: &Uri) -> String {
    uri.path().trim_start_matches("/r/").trim_start_matches("/bundles/").to_owned()
}

pub(crate) async fn read(State(kept): State<Shared>, request: Request) -> Answer {
    enter(request.headers())?;
    let path = path_of(request.uri());
    let not_found = || refuse(StatusCode::NOT_FOUND, "S0301", &format!("there is no resource {path}"));
    let bytes = kept.lock().files.get(&path).cloned().ok_or_else(not_found)?;
    let answer = Response::builder().header(header::ETAG, etag(&bytes)).header(header::CONTENT_TYPE, "text/plain");
    if let Some(range) = request.headers().get(header::RANGE) {
        let range = range.to_str().expect("the client sends text");
        let first: usize = range["bytes=".len()..].split('-').next().unwrap_or_default().parse().expect("an offset");
        let part = bytes.slice(first..);
        return Ok(answer.status(StatusCode::PARTIAL_CONTENT).body(part.into()).expect("a response"));
    }
    if path.contains(":/packed") {
        assert_eq!(request.headers().get(header::ACCEPT_ENCODING).map(|value| value.as_bytes()), Some(&b"zstd"[..]));
        return Ok(packed(answer, &path, &bytes));
    }
    if path.contains(":/damaged") {
        let mut altered = bytes.to_vec();
        altered[0] ^= 1;
        return Ok(answer.body(altered.into()).expect("a response"));
    }
    if path.contains(":/cut") {
        let half = bytes.slice(..bytes.len() / 2);
        let pieces = futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
        let answer = answer.header(header::CONTENT_LENGTH, bytes.len());
        return Ok(answer.body(Body::from_stream(pieces)).expect("a response"));
    }
    Ok(answer.body(bytes.into()).expect("a response"))
}

fn packed(answer: axum::http::response::Builder, path: &str, bytes: &[u8]) -> Response {
    let plain = if path.contains("-other") { &bytes[1..] } else { bytes };
    let mut packed: Vec<u8> =
        plain.chunks(100_000).flat_map(|frame| zstd::bulk::compress(frame, 3).expect("a frame")).collect();
    if path.contains("-damaged") {
        let middle = packed.len() / 2;
        packed[middle] ^= 0x10;
    }
    if path.contains("-cut") {
        packed.truncate(packed.len() - 3);
    }
    let tag = etag(bytes).replace("\"sha256", "").trim_end_matches('"').to_owned();
    let tag = format!("\"sha256{tag};zstd-{}\"", packed.len());
    let mut response = answer.header(header::CONTENT_ENCODING, "zstd").body(packed.into()).expect("a response");
    response.headers_mut().insert(header::ETAG, tag.parse().expect("a tag"));
    response
}

/// The files below a directory as a list tells them.
pub(super) fn below(kept: &Shared, directory: &str) -> Vec<v1::Resource> {
    let kept = kept.lock();
    let files = kept.files.iter().filter(|(path, _)| path.starts_with(directory));
    files
        .map(|(path, bytes)| {
            let digest = etag(bytes).trim_matches('"').to_owned();
            let content = v1::Content { digest, size: bytes.len() as u64, ..Default::default() };
            v1::Resource { path: path.clone(), kind: "File".into(), content: content.into(), ..Default::default() }
        })
        .collect()
}

/// Copies what the header of a request names as its source.
fn copy(kept: &Shared, headers: &HeaderMap, from: &HeaderValue, to: String) -> Answer {
    let from = from.to_str().expect("the client sends text").to_owned();
    let mut kept = kept.lock();
    let not_found = || refuse(StatusCode::NOT_FOUND, "S0301", "there is no such file");
    let bytes = kept.files.get(&from).cloned().ok_or_else(not_found)?;
    let digest = STANDARD.encode(Sha256::digest(&bytes));
    if headers.get("repr-digest").is_none_or(|said| *said != format!("sha-256=:{digest}:").as_str()) {
        return Err(refuse(StatusCode::PRECONDITION_FAILED, "S0403", "the source is not what you expect"));
    }
    kept.requests.push(format!("{to} as {from}"));
    kept.files.insert(to, bytes);
    Ok(StatusCode::CREATED.into_response())
}

pub(crate) async fn write(State(kept): State<Shared>, request: Request) -> Answer {
    enter(request.headers())?;
    let path = path_of(request.uri());
    if let Some(from) = request.headers().get("star-copy-source") {
        return copy(&kept, request.headers(), from, path);
    }
    if path.contains(":/denied") {
        return Err(refuse(StatusCode::FORBIDDEN, "S0202", "you may not"));
    }
    if path.contains(":/conflict") {
        collect(request.into_body()).await?;
        return Err(refuse(StatusCode::CONFLICT, "S0403", "somebody was faster"));
    }
    let absent = request.headers().contains_key(header::IF_NONE_MATCH);
    let matching = request.headers().get(header::IF_MATCH).cloned();
    let media_type = request.headers().get(header::CONTENT_TYPE).cloned();
    begin(&kept);
    let bytes = collect(request.into_body()).await;
    kept.lock().uploads_now -= 1;
    let bytes = bytes?;
    let mut kept = kept.lock();
    let before = kept.files.get(&path);
    let holds = before.is_some_and(|bytes| matching.as_ref().is_some_and(|tag| *tag == etag(bytes).as_str()));
    if (absent && before.is_some()) || (matching.is_some() && !holds) {
        return Err(refuse(StatusCode::PRECONDITION_FAILED, "S0403", "the file is not what you expect"));
    }
    let status = if before.is_some() { StatusCode::NO_CONTENT } else { StatusCode::CREATED };
    let tag = if path.contains(":/damaged") { etag(b"other bytes") } else { etag(&bytes) };
    let media_type = media_type.map(|value| value.to_str().expect("text").to_owned());
    kept.requests.push(format!("{path} {}", media_type.unwrap_or_default()));
    kept.files.insert(path, bytes);
    Ok((status, [(header::ETAG, tag)]).into_response())
}

fn begin(kept: &Shared) {
    let mut kept = kept.lock();
    kept.uploads_now += 1;
    kept.uploads_most = kept.uploads_most.max(kept.uploads_now);
}

async fn collect(body: Body) -> Result<Bytes, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| refuse(StatusCode::BAD_REQUEST, "S0112", "the upload was cut"))?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

pub(crate) async fn remove(State(kept): State<Shared>, request: Request) -> Answer {
    enter(request.headers())?;
    let path = path_of(request.uri());
    match kept.lock().files.remove(&path) {
        Some(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        None => Err(refuse(StatusCode::NOT_FOUND, "S0301", "there is no such file")),
    }
}

pub(crate) async fn publish(State(kept): State<Shared>, request: Request) -> Answer {
    enter(request.headers())?;
    let path = path_of(request.uri());
    if path.ends_with(":9.9.9") {
        collect(request.into_body()).await?;
        return Err(refuse(StatusCode::CONFLICT, "S0402", "the version exists already"));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let archive = collect(request.into_body()).await?;
    let mut entries = tokio_tar::Archive::new(&archive[..]).entries().expect("an archive");
    let mut kept_files = Vec::new();
    while let Some(entry) = entries.next().await {
        let mut entry = entry.expect("a whole entry");
        let name = entry.path().expect("a name").to_str().expect("text").to_owned();
        let mut content = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut entry, &mut content).await.expect("its content");
        kept_files.push((format!("{path}:/{name}"), Bytes::from(content)));
    }
    let tags: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_prefix("tag=")).collect();
    let bytes: usize = kept_files.iter().map(|(_, content)| content.len()).sum();
    let answer = json!({
        "path": path, "files": kept_files.len(), "bytes": bytes, "known": 0, "stored": bytes,
        "digest": "sha256:00", "tags": tags, "warnings": [], "added_by_a_later_release": true,
    });
    kept.lock().files.extend(kept_files);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Three events, one per piece of the body, cut in the middle of lines; `since` counts them.
pub(crate) async fn events(RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    enter(&headers)?;
    let query = query.unwrap_or_default();
    let since = query.split('&').find_map(|pair| pair.strip_prefix("since=")).unwrap_or("0");
    let since: usize = since.parse().map_err(|_| refuse(StatusCode::BAD_REQUEST, "S0110", "no such cursor"))?;
    let lines: String = (since + 1..=3)
        .map(|n| format!("{{\"cursor\":\"{n}\",\"revision\":\"{n}\",\"type\":\"created\",\"path\":\"a:{n}\"}}\n\n"))
        .collect();
    let pieces: Vec<_> = lines.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], body).into_response())
}
