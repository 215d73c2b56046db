//! The writers of packs: one thread for each class, which appends for everybody.
//!
//! Runs of several ingests go into the same pack, one behind the other. What several wait for is made
//! durable by one sync: while it runs, others queue up, and the next one is for all of them. A pack that
//! is full is sealed, and the next one begun.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use star_core::ports::content::ContentError;
use tokio::sync::{mpsc, oneshot};

use super::catalogue::{Catalogue, EnterError};
use super::limits;
use super::packs::{Pack, Packs};
use crate::chunk::Frame;
use crate::pack::{Chunker, Class, Fault, Generation, Header, OpenPack, PackId, Run, Slot, WriteError};
use crate::rows::Ordinal;
use crate::table::{Place, Table};

/// Appends to the packs of one class. It ends when this is dropped, and leaves nothing unsealed that can
/// be sealed.
pub(crate) struct Writer {
    class: Class,
    jobs: mpsc::Sender<Job>,
}

/// Frames that were appended to one pack.
pub(crate) struct Placed {
    /// To which.
    pub(crate) pack: Ordinal,
    /// The number of the first of their slots.
    pub(crate) first_slot: u16,
    /// Their slots.
    pub(crate) slots: Vec<Slot>,
}

enum Job {
    Append { frames: Vec<Frame>, answer: oneshot::Sender<Result<Vec<Placed>, ContentError>> },
    Sync { answer: oneshot::Sender<Result<(), ContentError>> },
    Look,
}

impl Writer {
    /// Begins to write packs of a class.
    pub(crate) fn begin(class: Class, desk: Desk) -> std::io::Result<Writer> {
        let (jobs, waiting) = mpsc::channel(limits::WRITER_QUEUE);
        let writing = Writing { class, desk, open: None };
        let name = format!("star-packs-{}", class.to_string().to_lowercase());
        thread::Builder::new().name(name).spawn(move || writing.run(waiting))?;
        Ok(Writer { class, jobs })
    }

    /// Appends frames as one run, or as two where a pack ends in between. They can be read and shared
    /// from then on, and are durable after the next [`sync`](Writer::sync).
    pub(crate) async fn append(&self, frames: Vec<Frame>) -> Result<Vec<Placed>, ContentError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Append { frames, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Makes durable what was appended before.
    pub(crate) async fn sync(&self) -> Result<(), ContentError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Sync { answer }).await?;
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Lets it see whether its pack has been open for long enough.
    pub(crate) fn look(&self) {
        // One that has work to do looks by itself.
        if let Err(error) = self.jobs.try_send(Job::Look) {
            tracing::trace!(class = %self.class, %error, "the writer of packs has other work");
        }
    }

    async fn send(&self, job: Job) -> Result<(), ContentError> {
        self.jobs.send(job).await.map_err(|_| self.ended())
    }

    fn ended(&self) -> ContentError {
        let source = std::io::Error::other(format!("the writer of packs of class {} has ended", self.class));
        ContentError::Io { action: "write a pack", source }
    }
}

