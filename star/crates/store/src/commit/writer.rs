//! The writer: the one thread that changes the store.
//!
//! For each group: judge, append, one sync, apply to the index, publish, answer. What goes wrong
//! decides how far it comes:
//!
//! - the journal had no room, and the write was taken back: nothing happened, the next group may
//!   find room;
//! - the sync failed: what the disk holds is not known, and the process ends;
//! - the index failed: the batch is durable and not visible. The index is brought back from the
//!   journal at once, then every second; until it is, nothing is read or committed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use star_core::ports::clock::Clock;
use star_core::ports::meta::{CommitError, LoggedEvent, ReadError};
use tokio::sync::{mpsc, oneshot};

use super::group::{Group, Memory, Verdict};
use super::mailbox::{self, Pending, Request, Waited};
use crate::checkpoint::Checkpoints;
use crate::checkpoint::keeper::{Keeper, Reply};
use crate::disk::is_full;
use crate::index::{self, Index, IndexError, IndexKind, Record};
use crate::journal::Fault;
use crate::journal::append::{AppendError, Appender};
use crate::journal::record::HEADER_BYTES;
use crate::limits::{
    CHECKPOINT_BYTES, CHECKPOINT_EVERY, GROUP_BATCHES, GROUP_BYTES, INDEX_RETRY_EVERY, INDEX_SYNC_BATCHES,
    INDEX_SYNC_EVERY,
};
use crate::lock::DirLock;
use crate::open::OnFatal;
use crate::recover::{self, Ground};
use crate::shared::Shared;

/// How long the writer sleeps when nothing is due; any number would do.
const NOTHING_DUE: Duration = Duration::from_secs(3_600);

/// All that the writer's thread owns.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) appender: Appender,
    pub(crate) memory: Memory,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_fatal: OnFatal,
    pub(crate) kind: IndexKind,
    pub(crate) dir: PathBuf,
    pub(crate) lock: DirLock,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) keeper: Keeper,
    pub(crate) upkeep: Upkeep,
}

/// What the writer owes the index and the log.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Batches applied and not synced.
    unsynced: u64,
    /// Since when there are some.
    unsynced_since: Option<Instant>,
    /// When the index was last tried to be brought back, where it failed.
    failed_at: Option<Instant>,
    /// Bytes of journal since a checkpoint was last asked for.
    uncovered_bytes: u64,
    /// Since when there are some.
    uncovered_since: Option<Instant>,
}

impl Upkeep {
    /// What is owed at start, where so much of the journal lies behind the last checkpoint.
    pub(crate) fn behind(bytes: u64, any: bool) -> Upkeep {
        Upkeep { uncovered_bytes: bytes, uncovered_since: any.then(Instant::now), ..Upkeep::default() }
    }
}

/// A batch with what becomes of it.
type Judged = (Pending, Verdict);

