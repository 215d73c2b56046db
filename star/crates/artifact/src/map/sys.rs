//! Every line of reading packs that the compiler cannot check: the map, one call of the kernel
//! that no library has, and the answer to a page that cannot be had.
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

#![expect(unsafe_code, reason = "maps, a raw system call and a signal handler; each block says why it is sound")]

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

/// The size of a page of memory.
pub(crate) fn page_bytes() -> u64 {
    // SAFETY: a plain question; it touches no memory of ours.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(4096)
}

/// A span of a file, as `cachestat` takes it.
#[repr(C)]
struct Span {
    offset: u64,
    len: u64,
}

/// What `cachestat` answers: counts of pages.
#[repr(C)]
#[derive(Default)]
struct Cached {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// How many pages of a span of a file are in memory. One call of some microseconds.
///
/// # Errors
/// The kernel does not have the call (`ENOSYS`, before 6.5), does not allow it, or not for this
/// kind of file.
#[cfg(target_os = "linux")]
pub(crate) fn cached_pages(file: &File, offset: u64, len: u64) -> io::Result<u64> {
    use std::os::fd::AsRawFd;
    // The same number on every architecture that Starlane is built for.
    const CACHESTAT: libc::c_long = 451;
    let span = Span { offset, len };
    let mut found = Cached::default();
    // SAFETY: the descriptor is open for as long as `file` is borrowed; both structures are laid
    // out as the kernel has them, live across the call, and only the second is written to.
    let answer = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const span, &raw mut found, 0_u32) };
    if answer == 0 { Ok(found.cached) } else { Err(io::Error::last_os_error()) }
}

/// Nobody to ask here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cached_pages(_file: &File, _offset: u64, _len: u64) -> io::Result<u64> {
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
