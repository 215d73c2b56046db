//! Whether a store goes on where a copy of it ended.
//!
//! The last segment of the copy must be a beginning of the segment of that name in the store. Its
//! header carries the chain value of all that was before it, so nothing older has to be compared.
//! A store that was restored to an earlier moment and has gone on since is another course of
//! events under the same positions: the two must not be mixed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::looking::Looking;
use crate::disk::Disk;
use crate::journal::{Fault, Journal, replay, segment};
use crate::limits::READ_CHUNK_BYTES;

/// What a directory is to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It holds no journal, or one that the store continues.
    Yes,
    /// It holds something else, or what the store has trimmed in between is missing.
    Not,
}

/// Compares the copy in a directory with a store.
pub(crate) fn compare(journal: &Journal, disk: &dyn Disk, store: &Path, copy: &Path) -> Result<Follows, Fault> {
    let segments = copy.join("journal");
    let Some(copied) = replay::look(Arc::new(Looking), &segments)? else { return Ok(Follows::Yes) };
    let newest = copied.segment_firsts().last().copied().unwrap_or(1);
    if copied.installation() != journal.installation() || !journal.segment_firsts().contains(&newest) {
        return Ok(Follows::Not);
    }
    let (ours, theirs) = (segment::path_of(&store.join("journal"), newest), segment::path_of(&segments, newest));
    let begins = begins_with(disk, &ours, &theirs).map_err(|source| Fault::Io { file: ours.clone(), source })?;
    Ok(if begins { Follows::Yes } else { Follows::Not })
}

fn begins_with(disk: &dyn Disk, whole: &Path, beginning: &Path) -> io::Result<bool> {
    let (whole, beginning) = (disk.open(whole)?, Looking.open(beginning)?);
    let (mut one, mut other) = (vec![0; READ_CHUNK_BYTES], vec![0; READ_CHUNK_BYTES]);
    let (mut offset, len) = (0, beginning.size()?);
    while offset < len {
        let read = beginning.read_at(&mut other, offset)?;
        let mut filled = 0;
        while filled < read {
            match whole.read_at(&mut one[filled..read], offset + filled as u64)? {
                0 => return Ok(false),
                more => filled += more,
            }
        }
        if read == 0 || one[..read] != other[..read] {
            return Ok(false);
        }
        offset += read as u64;
    }
    Ok(true)
}
