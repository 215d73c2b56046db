//! A content on its way out, as plain bytes: what is stored as it is goes out as it lies, and the rest is
//! decoded frame by frame, a little ahead of who reads.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use star_core::ports::content::{ByteRange, ByteStream, ContentError, ContentRef, Reading};
use star_path::Digest;

use super::limits;
use super::metadata::{inline, layout};
use super::packs::PackError;
use super::store::Inner;
use crate::chunk::Encoding;
use crate::chunk::decode::Decoder;
use crate::map::{Extents, Piece};
use crate::pack::{Reader, Slot};
use crate::rows::{Content, Extent, Layout, Place, Sha256};

/// Reads a content, or a range of it.
pub(crate) async fn read(
    inner: &Arc<Inner>,
    wanted: &ContentRef,
    range: Option<ByteRange>,
) -> Result<Reading, ContentError> {
    let Ok(sha256) = Sha256::try_from(wanted.digest.as_bytes()) else {
        return Err(ContentError::Unknown(wanted.digest.clone()));
    };
    let range = range.unwrap_or(ByteRange { start: 0, len: wanted.size_bytes });
    let small = inner.small.get(&sha256);
    inner.meters.small.note(small.is_some());
    if let Some(bytes) = small {
        return part(&bytes, range, &wanted.digest).map(Reading::Whole);
    }
    // A pack may be collected between the look at the row and the look at the pack: then the row says
    // something else by now.
    let mut attempts = limits::READ_ATTEMPTS;
    loop {
        attempts -= 1;
        let content = inner.content(&sha256).await?.ok_or_else(|| ContentError::Unknown(wanted.digest.clone()))?;
        match read_row(inner, &sha256, &content, range).await {
            Err(ReadError::Gone(error)) if attempts > 0 => {
                tracing::debug!(digest = %wanted.digest, error = &error as &dyn std::error::Error, "the content lies elsewhere by now");
            }
            read => return read.map_err(|error| error.of(&wanted.digest)),
        }
    }
}

/// Why a content could not be read.
enum ReadError {
    /// A pack is gone: read the row again.
    Gone(PackError),
    Pack(PackError),
    Content(ContentError),
}

impl ReadError {
    fn of(self, digest: &Digest) -> ContentError {
        match self {
            ReadError::Gone(error) | ReadError::Pack(error) => broken(digest, error),
            ReadError::Content(error) => error,
        }
    }
}

impl From<PackError> for ReadError {
    fn from(error: PackError) -> ReadError {
        match error {
            gone @ PackError::Gone(_) => ReadError::Gone(gone),
            error => ReadError::Pack(error),
        }
    }
}

impl From<ContentError> for ReadError {
    fn from(error: ContentError) -> ReadError {
        ReadError::Content(error)
    }
}

async fn read_row(
    inner: &Arc<Inner>,
    sha256: &Sha256,
    content: &Content,
    range: ByteRange,
) -> Result<Reading, ReadError> {
    let digest = Digest::sha256(*sha256);
    if let Some(bytes) = inline(content) {
        return Ok(Reading::Whole(part(bytes, range, &digest)?));
    }
    if range.start.checked_add(range.len).is_none_or(|end| end > content.size_bytes) {
        return Err(outside(&digest, range).into());
    }
    let layout = match &content.place {
        Place::Packed(layout) => Arc::new(layout.clone()),
        Place::Paged(paged) => Arc::new(layout(inner, sha256, content, paged).await?),
        Place::Inline(_) => return Ok(Reading::Whole(Bytes::new())),
    };
    if content.size_bytes <= limits::SMALL_BYTES {
        let whole = ByteRange { start: 0, len: content.size_bytes };
        let pieces: Vec<Bytes> = plain(inner, &digest, &layout, whole).await?.try_collect().await?;
        let bytes = joined(pieces);
        inner.small.insert(*sha256, bytes.clone());
        return Ok(Reading::Whole(part(&bytes, range, &digest)?));
    }
    Ok(Reading::Stream(plain(inner, &digest, &layout, range).await?))
}

/// The plain bytes of a range, which lies inside the content.
async fn plain(
    inner: &Arc<Inner>,
    digest: &Digest,
    layout: &Arc<Layout>,
    range: ByteRange,
) -> Result<ByteStream, ReadError> {
    match layout.encoding() {
        Encoding::Raw => as_it_lies(inner, digest, layout, range).await,
        Encoding::Zstd => Ok(decoded(Arc::clone(inner), digest.clone(), Arc::clone(layout), range)),
    }
}

