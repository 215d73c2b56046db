//! A tar archive, taken apart while it comes: each file becomes a content.
//!
//! Memory is bounded by a few pieces and the documents. An archive must end with the mark of its
//! format: one that just stops was cut, even where the connection says that all is well.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use star_core::command::{Manifest, ManifestEntry};
use star_core::ports::content::{ContentRef, ContentStore, Expected, Ingest};
use star_core::record::Body;
use star_kinds::config::DocumentFile;
use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::task::JoinSet;
use tokio_tar::{Archive, EntryType};
use tokio_util::io::StreamReader;

use super::documents::Document;
use super::names::{self, BadName};
use crate::files::media;
use crate::files::upload::{self, Upload};
use crate::limits;

/// Pieces in which files are taken out of an archive.
const PIECE_BYTES: usize = 256 * 1024;

/// An archive whose files are all durable.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    pub(crate) manifest: Manifest,
    pub(crate) documents: Vec<Document>,
    /// Bytes of files that were held before.
    pub(crate) known_bytes: u64,
    /// Bytes that were taken on.
    pub(crate) stored_bytes: u64,
}

/// Takes the files of an archive into the content store.
pub(crate) async fn unpack(
    store: &Arc<dyn ContentStore>,
    bundle: &ResourcePath,
    upload: Upload,
) -> Result<Unpacked, StarError> {
    let state = Arc::new(ReadState::default());
    let body = StreamReader::new(Box::pin(upload.into_stream()));
    let mut body = Watched { body, state: Arc::clone(&state) };
    let mut unpacker = Unpacker::new(store, bundle);
    {
        let mut archive = Archive::new(&mut body);
        let mut entries = archive.entries().map_err(|error| state.broken(bundle, &error))?;
        loop {
            state.allowed_bytes.store(limits::BUNDLE_HEADER_BYTES, Ordering::Relaxed);
            let Some(entry) = entries.next().await else { break };
            let mut entry = entry.map_err(|error| state.broken(bundle, &error))?;
            state.allowed_bytes.store(u64::MAX, Ordering::Relaxed);
            let raw = entry.path_bytes().map_err(|error| state.broken(bundle, &error))?.into_owned();
            if let Some(name) = file_name(entry.header().entry_type(), &raw).map_err(|error| error.of(bundle))? {
                unpacker.take(name, &mut entry, &state).await?;
            }
        }
    }
    if state.ended.load(Ordering::Relaxed) {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the archive has no end mark");
        return Err(upload::cut(bundle, &cut));
    }
    // What stands behind the end mark means nothing, but an upload is whole only when it ended.
    state.allowed_bytes.store(u64::MAX, Ordering::Relaxed);
    tokio::io::copy(&mut body, &mut tokio::io::sink()).await.map_err(|error| state.broken(bundle, &error))?;
    unpacker.finish().await
}

/// Files that were read and are being made durable, and those that are.
struct Unpacker<'a> {
    store: &'a Arc<dyn ContentStore>,
    bundle: &'a ResourcePath,
    syncing: JoinSet<Result<Kept, StarError>>,
    names: HashSet<String>,
    seen: HashSet<Digest>,
    bytes: u64,
    unpacked: Unpacked,
}

/// A file that is durable.
struct Kept {
    file: String,
    content: ContentRef,
    /// Whether its bytes were held before.
    known: bool,
}

