//! One stream: how far it is, and what has to be done for it next.
//!
//! Three kinds of work are under way for a stream at the same time, on as many threads: one hashes
//! it, one cuts it, and all others make frames. Whoever takes a piece of work takes the state that
//! it needs along and brings it back, so that the lock is held for moments only.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use star_path::Digest;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::chunk::cut::Rest;
use crate::chunk::encode::EncodeError;
use crate::chunk::pipeline::error::PipelineError;
use crate::chunk::pipeline::feed::Whole;
use crate::chunk::pipeline::front::{Front, Part, Turn};
use crate::chunk::pipeline::limits;
use crate::chunk::pipeline::line::{Line, Piece, Place};
use crate::chunk::rope::Rope;
use crate::chunk::whole::{Probe, Way};
use crate::chunk::{ChunkId, Frame};

/// One stream, shared by its two ends and the threads.
pub(super) struct Flow {
    state: Mutex<State>,
    /// Something changed for whoever feeds it.
    pub(super) fed: Notify,
    /// Something changed for whoever takes its frames.
    pub(super) made: Notify,
}

struct State {
    failed: Option<PipelineError>,
    /// It stands in the ring, or is about to.
    is_queued: bool,
    rest: Rest,
    account: Account,
    unhashed: Rope,
    /// None while a thread has it, as the front.
    hash: Option<Box<Sha256>>,
    arrived: Rope,
    front: Option<Box<Front>>,
    way: Option<Way>,
    probe: Probe,
    jobs: VecDeque<Job>,
    jobs_ahead: usize,
    making: usize,
    line: Line,
}

/// How many bytes have come, and gone.
#[derive(Default)]
struct Account {
    pushed_bytes: u64,
    hashed_bytes: u64,
    taken_bytes: u64,
    permit: Option<OwnedSemaphorePermit>,
}

/// A frame to be made.
pub(super) struct Job {
    place: Place,
    pub(super) plain: Rope,
    /// What it becomes; none if it stays as it is.
    pub(super) chunk: Option<ChunkId>,
}

/// A piece of work, with the state that it needs.
pub(super) enum Work {
    Hash(Box<Sha256>, Rope),
    Cut(Box<Front>, Rope, Rest),
    Make(Job),
}

/// A piece of work that is done.
pub(super) enum Done {
    Hashed(Box<Sha256>, usize),
    Cut(Box<Front>, Turn),
    Made(Job, Result<Frame, EncodeError>),
}

/// Whether bytes may come in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Not before others of the same stream are gone.
    None,
    /// If the budget has room for them.
    Budget,
    /// Even if it has not.
    Overdraft,
}

impl Flow {
    pub(super) fn new(front: Front, jobs_ahead: usize) -> Flow {
        let state = State {
            failed: None,
            is_queued: false,
            rest: Rest::Coming,
            account: Account::default(),
            unhashed: Rope::default(),
            hash: Some(Box::default()),
            arrived: Rope::default(),
            front: Some(Box::new(front)),
            way: None,
            probe: Probe::default(),
            jobs: VecDeque::new(),
            jobs_ahead,
            making: 0,
            line: Line::default(),
        };
        Flow { state: Mutex::new(state), fed: Notify::new(), made: Notify::new() }
    }

    /// No code of callers runs under the lock, and each change below is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so many bytes may come in now.
    pub(super) fn room(&self, len_bytes: usize) -> Result<Room, PipelineError> {
        let state = self.state();
        if let Some(failed) = &state.failed {
            return Err(failed.clone());
        }
        Ok(match state.account.held_bytes() + len_bytes as u64 {
            after if after <= limits::OVERDRAFT_BYTES as u64 => Room::Overdraft,
            after if after <= limits::STREAM_BYTES as u64 => Room::Budget,
            _ => Room::None,
        })
    }

