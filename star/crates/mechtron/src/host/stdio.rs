//! Standard output and error of a guest: each line is a line of the log.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::bindings::starlane::mechtron::log::Level;
use crate::limits;
use crate::mechtron::Bound;

/// A stream whose lines go to the log of a mechtron.
#[derive(Clone)]
pub(crate) struct LogStream {
    bound: Arc<Bound>,
    request_id: Arc<str>,
    level: Level,
    /// The line that has begun. Never longer than a line of the log may be.
    begun: Vec<u8>,
}

impl LogStream {
    /// Standard output.
    pub(crate) fn output(bound: &Arc<Bound>, request_id: &Arc<str>) -> LogStream {
        LogStream::of(bound, request_id, Level::Info)
    }

    /// Standard error, where panics of the guest appear.
    pub(crate) fn error(bound: &Arc<Bound>, request_id: &Arc<str>) -> LogStream {
        LogStream::of(bound, request_id, Level::Warn)
    }

    fn of(bound: &Arc<Bound>, request_id: &Arc<str>, level: Level) -> LogStream {
        LogStream { bound: Arc::clone(bound), request_id: Arc::clone(request_id), level, begun: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = limits::LOG_LINE_BYTES.saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        if !self.begun.is_empty() {
            let line = String::from_utf8_lossy(&self.begun);
            self.bound.log.line(&self.bound.spec.path, &self.request_id, self.level, &line);
            self.begun.clear();
        }
    }
}

impl Drop for LogStream {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(limits::LOG_LINE_BYTES)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
