//! NATS, the peer for messages between processes: its server, and the least of a client.
//!
//! The client is ours, because request and reply are two lines of text, and a library for it
//! brings a hundred crates along.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::failure::{Failure, io};
use crate::figures::{Measure, per_second};
use crate::process::{self, Server};

/// Where requests go.
const SUBJECT: &str = "ask";

/// A server that runs until it is let go.
pub(crate) struct Nats {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    _server: Server,
}

impl Nats {
    /// Starts one as it comes, without anything on the disk.
    pub(crate) async fn start(scratch: &Path) -> Result<Nats, Failure> {
        let address = process::free_address()?;
        let mut command = Command::new("nats-server");
        command.args(["--addr", &address.ip().to_string(), "--port", &address.port().to_string()]);
        let mut server = Server::start("nats-server", command, &scratch.join("nats.log"))?;
        server.until("the first answer of nats-server", async || Ok(Line::open(address).await.ok())).await?;
        Ok(Nats { address, _server: server })
    }
}

/// Answers every request with what was in it.
pub(crate) struct Echo(Line);

impl Echo {
    /// Listens for requests.
    pub(crate) async fn open(address: SocketAddr) -> Result<Echo, Failure> {
        let mut line = Line::open(address).await?;
        line.subscribe(SUBJECT).await?;
        Ok(Echo(line))
    }

    /// Answers until the connection ends.
    pub(crate) async fn answer(mut self) -> Result<(), Failure> {
        loop {
            let message = self.0.next().await?;
            let back = message.reply_to.ok_or_else(|| wrong("a request without a way back"))?;
            self.0.publish(&back, None, &message.body).await?;
        }
    }
}

/// Lets some connections ask one after the other for a time.
pub(crate) async fn requests(
    address: SocketAddr,
    connections: usize,
    body: &'static [u8],
    time: Duration,
) -> Result<Measure, Failure> {
    let mut lines = Vec::new();
    for number in 0..connections {
        let mut line = Line::open(address).await?;
        let inbox = format!("_INBOX.{number}");
        line.subscribe(&inbox).await?;
        lines.push((line, inbox));
    }
    let begun = Instant::now();
    let asking: Vec<_> = lines
        .into_iter()
        .map(|(mut line, inbox)| {
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begun.elapsed() < time {
                    let each = Instant::now();
                    line.publish(SUBJECT, Some(&inbox), body).await?;
                    if line.next().await?.body != body {
                        return Err(wrong("another answer than was asked for"));
                    }
                    took.push(each.elapsed());
                }
                Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for asking in asking {
        took.extend(asking.await.map_err(wrong)??);
    }
    Ok(Measure::from(per_second(took.len() as u64, begun.elapsed())).with_latency(took))
}

fn wrong(what: impl ToString) -> Failure {
    Failure::wrong("NATS", what)
}

/// A message that came.
struct Message {
    reply_to: Option<String>,
    body: Vec<u8>,
}

/// A connection.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open(address: SocketAddr) -> Result<Line, Failure> {
        let stream = TcpStream::connect(address).await.map_err(io(format!("connect to {address}")))?;
        stream.set_nodelay(true).map_err(io("use a connection"))?;
        let mut line = Line(BufReader::new(stream));
        line.send(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n").await?;
        while line.word().await?.trim_end() != "PONG" {}
        Ok(line)
    }

    async fn subscribe(&mut self, subject: &str) -> Result<(), Failure> {
        self.send(format!("SUB {subject} 1\r\nPING\r\n").as_bytes()).await?;
        while self.word().await?.trim_end() != "PONG" {}
        Ok(())
    }

    async fn publish(&mut self, subject: &str, reply_to: Option<&str>, body: &[u8]) -> Result<(), Failure> {
        let mut bytes = match reply_to {
            Some(reply_to) => format!("PUB {subject} {reply_to} {}\r\n", body.len()),
            None => format!("PUB {subject} {}\r\n", body.len()),
        }
        .into_bytes();
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
        self.send(&bytes).await
    }

    /// The next message; what the server wants to know in between is answered.
    async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            let line = self.word().await?;
            let words: Vec<&str> = line.split_whitespace().collect();
            let (reply_to, length) = match words.as_slice() {
                ["MSG", _, _, length] => (None, length),
                ["MSG", _, _, reply_to, length] => (Some((*reply_to).to_owned()), length),
                ["PING"] => {
                    self.send(b"PONG\r\n").await?;
                    continue;
                }
                _ => return Err(wrong(line)),
            };
            let length: usize = length.parse().map_err(wrong)?;
            let mut body = vec![0; length + 2];
            self.0.read_exact(&mut body).await.map_err(io("read from NATS"))?;
            body.truncate(length);
            return Ok(Message { reply_to, body });
        }
    }

    async fn word(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.0.read_line(&mut line).await.map_err(io("read from NATS"))? {
            0 => Err(wrong("the end of the connection")),
            _ => Ok(line),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.get_mut().write_all(bytes).await.map_err(io("write to NATS"))
    }
}
