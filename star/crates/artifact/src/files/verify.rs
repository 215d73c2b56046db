//! Comparing a content on disk with its name: all of its bytes are read and hashed.
//!
//! Step by step on threads that may block, two contents at a time, so that checking a large
//! store leaves its disk to those who read from it.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::Advice;
use sha2::{Digest as _, Sha256};
use star_core::ports::content::{ContentError, ContentRef};

use crate::files::limits;
use crate::files::place::{Key, Place};
use crate::files::publish::failed;
use crate::files::read;
use crate::files::store::{Inner, joined, permit};
use crate::files::stream::OpenContent;

/// Reads the content at a place and compares it. What is damaged is forgotten by the memory, so
/// that the next reader meets the error too. May be dropped half way.
pub(crate) async fn verify(inner: &Arc<Inner>, place: Place) -> Result<ContentRef, ContentError> {
    let _slot = permit(&inner.verify_jobs, 1).await;
    let (key, digest) = (place.key, place.digest());
    let mut check = {
        let inner = Arc::clone(inner);
        let begin = move || read::open(&inner, &place).map(Check::begin);
        joined(tokio::task::spawn_blocking(begin).await, "open a content")?
    };
    while check.read_bytes < check.open.size_bytes {
        let step = tokio::task::spawn_blocking(move || check.step());
        check = joined(step.await, "read a content").inspect_err(|_| inner.forget(&key))?;
    }
    let size_bytes = check.read_bytes;
    let found: Key = check.hash.finalize().into();
    if found != key {
        inner.forget(&key);
        let what = format!("its bytes have the digest {}", Place::of_key(found).digest());
        return Err(ContentError::Corrupt { digest, what });
    }
    Ok(ContentRef { digest, size_bytes })
}

/// A content that is being compared.
struct Check {
    open: OpenContent,
    hash: Sha256,
    read_bytes: u64,
    room: Vec<u8>,
}

impl Check {
    fn begin(open: OpenContent) -> Check {
        // What is read for a check should not push out what readers need. A filesystem that does
        // not take the advice costs nothing but that.
        if let Err(error) = rustix::fs::fadvise(&open.file, 0, None, Advice::NoReuse) {
            tracing::debug!(%error, "advice about a file was refused");
        }
        Check { open, hash: Sha256::new(), read_bytes: 0, room: vec![0; limits::READ_BYTES] }
    }

    /// Hashes the next step.
    fn step(mut self) -> Result<Check, ContentError> {
        let end = self.open.size_bytes.min(self.read_bytes + limits::VERIFY_STEP_BYTES);
        while self.read_bytes < end {
            let wanted = usize::try_from(end - self.read_bytes).unwrap_or(usize::MAX);
            let wanted = wanted.min(self.room.len());
            match self.open.file.read_at(&mut self.room[..wanted], self.read_bytes) {
                Ok(0) => return Err(self.short()),
                Ok(filled) => {
                    self.hash.update(&self.room[..filled]);
                    self.read_bytes += filled as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read a content")(error)),
            }
        }
        Ok(self)
    }

    fn short(&self) -> ContentError {
        let what = format!("its file ends after {} bytes", self.read_bytes);
        ContentError::Corrupt { digest: self.open.place.digest(), what }
    }
}
