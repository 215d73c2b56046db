//! Whether the pages of a window are in memory, asked before it is handed out.
//!
//! `mincore` answers from the table of pages, where everything is that was sent through the map
//! before: about a microsecond for a mebibyte. For pages that are in the page cache only it looks
//! there, which takes twenty times as long, once. `cachestat` never takes long, but it counts pages
//! that are still being read as well: whoever touches them waits for the disk.

use super::mapping::Mapping;

/// Where the pages of a window are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Residency {
    /// All of them in memory, a moment ago.
    Resident,
    /// Some are not.
    Cold,
    /// The system does not say.
    Unknown,
}

/// Asks for `len` bytes from `offset` on. Never waits for a disk.
pub(crate) fn of(mapping: &Mapping, offset: u64, len: u64) -> Residency {
    match mapping.is_resident(offset, len) {
        Ok(true) => Residency::Resident,
        Ok(false) => Residency::Cold,
        Err(_) => Residency::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::pack_file::samples;

    #[test]
    fn pages_that_were_put_out_of_memory_are_seen_to_be_gone() {
        let (_dir, file) = samples::file(&samples::noise(5 << 20, 3));
        samples::read_all(&file);
        let mapping = Mapping::of(&file, samples::NAME, 5 << 20).unwrap();
        for (offset, len) in [(0, 5 << 20), (5000, 900_000), (4096, 4096), (4095, 2), ((5 << 20) - 1, 1)] {
            assert_eq!(of(&mapping, offset, len), Residency::Resident, "{len} from {offset} on");
        }
        samples::put_out(&file);
        assert_eq!(of(&mapping, 0, 5 << 20), Residency::Cold);
        // The last page alone, at the end of more than one question to the kernel.
        samples::read_all(&file);
        assert_eq!(of(&mapping, 1, (5 << 20) - 1), Residency::Resident);
        samples::cut(&file, (5 << 20) - 4096);
        assert_eq!(of(&mapping, 1, (5 << 20) - 1), Residency::Cold);
        assert_eq!(of(&mapping, 1, (5 << 20) - 4097), Residency::Resident);
    }
}
