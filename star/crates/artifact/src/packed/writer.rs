//! The writers of packs: one thread for each class, which appends for everybody.
//!
//! Runs of several ingests go into the same pack, one behind the other. What several wait for is made
//! durable by one sync: while it runs, others queue up, and the next one is for all of them. A pack that
//! is full is sealed, and the next one begun.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use star_core::ports::content::ContentError;
use star_core::vitals::Stopwatch;
use tokio::sync::{mpsc, oneshot};

use super::catalogue::{Catalogue, EnterError};
use super::limits;
use super::packs::{Pack, Packs};
use crate::chunk::Frame;
use crate::pack::{Chunker, Class, Fault, Generation, Header, OpenPack, PackId, Run, Slot, Unsealed, WriteError};
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
    Seal { answer: oneshot::Sender<()> },
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

    /// Seals its pack, so that the next start has nothing to take up.
    pub(crate) async fn seal(&self) -> Result<(), ContentError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Seal { answer }).await?;
        answered.await.map_err(|_| self.ended())
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
    /// How long syncs take.
    pub(crate) sync: Arc<Stopwatch>,
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
        let mut jobs = Vec::new();
        while waiting.blocking_recv_many(&mut jobs, limits::WRITER_TURN) > 0 {
            let mut waiting_for_sync = Vec::new();
            for job in jobs.drain(..) {
                match job {
                    Job::Append { frames, answer } => reply(answer, self.append(&frames)),
                    Job::Sync { answer } => waiting_for_sync.push(answer),
                    Job::Seal { answer } => {
                        self.seal_now();
                        reply(answer, ());
                    }
                    Job::Look => {}
                }
            }
            if !waiting_for_sync.is_empty() {
                let synced = self.sync();
                for answer in waiting_for_sync {
                    reply(answer, synced.as_ref().copied().map_err(refused));
                }
            }
            if self.open.as_ref().is_some_and(|open| open.file.is_full(Instant::now())) {
                self.seal_now();
            }
        }
        self.seal_now();
    }

    fn append(&mut self, frames: &[Frame]) -> Result<Vec<Placed>, ContentError> {
        let (mut placed, mut rest) = (Vec::new(), frames);
        while !rest.is_empty() {
            let open = self.open_with_room(rest)?;
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

    /// A pack that has room for some of these frames. One without is sealed first: what is in it and not
    /// durable yet must not be forgotten.
    fn open_with_room(&mut self, frames: &[Frame]) -> Result<&mut Open, ContentError> {
        if self.open.as_ref().is_none_or(|open| open.file.room_for(frames) == 0) {
            self.seal().map_err(|error| refused(&error))?;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            none => Ok(none.insert(self.desk.begin_pack(self.class)?)),
        }
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
        let begun = Instant::now();
        match open.file.sync() {
            Ok(_) => {
                self.desk.sync.note(begun.elapsed());
                open.unsynced = false;
                Ok(())
            }
            Err(error) => {
                tracing::error!(pack = %open.file.name(), error = &error as &dyn std::error::Error, "a pack could not be made durable");
                self.give_up();
                Err(error)
            }
        }
    }

    /// Seals the pack if there is one. One that is full and cannot be sealed stays open, so that what is in
    /// it is made durable all the same.
    fn seal(&mut self) -> Result<(), WriteError> {
        let Some(Open { file, pack, unsynced }) = self.open.take_if(|open| !open.file.slots().is_empty()) else {
            return Ok(());
        };
        match file.seal() {
            Ok(sealed) => {
                pack.stopped_growing();
                tracing::debug!(pack = %sealed.name, bytes = sealed.file_bytes, "a pack was sealed");
                Ok(())
            }
            Err(unsealed) => {
                let Unsealed { pack: file, error } = *unsealed;
                self.open = Some(Open { file, pack, unsynced });
                self.give_up_if_unsure(&error);
                // With one that is given up nothing keeps the next from being begun.
                if self.open.is_some() { Err(error) } else { Ok(()) }
            }
        }
    }

    /// Seals the pack if that can be done; otherwise it is tried again later.
    fn seal_now(&mut self) {
        if let Err(error) = self.seal() {
            tracing::warn!(class = %self.class, error = &error as &dyn std::error::Error, "a pack could not be sealed and stays open");
        }
    }

    /// The error of an append, after which the pack may be of no more use.
    fn gave_up(&mut self, error: &WriteError) -> ContentError {
        self.give_up_if_unsure(error);
        refused(error)
    }

    fn give_up_if_unsure(&mut self, error: &WriteError) {
        if matches!(error, WriteError::Unsure(_) | WriteError::Poisoned) {
            self.give_up();
        }
    }

    /// Leaves a pack of which a sync failed. Nobody may rely on what is in it and was not durable by then;
    /// the next start finds out what is.
    fn give_up(&mut self) {
        if let Some(Open { file, pack, .. }) = self.open.take() {
            pack.failed(file.durable());
            tracing::error!(pack = %pack.name, "a pack is left as it is, and not written any more");
        }
    }
}

impl Desk {
    fn begin_pack(&self, class: Class) -> Result<Open, ContentError> {
        let id = PackId::random().map_err(|source| ContentError::Io { action: "name a pack", source })?;
        let generation = Generation(1);
        let catalogue = self.catalogue.upgrade().ok_or_else(closing)?;
        let ordinal = self.runtime.block_on(catalogue.enter(id, generation)).map_err(EnterError::into_content)?;
        let chunker = if class == Class::Zstd { self.chunker } else { Chunker::Uncut };
        let header = Header { class, id, generation, store: self.store, ordinal: ordinal.0, chunker };
        let file = OpenPack::create(self.packs.folder(), header).map_err(|error| refused(&error))?;
        let pack = self.packs.know_growing(ordinal, &file);
        let pack = pack.map_err(|source| ContentError::Io { action: "open a pack", source })?;
        Ok(Open { file, pack, unsynced: false })
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
