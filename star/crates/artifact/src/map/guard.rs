//! What is said when a page of a pack is touched that cannot be had.
//!
//! The program installs it once, at its start ([`install`]); the library does not, because a
//! signal belongs to the whole process. It does not save the process, and nothing should: the
//! thread waits for bytes that are not there, and going on with zeros would send wrong ones. It
//! makes the end useful: the line on stderr names the pack and the offset, so that whoever starts the Star
//! again knows which file to look at. The previous action runs afterwards, so core dumps stay.
//!
//! In the normal course it is never reached: a stream asks before it hands out a window, a page
//! that is missing is brought in by a call that answers with an error, and what the kernel copies
//! to a socket fails with an error as well. What remains is a page that goes away behind the question and
//! is then touched by code of ours, such as TLS.
//!
//! Owns the table from addresses to packs. Everything a handler calls is free of locks and of
//! memory that has to be asked for.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::limits;
use super::sys;
use crate::pack::PackName;

/// Has a SIGBUS on a page of a pack say which pack it was, before the process ends.
///
/// # Errors
/// The system refused the handler.
pub fn install() -> io::Result<()> {
    sys::name_bus_errors()
}

/// One map: `start` is zero while the slot is free, [`BEING_FILLED`] while it is written.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    id_high: AtomicU64,
    id_low: AtomicU64,
    generation: AtomicU32,
}

/// No map starts there.
const BEING_FILLED: usize = 1;

static SLOTS: [Slot; limits::NAMED_MAPS] = [const { Slot::free() }; limits::NAMED_MAPS];

impl Slot {
    const fn free() -> Slot {
        Slot {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            id_high: AtomicU64::new(0),
            id_low: AtomicU64::new(0),
            generation: AtomicU32::new(0),
        }
    }
}

/// A map that is in the table until this is dropped.
#[derive(Debug)]
pub(crate) struct Named(usize);

impl Named {
    /// Puts a map into the table. None if it is full: then a fault there is not named.
    pub(crate) fn put(memory: &[u8], name: PackName) -> Option<Named> {
        let start = memory.as_ptr() as usize;
        let place = SLOTS.iter().position(|slot| {
            slot.start.compare_exchange(0, BEING_FILLED, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })?;
        let (slot, id) = (&SLOTS[place], u128::from_be_bytes(*name.id.as_bytes()));
        slot.end.store(start + memory.len(), Ordering::Relaxed);
        slot.id_high.store((id >> 64) as u64, Ordering::Relaxed);
        slot.id_low.store(id as u64, Ordering::Relaxed);
        slot.generation.store(name.generation.0, Ordering::Relaxed);
        slot.start.store(start, Ordering::Release);
        Some(Named(place))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        SLOTS[self.0].start.store(0, Ordering::Release);
    }
}

/// A line of text that needs no memory.
pub(crate) struct Line {
    text: [u8; 240],
    len: usize,
}

impl Line {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }

    fn add(&mut self, text: &[u8]) {
        let room = &mut self.text[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text[..len]);
        self.len += len;
    }

    fn add_digits(&mut self, mut number: u64, base: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        while number > 0 || digits.len() - first < width {
            first -= 1;
            digits[first] = b"0123456789abcdef"[(number % base) as usize];
            number /= base;
        }
        self.add(&digits[first..]);
    }
}

/// The line about a fault at this address, if it lies in a pack. Called in a signal handler.
pub(crate) fn line(address: usize) -> Option<Line> {
    for slot in &SLOTS {
        let start = slot.start.load(Ordering::Acquire);
        if start > BEING_FILLED && (start..slot.end.load(Ordering::Relaxed)).contains(&address) {
            let mut line = Line { text: [0; 240], len: 0 };
            line.add(b"starlane: SIGBUS: pack ");
            line.add_digits(slot.id_high.load(Ordering::Relaxed), 16, 16);
            line.add_digits(slot.id_low.load(Ordering::Relaxed), 16, 16);
            line.add(b" generation ");
            line.add_digits(slot.generation.load(Ordering::Relaxed).into(), 10, 1);
            line.add(b" cannot be read at offset ");
            line.add_digits((address - start) as u64, 10, 1);
            line.add(b": its file was cut short or its disk fails; the process ends\n");
            return Some(line);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Generation, PackId};

    #[test]
    fn a_fault_inside_a_map_is_told_with_pack_and_offset_until_the_map_is_gone() {
        let name = PackName { id: PackId::from_bytes([0xab; 16]), generation: Generation(4_294_967_295) };
        let memory = vec![0; 5000];
        let at = |offset: usize| memory.as_ptr() as usize + offset;
        let named = Named::put(&memory, name).unwrap();
        let text = |address| line(address).map(|line| String::from_utf8(line.as_bytes().to_vec()).unwrap());
        let told = text(at(4097)).unwrap();
        assert!(told.contains(&format!("pack {} generation 4294967295", "ab".repeat(16))), "{told}");
        assert!(told.contains("at offset 4097:") && told.ends_with("ends\n"), "{told}");
        assert!(text(at(0)).unwrap().contains("at offset 0:"));
        assert_eq!(text(at(5000)), None);
        drop(named);
        assert_eq!(text(at(4097)), None);
    }
}
