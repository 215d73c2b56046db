//! The way in for web requests: the export `wasi:http/incoming-handler`.

use std::io::{Read, Write};

use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

use crate::{Error, Level, Reason, Request, Response, Result, Web, limits};

/// Answers the one request of this instance by a fresh `M`.
pub fn serve_web<M: Web + Default>(incoming: IncomingRequest, out: ResponseOutparam) {
    let ctx = super::ctx();
    let answer = request(incoming).and_then(|request| M::default().http(&ctx, request));
    let response = answer.unwrap_or_else(|error| {
        ctx.log(Level::Error, described(&error));
        Response::from(&error)
    });
    if let Err(error) = send(response, out) {
        ctx.log(Level::Error, error.to_string());
    }
}

fn described(error: &Error) -> String {
    let at = error.path().map(|path| format!(" ({path})")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{error}{at}{hint}")
}

fn request(incoming: IncomingRequest) -> Result<Request> {
    let method = incoming.method();
    // Not even asked for where none is meant, because each piece is a call out.
    let bodiless = matches!(method, Method::Get | Method::Head);
    Ok(Request {
        method: name(method),
        target: incoming.path_with_query().unwrap_or_else(|| "/".into()),
        headers: incoming.headers().entries(),
        body: if bodiless { Vec::new() } else { body(&incoming)? },
    })
}

fn name(method: Method) -> String {
    match method {
        Method::Get => "GET".into(),
        Method::Head => "HEAD".into(),
        Method::Post => "POST".into(),
        Method::Put => "PUT".into(),
        Method::Delete => "DELETE".into(),
        Method::Connect => "CONNECT".into(),
        Method::Options => "OPTIONS".into(),
        Method::Trace => "TRACE".into(),
        Method::Patch => "PATCH".into(),
        Method::Other(name) => name,
    }
}

/// The whole body.
fn body(incoming: &IncomingRequest) -> Result<Vec<u8>> {
    let consumed = incoming.consume().map_err(|()| Error::failed("the body was read before"))?;
    let stream = consumed.stream().map_err(|()| Error::failed("the body was read before"))?;
    let mut bytes = Vec::new();
    stream.take(limits::REQUEST_BODY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    IncomingBody::finish(consumed);
    match bytes.len() > limits::REQUEST_BODY_BYTES {
        true => {
            Err(Error::new(Reason::TooLarge, format!("a body has at most {} bytes here", limits::REQUEST_BODY_BYTES)))
        }
        false => Ok(bytes),
    }
}

/// Sends the head, then the body in the pieces that the host takes, and never waits for the
/// visitor to have read the last one.
fn send(response: Response, out: ResponseOutparam) -> Result<()> {
    // The length is counted and never believed; an answer without a body may not have one.
    let headers = response.headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let mut entries: Vec<(String, Vec<u8>)> = headers.map(|(name, value)| (name, value.into_bytes())).collect();
    if !matches!(response.status, 204 | 304) {
        entries.push(("content-length".into(), response.body.len().to_string().into_bytes()));
    }
    let fields =
        Fields::from_list(&entries).map_err(|error| Error::failed(format!("a header cannot be sent: {error}")))?;
    let head = OutgoingResponse::new(fields);
    head.set_status_code(response.status).map_err(|()| Error::failed(format!("{} is no status", response.status)))?;
    let body = head.body().map_err(|()| Error::failed("the answer has no body"))?;
    ResponseOutparam::set(out, Ok(head));
    if !response.body.is_empty() {
        let mut stream = body.write().map_err(|()| Error::failed("the answer has no body"))?;
        stream.write_all(&response.body)?;
    }
    Ok(OutgoingBody::finish(body, None)?)
}
