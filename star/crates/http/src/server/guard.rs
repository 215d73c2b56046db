//! A connection that may not keep us waiting.
//!
//! Two waits lie outside of what the server bounds by itself. Whether a client speaks HTTP/1 or
//! HTTP/2 shows in its first bytes, which are read before any limit on time begins to run: someone
//! who sends none, or only the beginning of the greeting of HTTP/2, would hold a connection for
//! ever. And so would someone who asks for something long and never reads it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::crowd::Member;
use crate::limits;

const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes have to come, and whose answers have to be read, in time.
pub(super) struct Guarded {
    stream: TcpStream,
    member: Arc<Member>,
    waiting: Option<Waiting>,
    /// Until when the client has to take more, while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// The protocol is not known yet.
struct Waiting {
    /// How much of the greeting has come.
    greeted: usize,
    until: Pin<Box<Sleep>>,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, member: Arc<Member>) -> Guarded {
        let until = Box::pin(tokio::time::sleep(limits::HEADER_READ));
        Guarded { stream, member, waiting: Some(Waiting { greeted: 0, until }), stalled: None }
    }

    /// What became of a write, or that the client has taken nothing for too long.
    fn written(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            self.member.moved();
            self.stalled = None;
            return outcome;
        }
        let until = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limits::WRITE_STALL)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Waiting {
    /// Whether the protocol is known after these bytes.
    fn settled_by(&mut self, bytes: &[u8]) -> bool {
        let rest = &GREETING[self.greeted..];
        self.greeted += bytes.len().min(rest.len());
        bytes.len() >= rest.len() || !rest.starts_with(bytes)
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.member.moved();
        }
        let Some(waiting) = &mut this.waiting else { return read };
        if read.is_pending() {
            ready!(waiting.until.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if waiting.settled_by(&buffer.filled()[before..]) {
            this.waiting = None;
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(pieces: &[&[u8]]) -> bool {
        let mut waiting = Waiting { greeted: 0, until: Box::pin(tokio::time::sleep(limits::HEADER_READ)) };
        pieces.iter().any(|piece| waiting.settled_by(piece))
    }

    #[tokio::test]
    async fn the_protocol_is_known_from_the_first_byte_that_differs_or_the_whole_greeting() {
        assert!(settled(&[b"GET / HTTP/1.0\r\n\r\n"]));
        assert!(settled(&[b"P", b"OST"]));
        assert!(settled(&[GREETING]));
        assert!(settled(&[&GREETING[..7], &GREETING[7..]]));
        assert!(!settled(&[]));
        assert!(!settled(&[b"P", b"RI * HT", b"TP"]));
    }
}
