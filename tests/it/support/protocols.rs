//! Calls in every protocol that a Star speaks, as bytes over HTTP/2, and what comes back.
//!
//! Knows the framing of Connect, gRPC and gRPC-Web and nothing of any service. It shares no code
//! with the program's own client or server, so that the two cannot agree on a mistake.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use buffa::Message;
use buffa::encoding::{Tag, decode_varint, skip_field};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use serde_json::Value;
use star_api::v1::ErrorDetail;
use tokio::net::TcpStream;

use super::patience::PATIENCE;
use super::star::Star;

/// A protocol and an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    ConnectJson,
    ConnectProto,
    Grpc,
    GrpcJson,
    GrpcWeb,
}

/// All of them.
pub(crate) const PROTOCOLS: [Protocol; 5] =
    [Protocol::ConnectJson, Protocol::ConnectProto, Protocol::Grpc, Protocol::GrpcJson, Protocol::GrpcWeb];

/// How a call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Unary,
    Stream,
}

/// A call in both encodings.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) shape: Shape,
    json: Vec<u8>,
    proto: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) headers: HeaderMap,
    /// Messages, without their frames.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The code of the protocol, in the words of Connect; none for a success.
    pub(crate) code: Option<String>,
    /// The message of the protocol.
    pub(crate) message: String,
    /// What is said beyond the protocol.
    pub(crate) detail: Option<ErrorDetail>,
}

impl Call {
    /// A call such as `Resources/Info`.
    pub(crate) fn new(method: &str, message: &(impl Message + Serialize)) -> Call {
        let json = serde_json::to_vec(message).expect("messages of the schema are JSON");
        let (method, shape) = (method.to_owned(), Shape::Unary);
        Call { method, shape, json, proto: message.encode_to_vec(), headers: Vec::new() }
    }

