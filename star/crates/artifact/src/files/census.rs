//! Counting what is in the store when it starts, beside its work.
//!
//! One thread goes through the shard directories. It holds each shard's names while it is there,
//! so that what is published meanwhile is counted once: before by the census, after by whoever
//! publishes. A store of ten million contents opens at once and knows its numbers minutes later.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use star_core::ports::content::ContentStatus;

use crate::files::layout::Layout;
use crate::files::limits;
use crate::files::place::{Shard, is_content_name};
use crate::files::shards::Shards;

/// The counting thread. Dropping it ends the thread within one directory.
pub(crate) struct Census {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Census {
    /// Begins to count.
    pub(crate) fn begin(layout: Arc<Layout>, shards: Arc<Shards>) -> io::Result<Census> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let count_all = move || {
            for number in 0..limits::SHARDS {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shard = Shard::new(u16::try_from(number).expect("there are 4,096 shards"));
                let names = shards.names(shard);
                match count(&layout, shard) {
                    Ok(found) => names.counted(found),
                    Err(error) => {
                        let shard = shard.name();
                        tracing::warn!(%error, shard, "the numbers of the content store stay too low");
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("content-census".to_owned()).spawn(count_all)?;
        Ok(Census { stop, thread: Some(thread) })
    }
}

impl Drop for Census {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the census of the content store panicked");
        }
    }
}

/// Counts the contents in one shard directory.
fn count(layout: &Layout, shard: Shard) -> Result<ContentStatus, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let dir = rustix::fs::openat(&layout.content, shard.name(), flags, Mode::empty())?;
    let mut found = ContentStatus::default();
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_content_name(shard, name.to_bytes()) {
            continue;
        }
        let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            found.contents += 1;
            found.bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
    Ok(found)
}
