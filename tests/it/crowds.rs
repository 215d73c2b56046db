//! Clients that come in crowds, say too much, too little, or nothing: everybody else is served.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Star, connect, eventually};

/// More than a listener has places for.
const CROWD: usize = 5_000;

/// What a Star may hold after all that, in MiB: 64 of idle connections, and what it has anyway.
const MEMORY_MIB: u64 = 200;

fn with_file() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.api("PUT", "/r/localhost:files:/page.txt").body("the page").send().is(201);
    star
}

fn serves(star: &Star) {
    star.api("GET", "/r/localhost:files:/page.txt").send().is(200).showing(&["the page"]);
}

fn address(star: &Star) -> String {
    star.api_url().trim_start_matches("http://").to_owned()
}

fn memory_mib(star: &Star) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", star.pid())).expect("the Star runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number of kilobytes") / 1024
}

#[test]
fn five_thousand_connections_that_say_nothing_keep_nobody_out() {
    let star = with_file();
    let address = address(&star);
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut stream = connect(&address).unwrap_or_else(|error| panic!("connection {number}: {error}"));
        if number % 2 == 0 {
            // One that was quiet for longer may have been sent away already.
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").ok();
        }
        crowd.push(stream);
    }
    for _ in 0..20 {
        serves(&star);
    }
    assert!(memory_mib(&star) < MEMORY_MIB, "{} MiB", memory_mib(&star));
    drop(crowd);
    serves(&star);
}

#[test]
fn a_head_without_an_end_is_cut_off() {
    let star = with_file();
    let mut stream = connect(&address(&star)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    let line = format!("X-More: {}\r\n", "x".repeat(1_000));
    let sent = (0..100_000).take_while(|_| stream.write_all(line.as_bytes()).is_ok()).count();
    assert!(sent < 100_000, "a hundred megabytes of headers were taken");
    assert!(memory_mib(&star) < MEMORY_MIB);
    serves(&star);
}

#[test]
fn what_is_no_request_is_refused_and_nothing_more() {
    let star = with_file();
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000));
    let bad: [&[u8]; 9] = [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        long.as_bytes(),
    ];
    star.unchanged_by(|| {
        for url in [star.api_url(), star.web_url()] {
            for request in bad {
                let answer = told(url.trim_start_matches("http://"), request);
                let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
                let refused = status.is_none_or(|status| status.starts_with('4'));
                assert!(refused, "{}: {answer}", String::from_utf8_lossy(&request[..request.len().min(60)]));
            }
        }
    });
    serves(&star);
}

/// What comes back for some bytes, until the connection is closed or says no more for a moment.
fn told(address: &str, request: &[u8]) -> String {
    let mut stream = connect(&address.replace("localhost", "127.0.0.1")).expect("the Star runs");
    stream.write_all(request).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn readers_that_do_not_read_cost_little_and_keep_nobody_waiting() {
    const READERS: usize = 100;
    let star = with_file();
    star.api("PUT", "/r/localhost:files:/large.bin").body(vec![7; 32 << 20]).send().is(201);
    let asked = |_| -> TcpStream {
        let mut stream = connect(&address(&star)).unwrap();
        let key = star.key();
        let request =
            format!("GET /r/localhost:files:/large.bin HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let readers: Vec<TcpStream> = (0..READERS).map(asked).collect();
    for _ in 0..20 {
        serves(&star);
    }
    // The bytes of all answers together would be three gigabytes.
    assert!(memory_mib(&star) < 2 * MEMORY_MIB, "{} MiB", memory_mib(&star));
    drop(readers);
    eventually("the Star to answer when they have gone", || {
        star.api("GET", "/r/localhost:files:/page.txt").try_send().ok().filter(|answer| answer.text() == "the page")
    });
}
