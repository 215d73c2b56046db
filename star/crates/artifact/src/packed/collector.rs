//! What becomes of the pieces of a content: those that are new are written, those that are known are
//! shared or copied, and all of them together are its layout.
//!
//! What is written waits until it makes a run, so that contents that come at the same time do not lie in
//! each other's way; that pieces in between are shared does not end a run.

use std::collections::HashMap;
use std::sync::Arc;

use star_core::ports::content::ContentError;

use super::known::{Found, Known};
use super::limits;
use super::packs::{PackError, Packs};
use super::writer::Writer;
use crate::chunk::pipeline::Piece;
use crate::chunk::{ChunkId, Encoding, Frame};
use crate::pack::Slot;
use crate::rows::{Extent, Ordinal, manifest};
use crate::share::{Run, Sharing, Verdict};

/// Puts the layout of one content together.
pub(crate) struct Collector {
    packs: Arc<Packs>,
    writer: Arc<Writer>,
    known: Arc<Known>,
    sharing: Sharing,
    pieces: Vec<manifest::Piece>,
    plain_len: u64,
    encoding: Encoding,
    extents: Vec<Extent>,
    /// Frames that are written next, and where they begin in the content.
    unwritten: Vec<(u64, Frame)>,
    unwritten_bytes: usize,
    /// Where those lie that this content has written.
    written: HashMap<ChunkId, (Ordinal, u16, Slot)>,
    /// Known pieces that lie behind each other.
    run: Option<KnownRun>,
}

struct KnownRun {
    pack: Ordinal,
    first_slot: u16,
    slots: Vec<Slot>,
    plain_start: u64,
}

impl KnownRun {
    fn is_continued_by(&self, pack: Ordinal, number: u16, slot: &Slot) -> bool {
        let next = usize::from(self.first_slot) + self.slots.len();
        let touches = self.slots.last().is_some_and(|last| last.end() == u64::from(slot.offset));
        self.pack == pack && next == usize::from(number) && touches
    }

    fn stored_len(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.stored_len)).sum()
    }

    fn extents(&self) -> impl Iterator<Item = Extent> + '_ {
        extents(self.pack, self.first_slot, &self.slots, self.plain_start)
    }
}

/// The extents of slots that follow each other, one for each.
fn extents(pack: Ordinal, first_slot: u16, slots: &[Slot], plain_start: u64) -> impl Iterator<Item = Extent> + '_ {
    let mut plain_start = plain_start;
    (first_slot..).zip(slots).map(move |(number, slot)| {
        let extent = extent(pack, number, slot, plain_start);
        plain_start += u64::from(slot.plain_len);
        extent
    })
}

fn extent(pack: Ordinal, number: u16, slot: &Slot, plain_start: u64) -> Extent {
    Extent { pack, first_slot: number, slots: 1, offset: slot.offset, stored_len: slot.stored_len, plain_start }
}

/// What a content is made of.
pub(crate) struct Collected {
    /// Its chunks, in order.
    pub(crate) pieces: Vec<manifest::Piece>,
    /// Where they lie, in order.
    pub(crate) extents: Vec<Extent>,
    /// What the stored bytes are.
    pub(crate) encoding: Encoding,
    /// Bytes that were there and are stored once more.
    pub(crate) copied_bytes: u64,
}

impl Collector {
    pub(crate) fn new(packs: Arc<Packs>, writer: Arc<Writer>, known: Arc<Known>, sharing: Sharing) -> Collector {
        Collector {
            packs,
            writer,
            known,
            sharing,
            pieces: Vec::new(),
            plain_len: 0,
            encoding: Encoding::Zstd,
            extents: Vec::new(),
            unwritten: Vec::new(),
            unwritten_bytes: 0,
            written: HashMap::new(),
            run: None,
        }
    }

    /// Takes the next piece of the content.
    pub(crate) async fn take(&mut self, piece: Piece) -> Result<(), ContentError> {
        let plain_start = self.plain_len;
        self.plain_len += u64::from(piece.plain_len());
        self.pieces.push((piece.chunk(), piece.plain_len()));
        match piece {
            Piece::Frame(frame) => {
                self.encoding = frame.encoding;
                self.settle().await?;
                self.write(plain_start, frame).await
            }
            Piece::Known { chunk, .. } => self.take_known(plain_start, &chunk).await,
        }
    }