    /// Takes bytes in, with their share of the budget if there was one.
    pub(super) fn push(&self, bytes: Bytes, permit: Option<OwnedSemaphorePermit>) {
        let mut state = self.state();
        if state.failed.is_some() {
            return;
        }
        state.account.push(bytes.len(), permit);
        state.unhashed.push(bytes.clone());
        state.arrived.push(bytes);
    }

    /// No more bytes will come.
    pub(super) fn end(&self) {
        self.state().rest = Rest::Ended;
    }

    /// The whole, once all work on it is done.
    pub(super) fn whole(&self) -> Result<Option<Whole>, PipelineError> {
        let state = self.state();
        if let Some(failed) = &state.failed {
            return Err(failed.clone());
        }
        if !state.is_complete() {
            return Ok(None);
        }
        let hash = state.hash.as_deref().expect("it is here when all work is done");
        Ok(Some(Whole {
            digest: Digest::sha256(hash.clone().finalize().into()),
            size_bytes: state.account.pushed_bytes,
            chunks: state.line.count(),
            way: state.way.expect("it is clear when all is cut"),
        }))
    }

    /// The next piece in order, if it is made; the second is whether there can be another.
    pub(super) fn take(&self) -> Result<(Option<Piece>, Rest), PipelineError> {
        let mut state = self.state();
        if let Some(failed) = &state.failed {
            return Err(failed.clone());
        }
        // Until the way is clear, the pieces may have to be made otherwise.
        let piece = if state.way.is_some() { state.line.take() } else { None };
        if let Some(piece) = &piece {
            state.account.taken_bytes += u64::from(piece.plain_len());
            state.account.settle();
        }
        let rest = if state.is_complete() && state.line.is_empty() { Rest::Ended } else { Rest::Coming };
        Ok((piece, rest))
    }

    /// The way of the content, once it is clear.
    pub(super) fn way(&self) -> Option<Way> {
        self.state().way
    }

    /// Ends the stream early and lets go of all that it holds. The first reason stays.
    pub(super) fn fail(&self, reason: PipelineError) {
        let mut state = self.state();
        if state.failed.is_none() {
            state.failed = Some(reason);
        }
        state.unhashed = Rope::default();
        state.arrived = Rope::default();
        state.jobs.clear();
        state.line.restart();
        state.account.permit = None;
        // It has code of the caller in it, which is not to run under the lock.
        let front = state.front.take();
        drop(state);
        drop(front);
        self.tell();
    }

    /// Ends the stream early unless everything of it has been made and taken.
    pub(super) fn give_up(&self) {
        let is_over = {
            let state = self.state();
            state.is_complete() && state.line.is_empty()
        };
        if !is_over {
            self.fail(PipelineError::Cancelled);
        }
    }

    /// Whether the stream has work for a thread and stands in no queue; it counts as queued then.
    pub(super) fn queue(&self) -> bool {
        let mut state = self.state();
        let is_new = !state.is_queued && state.has_work();
        state.is_queued |= is_new;
        is_new
    }

    /// Takes the next piece of work. The stream leaves the queue with it.
    pub(super) fn begin(&self) -> Option<Work> {
        let mut state = self.state();
        state.is_queued = false;
        state.next_work()
    }

    /// Brings a piece of work back.
    pub(super) fn finish(&self, done: Done) {
        let failed = {
            let mut state = self.state();
            if state.failed.is_some() {
                return;
            }
            state.done(done)
        };
        match failed {
            Err(reason) => self.fail(reason.into()),
            Ok(()) => self.tell(),
        }
    }

    /// Each end has one that waits, or will look again.
    fn tell(&self) {
        self.fed.notify_one();
        self.made.notify_one();
    }
}

impl Account {
    /// Bytes that have come and are still needed for something.
    fn held_bytes(&self) -> u64 {
        self.pushed_bytes - self.hashed_bytes.min(self.taken_bytes)
    }

