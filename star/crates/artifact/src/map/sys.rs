//! Every line of reading packs that the compiler cannot check: the map, the question which of its
//! pages are in memory, and the answer to a page that cannot be had.
//!
//! # Why the map is sound
//!
//! A slice promises that its bytes do not change while it lives. They lie in a sealed pack: it was
//! made durable, set read-only and renamed into place before anybody maps it, no code of the
//! project opens it for writing again, and deletion is unlinking, which leaves the bytes to
//! whoever holds them. Who changes files in the data folder by hand can make a reader see other
//! bytes, as with any file; digests and checksums are there for that. Nothing here relies on what
//! the bytes say: they are copied to sockets, or decoded by code that takes any bytes.
//!
//! A file that is cut short cannot make memory unsafe. A touch of a page behind its end raises
//! SIGBUS in the thread that touches, and the process ends (see [`super::guard`]). Streams ask
//! before they hand out a window, and the kernel's own copy to a socket fails with `EFAULT`
//! instead of the signal.

#![expect(unsafe_code, reason = "maps, calls of the system and a signal handler; each block says why it is sound")]

use std::fs::File;
use std::io;
use std::sync::OnceLock;

use memmap2::{Mmap, MmapOptions};

use super::guard;

/// Maps the first `len` bytes of a sealed file for reading.
pub(crate) fn map(file: &File, len: usize) -> io::Result<Mmap> {
    // SAFETY: the file is sealed, see the head of this module; the map is read-only and shared, and
    // `Mmap` keeps it until the last slice is gone.
    unsafe { MmapOptions::new().len(len).map(file) }
}

/// Whether every page of a part of a map can be touched without waiting for the disk: it is in the
/// table of pages, or in the page cache and read to its end.
///
/// The kernel says yes to everything if the file is not ours: see [`super::pack_file`].
///
/// # Errors
/// The system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn is_resident(map: &Mmap, offset: usize, len: usize) -> io::Result<bool> {
    // A window of a mebibyte takes one call, and no memory has to be asked for.
    let mut pages = [0_u8; 512];
    // SAFETY: a plain question; it touches no memory of ours.
    let page_bytes = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(io::Error::other)?;
    let part = &map[offset..offset + len];
    let into_page = part.as_ptr() as usize % page_bytes;
    let (mut at, end) = (part.as_ptr().wrapping_sub(into_page), part.as_ptr_range().end);
    while at < end {
        let left = end as usize - at as usize;
        let asked = left.min(pages.len() * page_bytes);
        // SAFETY: `at` is the start of a page of the map, and the pages of `asked` bytes from it on
        // all belong to the map, because `part` does; the array has a byte for each of them.
        if unsafe { libc::mincore(at.cast_mut().cast(), asked, pages.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        if pages[..asked.div_ceil(page_bytes)].iter().any(|page| page & 1 == 0) {
            return Ok(false);
        }
        at = at.wrapping_add(asked);
    }
    Ok(true)
}

/// Nobody to ask here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_resident(_map: &Mmap, _offset: usize, _len: usize) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What was done about SIGBUS before; set before the handler is in place.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Has SIGBUS named by [`guard::line`] before it ends the process. Only the first call does anything.
pub(crate) fn name_bus_errors() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    // SAFETY: `sigaction` is plain data for which zeros are valid; without a new action the call
    // only writes the present one into `before`.
    let before = unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut before) != 0 {
            return Err(io::Error::last_os_error());
        }
        before
    };
    if BEFORE.set(before).is_err() {
        return Ok(());
    }
    // SAFETY: the handler has the signature that SA_SIGINFO asks for and calls only what may be
    // called in a handler; SA_ONSTACK uses the stack that the standard library gave the thread.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = bus_error as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut())
    };
    if installed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Says which pack it was, and leaves the rest to whoever was there before: the instruction that
/// faulted runs again, and this time the signal is not ours. No lock, no memory is asked for.
extern "C" fn bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid `info` to a handler with SA_SIGINFO, and SIGBUS has an address
    // unless a process sent it, which is what a code of zero or less says.
    let (address, was_sent) = unsafe { ((*info).si_addr() as usize, (*info).si_code <= 0) };
    if !was_sent && let Some(line) = guard::line(address) {
        let text = line.as_bytes();
        // SAFETY: `text` is valid for its length; a write that fails or falls short changes nothing.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    }
    if let Some(before) = BEFORE.get() {
        // SAFETY: this is the action that the system gave us.
        unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
    }
    if was_sent {
        // SAFETY: may be called in a handler; the signal is held back until this one returns.
        unsafe { libc::raise(signal) };
    }
}