    /// The same, answered by a stream.
    pub(crate) fn streamed(self) -> Call {
        Call { shape: Shape::Stream, ..self }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Call {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A call whose body is these bytes, whatever the encoding.
    pub(crate) fn of_bytes(method: &str, bytes: &[u8]) -> Call {
        let (json, proto) = (bytes.to_vec(), bytes.to_vec());
        Call { method: method.to_owned(), shape: Shape::Unary, json, proto, headers: Vec::new() }
    }

    /// Makes the call.
    pub(crate) fn make(&self, star: &Star, protocol: Protocol) -> Told {
        self.make_and(star, protocol, || {})
    }

    /// Makes the call, and does something when the first of its answer has come.
    pub(crate) fn make_and(&self, star: &Star, protocol: Protocol, then: impl FnOnce()) -> Told {
        let body = protocol.framed(self.shape, if protocol.is_json() { &self.json } else { &self.proto });
        let mut request = Request::post(format!("{}/starlane.v1.{}", star.api_url(), self.method))
            .header("content-type", protocol.content_type(self.shape))
            .header("authorization", format!("Bearer {}", star.key()));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("headers of tests are plain");
        let (response, trailers) = exchange(star, request, then);
        protocol.read(self.shape, response, &trailers)
    }
}

impl Protocol {
    fn is_json(self) -> bool {
        matches!(self, Protocol::ConnectJson | Protocol::GrpcJson)
    }

    fn is_connect(self) -> bool {
        matches!(self, Protocol::ConnectJson | Protocol::ConnectProto)
    }

    fn content_type(self, shape: Shape) -> &'static str {
        match (self, shape) {
            (Protocol::ConnectJson, Shape::Unary) => "application/json",
            (Protocol::ConnectJson, Shape::Stream) => "application/connect+json",
            (Protocol::ConnectProto, Shape::Unary) => "application/proto",
            (Protocol::ConnectProto, Shape::Stream) => "application/connect+proto",
            (Protocol::Grpc, _) => "application/grpc",
            (Protocol::GrpcJson, _) => "application/grpc+json",
            (Protocol::GrpcWeb, _) => "application/grpc-web+proto",
        }
    }

    fn framed(self, shape: Shape, message: &[u8]) -> Vec<u8> {
        if self.is_connect() && shape == Shape::Unary {
            return message.to_vec();
        }
        [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
    }

    fn read(self, shape: Shape, response: Response<Bytes>, trailers: &HeaderMap) -> Told {
        let (head, body) = response.into_parts();
        let mut told =
            Told { headers: head.headers, messages: Vec::new(), code: None, message: String::new(), detail: None };
        match (self.is_connect(), shape) {
            (true, Shape::Unary) if head.status.is_success() => told.messages.push(body.to_vec()),
            (true, Shape::Unary) => told.connect(&serde_json::from_slice(&body).unwrap_or_else(|error| {
                panic!("an error of Connect is JSON: {error}: {}", String::from_utf8_lossy(&body))
            })),
            _ => told.frames(&body),
        }
        if matches!(self, Protocol::Grpc | Protocol::GrpcJson) {
            told.grpc(|name| trailers.get(name).map(|value| value.to_str().expect("trailers are text").to_owned()));
        }
        told
    }
}

impl Told {
    fn frames(&mut self, mut body: &[u8]) {
        while let [flags, a, b, c, d, rest @ ..] = body {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let (content, rest) = rest.split_at(length);
            match *flags {
                0 => self.messages.push(content.to_vec()),
                2 => {
                    let end: Value = serde_json::from_slice(content).expect("the end of a stream is JSON");
                    if end["error"].is_object() {
                        self.connect(&end["error"]);
                    }
                }
                0x80 => {
                    let text = String::from_utf8(content.to_vec()).expect("trailers are text");
                    let value = |wanted: &str| {
                        let lines = text.lines().filter_map(|line| line.split_once(':'));
                        lines.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.trim().to_owned())
                    };
                    self.grpc(value);
                }
                other => panic!("no frame has the flags {other:#x}"),
            }
            body = rest;
        }
        assert!(body.is_empty(), "a frame was cut: {body:?}");
    }

    fn connect(&mut self, error: &Value) {
        self.code = error["code"].as_str().map(str::to_owned);
        self.message = error["message"].as_str().unwrap_or_default().to_owned();
        self.detail = error["details"].get(0).map(|detail| {
            assert_eq!(detail["type"], "starlane.v1.ErrorDetail");
            let value = base64(detail["value"].as_str().expect("a detail has a value"));
            ErrorDetail::decode_from_slice(&value).expect("a detail is a message")
        });
    }

    fn grpc(&mut self, trailer: impl Fn(&str) -> Option<String>) {
        let status = trailer("grpc-status").expect("an answer of gRPC ends with a status");
        let number: usize = status.parse().expect("a status is a number");
        self.code = (number > 0).then(|| CODES[number - 1].to_owned());
        self.message = trailer("grpc-message").unwrap_or_default();
        let details = trailer("grpc-status-details-bin").map(|details| base64(&details));
        self.detail = details.and_then(|details| detail_of_status(&details));
    }
}

/// The codes of gRPC from 1 on, as Connect spells them.
const CODES: [&str; 16] = [
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

fn base64(text: &str) -> Vec<u8> {
    STANDARD_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).expect("details are base64")
}

/// Our detail among those of a `google.rpc.Status`: field 3, an Any of a type (1) and a value (2).
fn detail_of_status(status: &[u8]) -> Option<ErrorDetail> {
    let any = field(status, 3)?;
    let name = field(any, 1).expect("an Any has a type");
    assert_eq!(name, b"type.googleapis.com/starlane.v1.ErrorDetail");
    Some(ErrorDetail::decode_from_slice(field(any, 2).unwrap_or_default()).expect("a detail is a message"))
}

/// The first field of this number, which holds bytes.
fn field(mut message: &[u8], number: u32) -> Option<&[u8]> {
    while !message.is_empty() {
        let tag = Tag::decode(&mut message).expect("a message is made of fields");
        if tag.field_number() == number {
            let length = decode_varint(&mut message).expect("bytes have a length");
            return Some(&message[..length as usize]);
        }
        skip_field(tag, &mut message).expect("fields end");
    }
    None
}

/// Sends a request over HTTP/2 and reads the answer whole, with its trailers.
fn exchange(star: &Star, request: Request<Full<Bytes>>, then: impl FnOnce()) -> (Response<Bytes>, HeaderMap) {
    let address = star.api_url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let answered = async {
        let stream = TcpStream::connect(address).await.expect("the Star listens");
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.expect("the Star speaks HTTP/2");
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer comes");
        let (head, mut body) = response.into_parts();
        let (mut bytes, mut trailers, mut then) = (Vec::new(), HeaderMap::new(), Some(then));
        while let Some(frame) = body.frame().await {
            match frame.expect("the answer is whole").into_data() {
                Ok(data) => bytes.extend(data),
                Err(frame) => trailers = frame.into_trailers().expect("what is no data is trailers"),
            }
            if let Some(then) = then.take() {
                then();
            }
        }
        connection.abort();
        (Response::from_parts(head, Bytes::from(bytes)), trailers)
    };
    let within = async { tokio::time::timeout(PATIENCE, answered).await };
    runtime.block_on(within).expect("the answer comes in time")
}
