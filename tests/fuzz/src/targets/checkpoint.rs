//! Checkpoints, and the file that holds the cursors of consumers.
//!
//! The first byte of an input chooses the form. What is read is written to a file that reads as the
//! same; a file that is cut or goes on is refused.

use std::path::Path;

use star_store::Disk;
use star_store::fuzzing;

use crate::check;
use crate::disk::MemoryDisk;

/// A byte that chooses the form, and bytes that may be one.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    match choice % 4 {
        0 => file(data),
        1 => stream(data),
        2 => consumers(data),
        _ => consumers(&fuzzing::sealed_consumers(data)),
    }
}

fn read(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (disk, from, into) = (MemoryDisk::default(), Path::new("from"), Path::new("into"));
    let file = disk.create(from).expect("memory can be written");
    file.write_all_at(bytes, 0).expect("memory can be written");
    match fuzzing::checkpoint(&disk, from, into) {
        Ok(rows) => Some((rows, disk.bytes(into))),
        Err(words) => {
            assert!(words.contains("from"), "a fault names its file: {words}");
            None
        }
    }
}

fn file(bytes: &[u8]) {
    let Some((rows, written)) = read(bytes) else { return };
    let (rows_again, again) = read(&written).expect("what was written is read");
    assert_eq!((rows_again, &again), (rows, &written), "a checkpoint changes when it is written and read");
    check::whole_only(&written, |bytes| read(bytes).is_some());
}

/// The bytes as the stream inside of blocks whose checksums hold.
fn stream(stream: &[u8]) {
    let (disk, path) = (MemoryDisk::default(), Path::new("sealed"));
    let sealed = disk.create(path).expect("memory can be written");
    let header = [b"STARCKPT\0\x01", stream].concat();
    fuzzing::seal_checkpoint(sealed.as_ref(), &header).expect("memory can be written");
    file(&disk.bytes(path));
}

fn consumers(bytes: &[u8]) {
    let Some(written) = fuzzing::consumers(bytes) else { return };
    assert_eq!(fuzzing::consumers(&written).as_ref(), Some(&written), "consumers change when written and read");
    check::whole_only(&written, |bytes| fuzzing::consumers(bytes).is_some());
}
