//! The least of an HTTP/1.1 client: one connection, one request after the other, and answers that
//! are either of a known length or followed line by line.
//!
//! For load that `wrk` cannot make. A thousand of them follow the log in this process, so they
//! take as little of the processors as they can.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::failure::{Failure, io};

/// The end of a head.
const BLANK: &[u8] = b"\r\n\r\n";

/// The status of a good answer.
const GOOD: u16 = 200;

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    read: Vec<u8>,
    /// Bytes at the beginning of `read` that belong to the answer before.
    done: usize,
}

/// An answer of a known length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

/// What the head of an answer says.
struct Head {
    status: u16,
    length: Option<usize>,
}

impl Head {
    fn parse(head: &[u8]) -> Option<Head> {
        let head = std::str::from_utf8(head).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut headers = head.lines().filter_map(|line| line.split_once(':'));
        let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        Some(Head { status, length: length.and_then(|(_, length)| length.trim().parse().ok()) })
    }
}

/// The bytes of a request that posts JSON. Made once where it is sent often.
pub(crate) fn posting(address: SocketAddr, path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(address).await.map_err(io(format!("connect to {address}")))?;
        stream.set_nodelay(true).map_err(io("use a connection"))?;
        Ok(Connection { stream, address, read: Vec::new(), done: 0 })
    }

    /// Connects with a small buffer for what comes in, so that what is not read stays with the
    /// sender.
    pub(crate) async fn open_narrow(address: SocketAddr, bytes: u32) -> Result<Connection, Failure> {
        let socket = TcpSocket::new_v4().map_err(io("make a socket"))?;
        socket.set_recv_buffer_size(bytes).map_err(io("make a buffer smaller"))?;
        let stream = socket.connect(address).await.map_err(io(format!("connect to {address}")))?;
        Ok(Connection { stream, address, read: Vec::new(), done: 0 })
    }

    /// Posts a body of JSON and waits for the answer, which must be a good one.
    pub(crate) async fn post(&mut self, path: &str, key: &str, body: &str) -> Result<(), Failure> {
        let address = self.address;
        let answer = self.call(&posting(address, path, key, body)).await?;
        match answer.status {
            GOOD => Ok(()),
            status => Err(Failure::wrong(
                address.to_string(),
                format!("status {status}: {}", String::from_utf8_lossy(answer.body)),
            )),
        }
    }

    /// Sends the bytes of a request and waits for the answer, whatever it is. Allocates nothing.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.stream.write_all(request).await.map_err(io("send a request"))?;
        let head = self.head().await?;
        let length = head.length.ok_or_else(|| self.wrong("an answer without a length"))?;
        while self.read.len() < length {
            self.more().await?;
        }
        self.done = length;
        Ok(Answer { status: head.status, body: &self.read[..length] })
    }

    /// Asks for something that goes on and on; its lines come from [`Connection::lines`].
    pub(crate) async fn follow(&mut self, path: &str, key: &str) -> Result<(), Failure> {
        let address = self.address;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.map_err(io("send a request"))?;
        match self.head().await?.status {
            GOOD => Ok(()),
            status => Err(self.wrong(format!("status {status}"))),
        }
    }

    /// Waits for whole lines, and gives those that are there. The lengths of chunks are lines too:
    /// nobody takes them for one of ours.
    pub(crate) async fn lines(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), Failure> {
        let end = loop {
            // What came behind the head is here already.
            match self.read.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => break end,
                None => self.more().await?,
            }
        };
        self.read[..end].split(|byte| *byte == b'\n').for_each(&mut take);
        self.read.drain(..=end);
        Ok(())
    }

    /// The head of the next answer; what comes behind it is then at the beginning.
    async fn head(&mut self) -> Result<Head, Failure> {
        self.read.drain(..std::mem::take(&mut self.done));
        let end = loop {
            if let Some(end) = self.read.windows(BLANK.len()).position(|bytes| bytes == BLANK) {
                break end;
            }
            self.more().await?;
        };
        let head = Head::parse(&self.read[..end]);
        let head = head.ok_or_else(|| self.wrong(String::from_utf8_lossy(&self.read[..end])))?;
        self.read.drain(..end + BLANK.len());
        Ok(head)
    }

    async fn more(&mut self) -> Result<(), Failure> {
        let read = self.stream.read_buf(&mut self.read).await.map_err(io("read an answer"))?;
        if read == 0 { Err(self.wrong("the end of the connection")) } else { Ok(()) }
    }

    fn wrong(&self, what: impl ToString) -> Failure {
        Failure::wrong(self.address.to_string(), what)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = [0; 1024];
                assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn one_answer_is_read_to_its_end_before_the_next_request() {
        let address = answering(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        ])
        .await;
        let mut connection = Connection::open(address).await.unwrap();
        connection.post("/a", "key", "{}").await.unwrap();
        connection.post("/a", "key", "{}").await.unwrap();
        let refused = connection.post("/a", "key", "{}").await.unwrap_err();
        assert!(refused.to_string().contains("503"), "{refused}");
    }

    #[tokio::test]
    async fn an_answer_is_given_whatever_its_status() {
        let address = answering(&["HTTP/1.1 503 Service Unavailable\r\nContent-LENGTH: 4\r\n\r\nbusy"]).await;
        let mut connection = Connection::open(address).await.unwrap();
        let request = posting(address, "/a", "key", "{}");
        assert_eq!(connection.call(&request).await.unwrap(), Answer { status: 503, body: b"busy" });
    }

    #[tokio::test]
    async fn a_line_is_given_when_it_is_whole() {
        let address = answering(&["HTTP/1.1 200 OK\r\n\r\none\ntw"]).await;
        let mut connection = Connection::open(address).await.unwrap();
        connection.follow("/events", "key").await.unwrap();
        let mut lines = Vec::new();
        connection.lines(|line| lines.push(line.to_vec())).await.unwrap();
        assert_eq!(lines, [b"one"]);
        assert!(connection.lines(|_| panic!("`tw` is no line")).await.is_err(), "the connection ended");
    }
}