    /// Makes all of it durable.
    pub(crate) async fn finish(mut self) -> Result<Collected, ContentError> {
        self.settle().await?;
        self.flush().await?;
        // Also for what others wrote and this content shares.
        self.writer.sync().await?;
        for Extent { pack, first_slot, slots, .. } in &self.extents {
            // One that others asked for may have failed before.
            let sure = self.packs.require_sure(*pack, *first_slot, usize::from(*slots));
            sure.map_err(|error| ContentError::Io { action: "write a pack", source: std::io::Error::other(error) })?;
        }
        self.extents.sort_unstable_by_key(|extent| extent.plain_start);
        Ok(Collected {
            pieces: self.pieces,
            extents: self.extents,
            encoding: self.encoding,
            copied_bytes: self.sharing.copied_bytes(),
        })
    }

    async fn take_known(&mut self, plain_start: u64, chunk: &ChunkId) -> Result<(), ContentError> {
        let (pack, number, slot) = match self.known.found(chunk) {
            Some(Found { place, slot }) => (place.pack, place.slot, slot),
            // It stands in this content twice.
            None => {
                if !self.written.contains_key(chunk) {
                    self.flush().await?;
                }
                *self.written.get(chunk).ok_or_else(|| lost(*chunk))?
            }
        };
        if let Some(run) = &mut self.run
            && run.is_continued_by(pack, number, &slot)
        {
            run.slots.push(slot);
            return Ok(());
        }
        self.settle().await?;
        self.run = Some(KnownRun { pack, first_slot: number, slots: vec![slot], plain_start });
        Ok(())
    }

    /// Decides what becomes of the known pieces that lie behind each other.
    async fn settle(&mut self) -> Result<(), ContentError> {
        let Some(run) = self.run.take() else { return Ok(()) };
        let continues = match (self.extents.last(), run.extents().next()) {
            (Some(last), Some(first)) => last.is_continued_by(&first),
            _ => false,
        };
        match self.sharing.decide(Run { pack: run.pack, stored_len: run.stored_len(), continues }) {
            Verdict::Share => self.extents.extend(run.extents()),
            Verdict::Copy => self.copy(run).await?,
        }
        Ok(())
    }

    /// Writes frames that are there once more, as they are.
    async fn copy(&mut self, run: KnownRun) -> Result<(), ContentError> {
        let packs = Arc::clone(&self.packs);
        let read = move || -> Result<Vec<(u64, Frame)>, PackError> {
            let mut frames = Vec::with_capacity(run.slots.len());
            for (extent, slot) in run.extents().zip(&run.slots) {
                let (reader, _) = packs.slots(&extent)?;
                let (chunk, plain_len, encoding) = (slot.chunk, slot.plain_len, slot.encoding);
                let stored = reader.frame(slot)?.into();
                frames.push((extent.plain_start, Frame { chunk, plain_len, encoding, stored }));
            }
            Ok(frames)
        };
        let frames = tokio::task::spawn_blocking(read).await;
        let frames = frames.map_err(std::io::Error::other).and_then(|read| read.map_err(std::io::Error::other));
        for (plain_start, frame) in frames.map_err(|source| ContentError::Io { action: "copy frames", source })? {
            self.queue(plain_start, frame).await?;
        }
        Ok(())
    }

    async fn write(&mut self, plain_start: u64, frame: Frame) -> Result<(), ContentError> {
        self.sharing.wrote(frame.stored.len() as u64);
        self.queue(plain_start, frame).await
    }

    async fn queue(&mut self, plain_start: u64, frame: Frame) -> Result<(), ContentError> {
        self.unwritten_bytes += frame.stored.len();
        self.unwritten.push((plain_start, frame));
        if self.unwritten_bytes >= limits::RUN_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what waits to be written.
    async fn flush(&mut self) -> Result<(), ContentError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.unwritten_bytes = 0;
        let (starts, frames): (Vec<u64>, Vec<Frame>) = std::mem::take(&mut self.unwritten).into_iter().unzip();
        let mut starts = starts.into_iter();
        for placed in self.writer.append(frames).await? {
            self.known.rely_on(placed.pack);
            for ((number, slot), plain_start) in (placed.first_slot..).zip(placed.slots).zip(&mut starts) {
                self.extents.push(extent(placed.pack, number, &slot, plain_start));
                self.written.insert(slot.chunk, (placed.pack, number, slot));
            }
        }
        Ok(())
    }
}

fn lost(chunk: ChunkId) -> ContentError {
    let source = std::io::Error::other(format!("chunk {chunk} was there and is gone; send it again"));
    ContentError::Io { action: "share a chunk", source }
}
