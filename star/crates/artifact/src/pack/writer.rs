//! An open pack: frames are appended in runs, and made durable by a sync.
//!
//! Owns the order of the steps; blocks on the disk, and knows neither threads nor time. A run
//! counts from the moment that [`OpenPack::append`] returns it, and may be relied on once a
//! [`Syncing`] that was asked for afterwards has run. An append that failed leaves the pack as it
//! was: what it wrote lies behind the end, and the next one writes over it.

use std::fmt;
use std::io::{ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::chain::Chain;
use super::disk::{DiskFile, is_full};
use super::durable::Files;
use super::limits::{HEADER_BYTES, OPEN_FOR, RECORD_BYTES, RESERVE_BYTES, RESERVE_RECORDS, SLOTS, USUAL_FRAME_BYTES};
use super::{Fault, Folder, Header, PackName, Reader, Record, Slot, Syncing, What};
use crate::chunk::Frame;

/// Frames that were appended together: one extent of the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of the first slot, counted from 0.
    pub first: u16,
    /// How many frames there are.
    pub count: u16,
    /// Where the run begins, in bytes from the start of the file.
    pub offset: u32,
    /// Its length in bytes.
    pub stored_len: u32,
}

/// Why a pack was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The run does not fit. Seal this pack and append to another.
    #[error("the pack has no room for this run; seal it and go on in another")]
    NoRoom,
    /// A frame does not belong into this pack, and nothing was written.
    #[error("frame {number} of the run cannot lie in this pack")]
    Refused {
        /// Which frame of the run, counted from 0.
        number: usize,
        /// Why not.
        #[source]
        what: What,
    },
    /// There is nothing in it: discard it.
    #[error("a pack without frames cannot be sealed; discard it")]
    Empty,
    /// The disk is full. The pack is as it was; try again when there is room.
    #[error("the disk is full; make room and try again")]
    DiskFull(#[source] Fault),
    /// The disk failed. The pack is as it was.
    #[error("the disk failed")]
    Disk(#[source] Fault),
    /// Something could not be made durable, and nobody knows how much of it is: nothing that was
    /// not durable before may be relied on, and the pack takes no more.
    #[error("it is not known what of the pack is durable; start again to find out")]
    Unsure(#[source] Fault),
    /// This happened earlier.
    #[error("a sync of this pack failed, so that nothing more can be written to it; start again")]
    Poisoned,
}

impl WriteError {
    /// The error of a step after which the pack is as it was.
    pub(crate) fn undone(fault: Fault) -> WriteError {
        match &fault {
            Fault::Io { source, .. } if is_full(source) => WriteError::DiskFull(fault),
            _ => WriteError::Disk(fault),
        }
    }
}

/// A pack that is being written.
pub struct OpenPack {
    pub(crate) folder: Folder,
    pub(crate) header: Header,
    pub(crate) files: Arc<Files>,
    pub(crate) slots: Vec<Slot>,
    chain: Chain,
    /// Lengths up to which room was taken.
    reserved: u64,
    reserved_log: u64,
    first_frame: Option<Instant>,
}

impl fmt::Debug for OpenPack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenPack({}, {} slots)", self.name(), self.slots.len())
    }
}

impl OpenPack {
    /// Makes a pack, durably.
    ///
    /// # Errors
    /// If there is a pack of this name, or if the disk is full or fails; nothing of the pack is left
    /// then, or what the next start removes.
    pub fn create(folder: &Folder, header: Header) -> Result<OpenPack, WriteError> {
        let files = make(folder, &header).map_err(WriteError::undone)?;
        let mut pack = OpenPack {
            folder: folder.clone(),
            header,
            files: Arc::new(files),
            slots: Vec::new(),
            chain: Chain::new(header.class),
            reserved: HEADER_BYTES as u64,
            reserved_log: 0,
            first_frame: None,
        };
        pack.reserve(HEADER_BYTES as u64, 0);
        Ok(pack)
    }

    /// The name of the pack.
    pub fn name(&self) -> PackName {
        PackName::from(&self.header)
    }

    /// Where the file lies until the pack is sealed.
    pub fn path(&self) -> &Path {
        &self.files.pack_path
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The slots of all frames that were appended, durable or not.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Bytes of all frames that were appended.
    pub fn stored_bytes(&self) -> u32 {
        self.chain.stored_bytes()
    }

    /// How many frames are durable.
    pub fn durable(&self) -> u32 {
        self.files.durable()
    }

    /// Reads what was appended. Works on while the pack is written and after it is sealed.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.files.pack), self.files.pack_path.clone())
    }

    /// How many of these frames, from the first on, fit into the pack.
    pub fn room_for(&self, frames: &[Frame]) -> usize {
        let mut len = 0;
        let free = SLOTS - self.chain.count();
        let fits = |frame: &&Frame| {
            len += frame.stored.len() as u64;
            self.chain.has_room(len)
        };
        frames.iter().take(free).take_while(fits).count()
    }

    /// Whether the pack is to be sealed: it has no room for another usual frame, or had its first
    /// one long ago.
    pub fn is_full(&self, now: Instant) -> bool {
        let old = self.first_frame.is_some_and(|first| now.saturating_duration_since(first) >= OPEN_FOR);
        old || !self.chain.has_room(u64::from(USUAL_FRAME_BYTES))
    }