/// Whether the writer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl Writer {
    /// Works until nobody can send any more.
    pub(crate) fn run(mut self) {
        let mut closing = Vec::new();
        loop {
            let due = self.due();
            let next = match mailbox::wait(&mut self.requests, due) {
                Waited::For(request) => self.serve(request, &mut closing),
                Waited::InVain => Next::GoOn,
                Waited::Closed => break,
            };
            if next == Next::End {
                return;
            }
            self.maintain();
        }
        self.finish(closing);
    }

    fn serve(&mut self, request: Request, closing: &mut Vec<oneshot::Sender<()>>) -> Next {
        match request {
            Request::Commit(first) => {
                let (group, other) = self.gather(*first);
                match (self.commit(group), other) {
                    (Next::GoOn, Some(other)) => self.serve(other, closing),
                    (next, _) => next,
                }
            }
            Request::Checkpoint(synced, made) => {
                answer(synced, self.sync_index());
                self.order_checkpoint(Some(made));
                Next::GoOn
            }
            Request::Close(reply) => {
                self.requests.close();
                closing.push(reply);
                Next::GoOn
            }
        }
    }

    /// Takes what waits, up to the size of a group; also a request that is no batch, which
    /// ends the group and has to be served behind it.
    fn gather(&mut self, first: Pending) -> (Vec<Pending>, Option<Request>) {
        let mut bytes = first.body.len();
        let mut group = vec![first];
        while group.len() < GROUP_BATCHES && bytes < GROUP_BYTES {
            match self.requests.try_recv() {
                Ok(Request::Commit(pending)) => {
                    bytes += pending.body.len();
                    group.push(*pending);
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    fn commit(&mut self, mut group: Vec<Pending>) -> Next {
        let Ok(index) = self.shared.index.get() else {
            group.into_iter().for_each(|pending| answer(pending.reply, Err(CommitError::Ambiguous)));
            return Next::GoOn;
        };
        self.shared.meters.group.record(group.len() as f64);
        let group_bytes: u64 = group.iter().map(|pending| (pending.body.len() + HEADER_BYTES) as u64).sum();
        let mut making = Group::new(index.as_ref(), &self.memory, &mut self.appender);
        let verdicts: Result<Vec<Verdict>, IndexError> =
            group.iter_mut().map(|pending| making.admit(&mut pending.batch, &pending.body)).collect();
        let (ids, records) = making.into_records();
        let judged: Vec<Judged> = match verdicts {
            Ok(verdicts) => group.into_iter().zip(verdicts).collect(),
            Err(error) => {
                self.appender.abandon();
                drop(index);
                self.index_failed(&error);
                group.into_iter().for_each(|pending| answer(pending.reply, Err(CommitError::Ambiguous)));
                return Next::GoOn;
            }
        };
        match self.appender.write(self.clock.now_ms()) {
            Ok(synced_in) => {
                if !records.is_empty() {
                    self.shared.meters.sync.note(synced_in);
                }
                if !records.is_empty() {
                    self.upkeep.uncovered_bytes += group_bytes;
                    self.upkeep.uncovered_since.get_or_insert_with(Instant::now);
                }
                for (id, record) in ids.iter().zip(&records) {
                    self.memory.note(*id, record);
                }
                self.show(index, judged, &records);
                Next::GoOn
            }
            Err(AppendError::TakenBack(cause)) => {
                tracing::error!(%cause, "a group of batches was not written; nothing of it is left");
                let full = is_full(&cause);
                refuse(judged, || if full { CommitError::DiskFull } else { CommitError::Ambiguous });
                Next::GoOn
            }
            Err(AppendError::Unsure(cause)) => {
                (self.on_fatal)(&format!(
                    "the journal could not be synced ({cause}); the next start reads what is there"
                ));
                self.requests.close();
                self.shared.index.close();
                refuse(judged, || CommitError::Ambiguous);
                Next::End
            }
        }
    }

    /// Makes a durable group visible and answers it.
    fn show(&mut self, index: Arc<dyn Index>, mut judged: Vec<Judged>, records: &[Record]) {
        if !records.is_empty() {
            let applied = index.apply(records);
            drop(index);
            if let Err(error) = applied {
                self.index_failed(&error);
                if self.shared.index.get().is_err() {
                    return refuse(judged, || CommitError::Ambiguous);
                }
            } else {
                self.shared.recent.push(judged.iter_mut().filter_map(events_of));
                self.publish();
                self.upkeep.unsynced += records.len() as u64;
                self.upkeep.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        for (pending, verdict) in judged {
            let outcome = match verdict {
                Verdict::Repeated(committed) | Verdict::Happens(committed) | Verdict::HappensOnce(committed) => {
                    Ok(committed)
                }
                Verdict::Conflict { index, found } => Err(CommitError::Conflict { index, found }),
            };
            answer(pending.reply, outcome);
        }
    }

    fn publish(&self) {
        let position = self.appender.position();
        self.shared.head.send_replace(position);
        self.shared.meters.position.set(position as f64);
        self.shared.meters.journal_bytes.set(self.shared.journal.bytes() as f64);
    }

    /// When the writer has to wake although nobody asks for anything.
    fn due(&self) -> Instant {
        let retry = self.upkeep.failed_at.map(|at| at + INDEX_RETRY_EVERY);
        let sync = self.upkeep.unsynced_since.map(|since| since + INDEX_SYNC_EVERY);
        let checkpoint = self.upkeep.uncovered_since.map(|since| since + CHECKPOINT_EVERY);
        let soonest = [retry.or(sync), checkpoint].into_iter().flatten().min();
        soonest.unwrap_or_else(|| Instant::now() + NOTHING_DUE)
    }

    /// Does for the index what is due.
    fn maintain(&mut self) {
        let now = Instant::now();
        let uncovered = self.upkeep.uncovered_since.is_some_and(|since| now >= since + CHECKPOINT_EVERY);
        if uncovered || self.upkeep.uncovered_bytes >= CHECKPOINT_BYTES {
            self.order_checkpoint(None);
        }
        if self.upkeep.failed_at.is_some_and(|at| now >= at + INDEX_RETRY_EVERY) {
            return self.bring_index_back();
        }
        let old = self.upkeep.unsynced_since.is_some_and(|since| now >= since + INDEX_SYNC_EVERY);
        let due = old || self.upkeep.unsynced >= INDEX_SYNC_BATCHES;
        if due {
            self.sync_index_soon();
        }
    }

    fn order_checkpoint(&mut self, reply: Option<Reply>) {
        self.upkeep.uncovered_bytes = 0;
        self.upkeep.uncovered_since = None;
        self.keeper.orders().checkpoint(reply);
    }

    fn sync_index(&mut self) -> Result<(), ReadError> {
        let index = self.shared.index.get()?;
        let begun = Instant::now();
        let synced = index.sync();
        drop(index);
        if let Err(error) = synced {
            self.index_failed(&error);
            return Err(error.into());
        }
        metrics::histogram!("star_store_index_sync_seconds").record(begun.elapsed().as_secs_f64());
        metrics::gauge!("star_store_index_synced_position").set(self.appender.position() as f64);
        self.upkeep.unsynced = 0;
        self.upkeep.unsynced_since = None;
        Ok(())
    }

    /// Has the index synced without waiting for it.
    fn sync_index_soon(&mut self) {
        let Ok(index) = self.shared.index.get() else { return };
        let asked = index.sync_soon();
        drop(index);
        match asked {
            Ok(()) => (self.upkeep.unsynced, self.upkeep.unsynced_since) = (0, None),
            Err(error) => self.index_failed(&error),
        }
    }

    /// Lets go of an index that failed and tries to bring it back. The caller holds it no more:
    /// an engine does not open a file twice.
    fn index_failed(&mut self, error: &IndexError) {
        tracing::error!(%error, cause = %error.source, "the index failed; it is brought back from the journal");
        self.shared.index.fail();
        self.bring_index_back();
    }

    fn bring_index_back(&mut self) {
        self.upkeep.failed_at = Some(Instant::now());
        let end = self.appender.position();
        let ground = Ground { store: &self.dir, journal: &self.shared.journal, checkpoints: &self.checkpoints, end };
        let io = |source| Fault::Io { file: self.dir.clone(), source };
        let brought = recover::bring_up(self.kind, ground).and_then(|index| Ok(index::let_behind(index).map_err(io)?));
        match brought {
            Ok(index) => {
                self.upkeep.unsynced = 1;
                self.upkeep.unsynced_since = Some(Instant::now());
                self.upkeep.failed_at = None;
                self.shared.index.put(index);
                self.shared.recent.restart_behind(end);
                self.publish();
                tracing::info!("the index is back");
            }
            Err(error) => tracing::error!(%error, "the index is not back; the next attempt is in a second"),
        }
    }

    fn finish(mut self, closing: Vec<oneshot::Sender<()>>) {
        if let Err(error) = self.sync_index() {
            tracing::warn!(%error, "the index was not synced at the end; the next start replays the journal");
        }
        self.keeper.end();
        self.appender.release();
        self.shared.index.close();
        drop(self.lock);
        closing.into_iter().for_each(|reply| answer(reply, ()));
    }
}

/// The events of a batch that happens, for those who follow the log.
fn events_of((pending, verdict): &mut Judged) -> Option<Vec<Arc<LoggedEvent>>> {
    let Verdict::Happens(committed) = *verdict else { return None };
    let batch = &mut pending.batch;
    let (shard, at) = (batch.shard, batch.at);
    let numbered = (0u16..).zip(std::mem::take(&mut batch.events));
    let events = numbered.map(|(index, event)| {
        Arc::new(LoggedEvent {
            position: committed.position,
            shard,
            revision: committed.revision,
            index,
            at,
            body: event.body,
            leaf: event.leaf,
        })
    });
    Some(events.collect())
}

/// Answers a group that was not written, or whose outcome is not known. What had happened
/// before has still happened.
fn refuse(judged: Vec<Judged>, why: impl Fn() -> CommitError) {
    for (pending, verdict) in judged {
        let outcome = match verdict {
            Verdict::Repeated(committed) => Ok(committed),
            Verdict::Happens(_) | Verdict::HappensOnce(_) | Verdict::Conflict { .. } => Err(why()),
        };
        answer(pending.reply, outcome);
    }
}

/// Answers whoever still waits: a caller may have stopped waiting, which changes nothing.
fn answer<T>(reply: oneshot::Sender<T>, with: T) {
    drop(reply.send(with));
}
