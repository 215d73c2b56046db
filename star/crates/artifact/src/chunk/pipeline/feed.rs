//! Where the bytes of a stream go in.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use star_path::Digest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::chunk::pipeline::error::PipelineError;
use crate::chunk::pipeline::flow::{Flow, Room};
use crate::chunk::pipeline::limits;
use crate::chunk::pipeline::pool::Ring;
use crate::chunk::whole::Way;

/// Where the bytes of a stream go in. Dropping it before [`Feed::finish`] has answered gives the
/// stream up.
pub struct Feed {
    flow: Arc<Flow>,
    ring: Arc<Ring>,
    budget: Arc<Semaphore>,
    progress: Progress,
}

/// How far the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// All bytes that were pushed are in.
    Whole,
    /// A push did not come to its end.
    Torn,
    /// The stream is over.
    Over,
}

/// What a stream was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// SHA-256 of all of its bytes.
    pub digest: Digest,
    /// How many there were.
    pub size_bytes: u64,
    /// How many pieces came out for it.
    pub chunks: u64,
    /// The way it took.
    pub way: Way,
}

impl Feed {
    pub(super) fn new(flow: Arc<Flow>, ring: Arc<Ring>, budget: Arc<Semaphore>) -> Feed {
        Feed { flow, ring, budget, progress: Progress::Whole }
    }

    /// Takes the next bytes of the stream, in pieces of any size. They are not copied, so that
    /// what they lie in is held until their frames are taken.
    ///
    /// Waits while the stream or the budget is full, which ends when frames are taken: whoever
    /// has both ends in one task must do both at once. A push that is dropped half way tears the
    /// stream, which can only be given up then.
    pub async fn push(&mut self, mut bytes: Bytes) -> Result<(), PipelineError> {
        self.whole_so_far()?;
        self.progress = Progress::Torn;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(limits::PIECE_BYTES));
            let permit = self.room(piece.len()).await?;
            self.flow.push(piece, permit);
            self.ring.offer(&self.flow);
        }
        self.progress = Progress::Whole;
        Ok(())
    }

    /// Ends the stream: waits until all of it is hashed and made, not until all of it is taken.
    pub async fn finish(mut self) -> Result<Whole, PipelineError> {
        self.whole_so_far()?;
        self.flow.end();
        self.ring.offer(&self.flow);
        loop {
            if let Some(whole) = self.flow.whole()? {
                self.progress = Progress::Over;
                return Ok(whole);
            }
            self.flow.fed.notified().await;
        }
    }

    fn whole_so_far(&self) -> Result<(), PipelineError> {
        match self.progress {
            Progress::Torn => Err(PipelineError::Cancelled),
            Progress::Whole | Progress::Over => Ok(()),
        }
    }

    /// Waits for room in the stream, then in the budget. The place in the queue of the budget is
    /// kept while the stream is looked at again.
    async fn room(&self, len_bytes: usize) -> Result<Option<OwnedSemaphorePermit>, PipelineError> {
        while self.flow.room(len_bytes)? == Room::None {
            self.flow.fed.notified().await;
        }
        let permits = u32::try_from(len_bytes).expect("no longer than a piece");
        if let Ok(permit) = Arc::clone(&self.budget).try_acquire_many_owned(permits) {
            return Ok(Some(permit));
        }
        let mut acquire = pin!(Arc::clone(&self.budget).acquire_many_owned(permits));
        while self.flow.room(len_bytes)? != Room::Overdraft {
            tokio::select! {
                permit = &mut acquire => return permit.map(Some).map_err(|_| PipelineError::Closed),
                () = self.flow.fed.notified() => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if self.progress != Progress::Over {
            self.flow.fail(PipelineError::Cancelled);
        }
    }
}
