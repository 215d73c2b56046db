//! One HTTP/1.1 exchange on one connection, with nothing in between that would mend it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::patience::PATIENCE;

/// The head of an answer, and the connection that its body comes from.
pub(crate) struct Incoming {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// How the end of a body is known.
enum Framing {
    Chunked { left: usize, ended: bool },
    Length(u64),
    UntilClosed,
}

/// The body of an answer, as it comes.
pub(crate) struct Body {
    stream: BufReader<TcpStream>,
    framing: Framing,
}

/// Connects, with [`PATIENCE`] for every read and write.
pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends bytes and reads the head of the answer.
pub(crate) fn exchange(mut stream: TcpStream, request: &[u8], has_body: bool) -> io::Result<Incoming> {
    // An answer may come before all is sent; then sending fails, and the answer counts.
    let sent = stream.write_all(request);
    match head(stream, has_body) {
        Ok(incoming) => Ok(incoming),
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

/// Reads the head of an answer.
pub(crate) fn head(stream: TcpStream, has_body: bool) -> io::Result<Incoming> {
    let mut stream = BufReader::new(stream);
    let first = line(&mut stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status: u16 = status.ok_or_else(|| broken(format!("`{first}` is no status line")))?;
    let mut headers = Vec::new();
    loop {
        let text = line(&mut stream)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(|| broken(format!("`{text}` is no header")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let framing = if !has_body || matches!(status, 204 | 304) {
        Framing::Length(0)
    } else if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        Framing::Chunked { left: 0, ended: false }
    } else if let Some(length) = header("content-length") {
        Framing::Length(length.parse().map_err(|_| broken(format!("`{length}` is no length")))?)
    } else {
        Framing::UntilClosed
    };
    Ok(Incoming { status, headers, body: Body { stream, framing } })
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed before the answer"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the body was cut")
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.framing {
            Framing::UntilClosed => self.stream.read(into),
            Framing::Length(0) => Ok(0),
            Framing::Length(left) => {
                let most = into.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                match self.stream.read(&mut into[..most])? {
                    0 if most > 0 => Err(cut()),
                    count => {
                        *left -= count as u64;
                        Ok(count)
                    }
                }
            }
            Framing::Chunked { ended: true, .. } => Ok(0),
            Framing::Chunked { left, ended } => {
                if *left == 0 {
                    *left = chunk(&mut self.stream)?;
                    if *left == 0 {
                        line(&mut self.stream)?;
                        *ended = true;
                        return Ok(0);
                    }
                }
                let most = into.len().min(*left);
                let count = self.stream.read(&mut into[..most])?;
                if count == 0 && most > 0 {
                    return Err(cut());
                }
                *left -= count;
                if *left == 0 {
                    line(&mut self.stream)?;
                }
                Ok(count)
            }
        }
    }
}

/// The length of the next chunk.
fn chunk(stream: &mut impl BufRead) -> io::Result<usize> {
    let text = line(stream)?;
    let digits = text.split(';').next().unwrap_or_default().trim();
    usize::from_str_radix(digits, 16).map_err(|_| broken(format!("`{text}` is no length of a chunk")))
}
