//! Does what a host must survive: by message (the methods of [`Misbehaving`]) and by web request
//! (the last segment of the path).

use std::hint::black_box;
use std::io::Write;

use mechtron_guest::{Ctx, Level, Result, mechtron};
use serde::Deserialize;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

#[derive(Default)]
struct Misbehaving;

#[derive(Deserialize)]
struct Size {
    bytes: usize,
}

#[derive(Deserialize)]
struct Flood {
    lines: usize,
    bytes: usize,
}

#[derive(Deserialize)]
struct Call {
    to: String,
    method: String,
}

#[mechtron]
impl Misbehaving {
    /// Behaves, to show that the next call works.
    fn behave(&self, _ctx: &Ctx) -> Result<&'static str> {
        Ok("fine")
    }

    fn spin(&self, _ctx: &Ctx) -> Result<()> {
        spin()
    }

    fn trap(&self, _ctx: &Ctx) -> Result<()> {
        panic!("a trap was asked for")
    }

    fn hog(&self, _ctx: &Ctx) -> Result<()> {
        hog()
    }

    fn recurse(&self, _ctx: &Ctx) -> Result<u64> {
        Ok(recurse(1))
    }

    fn huge_reply(&self, _ctx: &Ctx, size: Size) -> Result<String> {
        Ok("x".repeat(size.bytes))
    }

    /// Asks whatever it is told to: a path that is not granted, a resource that never answers.
    fn call(&self, ctx: &Ctx, call: Call) -> Result<String> {
        ctx.ask(&call.to, &call.method, &())
    }

    /// Asks, and spins when the answer is an error.
    fn call_then_spin(&self, ctx: &Ctx, call: Call) -> Result<String> {
        match ctx.ask::<String>(&call.to, &call.method, &()) {
            Ok(answer) => Ok(answer),
            Err(_) => spin(),
        }
    }

    fn flood_log(&self, ctx: &Ctx, flood: Flood) -> Result<usize> {
        let line = "x".repeat(flood.bytes);
        for _ in 0..flood.lines {
            ctx.log(Level::Info, &line);
        }
        Ok(flood.lines)
    }

    fn flood_stderr(&self, _ctx: &Ctx, flood: Flood) -> Result<usize> {
        let line = "x".repeat(flood.bytes);
        for _ in 0..flood.lines {
            eprintln!("{line}");
        }
        Ok(flood.lines)
    }
}

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hog() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1u8; 1024 * 1024]));
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth) + 1)) + 1
}

struct Web;

wasip2::http::proxy::export!(Web);

impl wasip2::exports::http::incoming_handler::Guest for Web {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        match target.rsplit('/').next().unwrap_or_default() {
            "behave" => answer(out, None, |body| body.write_all(b"fine")),
            "spin" => spin(),
            "trap" => panic!("a trap was asked for"),
            "hog" => hog(),
            "silent" => drop(out),
            "half-then-trap" => answer(out, Some("100"), |body| {
                body.write_all(b"half")?;
                body.flush()?;
                panic!("a trap in the body was asked for")
            }),
            "half-then-spin" => answer(out, Some("100"), |body| {
                body.write_all(b"half")?;
                body.flush()?;
                spin()
            }),
            "too-short" => answer(out, Some("100"), |body| body.write_all(b"short")),
            "endless" => answer(out, None, |body| {
                loop {
                    body.write_all(&[b'x'; 4096])?;
                }
            }),
            "outgoing" => outgoing(out),
            _ => answer(out, None, |body| body.write_all(b"?")),
        }
    }
}

/// Tries to reach another machine.
fn outgoing(out: ResponseOutparam) {
    use wasip2::http::types::{OutgoingRequest, Scheme};
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).expect("a valid scheme");
    request.set_authority(Some("127.0.0.1:1")).expect("a valid authority");
    request.set_path_with_query(Some("/")).expect("a valid path");
    let said = wasip2::http::outgoing_handler::handle(request, None).and_then(|response| {
        response.subscribe().block();
        response.get().expect("it is there").expect("it is taken once")
    });
    let said = said.map_or_else(|error| format!("{error:?}"), |_| "an answer came".into());
    answer(out, None, |body| body.write_all(said.as_bytes()));
}

fn answer(out: ResponseOutparam, length: Option<&str>, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    let fields = Fields::new();
    if let Some(length) = length {
        fields.set("content-length", &[length.into()]).expect("a valid header");
    }
    let response = OutgoingResponse::new(fields);
    let body = response.body().expect("a response has one body");
    ResponseOutparam::set(out, Ok(response));
    let mut sink = body.write().expect("a body has one stream");
    let written = write(&mut sink);
    drop(sink);
    if written.is_ok() {
        OutgoingBody::finish(body, None).expect("all of the body was written");
    }
}