impl<'a> Unpacker<'a> {
    fn new(store: &'a Arc<dyn ContentStore>, bundle: &'a ResourcePath) -> Unpacker<'a> {
        Unpacker {
            store,
            bundle,
            syncing: JoinSet::new(),
            names: HashSet::new(),
            seen: HashSet::new(),
            bytes: 0,
            unpacked: Unpacked::default(),
        }
    }

    async fn take(
        &mut self,
        name: &str,
        file: &mut (impl AsyncRead + Unpin),
        state: &ReadState,
    ) -> Result<(), StarError> {
        let path = names::path(self.bundle, name).map_err(|error| Refused::Name(error).of(self.bundle))?;
        let key = path.files().expect("a path of a file has files").to_owned();
        if !self.names.insert(key.clone()) {
            return Err(Refused::Name(BadName::Twice(names::shown(name))).of(self.bundle));
        }
        if self.names.len() > limits::BUNDLE_FILES {
            return Err(too_large(self.bundle, format!("a bundle has at most {} files", limits::BUNDLE_FILES)));
        }
        let form = DocumentFile::of(name);
        let mut document = form.map(|form| Document { form, name: name.to_owned(), bytes: Some(Vec::new()) });
        let refused = |error| upload::refused(&path, &error);
        let mut ingest = self.store.ingest(Expected::default()).await.map_err(refused)?;
        let mut hash = Sha256::new();
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE_BYTES);
            let read = file.read_buf(&mut buffer).await.map_err(|error| state.broken(self.bundle, &error))?;
            if read == 0 {
                break;
            }
            let piece = buffer.split().freeze();
            self.count(&piece)?;
            hash.update(&piece);
            if let Some(document) = &mut document {
                document.add(&piece);
            }
            ingest.write(piece).await.map_err(refused)?;
        }
        if state.ended.load(Ordering::Relaxed) {
            let cut = io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ends within `{name}`"));
            return Err(upload::cut(self.bundle, &cut));
        }
        self.unpacked.documents.extend(document);
        self.sync(key, path, ingest, Digest::sha256(hash.finalize().into())).await
    }

    fn count(&mut self, piece: &Bytes) -> Result<(), StarError> {
        self.bytes += piece.len() as u64;
        match self.bytes > limits::BUNDLE_BYTES {
            true => Err(too_large(self.bundle, format!("a bundle has at most {} bytes", limits::BUNDLE_BYTES))),
            false => Ok(()),
        }
    }

    /// Makes a file durable beside others, so that they share the syncs of the disk.
    async fn sync(
        &mut self,
        file: String,
        path: ResourcePath,
        ingest: Box<dyn Ingest>,
        digest: Digest,
    ) -> Result<(), StarError> {
        while self.syncing.len() >= limits::BUNDLE_SYNCS {
            self.kept().await?;
        }
        let store = Arc::clone(self.store);
        self.syncing.spawn(async move {
            let refused = |error| upload::refused(&path, &error);
            let known = store.stat(&digest).await.map_err(refused)?.is_some();
            let content = ingest.finish().await.map_err(refused)?;
            Ok(Kept { file, content, known })
        });
        Ok(())
    }

    /// Waits for one of the files; answers whether there was one.
    async fn kept(&mut self) -> Result<bool, StarError> {
        let Some(ended) = self.syncing.join_next().await else { return Ok(false) };
        let Kept { file, content, known } = ended.map_err(|error| {
            StarError::new(ErrorCode::Internal, "a file of the bundle was lost on its way").because(&error)
        })??;
        let first = self.seen.insert(content.digest.clone());
        match known || !first {
            true => self.unpacked.known_bytes += content.size_bytes,
            false => self.unpacked.stored_bytes += content.size_bytes,
        }
        let content_type = media::guess(&file);
        self.unpacked.manifest.files.insert(file, ManifestEntry { body: Body { content, content_type } });
        Ok(true)
    }

    async fn finish(mut self) -> Result<Unpacked, StarError> {
        while self.kept().await? {}
        names::check_tree(&self.unpacked.manifest.files).map_err(|error| Refused::Name(error).of(self.bundle))?;
        Ok(self.unpacked)
    }
}

impl Document {
    fn add(&mut self, piece: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(piece);
            if bytes.len() as u64 > limits::BUNDLE_DOCUMENT_BYTES {
                self.bytes = None;
            }
        }
    }
}

/// Why an entry cannot be part of a bundle.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("`{name}` is {what}; a bundle holds files only")]
    Form { name: String, what: &'static str },
}

impl Refused {
    fn of(&self, bundle: &ResourcePath) -> StarError {
        StarError::new(ErrorCode::InvalidBundle, self.to_string()).at(bundle)
    }
}

/// The name of an entry that is a file; none for what a bundle passes over.
fn file_name(form: EntryType, raw: &[u8]) -> Result<Option<&str>, Refused> {
    if form.is_pax_global_extensions() {
        return Ok(None);
    }
    let name = names::plain(raw)?;
    let what = match form {
        EntryType::Regular | EntryType::Continuous => match name {
            // Archives of long ago mark directories by a slash only.
            Some(_) if raw.ends_with(b"/") => return Ok(None),
            Some(name) => return Ok(Some(name)),
            None => "the root of the bundle",
        },
        EntryType::Directory => return Ok(None),
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "an entry of an unknown kind",
    };
    Err(Refused::Form { name: names::shown(name.unwrap_or(".")), what })
}

fn too_large(bundle: &ResourcePath, message: String) -> StarError {
    StarError::new(ErrorCode::TooLarge, message).at(bundle)
}

/// What is known about the reading of the body.
#[derive(Debug, Default)]
struct ReadState {
    /// How much may be read before the next file begins; the library holds headers whole.
    allowed_bytes: AtomicU64,
    /// Whether the body is at its end.
    ended: AtomicBool,
}

impl ReadState {
    /// The error for an archive that cannot be read: it was cut, or it is none.
    fn broken(&self, bundle: &ResourcePath, error: &io::Error) -> StarError {
        let of_connection = error.get_ref().is_some_and(|inner| inner.is::<axum::Error>());
        let cut = of_connection
            || self.ended.load(Ordering::Relaxed)
            || matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::TimedOut);
        if cut {
            upload::cut(bundle, error)
        } else if error.kind() == io::ErrorKind::FileTooLarge {
            too_large(bundle, error.to_string())
        } else {
            StarError::new(ErrorCode::InvalidBundle, "the body is no tar archive").at(bundle).because(error)
        }
    }
}

/// The body under watch.
struct Watched<Inner> {
    body: Inner,
    state: Arc<ReadState>,
}

impl<Inner: AsyncRead + Unpin> AsyncRead for Watched<Inner> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let allowed = this.state.allowed_bytes.load(Ordering::Relaxed);
        if allowed == 0 {
            let message = "the headers of a file are too long";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, message)));
        }
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        ready!(Pin::new(&mut this.body).poll_read(cx, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        this.state.allowed_bytes.store(allowed.saturating_sub(read), Ordering::Relaxed);
        if read == 0 && room > 0 {
            this.state.ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}
