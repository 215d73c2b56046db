//! The table as a file, so that a start need not read the footer of every pack.
//!
//! Big-endian: `STARCHNK`, format (2 bytes), how many packs (4) and of each its ordinal (4), id (16) and
//! generation (4); how many chunks (8) and of each an entry of 16 bytes in the order of their names; the
//! BLAKE3 of all that. It is written under another name, synced and renamed, so that the former one is
//! there until this one is whole. It speaks of the packs that it lists and of no others.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::entry::{self, Entry};
use super::limits;
use super::shard::Shard;
use super::{Table, lock};
use crate::rows::Ordinal;

const MAGIC: &[u8; 8] = b"STARCHNK";
const FORMAT: u16 = 1;

/// A pack whose chunks are in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// Its ordinal.
    pub ordinal: Ordinal,
    /// Its id.
    pub id: [u8; 16],
    /// Its generation.
    pub generation: u32,
}

/// A table that was written down.
#[derive(Debug)]
pub struct Snapshot {
    /// Of which packs it speaks.
    pub packs: Vec<Covered>,
    /// The chunks of them.
    pub table: Table,
}

/// Why there is no snapshot: the table is made from the footers of the packs then.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be read, or there is none.
    #[error("the snapshot of the chunk table could not be read")]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("the snapshot of the chunk table is damaged: {0}")]
    Damaged(&'static str),
    /// Another release wrote it.
    #[error("the snapshot of the chunk table has format {0}, and this release knows {FORMAT}")]
    Format(u16),
}

/// Writes a table down, in place of what was written before. Chunks of other packs than those listed
/// are left out. Blocks.
pub fn write(path: &Path, packs: &[Covered], table: &Table) -> io::Result<()> {
    let unfinished = unfinished(path);
    let mut file = Hashing { inner: BufWriter::new(File::create(&unfinished)?), hasher: blake3::Hasher::new() };
    file.write_all(MAGIC)?;
    file.write_all(&FORMAT.to_be_bytes())?;
    write_packs(&mut file, packs)?;
    write_entries(&mut file, packs, table)?;
    let sum = file.hasher.finalize();
    file.inner.write_all(sum.as_bytes())?;
    let file = file.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Reads a table. Blocks.
pub fn read(path: &Path) -> Result<Snapshot, SnapshotError> {
    let file = File::open(path)?;
    if file.metadata()?.len() > limits::SNAPSHOT_BYTES {
        return Err(SnapshotError::Damaged("it is larger than any can be"));
    }
    let mut file = Hashing { inner: BufReader::with_capacity(1 << 20, file), hasher: blake3::Hasher::new() };
    if file.array::<8>()? != *MAGIC {
        return Err(SnapshotError::Damaged("it does not begin as one"));
    }
    let format = u16::from_be_bytes(file.array()?);
    if format != FORMAT {
        return Err(SnapshotError::Format(format));
    }
    let packs = read_packs(&mut file)?;
    let table = read_entries(&mut file)?;
    let sum = file.hasher.finalize();
    let mut written = [0; 32];
    file.inner.read_exact(&mut written).map_err(cut_short)?;
    if sum != written {
        return Err(SnapshotError::Damaged("its bytes do not have the sum that it ends with"));
    }
    match file.inner.read(&mut [0])? {
        0 => Ok(Snapshot { packs, table }),
        _ => Err(SnapshotError::Damaged("bytes follow behind its end")),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("unfinished")
}

fn write_packs(file: &mut impl Write, packs: &[Covered]) -> io::Result<()> {
    file.write_all(&(packs.len() as u32).to_be_bytes())?;
    for pack in packs {
        file.write_all(&pack.ordinal.0.to_be_bytes())?;
        file.write_all(&pack.id)?;
        file.write_all(&pack.generation.to_be_bytes())?;
    }
    Ok(())
}

fn write_entries(file: &mut impl Write, packs: &[Covered], table: &Table) -> io::Result<()> {
    let mut ordinals: Vec<Ordinal> = packs.iter().map(|pack| pack.ordinal).collect();
    ordinals.sort_unstable();
    let is_covered = |entry: &Entry| ordinals.binary_search(&entry.place().pack).is_ok();
    // The table goes on to change, so each part is written as it is found once.
    let parts: Vec<Vec<Entry>> =
        table.shards.iter().map(|shard| lock(shard).iter().filter(is_covered).collect()).collect();
    let count: usize = parts.iter().map(Vec::len).sum();
    file.write_all(&(count as u64).to_be_bytes())?;
    let mut bytes = Vec::new();
    for part in parts {
        bytes.clear();
        part.iter().for_each(|entry| entry.write(&mut bytes));
        file.write_all(&bytes)?;
    }
    Ok(())
}

fn read_packs<R: Read>(file: &mut Hashing<R>) -> Result<Vec<Covered>, SnapshotError> {
    let count = u32::from_be_bytes(file.array()?);
    // No room is made for what only a number promises.
    let mut packs = Vec::new();
    for _ in 0..count {
        packs.push(Covered {
            ordinal: Ordinal(u32::from_be_bytes(file.array()?)),
            id: file.array()?,
            generation: u32::from_be_bytes(file.array()?),
        });
    }
    Ok(packs)
}

fn read_entries<R: Read>(file: &mut Hashing<R>) -> Result<Table, SnapshotError> {
    let count = u64::from_be_bytes(file.array()?);
    let mut parts: Vec<Vec<Entry>> = (0..limits::SHARDS).map(|_| Vec::new()).collect();
    let mut last = None;
    for _ in 0..count {
        let entry = Entry::read(&file.array::<{ entry::BYTES }>()?);
        let entry = entry.ok_or(SnapshotError::Damaged("an entry is none"))?;
        if last.replace(entry.prefix) >= Some(entry.prefix) {
            return Err(SnapshotError::Damaged("its entries are not in order"));
        }
        parts[entry.shard()].push(entry);
    }
    Ok(Table { shards: parts.into_iter().map(|part| Mutex::new(Shard::of_sorted(part))).collect() })
}

/// What passes through it is hashed.
struct Hashing<F> {
    inner: F,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Hashing<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(cut_short)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }
}

fn cut_short(error: io::Error) -> SnapshotError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => SnapshotError::Damaged("it is cut short"),
        _ => SnapshotError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use crate::chunk::ChunkId;

    fn covered(ordinal: u32) -> Covered {
        Covered { ordinal: Ordinal(ordinal), id: [ordinal as u8; 16], generation: 1 }
    }

    fn chunk(number: u32) -> ChunkId {
        ChunkId::of(&number.to_be_bytes())
    }

    fn table(chunks: u32) -> Table {
        let table = Table::default();
        for number in 0..chunks {
            table.insert(&chunk(number), Place { pack: Ordinal(number % 4), slot: (number % 8_000) as u16 });
        }
        table
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_speaks_of_its_packs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chunks");
        let table = table(5_000);
        write(&path, &[covered(1), covered(2), covered(3)], &table).unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read.packs, [covered(1), covered(2), covered(3)]);
        assert_eq!(read.table.len(), 3_750);
        for number in 0..5_000 {
            let wanted = table.find(&chunk(number)).filter(|place| place.pack.0 > 0);
            assert_eq!(read.table.find(&chunk(number)), wanted);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished remains");
    }

    #[test]
    fn damage_anywhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chunks");
        write(&path, &[covered(1)], &table(20)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            read(&path).unwrap_err();
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            read(&path).unwrap_err();
        }
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(matches!(read(&path), Err(SnapshotError::Damaged("bytes follow behind its end"))));
    }
}