    fn push(&mut self, len_bytes: usize, permit: Option<OwnedSemaphorePermit>) {
        self.pushed_bytes += len_bytes as u64;
        match (&mut self.permit, permit) {
            (Some(have), Some(more)) => have.merge(more),
            (None, Some(more)) => self.permit = Some(more),
            (_, None) => {}
        }
    }

    /// Gives back what is no longer needed. What was taken without asking goes first.
    fn settle(&mut self) {
        let held = usize::try_from(self.held_bytes()).unwrap_or(usize::MAX);
        if let Some(permit) = &mut self.permit {
            drop(permit.split(permit.num_permits().saturating_sub(held)));
        }
    }
}

impl State {
    fn is_complete(&self) -> bool {
        let is_cut = self.front.as_ref().is_some_and(|front| front.is_done());
        let is_hashed = self.hash.is_some() && self.unhashed.is_empty();
        self.rest == Rest::Ended && is_cut && is_hashed && self.jobs.is_empty() && self.making == 0
    }

    fn can_hash(&self) -> bool {
        self.hash.is_some() && !self.unhashed.is_empty()
    }

    fn can_cut(&self) -> bool {
        let is_due = |front: &Front| front.is_due(self.arrived.len(), self.rest);
        self.jobs.len() < self.jobs_ahead && self.front.as_deref().is_some_and(is_due)
    }

    fn has_work(&self) -> bool {
        self.failed.is_none() && (self.can_hash() || self.can_cut() || !self.jobs.is_empty())
    }

    /// What others need first comes first: frames are cut before they are made, and the hash,
    /// which one thread at a time can work on, must not be what is left at the end.
    fn next_work(&mut self) -> Option<Work> {
        if !self.has_work() {
            return None;
        }
        if self.can_cut() {
            let front = self.front.take().expect("it is due, so it is here");
            return Some(Work::Cut(front, std::mem::take(&mut self.arrived), self.rest));
        }
        if self.can_hash() {
            let hash = self.hash.take().expect("looked at above");
            return Some(Work::Hash(hash, self.unhashed.take(limits::HASH_TURN_BYTES)));
        }
        let job = self.jobs.pop_front()?;
        self.making += 1;
        Some(Work::Make(job))
    }

    fn done(&mut self, done: Done) -> Result<(), EncodeError> {
        match done {
            Done::Hashed(hash, len_bytes) => {
                self.hash = Some(hash);
                self.account.hashed_bytes += len_bytes as u64;
                self.account.settle();
            }
            Done::Cut(front, turn) => self.cut(front, turn),
            Done::Made(job, frame) => {
                self.making -= 1;
                self.line.put(job.place, Piece::Frame(frame?));
            }
        }
        self.judge();
        Ok(())
    }

    fn cut(&mut self, front: Box<Front>, turn: Turn) {
        let was_clear = self.way.is_some();
        self.front = Some(front);
        for part in turn.parts {
            let place = self.line.keep();
            match part {
                Part::Known { chunk, plain_len } => {
                    self.line.put(place, Piece::Known { chunk, plain_len });
                }
                Part::Chunk { chunk, plain } => self.jobs.push_back(Job { place, plain, chunk: Some(chunk) }),
                Part::Raw(plain) => self.jobs.push_back(Job { place, plain, chunk: None }),
            }
        }
        self.way = self.way.or(turn.way);
        debug_assert!(!was_clear || turn.way.is_none(), "a way is found once");
    }

    /// Learns the way from the first frames, in order, if the front is here to be told.
    fn judge(&mut self) {
        while self.way.is_none()
            && self.front.is_some()
            && let Some(piece) = self.line.judge()
        {
            let Piece::Frame(frame) = piece else { continue };
            if let Some(way) = self.probe.made(frame.plain_len as usize, frame.stored.len()) {
                self.settle(way);
            }
        }
    }

    /// The way is clear by what the first frames saved.
    fn settle(&mut self, way: Way) {
        self.way = Some(way);
        self.front.as_mut().expect("judged only while it is here").settle(way);
        if way == Way::Raw {
            self.line.restart();
        }
    }
}
