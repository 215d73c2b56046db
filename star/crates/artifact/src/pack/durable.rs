//! What of an open pack is durable, and the rule that a failed sync is final.
//!
//! After a sync that failed nobody knows which bytes the disk has, and a later sync may succeed
//! without them. So the pack is poisoned: nothing that was not durable by then ever will be, and
//! only [`recover`](super::recover()) at the next start finds out what is there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::DiskFile;
use super::{Fault, WriteError};

/// The two files of an open pack, and what of them is durable.
pub(crate) struct Files {
    pub(crate) pack: Arc<dyn DiskFile>,
    pub(crate) log: Arc<dyn DiskFile>,
    pub(crate) pack_path: PathBuf,
    pub(crate) log_path: PathBuf,
    durable: AtomicU32,
    poisoned: AtomicBool,
    /// Held while a sync runs: two at a time could both be told of one failure, or only one of them.
    syncing: Mutex<()>,
}

impl Files {
    pub(crate) fn new(
        (pack, pack_path): (Arc<dyn DiskFile>, PathBuf),
        (log, log_path): (Arc<dyn DiskFile>, PathBuf),
    ) -> Files {
        let (durable, poisoned) = (AtomicU32::new(0), AtomicBool::new(false));
        Files { pack, log, pack_path, log_path, durable, poisoned, syncing: Mutex::new(()) }
    }

    /// How many frames are durable.
    pub(crate) fn durable(&self) -> u32 {
        self.durable.load(Ordering::Acquire)
    }

    /// Notes that the first `count` frames are durable.
    pub(crate) fn note_durable(&self, count: u32) {
        self.durable.fetch_max(count, Ordering::AcqRel);
    }

    /// Refuses to go on after a failed sync.
    pub(crate) fn usable(&self) -> Result<(), WriteError> {
        if self.poisoned.load(Ordering::Acquire) { Err(WriteError::Poisoned) } else { Ok(()) }
    }

    /// Makes the first `upto` frames durable, all of which are written.
    fn sync(&self, upto: u32) -> Result<u32, WriteError> {
        self.alone(|| {
            // Whoever had the turn before may have done it.
            if self.durable() < upto {
                self.pack.sync().map_err(Fault::io(&self.pack_path, "sync"))?;
                self.log.sync().map_err(Fault::io(&self.log_path, "sync"))?;
                self.note_durable(upto);
            }
            Ok(self.durable())
        })
    }

    /// Takes a step that makes something durable, with no sync beside it. If it fails, the pack is
    /// poisoned.
    pub(crate) fn alone<T>(&self, step: impl FnOnce() -> Result<T, Fault>) -> Result<T, WriteError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        self.usable()?;
        step().map_err(|fault| {
            self.poisoned.store(true, Ordering::Release);
            WriteError::Unsure(fault)
        })
    }
}

/// A sync that is due: of all frames that were appended when it was asked for. It is a value of its
/// own, so that one thread syncs while another appends.
#[must_use = "nothing is durable before it was run"]
pub struct Syncing {
    pub(crate) files: Arc<Files>,
    pub(crate) upto: u32,
}

impl Syncing {
    /// Syncs, and gives the number of frames that are durable now: at least those that had been
    /// appended. Blocks on the disk, and on the sync that runs before.
    ///
    /// # Errors
    /// [`WriteError::Unsure`] if this sync failed, [`WriteError::Poisoned`] if an earlier one did.
    /// Nothing that was not durable before may then be relied on.
    pub fn run(self) -> Result<u32, WriteError> {
        self.files.sync(self.upto)
    }
}
