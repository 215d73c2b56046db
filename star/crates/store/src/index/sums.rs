//! The file of redb with a checksum of each of its blocks beside it, so that a start need not walk
//! the tree to know that nothing has changed.
//!
//! `redb.sums` begins with a head of one block and goes on with a CRC32C (big-endian, 0 for a block
//! that was never written) of each 4 KiB of `redb.db`. A checksum is written right behind its
//! block, so both survive a kill; after a cut of power neither can be believed, and the head tells
//! that: it says which boot of the machine writes, or that the file was closed and synced. Where
//! the sums cannot be believed, or one of them does not hold, the engine walks its pages instead,
//! which takes longer and is the judge; the sums are then made anew. They can be thrown away.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

use crate::limits::{READ_CHUNK_BYTES, SUMMED_BYTES};

/// The file, beside that of redb.
const FILE: &str = "redb.sums";
const MAGIC: [u8; 8] = *b"STARSUM1";
/// In place of a boot, when all was synced.
const CLOSED: [u8; 36] = *b"closed, and synced. closed, synced..";
const BLOCK: usize = SUMMED_BYTES;

/// What is known of a file before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Every block is what was written.
    Whole,
    /// The engine has to look.
    Unknown,
}

/// A file of redb whose blocks have checksums.
#[derive(Debug)]
pub(super) struct Summed {
    inner: FileBackend,
    /// The same file, to read whole blocks of which a part was written.
    file: File,
    sums: Arc<File>,
    /// Whether the file was found good: only then the head may say anything.
    is_good: Arc<AtomicBool>,
}

/// Says of an open file that it was found good.
#[derive(Debug)]
pub(super) struct Voucher {
    sums: Arc<File>,
    is_good: Arc<AtomicBool>,
}

impl Voucher {
    /// From here on the sums are believed.
    pub(super) fn vouch(&self) -> io::Result<()> {
        if let Some(boot) = boot() {
            self.sums.write_all_at(&head(boot), 0)?;
        }
        self.is_good.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Where the sums of a file of redb lie.
pub(super) fn path_of(file: &Path) -> PathBuf {
    file.with_file_name(FILE)
}

/// Opens a file of redb, or makes it, and says whether it can be believed. Whoever finds it good
/// vouches for it; until then a start after this one does not believe the sums either.
pub(super) fn open(path: &Path) -> Result<(Summed, Trust, Voucher), DatabaseError> {
    let io = |error: io::Error| DatabaseError::Storage(error.into());
    let open = |path: &Path| File::options().read(true).write(true).create(true).truncate(false).open(path);
    let (file, sums) = (open(path).map_err(io)?, Arc::new(open(&path_of(path)).map_err(io)?));
    match sums.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DatabaseError::DatabaseAlreadyOpen),
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let trust = believed(&file, &sums).map_err(io)?;
    if trust == Trust::Unknown {
        make(&file, &sums).map_err(io)?;
    }
    let voucher = Voucher { sums: Arc::clone(&sums), is_good: Arc::default() };
    if trust == Trust::Whole {
        // Before anything is written: the head may say that all is closed.
        voucher.vouch().map_err(io)?;
    }
    let inner = FileBackend::new(file.try_clone().map_err(io)?)?;
    let is_good = Arc::clone(&voucher.is_good);
    Ok((Summed { inner, file, sums, is_good }, trust, voucher))
}

/// Whether every block has the checksum that was written for it, by a process of this boot or one
/// that synced all.
fn believed(file: &File, sums: &File) -> io::Result<Trust> {
    let blocks = file.metadata()?.len().div_ceil(BLOCK as u64);
    if blocks == 0 || sums.metadata()?.len() != BLOCK as u64 + blocks * 4 {
        return Ok(Trust::Unknown);
    }
    let mut found = vec![0; BLOCK];
    sums.read_exact_at(&mut found, 0)?;
    let of_this_boot = boot().is_some_and(|boot| found == head(boot));
    if !of_this_boot && found != head(CLOSED) {
        return Ok(Trust::Unknown);
    }
    let mut known = vec![0; blocks as usize * 4];
    sums.read_exact_at(&mut known, BLOCK as u64)?;
    let mut sums = known.chunks_exact(4);
    let mut whole = true;
    each_block(file, |block| {
        whole &= sums.next().is_some_and(|sum| match u32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]]) {
            0 => block.iter().all(|byte| *byte == 0),
            sum => sum == sum_of(block),
        });
        whole
    })?;
    Ok(if whole { Trust::Whole } else { Trust::Unknown })
}

/// Makes all sums of a file.
fn make(file: &File, sums: &File) -> io::Result<()> {
    let mut made = Vec::new();
    each_block(file, |block| {
        made.extend_from_slice(&sum_of(block).to_be_bytes());
        true
    })?;
    sums.set_len(0)?;
    sums.write_all_at(&made, BLOCK as u64)
}