/// What a writer needs of the store.
pub(crate) struct Desk {
    pub(crate) packs: Arc<Packs>,
    pub(crate) table: Arc<Table>,
    pub(crate) catalogue: Weak<Catalogue>,
    pub(crate) store: [u8; 16],
    pub(crate) chunker: Chunker,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// The thread of a writer.
struct Writing {
    class: Class,
    desk: Desk,
    open: Option<Open>,
}

struct Open {
    file: OpenPack,
    pack: Arc<Pack>,
    /// Whether something was appended that is not durable.
    unsynced: bool,
}

impl Writing {
    fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut waiting_for_sync = Vec::new();
            let mut next = Some(first);
            for _ in 0..limits::WRITER_TURN {
                match next {
                    Some(Job::Append { frames, answer }) => reply(answer, self.append(&frames)),
                    Some(Job::Sync { answer }) => waiting_for_sync.push(answer),
                    Some(Job::Look) => {}
                    None => break,
                }
                next = waiting.try_recv().ok();
            }
            if let Some(Job::Sync { answer }) = next {
                waiting_for_sync.push(answer);
            } else if let Some(Job::Append { frames, answer }) = next {
                reply(answer, self.append(&frames));
            }
            if !waiting_for_sync.is_empty() {
                let synced = self.sync();
                for answer in waiting_for_sync {
                    reply(answer, synced.as_ref().copied().map_err(refused));
                }
            }
            self.seal_if(|open| open.file.is_full(Instant::now()));
        }
        self.seal_if(|_| true);
    }

    fn append(&mut self, frames: &[Frame]) -> Result<Vec<Placed>, ContentError> {
        let (mut placed, mut rest) = (Vec::new(), frames);
        while !rest.is_empty() {
            let room = match &self.open {
                Some(open) => open.file.room_for(rest),
                None => 0,
            };
            if room == 0 {
                self.seal_if(|_| true);
                self.open = Some(self.begin_pack()?);
            }
            let open = self.open.as_mut().expect("a pack was begun where there was none");
            let (now, later) = rest.split_at(open.file.room_for(rest).max(1));
            let run = match open.file.append(now, Instant::now()) {
                Ok(run) => run,
                Err(error) => return Err(self.gave_up(&error)),
            };
            placed.push(self.note(run, now));
            rest = later;
        }
        Ok(placed)
    }

    /// Tells everybody of a run that was appended.
    fn note(&mut self, run: Run, frames: &[Frame]) -> Placed {
        let open = self.open.as_mut().expect("something was appended to it");
        open.unsynced = true;
        let pack = open.pack.ordinal;
        open.pack.grew(&open.file.slots()[usize::from(run.first)..]);
        if self.class == Class::Zstd {
            for (slot, frame) in (run.first..).zip(frames) {
                self.desk.table.insert(&frame.chunk, Place { pack, slot });
            }
        }
        let slots = open.file.slots()[usize::from(run.first)..].to_vec();
        Placed { pack, first_slot: run.first, slots }
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        let Some(open) = self.open.as_mut().filter(|open| open.unsynced) else { return Ok(()) };
        match open.file.sync() {
            Ok(_) => {
                open.unsynced = false;
                Ok(())
            }
            Err(error) => {
                // Nobody may rely on what is in it and was not durable; the next start finds out.
                tracing::error!(pack = %open.file.name(), error = &error as &dyn std::error::Error, "a pack could not be made durable");
                self.open = None;
                Err(error)
            }
        }
    }

    fn begin_pack(&self) -> Result<Open, ContentError> {
        let id = PackId::random().map_err(|source| ContentError::Io { action: "name a pack", source })?;
        let generation = Generation(1);
        let catalogue = self.desk.catalogue.upgrade().ok_or_else(closing)?;
        let ordinal = self.desk.runtime.block_on(catalogue.enter(id, generation)).map_err(EnterError::into_content)?;
        let chunker = if self.class == Class::Zstd { self.desk.chunker } else { Chunker::Uncut };
        let header = Header { class: self.class, id, generation, store: self.desk.store, ordinal: ordinal.0, chunker };
        let file = OpenPack::create(self.desk.packs.folder(), header).map_err(|error| refused(&error))?;
        let pack = self.desk.packs.know_growing(ordinal, &file);
        let pack = pack.map_err(|source| ContentError::Io { action: "open a pack", source })?;
        Ok(Open { file, pack, unsynced: false })
    }

    fn seal_if(&mut self, due: impl FnOnce(&Open) -> bool) {
        let Some(open) = self.open.take_if(|open| !open.file.slots().is_empty() && due(open)) else { return };
        let Open { file, pack, unsynced } = open;
        match file.seal() {
            Ok(sealed) => {
                pack.stopped_growing();
                tracing::debug!(pack = %sealed.name, bytes = sealed.file_bytes, "a pack was sealed");
            }
            Err(unsealed) => {
                let error = &*unsealed as &dyn std::error::Error;
                tracing::warn!(pack = %pack.name, error, "a pack could not be sealed and stays open");
                let usable = !matches!(unsealed.error, WriteError::Unsure(_) | WriteError::Poisoned);
                self.open = usable.then_some(Open { file: unsealed.pack, pack, unsynced });
            }
        }
    }

    /// The error of an append, after which the pack may be of no more use.
    fn gave_up(&mut self, error: &WriteError) -> ContentError {
        if matches!(error, WriteError::Unsure(_) | WriteError::Poisoned) {
            self.open = None;
        }
        refused(error)
    }
}

fn reply<T>(answer: oneshot::Sender<T>, with: T) {
    if answer.send(with).is_err() {
        tracing::trace!("nobody waits any more for what was written to a pack");
    }
}

fn closing() -> ContentError {
    ContentError::Io { action: "write a pack", source: std::io::Error::other("the store is closing") }
}

/// What an ingest is told of a pack that could not be written.
fn refused(error: &WriteError) -> ContentError {
    let source = match error {
        WriteError::DiskFull(_) => return ContentError::DiskFull,
        WriteError::Disk(Fault::Io { source, .. }) | WriteError::Unsure(Fault::Io { source, .. }) => {
            std::io::Error::new(source.kind(), error.to_string())
        }
        other => std::io::Error::other(other.to_string()),
    };
    ContentError::Io { action: "write a pack", source }
}
