//! The plain bytes of frames, decoded a little ahead of who reads.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use star_core::ports::content::{ByteRange, ByteStream, ContentError};
use star_path::Digest;

use super::aborted;
use super::source::{ReadError, Source};
use crate::chunk::decode::Decoder;
use crate::pack::{Reader, Slot};
use crate::packed::limits;
use crate::packed::packs::PackError;
use crate::packed::store::Inner;
use crate::rows::{Extent, Ordinal};

thread_local! {
    /// The decoder of a thread, which takes longer to make than to use.
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// Where a reader is in a content.
struct Walk {
    source: Source,
    at: u64,
    end: u64,
}

/// A frame that is to be decoded, and which of its plain bytes are wanted.
struct Part {
    pack: Ordinal,
    reader: Reader,
    slot: Slot,
    start: usize,
    end: usize,
}

/// The plain bytes of a range, which lies inside the content. An error at its very beginning comes before
/// the stream.
pub(super) async fn stream(source: Source, range: ByteRange) -> Result<ByteStream, ContentError> {
    let (inner, digest) = (Arc::clone(&source.inner), source.digest.clone());
    let mut walk = Walk { source, at: range.start, end: range.start + range.len };
    let first = walk.step().await?;
    let later = stream::try_unfold(walk, |mut walk| async move {
        let parts = walk.step().await?;
        Ok::<_, ContentError>(parts.map(|parts| (parts, walk)))
    });
    let parts = stream::iter(first.map(Ok)).chain(later);
    let frames = parts.map_ok(|parts| stream::iter(parts.into_iter().map(Ok))).try_flatten();
    let decoding = frames.map(move |part| {
        let (inner, digest) = (Arc::clone(&inner), digest.clone());
        async move { decode_part(inner, digest, part?).await }
    });
    Ok(Box::pin(decoding.buffered(limits::DECODE_AHEAD)))
}

impl Walk {
    /// The frames of the next extent that hold bytes of the range; none behind its end.
    async fn step(&mut self) -> Result<Option<Vec<Part>>, ContentError> {
        let (at, end) = (self.at, self.end);
        if at >= end {
            return Ok(None);
        }
        let (parts, next) = self.source.insist(|source| next_parts(source, at, end)).await?;
        self.at = next;
        Ok(Some(parts))
    }
}

/// The frames of the extent that holds a byte, as far as a range goes; and where they end.
async fn next_parts(source: Arc<Source>, at: u64, end: u64) -> Result<(Vec<Part>, u64), ReadError> {
    let extent = source.layout().plain_range(at, end - at).first().copied();
    let Some(extent) = extent else {
        let what = format!("its layout has no byte {at}");
        return Err(ContentError::Corrupt { digest: source.digest.clone(), what }.into());
    };
    let inner = Arc::clone(&source.inner);
    let looked = tokio::task::spawn_blocking(move || inner.packs.slots(&extent)).await.map_err(aborted)?;
    let (reader, slots) = looked.map_err(|error| source.failed(extent.pack, error))?;
    let (parts, next) = cut(extent, &reader, slots, at..end);
    if next <= at {
        let what = format!("the frames of its layout end before byte {at}");
        return Err(ContentError::Corrupt { digest: source.digest.clone(), what }.into());
    }
    Ok((parts, next))
}

/// The parts of frames that lie in a range of the plain form, and where the last frame ends.
fn cut(extent: Extent, reader: &Reader, slots: Vec<Slot>, range: std::ops::Range<u64>) -> (Vec<Part>, u64) {
    let mut begins = extent.plain_start;
    let mut parts = Vec::new();
    for slot in slots {
        let ends = begins + u64::from(slot.plain_len);
        if ends > range.start && begins < range.end {
            let start = range.start.saturating_sub(begins) as usize;
            let end = (range.end.min(ends) - begins) as usize;
            parts.push(Part { pack: extent.pack, reader: reader.clone(), slot, start, end });
        }
        begins = ends;
    }
    (parts, begins)
}

async fn decode_part(inner: Arc<Inner>, digest: Digest, part: Part) -> Result<Bytes, ContentError> {
    let share = Arc::clone(&inner.decodes).acquire_owned().await.map_err(aborted)?;
    let decoding = tokio::task::spawn_blocking(move || {
        let _share = share;
        let Part { pack, reader, slot, start, end } = part;
        let stored = reader.frame(&slot);
        let stored = stored.map_err(|fault| inner.unreadable(&digest, pack, PackError::from(fault)))?;
        decode(&inner, &digest, pack, &slot, &stored).map(|plain| Bytes::from(plain).slice(start..end))
    });
    decoding.await.map_err(aborted)?
}

/// Decodes a frame whose checksum holds.
pub(super) fn decode(
    inner: &Inner,
    digest: &Digest,
    pack: Ordinal,
    slot: &Slot,
    stored: &[u8],
) -> Result<Vec<u8>, ContentError> {
    let mut plain = vec![0; slot.plain_len as usize];
    let len = plain.len();
    let decoded = DECODER.with_borrow_mut(|decoder| decoder.decode(slot.encoding, stored, len, &mut plain).map(drop));
    decoded.map(|()| plain).map_err(|error| {
        let what = format!("offset {}: {error}", slot.offset);
        inner.quarantine(digest, pack, &what);
        ContentError::Corrupt { digest: digest.clone(), what }
    })
}
