//! The threads, and the ring in which streams wait for them.
//!
//! A stream stands in the ring at most once, and a thread does one piece of work for the stream
//! at its head: a chunk, a megabyte to hash, a window to cut. So a stream waits for at most one
//! piece of work of each other one, however much they have to do.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use sha2::Digest as _;
use tokio::sync::Semaphore;

use crate::chunk::cut::ChunkerParameters;
use crate::chunk::encode::Encoder;
use crate::chunk::pipeline::error::PipelineError;
use crate::chunk::pipeline::flow::{Done, Flow, Job, Work};
use crate::chunk::pipeline::front::{Front, Known};
use crate::chunk::pipeline::{Feed, Frames, limits};
use crate::chunk::{ChunkId, Encoding, Frame};

/// Threads that make frames of streams.
///
/// Dropping it ends all streams that are under way, and waits for the threads, each of which
/// first ends the chunk that it is at: some milliseconds.
pub struct Pipeline {
    ring: Arc<Ring>,
    threads: Vec<JoinHandle<()>>,
}

impl Pipeline {
    /// A pipeline with a thread for each core that this process may use.
    pub fn start() -> io::Result<Pipeline> {
        Pipeline::with_threads(std::thread::available_parallelism()?.get())
    }

    /// A pipeline with so many threads.
    pub fn with_threads(count: usize) -> io::Result<Pipeline> {
        let mut pipeline = Pipeline { ring: Arc::default(), threads: Vec::with_capacity(count) };
        for number in 0..count {
            let ring = Arc::clone(&pipeline.ring);
            let thread = std::thread::Builder::new().name(format!("chunks-{number}"));
            pipeline.threads.push(thread.spawn(move || serve(&ring))?);
        }
        Ok(pipeline)
    }

    /// Begins a stream: its bytes go in at one end, its frames come out at the other.
    ///
    /// `budget` counts plain bytes, of all streams that share it; a stream that holds only a few
    /// megabytes goes on without it, so that streams cannot stop each other for good. Frames that
    /// wait to be taken count as the bytes that they were made of.
    pub fn begin(&self, parameters: ChunkerParameters, budget: Arc<Semaphore>, known: Known) -> (Feed, Frames) {
        let jobs_ahead = limits::JOBS_AHEAD * self.threads.len();
        let flow = Arc::new(Flow::new(Front::new(parameters, known), jobs_ahead));
        let feed = Feed::new(Arc::clone(&flow), Arc::clone(&self.ring), budget);
        (feed, Frames::new(flow))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.ring.close();
        for thread in self.threads.drain(..) {
            // Panics of work are caught; whoever drops this can do nothing about others.
            if thread.join().is_err() {
                tracing::error!("a thread that makes frames panicked outside of its work");
            }
        }
    }
}

/// Streams that have work, in the order of their turns.
#[derive(Default)]
pub(super) struct Ring {
    queue: Mutex<Queue>,
    turn: Condvar,
}

#[derive(Default)]
struct Queue {
    flows: VecDeque<Arc<Flow>>,
    is_closed: bool,
}

impl Ring {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees that the stream gets a turn if it has work.
    pub(super) fn offer(&self, flow: &Arc<Flow>) {
        if !flow.queue() {
            return;
        }
        let mut queue = self.queue();
        if queue.is_closed {
            drop(queue);
            return flow.fail(PipelineError::Closed);
        }
        queue.flows.push_back(Arc::clone(flow));
        drop(queue);
        self.turn.notify_one();
    }

    /// The stream whose turn it is; none once the ring is closed.
    fn next(&self) -> Option<Arc<Flow>> {
        let mut queue = self.queue();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(flow) = queue.flows.pop_front() {
                return Some(flow);
            }
            queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        let flows = {
            let mut queue = self.queue();
            queue.is_closed = true;
            std::mem::take(&mut queue.flows)
        };
        self.turn.notify_all();
        flows.iter().for_each(|flow| flow.fail(PipelineError::Closed));
    }
}

/// What a thread works with; its memory is taken once.
#[derive(Default)]
struct Bench {
    encoder: Encoder,
    window: Vec<u8>,
}

/// The life of a thread.
fn serve(ring: &Ring) {
    let mut bench = Bench::default();
    while let Some(flow) = ring.next() {
        let Some(work) = flow.begin() else { continue };
        // What is left to do is for the next thread already.
        ring.offer(&flow);
        match catch_unwind(AssertUnwindSafe(|| bench.run(work))) {
            Ok(done) => flow.finish(done),
            Err(panic) => {
                bench = Bench::default();
                flow.fail(PipelineError::Panicked { what: said(panic.as_ref()) });
            }
        }
        ring.offer(&flow);
    }
}

impl Bench {
    fn run(&mut self, work: Work) -> Done {
        match work {
            Work::Hash(mut hash, bytes) => {
                bytes.pieces().for_each(|piece| hash.update(piece));
                Done::Hashed(hash, bytes.len())
            }
            Work::Cut(mut front, arrived, rest) => {
                let turn = front.turn(arrived, rest, &mut self.window);
                Done::Cut(front, turn)
            }
            Work::Make(mut job) => {
                let frame = match job.chunk {
                    Some(chunk) => self.encoder.encode(chunk, &job.plain),
                    None => Ok(raw(&mut job)),
                };
                Done::Made(job, frame)
            }
        }
    }
}

/// The bytes of a slot as they are.
fn raw(job: &mut Job) -> Frame {
    let stored = std::mem::take(&mut job.plain).into_bytes();
    let plain_len = u32::try_from(stored.len()).expect("no longer than a slot");
    Frame { chunk: ChunkId::of(&stored), plain_len, encoding: Encoding::Raw, stored }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