/// Shows the blocks of a file, the last of which may be short, for as long as somebody looks.
fn each_block(file: &File, mut show: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut chunk = vec![0; READ_CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let filled = fill(file, &mut chunk, offset)?;
        if filled == 0 || !chunk[..filled].chunks(BLOCK).all(&mut show) {
            return Ok(());
        }
        offset += filled as u64;
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A checksum that is never 0.
fn sum_of(block: &[u8]) -> u32 {
    crc32c::crc32c(block).max(1)
}

fn head(state: [u8; 36]) -> Vec<u8> {
    let mut head = Vec::with_capacity(BLOCK);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&state);
    head.resize(BLOCK - 4, 0);
    let crc = crc32c::crc32c(&head);
    head.extend_from_slice(&crc.to_be_bytes());
    head
}

/// Which boot of the machine this is; none where the system does not tell.
fn boot() -> Option<[u8; 36]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    text.trim().as_bytes().try_into().ok()
}

impl StorageBackend for Summed {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)?;
        // What grows is zero, and has the sum of a block that was never written.
        self.sums.set_len(BLOCK as u64 + len.div_ceil(BLOCK as u64) * 4)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)?;
        let first = offset / BLOCK as u64;
        let is_whole = offset.is_multiple_of(BLOCK as u64) && data.len().is_multiple_of(BLOCK);
        let read;
        let blocks = if is_whole {
            data
        } else {
            let end = (offset + data.len() as u64).div_ceil(BLOCK as u64);
            let mut around = vec![0; (end - first) as usize * BLOCK];
            let filled = fill(&self.file, &mut around, first * BLOCK as u64)?;
            around.truncate(filled);
            read = around;
            &read
        };
        let sums: Vec<u8> = blocks.chunks(BLOCK).flat_map(|block| sum_of(block).to_be_bytes()).collect();
        self.sums.write_all_at(&sums, BLOCK as u64 + first * 4)
    }

    fn close(&self) -> io::Result<()> {
        if self.is_good.load(Ordering::SeqCst) {
            // Synced before the head says so.
            self.inner.sync_data()?;
            self.sums.sync_data()?;
            self.sums.write_all_at(&head(CLOSED), 0)?;
        }
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was written, vouched for and closed or left as a kill leaves it.
    fn written(dir: &Path, closed: bool) -> PathBuf {
        let path = dir.join("redb.db");
        let (file, trust, voucher) = open(&path).unwrap();
        assert_eq!(trust, Trust::Unknown, "there was nothing");
        voucher.vouch().unwrap();
        file.set_len(10 * BLOCK as u64).unwrap();
        file.write(0, &[7; 320]).unwrap();
        file.write(2 * BLOCK as u64, &[8; 3 * BLOCK]).unwrap();
        file.write(64, &[9; 64]).unwrap();
        if closed {
            file.close().unwrap();
        }
        path
    }

    fn trust(path: &Path) -> Trust {
        open(path).unwrap().1
    }

    #[test]
    fn what_was_written_is_believed_after_a_close_and_after_a_kill() {
        for closed in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = written(dir.path(), closed);
            assert_eq!(trust(&path), Trust::Whole, "closed: {closed}");
            assert_eq!(trust(&path), Trust::Whole, "again");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_a_cut_and_another_boot_are_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), false);
        let (file, sums) = (fs::read(&path).unwrap(), fs::read(path_of(&path)).unwrap());
        let again = |file: &[u8], sums: &[u8]| {
            fs::write(&path, file).unwrap();
            fs::write(path_of(&path), sums).unwrap();
            trust(&path)
        };
        assert_eq!(again(&file, &sums), Trust::Whole);
        for at in (0..file.len()).step_by(997) {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << (at % 8);
            assert_eq!(again(&flipped, &sums), Trust::Unknown, "byte {at} of the file");
        }
        for at in (0..sums.len()).step_by(7) {
            let mut flipped = sums.clone();
            flipped[at] ^= 1 << (at % 8);
            assert_eq!(again(&file, &flipped), Trust::Unknown, "byte {at} of the sums");
        }
        assert_eq!(again(&file[..5 * BLOCK], &sums), Trust::Unknown);
        let mut of_another_boot = sums.clone();
        of_another_boot[..BLOCK].copy_from_slice(&head([b'x'; 36]));
        assert_eq!(again(&file, &of_another_boot), Trust::Unknown);
    }

    #[test]
    fn a_file_that_nobody_vouched_for_is_not_believed_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), true);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3 * BLOCK] ^= 1;
        fs::write(&path, &bytes).unwrap();
        for _ in 0..2 {
            let (file, trust, _) = open(&path).unwrap();
            assert_eq!(trust, Trust::Unknown);
            file.close().unwrap();
        }
        let (file, _, voucher) = open(&path).unwrap();
        voucher.vouch().unwrap();
        drop((file, voucher));
        assert_eq!(trust(&path), Trust::Whole);
    }

    #[test]
    fn a_file_is_open_once_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = open(&dir.path().join("redb.db")).unwrap();
        let refused = open(&dir.path().join("redb.db")).unwrap_err();
        assert!(matches!(refused, DatabaseError::DatabaseAlreadyOpen));
        drop(held);
        open(&dir.path().join("redb.db")).unwrap();
    }
}
