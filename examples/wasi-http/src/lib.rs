//! A web service on plain WASI 0.2: any host of `wasi:http/proxy` runs it, `wasmtime serve` as
//! well as a Star.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | a line of text |
//! | `GET /headers` | the headers that arrived, one per line |
//! | `GET /count/N` | the numbers from 1 to N, each line sent by itself |
//! | `POST /echo` | the body, passed on piece by piece |

use std::io::Write;

use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Service;

wasip2::http::proxy::export!(Service);

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        match (request.method(), path) {
            (Method::Get, "/") => text(out, 200, "Hello from plain WASI\n"),
            (Method::Get, "/headers") => text(out, 200, &headers(&request)),
            (Method::Get, path) if path.starts_with("/count/") => count(&path["/count/".len()..], out),
            (Method::Post, "/echo") => echo(&request, out),
            _ => text(out, 404, "no such page\n"),
        }
    }
}

fn headers(request: &IncomingRequest) -> String {
    let entries = request.headers().entries();
    entries.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value))).collect()
}

fn count(to: &str, out: ResponseOutparam) {
    let Ok(to) = to.parse::<u32>() else { return text(out, 400, "that is not a number\n") };
    stream(out, 200, "text/plain; charset=utf-8", |body| (1..=to).try_for_each(|number| writeln!(body, "{number}")));
}

fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let body = request.consume().expect("a body is consumed once");
    let source = body.stream().expect("a body has one stream");
    stream(out, 200, "application/octet-stream", |sink| {
        // Reading ends with an error that says "closed" when all has come.
        while let Ok(piece) = source.blocking_read(16 * 1024) {
            sink.write_all(&piece)?;
        }
        Ok(())
    });
    drop(source);
    IncomingBody::finish(body);
}

fn text(out: ResponseOutparam, status: u16, text: &str) {
    stream(out, status, "text/plain; charset=utf-8", |body| body.write_all(text.as_bytes()));
}

/// Sends the head, then whatever `write` writes. A visitor who leaves ends it early.
fn stream(
    out: ResponseOutparam,
    status: u16,
    content_type: &str,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) {
    let fields = Fields::from_list(&[("content-type".into(), content_type.into())]).expect("a valid header");
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).expect("a valid status");
    let body = response.body().expect("a response has one body");
    ResponseOutparam::set(out, Ok(response));
    let mut sink = body.write().expect("a body has one stream");
    let written = write(&mut sink);
    drop(sink);
    if written.is_ok() {
        OutgoingBody::finish(body, None).expect("all of the body was written");
    }
}
