//! What a start makes of packs that were open when the process or the power went.
//!
//! Each is sealed with the frames that are whole, or removed if there are none. Nothing that was
//! durable is given up: where bytes that were durable are not what they were, the fault is told,
//! and where it cannot be told which frames they belong to, nothing is changed. Every step can be
//! cut off; the next start takes the same ones again and comes to the same result.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Access, DiskFile};
use super::fields::not_zero;
use super::folder::named;
use super::limits::{HEADER_BYTES, RECORD_BYTES, SLOTS};
use super::reader::fill;
use super::survivors::{self, Survivors};
use super::{Fault, Flaw, Folder, Footer, Header, Log, PackName, Reader, What, sealing};

/// What was found in `open/`.
#[derive(Debug)]
pub struct Found {
    /// Every pack that lay there, by name, with what became of it. A fault of one does not keep the
    /// others back.
    pub packs: Vec<(PackName, Result<Recovered, Fault>)>,
    /// Files that no writer of packs puts there. They were not touched.
    pub strangers: Vec<PathBuf>,
}

/// What became of a pack that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// It is sealed.
    Sealed(Left),
    /// There was nothing in it, and it is gone.
    Removed,
}

/// What is left of a pack that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What is in the sealed pack. The frames that had been durable are among it.
    pub footer: Footer,
    /// Numbers of slots whose bytes were durable once and are not what they were: their chunks are
    /// lost, and reading them says so.
    pub damaged: Vec<usize>,
    /// Whether more had been written, and not been made durable, than was kept.
    pub torn: bool,
}

/// Seals or removes every pack in `open/`. No pack of this folder may be open. Blocks.
///
/// # Errors
/// If the folder cannot be listed; what concerns a single pack stands in the answer.
pub fn recover(folder: &Folder) -> Result<Found, Fault> {
    let opened = folder.opened()?;
    let mut packs: Vec<_> = opened.packs.into_iter().map(|name| (name, take_up(folder, name))).collect();
    for name in opened.logs {
        if let Err(fault) = let_go(folder, name) {
            packs.push((name, Err(fault)));
        }
    }
    Ok(Found { packs, strangers: opened.strangers })
}

/// Seals or removes one pack in `open/`.
pub(crate) fn take_up(folder: &Folder, name: PackName) -> Result<Recovered, Fault> {
    if folder.is_placed(name)? {
        let (_, footer) = folder.read(name)?;
        folder.sync_place(name)?;
        folder.remove_open(name)?;
        return Ok(Recovered::Sealed(Left { footer, damaged: Vec::new(), torn: false }));
    }
    let path = folder.open_path(name);
    let file = open(folder, &path)?.ok_or(ErrorKind::NotFound.into()).map_err(Fault::io(&path, "open"))?;
    let header = read_header(&*file, &path)?;
    let log_path = folder.log_path(name);
    let log = match open(folder, &log_path)? {
        Some(log) => Log::read(&read_log(&*log, &log_path)?, name).map_err(|flaw| flaw.of(&log_path))?,
        None if is_bare(&*file, &path)? => return remove(folder, name),
        None => return Err(Flaw::at(HEADER_BYTES as u64, What::NoLog).of(&path)),
    };
    let header = match header {
        Ok(header) => header,
        // The header is durable before the first record is written.
        Err(flaw) if log.slots.is_empty() && !log.torn && is_torn(&flaw) => return remove(folder, name),
        Err(flaw) => return Err(flaw.of(&path)),
    };
    named(&header, name, &path)?;
    let reader = Reader::new(Arc::clone(&file), path.clone());
    let Survivors { slots, damaged, torn } = survivors::choose(log, header.class, &reader, &log_path)?;
    if slots.is_empty() {
        return remove(folder, name);
    }
    sealing::finish(&*file, &path, &header, &slots)?;
    file.sync().map_err(Fault::io(&path, "sync"))?;
    file.freeze().map_err(Fault::io(&path, "freeze"))?;
    folder.place(name)?;
    folder.sync_place(name)?;
    folder.remove_log(name)?;
    Ok(Recovered::Sealed(Left { footer: Footer { header, slots }, damaged, torn }))
}

/// Removes a log without a pack beside it: that one was never durably there, or has its place, which
/// need not be durable yet.
fn let_go(folder: &Folder, name: PackName) -> Result<(), Fault> {
    if folder.is_placed(name)? {
        folder.sync_place(name)?;
    }
    folder.remove_log(name)
}

fn remove(folder: &Folder, name: PackName) -> Result<Recovered, Fault> {
    folder.remove_open(name)?;
    Ok(Recovered::Removed)
}

/// Opens a file so that the disk is asked what is in it, and not memory: what is read now is there
/// after the next cut of power as well, and a sync that failed has no say. None if it is not there.
fn open(folder: &Folder, path: &Path) -> Result<Option<Arc<dyn DiskFile>>, Fault> {
    let file = match folder.disk().open(path, Access::Write) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::io(path, "open")(error)),
    };
    file.sync().and_then(|()| file.forget()).map_err(Fault::io(path, "sync"))?;
    Ok(Some(file))
}

fn read_header(file: &dyn DiskFile, path: &Path) -> Result<Result<Header, Flaw>, Fault> {
    let len = file.size().map_err(Fault::io(path, "read"))?.min(HEADER_BYTES as u64);
    let mut page = vec![0; len as usize];
    fill(file, path, &mut page, 0)?;
    Ok(Header::decode(&page))
}

fn read_log(file: &dyn DiskFile, path: &Path) -> Result<Vec<u8>, Fault> {
    let len = file.size().map_err(Fault::io(path, "read"))?.min((SLOTS * RECORD_BYTES) as u64);
    let mut bytes = vec![0; len as usize];
    fill(file, path, &mut bytes, 0)?;
    Ok(bytes)
}

/// Whether nothing was ever written behind the header: room may have been taken.
fn is_bare(file: &dyn DiskFile, path: &Path) -> Result<bool, Fault> {
    let len = file.size().map_err(Fault::io(path, "read"))?;
    let mut page = [0; HEADER_BYTES];
    let mut at = HEADER_BYTES as u64;
    while at < len {
        let some = (len - at).min(page.len() as u64) as usize;
        fill(file, path, &mut page[..some], at)?;
        if not_zero(&page[..some]).is_some() {
            return Ok(false);
        }
        at += some as u64;
    }
    Ok(true)
}

/// Whether a page like this is what is left of one that was being written.
fn is_torn(flaw: &Flaw) -> bool {
    matches!(flaw.what, What::Length { .. } | What::Magic | What::Checksum)
}
