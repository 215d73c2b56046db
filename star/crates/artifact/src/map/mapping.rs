//! A sealed pack in the address space, and windows into it.
//!
//! Windows keep the map alive, and a map keeps the bytes of a file that was unlinked. Whoever
//! hands out a window asks [`super::residency`] first; this module only knows the bounds.
//!
//! The kernel is told that touches are at random. Otherwise a touch of a page that is in memory may
//! make it read on, in the thread that touches, which is an event loop. In exchange nobody reads on
//! while a span is brought in, so it is asked for as a whole first: without that, pages come one at a
//! time, a thousand times slower (`docs/adr/0016`).

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, Mmap};

use super::guard::Named;
use super::limits;
use super::sys;
use crate::pack::PackName;

/// The map of a whole pack.
#[derive(Debug)]
pub(crate) struct Mapping {
    mapped: Arc<Mapped>,
    /// The whole of it; windows are slices that share its count of owners.
    whole: Bytes,
}

#[derive(Debug)]
struct Mapped {
    /// There until this is dropped.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    // Leaves the table before the addresses can be another map's.
    _named: Option<Named>,
    memory: Mmap,
}

impl Mapped {
    fn memory(&self) -> &Mmap {
        &self.held.as_ref().expect("there until this is dropped").memory
    }
}

/// Taking 64 MiB out of the table of pages takes some five milliseconds: nothing for an event loop,
/// where the last window of a pack mostly goes.
impl Drop for Mapped {
    fn drop(&mut self) {
        if let (Some(held), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(held));
        }
    }
}

struct Owner(Arc<Mapped>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.memory()
    }
}

/// Why pages could not be brought into memory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PopulateError {
    /// The file ends earlier, or the disk fails: a touch would have raised SIGBUS.
    #[error("its pages cannot be had")]
    Unreadable,
    /// The kernel has no such call (before 5.14): read instead.
    #[error("the kernel cannot bring pages into memory on demand")]
    Unsupported,
    /// Something else, such as no memory.
    #[error("its pages could not be brought into memory")]
    Io(#[source] io::Error),
}

impl Mapping {
    /// Maps a sealed file, which has exactly `len` bytes, not none.
    ///
    /// # Errors
    /// The file has another length, or the system allows no more maps or none of this file.
    pub(crate) fn of(file: &File, name: PackName, len: u64) -> io::Result<Mapping> {
        if len == 0 || file.metadata()?.len() != len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let memory = sys::map(file, len)?;
        memory.advise(Advice::Random)?;
        let held = Held { _named: Named::put(&memory, name), memory };
        let mapped = Arc::new(Mapped { held: Some(held) });
        Ok(Mapping { whole: Bytes::from_owner(Owner(Arc::clone(&mapped))), mapped })
    }

    /// `len` bytes from `offset` on, which must lie inside the pack.
    pub(crate) fn window(&self, offset: u64, len: u64) -> Bytes {
        self.whole.slice(at(offset)..at(offset + len))
    }

    /// Whether `len` bytes from `offset` on can be touched without waiting for the disk.
    ///
    /// # Errors
    /// The system does not tell.
    pub(crate) fn is_resident(&self, offset: u64, len: u64) -> io::Result<bool> {
        sys::is_resident(self.mapped.memory(), at(offset), at(len))
    }

    /// Brings pages into memory. Waits for the disk: for threads that may.
    #[cfg(target_os = "linux")]
    pub(crate) fn populate(&self, offset: u64, len: u64) -> Result<(), PopulateError> {
        use rustix::io::Errno;
        let (mut asked, end) = (offset, offset + len);
        while asked < end {
            let step = (end - asked).min(limits::READ_ON_BYTES);
            // Only speeds up what follows, which says what is wrong.
            if self.mapped.memory().advise_range(Advice::WillNeed, at(asked), at(step)).is_err() {
                break;
            }
            asked += step;
        }
        loop {
            let Err(error) = self.mapped.memory().advise_range(Advice::PopulateRead, at(offset), at(len)) else {
                return Ok(());
            };
            match Errno::from_io_error(&error) {
                Some(Errno::INTR | Errno::AGAIN) => {}
                Some(Errno::FAULT | Errno::IO | Errno::HWPOISON) => return Err(PopulateError::Unreadable),
                Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return Err(PopulateError::Unsupported),
                _ => return Err(PopulateError::Io(error)),
            }
        }
    }

    /// Nobody to ask here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn populate(&self, _offset: u64, _len: u64) -> Result<(), PopulateError> {
        Err(PopulateError::Unsupported)
    }
}

/// A place or a length inside a map.
fn at(offset: u64) -> usize {
    usize::try_from(offset).expect("a map fits the address space")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::guard;
    use crate::map::pack_file::samples;
    use crate::map::residency::{self, Residency};
    use crate::pack::{Generation, PackId};

    #[test]
    fn pages_are_brought_in_by_the_call_and_not_by_the_touch() {
        let bytes = samples::noise(3 << 20, 1);
        let (_dir, file) = samples::file(&bytes);
        samples::put_out(&file);
        let mapping = Mapping::of(&file, samples::NAME, bytes.len() as u64).unwrap();
        assert_eq!(residency::of(&mapping, 1_000_001, 1_500_000), Residency::Cold);
        mapping.populate(1_000_001, 1_500_000).unwrap();
        assert_eq!(residency::of(&mapping, 1_000_001, 1_500_000), Residency::Resident);
        assert!(mapping.window(1_000_001, 1_500_000) == bytes[1_000_001..2_500_001]);
    }

    #[test]
    fn a_window_outlives_its_mapping_and_the_name_of_its_file() {
        let bytes = samples::noise(100_000, 2);
        let (dir, file) = samples::file(&bytes);
        let mapping = Mapping::of(&file, samples::NAME, 100_000).unwrap();
        let window = mapping.window(10, 99_990);
        drop((mapping, file, dir));
        assert!(window == bytes[10..]);
    }

    #[test]
    fn an_event_loop_leaves_unmapping_to_a_thread() {
        let (_dir, file) = samples::file(&samples::noise(100_000, 6));
        let name = PackName { id: PackId::from_bytes([0x77; 16]), generation: Generation(1) };
        let mapping = Mapping::of(&file, name, 100_000).unwrap();
        let address = mapping.window(0, 1).as_ptr() as usize;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            let busy = tokio::task::spawn_blocking(move || released.recv().unwrap());
            drop(mapping);
            assert!(guard::line(address).is_some(), "the thread is busy");
            release.send(()).unwrap();
            busy.await.unwrap();
            // There is one thread, so this one comes after the map.
            tokio::task::spawn_blocking(|| {}).await.unwrap();
        });
        let told = guard::line(address).map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        assert!(told.is_none_or(|told| !told.contains(&name.to_string()[..32])), "{name} is still mapped");
    }

    #[test]
    fn a_file_that_was_cut_short_is_an_error_of_the_call() {
        let (_dir, file) = samples::file(&samples::noise(1 << 20, 5));
        let mapping = Mapping::of(&file, samples::NAME, 1 << 20).unwrap();
        samples::cut(&file, 500_000);
        mapping.populate(0, 499_000).unwrap();
        assert!(matches!(mapping.populate(400_000, 200_000), Err(PopulateError::Unreadable)));
    }

    #[test]
    fn a_file_of_another_length_is_not_mapped() {
        let (_dir, file) = samples::file(b"four");
        for len in [0, 3, 5] {
            assert!(Mapping::of(&file, samples::NAME, len).is_err(), "{len}");
        }
        assert!(Mapping::of(&file, samples::NAME, 4).is_ok());
    }
}