/// The stored bytes of a range of the stored form.
async fn as_it_lies(
    inner: &Inner,
    digest: &Digest,
    layout: &Layout,
    range: ByteRange,
) -> Result<ByteStream, ReadError> {
    let mut pieces = Vec::new();
    for (pack, offset, len) in layout.stored_range(range.start, range.len) {
        pieces.push(Piece { pack: inner.packs.file(pack).await?, offset, len });
    }
    Ok(inner.reader.stream(Extents::new(digest.clone(), pieces)?))
}

thread_local! {
    /// The decoder of a thread, which takes longer to make than to use.
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// A frame that is to be decoded, and which of its plain bytes are wanted.
struct Part {
    reader: Reader,
    slot: Slot,
    start: usize,
    end: usize,
}

fn decoded(inner: Arc<Inner>, digest: Digest, layout: Arc<Layout>, range: ByteRange) -> ByteStream {
    let extents = layout.plain_range(range.start, range.len).to_vec();
    let parts = {
        let (inner, digest) = (Arc::clone(&inner), digest.clone());
        stream::iter(extents).then(move |extent| parts(Arc::clone(&inner), digest.clone(), extent, range))
    };
    let frames = parts.map_ok(|parts| stream::iter(parts.into_iter().map(Ok))).try_flatten();
    let decoding = frames.map(move |part| {
        let (inner, digest) = (Arc::clone(&inner), digest.clone());
        async move { decode(&inner, digest, part?).await }
    });
    Box::pin(decoding.buffered(limits::DECODE_AHEAD))
}

/// The frames of an extent that hold bytes of a range.
async fn parts(inner: Arc<Inner>, digest: Digest, extent: Extent, range: ByteRange) -> Result<Vec<Part>, ContentError> {
    let looked = tokio::task::spawn_blocking(move || inner.packs.slots(&extent)).await;
    let (reader, slots) = looked.map_err(aborted)?.map_err(|error| broken(&digest, error))?;
    let (mut at, end) = (extent.plain_start, range.start.saturating_add(range.len));
    let mut parts = Vec::new();
    for slot in slots {
        let next = at + u64::from(slot.plain_len);
        if next > range.start && at < end {
            let start = range.start.saturating_sub(at) as usize;
            let end = (end.min(next) - at) as usize;
            parts.push(Part { reader: reader.clone(), slot, start, end });
        }
        at = next;
    }
    Ok(parts)
}

async fn decode(inner: &Inner, digest: Digest, part: Part) -> Result<Bytes, ContentError> {
    let share = Arc::clone(&inner.decodes).acquire_owned().await;
    let share = share.map_err(aborted)?;
    let decoding = tokio::task::spawn_blocking(move || {
        let Part { reader, slot, start, end } = part;
        let stored = reader.frame(&slot).map_err(|fault| broken(&digest, fault.into()))?;
        let mut plain = vec![0; slot.plain_len as usize];
        let room = &mut plain[..];
        DECODER
            .with_borrow_mut(|decoder| decoder.decode(slot.encoding, &stored, slot.plain_len as usize, room).map(drop))
            .map_err(|error| ContentError::Corrupt { digest, what: error.to_string() })?;
        drop(share);
        Ok(Bytes::from(plain).slice(start..end))
    });
    decoding.await.map_err(aborted)?
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 => Bytes::new(),
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}

fn part(bytes: &Bytes, range: ByteRange, digest: &Digest) -> Result<Bytes, ContentError> {
    let end = range.start.checked_add(range.len).filter(|end| *end <= bytes.len() as u64);
    let end = end.ok_or_else(|| outside(digest, range))?;
    Ok(bytes.slice(range.start as usize..end as usize))
}

fn outside(digest: &Digest, range: ByteRange) -> ContentError {
    let what =
        format!("bytes {} to {} were asked of content {digest}", range.start, range.start.saturating_add(range.len));
    ContentError::Io { action: "read outside of a content", source: std::io::Error::other(what) }
}

fn aborted(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ContentError {
    ContentError::Io { action: "read a content", source: std::io::Error::other(error) }
}

fn broken(digest: &Digest, error: PackError) -> ContentError {
    match error {
        PackError::Unopened { source, .. } => ContentError::Io { action: "open a pack", source },
        error => ContentError::Corrupt { digest: digest.clone(), what: error.to_string() },
    }
}
