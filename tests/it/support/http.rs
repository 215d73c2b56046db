//! A small HTTP client that sends exactly what a test says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

use super::connection::{self, Body, Incoming};

/// A request that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    address: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    shown: String,
    /// The status.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// An answer whose body is read as it comes.
pub(crate) struct Streaming {
    lines: BufReader<Body>,
}

impl Http {
    /// A request to a URL such as `http://127.0.0.1:4343`, with a path.
    pub(crate) fn to(url: &str, method: &str, target: &str) -> Http {
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Http { headers: Vec::new(), method: method.into(), target: target.into(), body: None, address }
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Http {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With a key.
    pub(crate) fn key(self, key: &str) -> Http {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// For this host, whatever the address is.
    pub(crate) fn host(mut self, host: &str) -> Http {
        self.headers.retain(|(name, _)| name != "host");
        self.header("host", host)
    }

    /// With a body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Http {
        self.body = Some(body.into());
        self
    }

    /// The bytes as they go out. `length` is what `content-length` says.
    pub(crate) fn bytes(&self, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(length) = length {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        head.push_str("connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends it. An answer must come.
    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        let shown = format!("{} {} {}", self.method, self.address, self.target);
        self.try_send().unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// Sends it; the connection may fail.
    pub(crate) fn try_send(self) -> io::Result<Answer> {
        let shown = format!("{} {} {}", self.method, self.address, self.target);
        let Incoming { status, headers, mut body } = self.open()?;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        Ok(Answer { shown, status, headers, body: bytes })
    }

    /// Sends it and reads the head of the answer.
    fn open(&self) -> io::Result<Incoming> {
        let length = self.body.as_ref().map(Vec::len);
        let length = length.or_else(|| matches!(self.method.as_str(), "POST" | "PUT").then_some(0));
        let stream = connection::connect(&self.address)?;
        connection::exchange(stream, &self.bytes(length), self.method != "HEAD")
    }

    /// Announces more than is sent, then cuts the connection. Answers what came all the same.
    pub(crate) fn cut_in_the_middle(self, announced: usize) -> Option<u16> {
        let mut stream = connection::connect(&self.address).expect("the Star listens");
        stream.write_all(&self.bytes(Some(announced))).expect("the Star takes bytes");
        stream.shutdown(Shutdown::Write).expect("a connection can be half closed");
        connection::head(stream, true).ok().map(|incoming| incoming.status)
    }

    /// Sends the head alone, and waits until the Star asks for the body of so many bytes: then
    /// the request is under way.
    pub(crate) fn begin(self, length: usize) -> TcpStream {
        let request = self.header("expect", "100-continue");
        let mut stream = connection::connect(&request.address).expect("the Star listens");
        stream.write_all(&request.bytes(Some(length))).expect("the Star takes bytes");
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the Star asks for the body");
            said.push(byte[0]);
        }
        assert!(said.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&said));
        stream
    }

    /// Sends the body of a request that has begun, and answers the status.
    pub(crate) fn go_on(mut stream: TcpStream, body: &[u8]) -> io::Result<u16> {
        stream.write_all(body)?;
        connection::head(stream, true).map(|incoming| incoming.status)
    }

    /// Sends it and reads lines as they come.
    #[track_caller]
    pub(crate) fn stream(self) -> Streaming {
        let incoming = self.open().unwrap_or_else(|error| panic!("{self:?}: {error}"));
        assert_eq!(incoming.status, 200, "{self:?}");
        Streaming { lines: BufReader::new(incoming.body) }
    }
}

impl Streaming {
    /// The next line that is not empty.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).unwrap_or_else(|error| panic!("no more lines: {error}"));
            assert!(count > 0, "the stream ended");
            let line = line.trim_end();
            if !line.is_empty() {
                return line.to_owned();
            }
        }
    }
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// It must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Its body must hold all of these.
    #[track_caller]
    pub(crate) fn showing(self, parts: &[&str]) -> Answer {
        let text = self.text();
        for part in parts {
            assert!(text.contains(part), "`{part}` is not shown by {self}");
        }
        self
    }

    /// It must have this header with this value.
    #[track_caller]
    pub(crate) fn with(self, name: &str, value: &str) -> Answer {
        assert_eq!(self.header(name), Some(value), "header `{name}` of {self}");
        self
    }

    /// It must be a problem with this code.
    #[track_caller]
    pub(crate) fn problem(self, code: &str) -> Answer {
        assert_eq!(self.json()["code"], code, "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} -> {}", self.shown, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        let text: String = self.text().chars().take(4000).collect();
        write!(f, "\n{text}")
    }
}
