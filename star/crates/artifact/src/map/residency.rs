//! Whether the pages of a window are in memory, asked before it is handed out.
//!
//! Two calls of the kernel for each window: its length, because a file that was cut short shows
//! zeros up to the end of its last page, and `cachestat`, which counts pages without a walk over
//! them (`mincore` walks: eleven times the time for a mebibyte, two hundred times for 64).

use std::fs::File;

use super::sys;

/// Where the pages of a span of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Residency {
    /// All of them in memory, a moment ago.
    Resident,
    /// Some are not.
    Cold,
    /// The kernel does not say.
    Unknown,
}

/// Asks for `len` bytes from `offset` on. Never waits for a disk.
pub(crate) fn of(file: &File, offset: u64, len: u64) -> Residency {
    let page_bytes = sys::page_bytes();
    let pages = (offset + len).div_ceil(page_bytes) - offset / page_bytes;
    match sys::cached_pages(file, offset, len) {
        Ok(cached) if cached >= pages => Residency::Resident,
        Ok(_) => Residency::Cold,
        Err(_) => Residency::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::pack_file::samples;

    #[test]
    fn pages_that_were_put_out_of_memory_are_seen_to_be_gone() {
        let (_dir, file) = samples::file(&samples::noise(1 << 20, 3));
        assert_eq!(of(&file, 5000, 900_000), Residency::Resident);
        samples::put_out(&file);
        assert_eq!(of(&file, 5000, 900_000), Residency::Cold);
        samples::read_all(&file);
        assert_eq!(of(&file, 0, 1 << 20), Residency::Resident);
    }

    #[test]
    fn what_lies_behind_the_end_is_not_in_memory() {
        let (_dir, file) = samples::file(&samples::noise(100_000, 4));
        assert_eq!(of(&file, 90_000, 10_000), Residency::Resident);
        assert_eq!(of(&file, 90_000, 20_000), Residency::Cold);
    }
}