    /// Appends frames as one run: one write for their bytes, one for their slots. `now` is told so
    /// that the pack knows how long it has been open.
    ///
    /// # Errors
    /// If the run does not fit or does not belong here, if the disk is full or fails, or after a
    /// failed sync. Nothing of the run counts then.
    pub fn append(&mut self, frames: &[Frame], now: Instant) -> Result<Run, WriteError> {
        self.files.usable()?;
        let (slots, chain) = self.place(frames)?;
        let run = Run {
            first: self.slots.len() as u16,
            count: slots.len() as u16,
            offset: self.chain.end(),
            stored_len: chain.end() - self.chain.end(),
        };
        if slots.is_empty() {
            return Ok(run);
        }
        self.reserve(u64::from(chain.end()), chain.count() as u64);
        self.write(frames, &slots).map_err(WriteError::undone)?;
        self.slots.extend(slots);
        self.chain = chain;
        self.first_frame.get_or_insert(now);
        Ok(run)
    }

    /// A sync of all frames that were appended up to now, to be run on any thread.
    pub fn syncing(&self) -> Syncing {
        Syncing { files: Arc::clone(&self.files), upto: self.slots.len() as u32 }
    }

    /// Makes all frames that were appended durable, and gives their number.
    ///
    /// # Errors
    /// As [`Syncing::run`].
    pub fn sync(&self) -> Result<u32, WriteError> {
        self.syncing().run()
    }

    /// Removes the pack with all that is in it.
    ///
    /// # Errors
    /// If the disk fails; the next start then takes up what is left.
    pub fn discard(self) -> Result<(), Fault> {
        self.folder.remove_open(self.name())
    }

    /// The slots of frames behind those that are there.
    fn place(&self, frames: &[Frame]) -> Result<(Vec<Slot>, Chain), WriteError> {
        let mut chain = self.chain;
        let mut slots = Vec::with_capacity(frames.len().min(SLOTS));
        for (number, frame) in frames.iter().enumerate() {
            let slot = Slot::of(frame, chain.end()).map_err(|flaw| WriteError::Refused { number, what: flaw.what })?;
            if !chain.has_room(u64::from(slot.stored_len)) {
                return Err(WriteError::NoRoom);
            }
            chain.push(&slot).map_err(|what| WriteError::Refused { number, what })?;
            slots.push(slot);
        }
        Ok((slots, chain))
    }

    fn write(&self, frames: &[Frame], slots: &[Slot]) -> Result<(), Fault> {
        let files = &self.files;
        let mut pieces: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(&frame.stored)).collect();
        let offset = u64::from(self.chain.end());
        files.pack.write_all_at(&mut pieces, offset).map_err(Fault::io(&files.pack_path, "write"))?;
        let (name, first, durable) = (self.name(), self.slots.len(), files.durable());
        let mut records = Vec::with_capacity(slots.len() * RECORD_BYTES);
        for (number, slot) in (first as u32..).zip(slots) {
            records.extend_from_slice(&Record { slot: *slot, durable }.encode(name, number));
        }
        let offset = (first * RECORD_BYTES) as u64;
        files.log.write_all_at(&mut [IoSlice::new(&records)], offset).map_err(Fault::io(&files.log_path, "write"))
    }

    /// Takes room for both files up to these lengths, and some more. Where the disk gives none, the
    /// write itself finds out whether there is room.
    fn reserve(&mut self, upto: u64, records: u64) {
        if upto >= self.reserved {
            self.reserved = upto + RESERVE_BYTES;
            reserve(&*self.files.pack, self.reserved);
        }
        if records >= self.reserved_log {
            self.reserved_log = records + RESERVE_RECORDS;
            reserve(&*self.files.log, self.reserved_log * RECORD_BYTES as u64);
        }
    }
}

fn reserve(file: &dyn DiskFile, len: u64) {
    if let Err(error) = file.reserve(len) {
        tracing::debug!(%error, "no room was taken ahead for a pack");
    }
}

/// Makes the files of a pack, or leaves nothing of them.
fn make(folder: &Folder, header: &Header) -> Result<Files, Fault> {
    let name = PackName::from(header);
    let path = folder.open_path(name);
    if folder.is_placed(name)? {
        return Err(Fault::io(&path, "make")(ErrorKind::AlreadyExists.into()));
    }
    let pack = folder.disk().create(&path).map_err(Fault::io(&path, "make"))?;
    let made = begin(folder, header, pack, path);
    if made.is_err()
        && let Err(left) = folder.remove_open(name)
    {
        tracing::debug!(%left, "an unfinished pack stays until the next start");
    }
    made
}

/// Writes the header and makes the log, durably: what has a record has a header that is durable.
fn begin(folder: &Folder, header: &Header, pack: Arc<dyn DiskFile>, path: PathBuf) -> Result<Files, Fault> {
    let (log_path, dir) = (folder.log_path(PackName::from(header)), folder.open_dir());
    let log = folder.disk().create(&log_path).map_err(Fault::io(&log_path, "make"))?;
    pack.write_all_at(&mut [IoSlice::new(&header.encode())], 0).map_err(Fault::io(&path, "write"))?;
    pack.sync().map_err(Fault::io(&path, "sync"))?;
    log.sync().map_err(Fault::io(&log_path, "sync"))?;
    folder.disk().sync_dir(&dir).map_err(Fault::io(&dir, "sync the directory"))?;
    Ok(Files::new((pack, path), (log, log_path)))
}
