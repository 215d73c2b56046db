//! The keeper: the thread that makes checkpoints and removes what they make superfluous.
//!
//! It reads the log and the former checkpoint, so that neither readers nor the writer wait for
//! it. What it cannot do (the disk is full, a file is damaged) it says in the log and tries again
//! at the next occasion; nobody's commit depends on it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use star_core::ports::clock::Clock;
use star_core::ports::meta::ReadError;
use tokio::sync::oneshot;

use super::files::Checkpoints;
use super::merge::{self, MergeError};
use crate::consumers::Consumers;
use crate::journal::Fault;
use crate::limits::{CHECKPOINTS_KEPT, KEEPER_JOBS};
use crate::retention::{Needs, Retention};
use crate::shared::Shared;

/// Told when a checkpoint is there, or why it is not.
pub(crate) type Reply = oneshot::Sender<Result<(), ReadError>>;

enum Job {
    /// Make a checkpoint of what is durable, and remove what is not needed any more.
    Checkpoint(Option<Reply>),
    /// Remove what is not needed any more.
    Trim,
    /// End.
    End,
}

/// What the keeper works on.
pub(crate) struct Work {
    pub(crate) shared: Arc<Shared>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) retention: Retention,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Asks the keeper for work.
#[derive(Clone)]
pub(crate) struct Orders {
    jobs: SyncSender<Job>,
}

impl Orders {
    /// Asks for a checkpoint; the reply, where one is wanted, comes when it is there.
    pub(crate) fn checkpoint(&self, reply: Option<Reply>) {
        self.send(Job::Checkpoint(reply));
    }

    /// Asks for a look at what can be removed.
    pub(crate) fn trim(&self) {
        self.send(Job::Trim);
    }

    fn send(&self, job: Job) {
        let unsent = match self.jobs.try_send(job) {
            Ok(()) => return,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        if let Job::Checkpoint(Some(reply)) = unsent {
            drop(reply.send(Err(ReadError::Failed("the keeper of checkpoints has too much to do".into()))));
        }
    }
}

/// The thread, which ends with [`Keeper::end`].
pub(crate) struct Keeper {
    orders: Orders,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(work: Work) -> io::Result<Keeper> {
        let (jobs, inbox) = sync_channel(KEEPER_JOBS);
        let ending = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ending);
        let thread = thread::Builder::new().name("star-keeper".to_owned()).spawn(move || work.run(&inbox, &stop))?;
        Ok(Keeper { orders: Orders { jobs }, ending, thread })
    }

    /// Where to ask it for work.
    pub(crate) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Ends the thread, giving up a checkpoint that is under way.
    pub(crate) fn end(self) {
        self.ending.store(true, Ordering::Relaxed);
        // Fails when the thread is gone, which is what is asked for.
        drop(self.orders.jobs.send(Job::End));
        if self.thread.join().is_err() {
            tracing::error!("the keeper of checkpoints panicked");
        }
    }
}

impl Work {
    fn run(&self, jobs: &Receiver<Job>, ending: &AtomicBool) {
        let mut next = jobs.recv().ok();
        while let Some(job) = next.take() {
            let mut replies = Vec::new();
            let mut wanted = false;
            let mut waiting = Some(job);
            while let Some(job) = waiting {
                match job {
                    Job::Checkpoint(reply) => {
                        wanted = true;
                        replies.extend(reply);
                    }
                    Job::Trim => {}
                    Job::End => return,
                }
                waiting = jobs.try_recv().ok();
            }
            self.serve(wanted, replies, ending);
            next = jobs.recv().ok();
        }
    }

    fn serve(&self, wanted: bool, replies: Vec<Reply>, ending: &AtomicBool) {
        let made = if wanted { self.checkpoint(ending) } else { Ok(()) };
        let outcome = made.and_then(|()| self.trim().map_err(MergeError::from));
        match &outcome {
            Ok(()) | Err(MergeError::Cancelled) => {}
            Err(error) => tracing::error!(%error, "no checkpoint was made, or the journal was not trimmed"),
        }
        for reply in replies {
            let failed = outcome.as_ref().err().map(|error| ReadError::Failed(error.to_string().into()));
            drop(reply.send(failed.map_or(Ok(()), Err)));
        }
    }

    fn checkpoint(&self, ending: &AtomicBool) -> Result<(), MergeError> {
        let _files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let upto = *self.shared.head.borrow();
        if upto == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        let dress = |state: &mut super::state::State| state.consumers = self.consumers.cursors();
        let bytes = merge::make(&self.checkpoints, &self.shared.journal, upto, dress, ending)?;
        self.shared.checkpoint.store(upto, Ordering::Relaxed);
        metrics::histogram!("star_store_checkpoint_seconds").record(begun.elapsed().as_secs_f64());
        metrics::gauge!("star_store_checkpoint_position").set(upto as f64);
        let took_ms = begun.elapsed().as_millis() as u64;
        tracing::info!(position = upto, bytes, took_ms, "a checkpoint was made");
        Ok(())
    }

    fn trim(&self) -> Result<(), Fault> {
        let _files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(checkpoint) = self.checkpoints.newest_first()?.get(CHECKPOINTS_KEPT - 1).copied() else {
            return Ok(());
        };
        let journal = &self.shared.journal;
        let closed = journal.closed()?;
        let needs = Needs {
            checkpoint,
            slowest: self.consumers.slowest(),
            journal_bytes: journal.bytes(),
            now: self.clock.now_ms(),
        };
        for segment in &closed[..self.retention.removable(&closed, &needs)] {
            journal.remove_oldest(segment)?;
            tracing::info!(from = segment.first, to = segment.last, "a segment of the journal was removed");
        }
        Ok(())
    }
}
