//! Sending the bytes of a resource.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use star_path::{Digest, ResourcePath};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::io::ReaderStream;

use super::etag;
use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::meter::Meter;
use crate::once::{Change, Since};
use crate::progress::Progress;

/// What must be at the path for an upload to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Anything or nothing.
    #[default]
    Any,
    /// Nothing.
    Absent,
    /// These bytes.
    Holds(Digest),
}

impl Condition {
    /// The request, if this is true.
    pub(super) fn of(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Condition::Any => request,
            Condition::Absent => request.header(IF_NONE_MATCH, "*"),
            Condition::Holds(digest) => request.header(IF_MATCH, etag::write(digest)),
        }
    }
}

/// Bytes to send, from wherever they come.
#[derive(Debug)]
pub struct Outgoing<Reader> {
    reader: Reader,
    length: Option<u64>,
    name: PathBuf,
}

impl<Reader> Outgoing<Reader> {
    /// What `reader` gives until it ends. Errors call it `name`.
    pub fn new(name: impl Into<PathBuf>, reader: Reader) -> Outgoing<Reader> {
        Outgoing { reader, length: None, name: name.into() }
    }

    /// The same with its length in bytes, so that the Star may refuse before anything is sent. A
    /// reader that ends earlier is an error, and what comes after it is not sent.
    #[must_use]
    pub fn with_length(mut self, bytes: u64) -> Outgoing<Reader> {
        self.length = Some(bytes);
        self
    }
}

/// How a file is sent.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// Its media type; without one the ending of the name decides, and else the Star.
    pub media_type: Option<String>,
    /// What must be at the path.
    pub condition: Condition,
}

/// What the Star keeps now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Digest of the bytes that were sent; the Star has confirmed it if it named one.
    pub digest: Digest,
    /// Length in bytes.
    pub bytes: u64,
    /// Whether there was nothing at the path before.
    pub created: bool,
}

impl Client {
    /// Sends a file of this machine, again from its beginning if the answer is lost.
    pub async fn upload_file(
        &self,
        target: &ResourcePath,
        source: &Path,
        options: &UploadOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Stored, ClientError> {
        let first = opened(source).await?;
        if first.length.is_none() {
            return self.upload(target, first, options, progress).await;
        }
        drop(first);
        let upload = async |change: &Change| {
            let outgoing = opened(source).await?;
            self.send_bytes(target, outgoing, options, change, Arc::clone(&progress)).await
        };
        self.once(self.timeout(), Since::Failure, upload).await
    }

    /// Sends what a reader gives. It can be read once only, so it is sent once only.
    pub async fn upload(
        &self,
        target: &ResourcePath,
        source: Outgoing<impl AsyncRead + Send + Unpin + 'static>,
        options: &UploadOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Stored, ClientError> {
        self.send_bytes(target, source, options, &self.begin(self.timeout()), progress).await
    }

    async fn send_bytes(
        &self,
        target: &ResourcePath,
        source: Outgoing<impl AsyncRead + Send + Unpin + 'static>,
        options: &UploadOptions,
        change: &Change,
        progress: Arc<dyn Progress>,
    ) -> Result<Stored, ClientError> {
        let Outgoing { reader, length, name } = source;
        let meter = Meter::new(progress);
        let body = body(reader, length, &meter);
        let mut request = self.changing(Method::PUT, self.file_url(target)?, change);
        if let Some(length) = length {
            meter.expect_bytes(length);
            request = request.header(CONTENT_LENGTH, length);
        }
        if let Some(media_type) = media_type(target, options) {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let response = self.send_metered(options.condition.of(request), body, &meter, &name).await?;
        let stored =
            Stored { digest: meter.digest(), bytes: meter.bytes(), created: response.status() == StatusCode::CREATED };
        match response.headers().get(ETAG).and_then(etag::read) {
            Some(kept) if kept.algorithm() == stored.digest.algorithm() && kept != stored.digest => {
                Err(ClientError::Damaged {
                    name: target.to_string(),
                    expected: stored.digest.to_string(),
                    actual: kept.to_string(),
                })
            }
            _ => Ok(stored),
        }
    }
}

/// A file of this machine, from its beginning.
async fn opened(source: &Path) -> Result<Outgoing<File>, ClientError> {
    let file = File::open(source).await.map_err(ClientError::io(source))?;
    let metadata = file.metadata().await.map_err(ClientError::io(source))?;
    if metadata.is_dir() {
        return Err(ClientError::io(source)(io::ErrorKind::IsADirectory.into()));
    }
    let outgoing = Outgoing::new(source, file);
    // The length of a pipe or a device is known when it ends.
    Ok(if metadata.is_file() { outgoing.with_length(metadata.len()) } else { outgoing })
}

/// A body of exactly `length` bytes, if that is given, out of a reader that may have more.
fn body(reader: impl AsyncRead + Send + Unpin + 'static, length: Option<u64>, meter: &Arc<Meter>) -> Body {
    let reader = reader.take(length.unwrap_or(u64::MAX));
    let pieces = ReaderStream::with_capacity(reader, limits::CHUNK_BYTES);
    let counted = Arc::clone(meter);
    let whole = futures::stream::once(async move {
        match length {
            Some(length) if counted.bytes() < length => {
                let fault = format!("it shrank to {} bytes while it was sent", counted.bytes());
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, fault)))
            }
            _ => None,
        }
    });
    Body::wrap_stream(meter.measure(pieces.chain(whole.filter_map(std::future::ready))))
}

/// The media type of what is sent to a path: what the options say, or what the ending of its name
/// stands for.
pub(super) fn media_type(target: &ResourcePath, options: &UploadOptions) -> Option<String> {
    let guess = || mime_guess::from_path(target.last()).first_raw().map(str::to_owned);
    options.media_type.clone().or_else(guess)
}
