//! Reads the frames of a pack by asking for places in its file. Blocks on the disk.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::DiskFile;
use super::limits::CHECK_BYTES;
use super::{Fault, Flaw, Slot, What};

/// A pack, open to be read; it may still be written by somebody else. Clones share the file, which
/// can be read to its end after it was renamed or removed.
#[derive(Clone)]
pub struct Reader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.path).finish()
    }
}

impl Reader {
    pub(crate) fn new(file: Arc<dyn DiskFile>, path: PathBuf) -> Reader {
        Reader { file, path }
    }

    /// Fills the buffer with bytes as they lie, from an offset on. Nothing is checked.
    ///
    /// # Errors
    /// If the file cannot be read, or ends before the buffer is full.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Fault> {
        fill(&*self.file, &self.path, buffer, offset)
    }

    /// The stored bytes of a run of frames, which follow each other, in one read. Nothing is
    /// checked; the caller bounds the run.
    ///
    /// # Errors
    /// If the file cannot be read, or ends before the run does.
    pub fn run(&self, slots: &[Slot]) -> Result<Vec<u8>, Fault> {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Ok(Vec::new()) };
        let len = last.end().saturating_sub(u64::from(first.offset));
        let mut bytes = vec![0; len as usize];
        self.read(&mut bytes, u64::from(first.offset))?;
        Ok(bytes)
    }

    /// The stored bytes of one frame, as they were written.
    ///
    /// # Errors
    /// If the file cannot be read, or these are not the bytes that were written.
    pub fn frame(&self, slot: &Slot) -> Result<Vec<u8>, Fault> {
        let bytes = self.run(std::slice::from_ref(slot))?;
        if slot.holds(&bytes) {
            return Ok(bytes);
        }
        Err(Flaw::at(u64::from(slot.offset), What::Checksum).of(&self.path))
    }

    /// Reads all of these frames, one behind the other, and gives the numbers of those that are not
    /// what was written, an end that is missing included.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn check(&self, slots: &[Slot]) -> Result<Vec<usize>, Fault> {
        let mut damaged = Vec::new();
        let mut buffer = vec![0; CHECK_BYTES];
        for (number, slot) in slots.iter().enumerate() {
            if !self.holds(slot, &mut buffer)? {
                damaged.push(number);
            }
        }
        Ok(damaged)
    }

    /// Reads all of these frames and compares them with their checksums.
    ///
    /// # Errors
    /// If one of them is not what was written, or the disk fails.
    pub fn verify(&self, slots: &[Slot]) -> Result<(), Fault> {
        match self.check(slots)?.first() {
            None => Ok(()),
            Some(damaged) => Err(Flaw::at(u64::from(slots[*damaged].offset), What::Checksum).of(&self.path)),
        }
    }

    fn holds(&self, slot: &Slot, buffer: &mut [u8]) -> Result<bool, Fault> {
        let (mut at, mut crc) = (u64::from(slot.offset), 0);
        while at < slot.end() {
            let wanted = buffer.len().min((slot.end() - at) as usize);
            let read = some(&*self.file, &mut buffer[..wanted], at).map_err(Fault::io(&self.path, "read"))?;
            if read == 0 {
                return Ok(false);
            }
            crc = crc32c::crc32c_append(crc, &buffer[..read]);
            at += read as u64;
        }
        Ok(crc == slot.crc)
    }
}

/// Fills a buffer from an offset of a file on.
pub(crate) fn fill(file: &dyn DiskFile, path: &Path, buffer: &mut [u8], offset: u64) -> Result<(), Fault> {
    let mut filled = 0;
    while filled < buffer.len() {
        let at = offset + filled as u64;
        match some(file, &mut buffer[filled..], at).map_err(Fault::io(path, "read"))? {
            0 => {
                let what = What::Length { found: at, expected: offset + buffer.len() as u64 };
                return Err(Flaw::at(at, what).of(path));
            }
            read => filled += read,
        }
    }
    Ok(())
}

fn some(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::footer::tests::sealed;
    use crate::pack::{Access, Class, Disk, Footer, LocalDisk};

    fn opened(bytes: &[u8]) -> (tempfile::TempDir, Reader) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        std::fs::write(&path, bytes).unwrap();
        let file = LocalDisk.open(&path, Access::Read).unwrap();
        (dir, Reader::new(file, path))
    }

    #[test]
    fn a_run_is_what_its_frames_are_one_behind_the_other() {
        let (_, file) = sealed(Class::Raw, &["one", "two", "three"]);
        let slots = Footer::of_file(&file).unwrap().slots;
        let (_dir, reader) = opened(&file);
        assert_eq!(reader.run(&slots).unwrap(), b"onetwothree");
        assert_eq!(reader.run(&slots[1..2]).unwrap(), b"two");
        assert_eq!(reader.run(&[]).unwrap(), b"");
        assert_eq!(reader.frame(&slots[2]).unwrap(), b"three");
        assert_eq!(reader.check(&slots).unwrap(), [0; 0]);
    }

    #[test]
    fn a_run_of_a_zstd_pack_is_a_stream_of_zstd() {
        let (_, file) = sealed(Class::Zstd, &["one", "two", "three"]);
        let slots = Footer::of_file(&file).unwrap().slots;
        let (_dir, reader) = opened(&file);
        let run = reader.run(&slots).unwrap();
        assert_eq!(zstd::stream::decode_all(&run[..]).unwrap(), b"onetwothree");
    }

    #[test]
    fn a_frame_that_changed_or_is_cut_is_never_given_out() {
        let (_, mut file) = sealed(Class::Raw, &["one", "two", "three"]);
        let slots = Footer::of_file(&file).unwrap().slots;
        file[slots[1].offset as usize] ^= 1;
        let cut = slots[2].offset as usize + 2;
        let (_dir, reader) = opened(&file[..cut]);
        assert_eq!(reader.check(&slots).unwrap(), [1, 2]);
        reader.verify(&slots[..1]).unwrap();
        assert!(reader.verify(&slots).unwrap_err().to_string().contains("offset 4099"));
        assert_eq!(reader.frame(&slots[0]).unwrap(), b"one");
        let changed = reader.frame(&slots[1]).unwrap_err().to_string();
        assert!(changed.contains("offset 4099: the checksum does not hold; restore"), "{changed}");
        assert!(reader.frame(&slots[2]).unwrap_err().to_string().contains("offset 4104"));
    }
}
