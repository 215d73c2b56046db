//! One request at a time continues an upload, and the one that comes last goes on.
//!
//! A client whose connection died comes back before anybody here has noticed. Its new request stops the
//! old one, which keeps what came to it, and waits until that is done. This is about connections of this
//! process; what keeps two processes from continuing the same upload is the row of the upload.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use star_core::uploads::UploadId;
use star_core::vitals::{Queue, Vitals};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// Who continues which upload.
#[derive(Default)]
pub(crate) struct Writers(Mutex<HashMap<UploadId, Line>>);

/// The requests about one upload.
#[derive(Default)]
struct Line {
    busy: Arc<tokio::sync::Mutex<()>>,
    /// Stops the one that came last.
    stop: CancellationToken,
    requests: usize,
}

/// The right to continue an upload, until it is dropped.
pub(crate) struct Turn {
    place: Place,
    _alone: OwnedMutexGuard<()>,
}

/// A place among the requests about an upload.
struct Place {
    writers: Arc<Writers>,
    id: UploadId,
    stop: CancellationToken,
}

impl Writers {
    /// Stops whoever continues an upload, and waits until that has ended. None where it takes too long:
    /// then all bytes are there, and become a File.
    pub(crate) async fn enter(self: &Arc<Self>, id: UploadId) -> Option<Turn> {
        let (place, busy) = self.take_place(id);
        let alone = tokio::time::timeout(limits::UPLOAD_TURN, busy.lock_owned()).await.ok()?;
        Some(Turn { place, _alone: alone })
    }

    fn take_place(self: &Arc<Self>, id: UploadId) -> (Place, Arc<tokio::sync::Mutex<()>>) {
        let mut lines = self.lines();
        let line = lines.entry(id).or_default();
        line.requests += 1;
        line.stop.cancel();
        line.stop = CancellationToken::new();
        (Place { writers: Arc::clone(self), id, stop: line.stop.clone() }, Arc::clone(&line.busy))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<UploadId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits here.
    pub(crate) fn vitals(&self) -> Vitals {
        let taken = self.lines().values().map(|line| line.requests as u64).sum();
        let about = "requests that continue an upload, or wait to";
        let queue = Queue { name: "upload_requests", about, taken, limit: None, refused: None };
        Vitals { queues: vec![queue], ..Vitals::default() }
    }
}

impl Turn {
    /// Cancelled when somebody else wants to go on.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.place.stop
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.writers.lines();
        let Some(line) = lines.get_mut(&self.id) else { return };
        line.requests -= 1;
        if line.requests == 0 {
            lines.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_last_goes_on_and_nobody_is_remembered() {
        let writers = Arc::new(Writers::default());
        let id = UploadId::made().unwrap();
        let first = writers.enter(id).await.unwrap();
        assert!(!first.stop().is_cancelled());
        let second = tokio::spawn({
            let writers = Arc::clone(&writers);
            async move { writers.enter(id).await.is_some() }
        });
        first.stop().cancelled().await;
        drop(first);
        assert!(second.await.unwrap());
        assert!(writers.lines().is_empty(), "nobody is left");
        assert_eq!(writers.vitals().queues[0].taken, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told() {
        let writers = Arc::new(Writers::default());
        let id = UploadId::made().unwrap();
        let stubborn = writers.enter(id).await.unwrap();
        assert!(writers.enter(id).await.is_none());
        drop(stubborn);
        assert!(writers.enter(id).await.is_some());
    }
}
