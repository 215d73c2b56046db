//! Fetching the bytes of a resource, whole or in part, checked on arrival.
//!
//! All of them are asked for as the Star keeps them, which is less to send and no work for it; what is
//! compared with the digest are the plain bytes that they amount to. Parts are parts of the plain bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, RANGE};
use reqwest::{Method, Response, StatusCode};
use star_path::ResourcePath;
use tokio::fs::{self, File};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::remote::FileInfo;
use super::unpack::Unpacking;
use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::meter::Meter;
use crate::progress::Progress;

/// The form in which all bytes are asked for.
const ZSTD: &str = "zstd";

/// Which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All of them.
    #[default]
    All,
    /// All from this offset on.
    From(u64),
    /// From the first offset to the last, both included.
    Between(u64, u64),
    /// The last so many.
    Last(u64),
}

impl Part {
    fn header(self) -> Option<String> {
        match self {
            Part::All => None,
            Part::From(first) => Some(format!("bytes={first}-")),
            Part::Between(first, last) => Some(format!("bytes={first}-{last}")),
            Part::Last(count) => Some(format!("bytes=-{count}")),
        }
    }
}

/// Bytes on their way in.
pub struct Download {
    /// What the Star says about them.
    pub info: FileInfo,
    client: Client,
    name: String,
    part: Part,
    response: Response,
    /// What makes plain bytes of it, if they come in another form.
    unpacking: Option<Unpacking>,
    meter: Arc<Meter>,
    done: bool,
}

impl Client {
    /// Opens the bytes of a resource.
    pub async fn download(
        &self,
        path: &ResourcePath,
        part: Part,
        progress: Arc<dyn Progress>,
    ) -> Result<Download, ClientError> {
        let mut request = self.request(Method::GET, self.file_url(path)?);
        request = match part.header() {
            Some(range) => request.header(RANGE, range),
            None => request.header(ACCEPT_ENCODING, ZSTD),
        };
        let response = self.open(request, self.timeout()).await?;
        if part != Part::All && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(self.protocol(format!("{path}: all bytes in place of a part")));
        }
        let info = FileInfo::read(response.headers());
        let unpacking = match response.headers().get(CONTENT_ENCODING) {
            None => None,
            Some(coding) if coding == ZSTD => {
                Some(Unpacking::begin().map_err(|error| self.protocol(format!("{path}: {error}")))?)
            }
            Some(coding) => return Err(self.protocol(format!("{path}: {coding:?} was not asked for"))),
        };
        let (meter, name) = (Meter::new(progress), path.to_string());
        Ok(Download { info, client: self.clone(), name, part, response, unpacking, meter, done: false })
    }

    /// Fetches a file of a Star into a file of this machine, which appears whole or not at all.
    /// Returns its length in bytes.
    pub async fn download_file(
        &self,
        path: &ResourcePath,
        target: &Path,
        progress: Arc<dyn Progress>,
    ) -> Result<u64, ClientError> {
        let download = self.download(path, Part::All, progress).await?;
        let mut partial = Partial::create(target).await?;
        let bytes = download.copy_to(&mut partial.file, target).await?;
        partial.finish(target).await?;
        Ok(bytes)
    }
}

impl Download {
    /// The next piece, or `None` once all of them came and are what the Star has.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        while !self.done {
            if let Some(piece) = self.unpacked()? {
                self.meter.count(&piece);
                return Ok(Some(piece));
            }
            match (self.receive().await?, &mut self.unpacking) {
                (Some(packed), Some(unpacking)) => unpacking.feed(packed),
                (Some(piece), None) => {
                    self.meter.count(&piece);
                    return Ok(Some(piece));
                }
                (None, _) => {
                    self.done = true;
                    self.check()?;
                }
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, ClientError> {
        let piece = tokio::time::timeout(limits::STALL, self.response.chunk()).await;
        piece
            .map_err(|_| self.client.timed_out(limits::STALL))?
            .map_err(|error| self.client.transport(error, limits::STALL))
    }

    /// Plain bytes of what was received; none if there are none yet.
    fn unpacked(&mut self) -> Result<Option<Bytes>, ClientError> {
        let Some(unpacking) = &mut self.unpacking else { return Ok(None) };
        let unpacked = unpacking.next_piece();
        unpacked.map_err(|error| self.damaged("a stream of zstd", &format!("other bytes ({error})")))
    }

    fn damaged(&self, expected: &str, actual: &str) -> ClientError {
        let (name, expected, actual) = (self.name.clone(), expected.to_owned(), actual.to_owned());
        ClientError::Damaged { name, expected, actual }
    }

    /// Writes all of it into `writer`, which errors call `name`. Returns the number of bytes.
    pub async fn copy_to(mut self, writer: &mut (impl AsyncWrite + Unpin), name: &Path) -> Result<u64, ClientError> {
        while let Some(piece) = self.next_piece().await? {
            writer.write_all(&piece).await.map_err(ClientError::io(name))?;
        }
        writer.flush().await.map_err(ClientError::io(name))?;
        Ok(self.meter.bytes())
    }

    /// Length and digest of what came. A part has no digest of its own.
    fn check(&self) -> Result<(), ClientError> {
        let bytes = self.meter.bytes();
        if let Some(expected) = self.info.bytes.filter(|expected| *expected != bytes) {
            return Err(self.damaged(&format!("{expected} bytes"), &format!("{bytes} bytes")));
        }
        if self.unpacking.as_ref().is_some_and(|unpacking| !unpacking.is_whole()) {
            return Err(self.damaged("whole frames of zstd", "one that breaks off"));
        }
        let Some(expected) = self.info.digest.as_ref().filter(|_| self.part == Part::All) else {
            return Ok(());
        };
        let actual = self.meter.digest();
        // A digest of another algorithm cannot be compared.
        if expected.algorithm() == actual.algorithm() && *expected != actual {
            return Err(self.damaged(&expected.to_string(), &actual.to_string()));
        }
        Ok(())
    }
}

/// A file beside its future place, removed unless it gets there.
struct Partial {
    file: File,
    path: Option<PathBuf>,
}

impl Partial {
    async fn create(target: &Path) -> Result<Partial, ClientError> {
        let unusable = || ClientError::io(target);
        if target.file_name().is_none() {
            return Err(unusable()(std::io::ErrorKind::IsADirectory.into()));
        }
        // A name of its own: with more behind it, that of the target could be longer than names may be.
        let path = target.with_file_name(format!(".star-{}.part", uuid::Uuid::now_v7().simple()));
        let file = File::create(&path).await.map_err(unusable())?;
        Ok(Partial { file, path: Some(path) })
    }

    async fn finish(mut self, target: &Path) -> Result<(), ClientError> {
        self.file.sync_all().await.map_err(ClientError::io(target))?;
        if let Some(path) = &self.path {
            fs::rename(path, target).await.map_err(ClientError::io(target))?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nobody is left to tell; what stays behind is a hidden file that says what it is.
            std::fs::remove_file(path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_asked_for_as_http_does() {
        let headers = [Part::All, Part::From(5), Part::Between(5, 9), Part::Last(3)].map(Part::header);
        assert_eq!(headers, [None, Some("bytes=5-".into()), Some("bytes=5-9".into()), Some("bytes=-3".into())]);
    }
}
