//! Bytes on their way out: small contents whole from memory, larger ones from open files.
//!
//! Contents never change, so that what is in memory is never out of date. A small content is
//! compared with its digest when it enters memory. A larger one is compared by [`crate::files::verify`]
//! only: hashing it for each reader would halve the speed. Its length is always checked.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use star_core::ports::content::{ByteRange, ContentError, ContentRef, Reading};

use crate::files::limits;
use crate::files::place::{Key, Place};
use crate::files::publish::{Found, failed, look};
use crate::files::store::{Inner, joined, permit};
use crate::files::stream::{OpenContent, Pieces};

/// Small contents by digest.
pub(crate) type SmallContents = Cache<Key, Bytes, BySize>;

/// Open files by digest.
pub(crate) type OpenFiles = Cache<Key, Arc<OpenContent>>;

/// Counts what an entry takes in memory.
#[derive(Debug, Clone)]
pub(crate) struct BySize;

impl Weighter<Key, Bytes> for BySize {
    fn weight(&self, _key: &Key, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + limits::CACHE_ENTRY_BYTES
    }
}

/// An empty memory for small contents.
pub(crate) fn small_contents(bytes: u64) -> SmallContents {
    let typical_bytes = limits::SMALL_BYTES / 8;
    let entries = usize::try_from(bytes / typical_bytes).unwrap_or(usize::MAX);
    Cache::with_weighter(entries, bytes, BySize)
}

/// Reads a content or a part of it.
pub(crate) async fn read(
    inner: &Arc<Inner>,
    content: &ContentRef,
    range: Option<ByteRange>,
) -> Result<Reading, ContentError> {
    let place = Place::of(&content.digest).ok_or_else(|| ContentError::Unknown(content.digest.clone()))?;
    let range = inside(content, range)?;
    if content.size_bytes <= limits::SMALL_BYTES {
        let whole = small(inner, place, content.size_bytes).await?;
        inner.meters.bytes_out.increment(range.len);
        let at = |offset: u64| usize::try_from(offset).expect("a small content fits the memory");
        return Ok(Reading::Whole(whole.slice(at(range.start)..at(range.start + range.len))));
    }
    let open = open_file(inner, place).await?;
    if open.size_bytes != content.size_bytes {
        return Err(wrong_length(&open.place, open.size_bytes, content.size_bytes));
    }
    Ok(Reading::Stream(Box::pin(Pieces::new(Arc::clone(inner), open, range))))
}

/// The size of a content, if it is held.
pub(crate) async fn stat(inner: &Arc<Inner>, place: Place) -> Result<Option<u64>, ContentError> {
    if let Some(bytes) = inner.small.get(&place.key) {
        return Ok(Some(bytes.len() as u64));
    }
    if let Some(open) = inner.files.get(&place.key) {
        return Ok(Some(open.size_bytes));
    }
    let found = on_thread(inner, move |inner| look(inner, &place)).await?;
    match found {
        Found::File(size_bytes) => Ok(Some(size_bytes)),
        Found::Nothing | Found::Stranger => Ok(None),
    }
}

/// The range that is meant; refuses one that leaves the content.
fn inside(content: &ContentRef, range: Option<ByteRange>) -> Result<ByteRange, ContentError> {
    let whole = ByteRange { start: 0, len: content.size_bytes };
    let range = range.unwrap_or(whole);
    match range.start.checked_add(range.len) {
        Some(end) if end <= content.size_bytes => Ok(range),
        _ => {
            let ByteRange { start, len } = range;
            let what = format!("{len} bytes from {start} on, of {}", content.size_bytes);
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
            Err(ContentError::Io { action: "read outside of a content", source })
        }
    }
}

/// A small content from memory, or from its file into memory: once, however many ask for it.
async fn small(inner: &Arc<Inner>, place: Place, size_bytes: u64) -> Result<Bytes, ContentError> {
    let key = place.key;
    let bytes = match inner.small.get(&key) {
        Some(bytes) => {
            inner.meters.small.note(true);
            bytes
        }
        None => {
            inner.meters.small.note(false);
            let load = on_thread(inner, move |inner| load(inner, &place, size_bytes));
            inner.small.get_or_insert_async(&key, load).await?
        }
    };
    if bytes.len() as u64 != size_bytes {
        return Err(wrong_length(&Place::of_key(key), bytes.len() as u64, size_bytes));
    }
    Ok(bytes)
}

/// Reads a small content whole and compares it with its digest. Blocks on the disk.
fn load(inner: &Inner, place: &Place, size_bytes: u64) -> Result<Bytes, ContentError> {
    let open = open(inner, place)?;
    if open.size_bytes != size_bytes {
        return Err(wrong_length(place, open.size_bytes, size_bytes));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0));
    (&open.file).take(size_bytes).read_to_end(&mut bytes).map_err(failed("read a content"))?;
    let digest: Key = Sha256::digest(&bytes).into();
    if digest != place.key {
        let what = "its bytes have another digest".to_owned();
        return Err(ContentError::Corrupt { digest: place.digest(), what });
    }
    Ok(bytes.into())
}

/// The open file of a content, kept for the next reader.
async fn open_file(inner: &Arc<Inner>, place: Place) -> Result<Arc<OpenContent>, ContentError> {
    let key = place.key;
    let known = inner.files.get(&key);
    inner.meters.files.note(known.is_some());
    if let Some(open) = known {
        return Ok(open);
    }
    let opening = on_thread(inner, move |inner| open(inner, &place).map(Arc::new));
    inner.files.get_or_insert_async(&key, opening).await
}

/// Opens a content's file: never through a link, never anything but a plain file.
pub(crate) fn open(inner: &Inner, place: &Place) -> Result<OpenContent, ContentError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(&inner.layout.content, &place.path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Err(ContentError::Unknown(place.digest())),
        Err(Errno::LOOP) => return Err(stranger(place)),
        Err(error) => return Err(failed("open a content")(error.into())),
    };
    let metadata = file.metadata().map_err(failed("look at a content"))?;
    if !metadata.is_file() {
        return Err(stranger(place));
    }
    Ok(OpenContent::new(file, place.clone(), metadata.len()))
}

fn stranger(place: &Place) -> ContentError {
    let what = "its place is taken by something that is not a file".to_owned();
    ContentError::Corrupt { digest: place.digest(), what }
}

fn wrong_length(place: &Place, there: u64, wanted: u64) -> ContentError {
    let what = format!("its file has {there} bytes instead of {wanted}");
    ContentError::Corrupt { digest: place.digest(), what }
}

/// Runs a short piece of work on a thread that may block, some at a time.
async fn on_thread<T: Send + 'static>(
    inner: &Arc<Inner>,
    work: impl FnOnce(&Inner) -> Result<T, ContentError> + Send + 'static,
) -> Result<T, ContentError> {
    let slot = permit(&inner.read_jobs, 1).await;
    let inner = Arc::clone(inner);
    let job = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work(&inner)
    });
    joined(job.await, "read a content")
}
