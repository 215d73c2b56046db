//! Stored bytes as the packs hold them: what [`map`](crate::map) sends, after each frame was compared
//! with its checksum once.
//!
//! A stream goes in steps. What was compared before goes in large ones. What was not is read by a thread,
//! which makes nothing of it but the comparison; its pages are in memory then, and go out through the
//! map like all others. The next step is prepared while one is sent.

use std::future::ready;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use star_core::ports::content::{ByteRange, ByteStream, ContentError};
use star_path::Digest;

use super::aborted;
use super::source::{ReadError, Source};
use crate::map::{Extents, Piece};
use crate::pack::Slot;
use crate::packed::limits;
use crate::packed::packs::{PackError, Packs};
use crate::packed::store::Inner;
use crate::rows::{Extent, Ordinal};

/// Where a reader is in the stored form.
struct Walk {
    source: Source,
    at: u64,
    end: u64,
}

/// Bytes that can be sent.
#[derive(Default)]
struct Step {
    pieces: Vec<Piece>,
    /// The packs of the pieces.
    packs: Vec<Ordinal>,
}

/// The bytes of a range of the stored form, which must lie inside it. An error at its very beginning comes
/// before the stream.
pub(super) async fn stream(source: Source, range: ByteRange) -> Result<ByteStream, ContentError> {
    let (inner, digest) = (Arc::clone(&source.inner), source.digest.clone());
    let mut walk = Walk { source, at: range.start, end: range.start + range.len };
    let first = walk.step().await?;
    let later = stream::try_unfold(walk, |mut walk| async move {
        let step = walk.step().await?;
        Ok::<_, ContentError>(step.map(|step| (step, walk)))
    });
    let steps = stream::iter(first.map(Ok)).chain(later);
    let ahead = steps.map(ready).buffered(limits::STEPS_AHEAD);
    let sent = ahead.and_then(move |step| ready(send(&inner, &digest, step))).try_flatten();
    Ok(Box::pin(sent))
}

fn send(inner: &Arc<Inner>, digest: &Digest, step: Step) -> Result<ByteStream, ContentError> {
    let Step { pieces, packs } = step;
    let files: Vec<_> = pieces.iter().map(|piece| Arc::clone(&piece.pack)).collect();
    let sent = inner.reader.stream(Extents::new(digest.clone(), pieces)?);
    let (inner, digest) = (Arc::clone(inner), digest.clone());
    let watched = sent.inspect_err(move |error| {
        for (pack, _) in packs.iter().zip(&files).filter(|(_, file)| file.is_suspect()) {
            inner.quarantine(&digest, *pack, &error.to_string());
        }
    });
    Ok(Box::pin(watched))
}

impl Walk {
    /// The next bytes; none behind the end of the range.
    async fn step(&mut self) -> Result<Option<Step>, ContentError> {
        let (at, end) = (self.at, self.end);
        if at >= end {
            return Ok(None);
        }
        let step = self.source.insist(|source| next_step(source, at, end)).await?;
        let len: u64 = step.pieces.iter().map(|piece| piece.len).sum();
        if len == 0 {
            let what = format!("its layout has no stored byte {at}");
            return Err(ContentError::Corrupt { digest: self.source.digest.clone(), what });
        }
        self.at += len;
        Ok(Some(step))
    }
}

/// As much as was compared before; or a little that is compared now.
async fn next_step(source: Arc<Source>, at: u64, end: u64) -> Result<Step, ReadError> {
    let mut step = Step::default();
    for (extent, offset, len) in source.layout().stored_range(at, end - at).take(limits::STEP_PIECES) {
        let pack = source.inner.packs.get(extent.pack).ok_or(ReadError::Gone(extent.pack))?;
        if pack.checked.all(extent.first_slot, extent.slots) {
            step.push(&source, extent.pack, offset, len).await?;
            continue;
        }
        if step.pieces.is_empty() {
            let len = compare(&source, *extent, offset, len.min(limits::COMPARE_BYTES)).await?;
            step.push(&source, extent.pack, offset, len).await?;
        }
        break;
    }
    Ok(step)
}

impl Step {
    async fn push(&mut self, source: &Source, pack: Ordinal, offset: u64, len: u64) -> Result<(), ReadError> {
        let file = source.inner.packs.file(pack).await.map_err(|error| source.failed(pack, error))?;
        if let Some(ends) = file.sealed_len().filter(|ends| *ends < offset + len) {
            let what = format!("pack {} ends after {ends} bytes, and has a frame behind that", file.name());
            source.inner.quarantine(&source.digest, pack, &what);
            return Err(ContentError::Corrupt { digest: source.digest.clone(), what }.into());
        }
        self.pieces.push(Piece { pack: file, offset, len });
        self.packs.push(pack);
        Ok(())
    }
}

/// Compares the frames that hold `len` bytes of an extent with their checksums; says how many bytes are
/// whole from there on.
async fn compare(source: &Arc<Source>, extent: Extent, offset: u64, len: u64) -> Result<u64, ReadError> {
    let share = Arc::clone(&source.inner.decodes).acquire_owned().await.map_err(aborted)?;
    let inner = Arc::clone(&source.inner);
    let comparing = tokio::task::spawn_blocking(move || {
        let _share = share;
        compare_frames(&inner.packs, &extent, offset, len)
    });
    let compared = comparing.await.map_err(aborted)?;
    compared.map_err(|error| source.failed(extent.pack, error))?;
    Ok(len)
}

fn compare_frames(packs: &Packs, extent: &Extent, offset: u64, len: u64) -> Result<(), PackError> {
    let pack = packs.get(extent.pack).ok_or(PackError::Gone(extent.pack))?;
    let (reader, slots) = packs.slots(extent)?;
    let is_wanted = |slot: &Slot| slot.end() > offset && u64::from(slot.offset) < offset + len;
    let numbered = (extent.first_slot..).zip(&slots).filter(|(_, slot)| is_wanted(slot));
    let (numbers, unknown): (Vec<u16>, Vec<Slot>) =
        numbered.filter(|(number, _)| !pack.checked.all(*number, 1)).map(|(number, slot)| (number, *slot)).unzip();
    reader.verify(&unknown)?;
    for number in numbers {
        pack.checked.note(number, 1);
    }
    Ok(())
}
