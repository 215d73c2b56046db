//! The store as its callers see it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use async_trait::async_trait;
use star_core::ports::meta::{
    Batch, CommitError, Committed, Consumer, ConsumerError, EventPage, Key, KeyRange, Limits, MetaStore, Position,
    ReadError, ScanPage, StoreStatus, Versioned,
};
use star_core::vitals::Vitals;
use tokio::sync::{mpsc, oneshot, watch};

use crate::checkpoint::keeper::{Keeper, Orders, Work};
use crate::commit::mailbox::{Pending, Request};
use crate::commit::size;
use crate::commit::writer::{Upkeep, Writer};
use crate::consumers::Consumers;
use crate::disk::Disk;
use crate::index::{self, Row};
use crate::journal::recent::Recent;
use crate::journal::{Fault, body};
use crate::limits::{LIMITS, QUEUE_BATCHES};
use crate::maintain::{self, BackedUp, BackupError};
use crate::meters::{self, Meters};
use crate::open::{self, OpenError, OpenOptions, Opened};
use crate::shared::{Shared, Slot};

/// A journal with an index over it, open and locked until it is closed or dropped.
pub struct Store {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    writer: Mutex<Option<JoinHandle<()>>>,
    consumers: Arc<Consumers>,
    orders: Orders,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Store {
    /// Opens the store of a directory, making it where there is none.
    ///
    /// Blocks: it reads the end of the journal and, where the index is behind or gone, as much of
    /// the journal as the index has not seen.
    ///
    /// # Errors
    /// When the directory is in use, damaged, of a later version, or cannot be used.
    pub fn open(options: OpenOptions) -> Result<Arc<Store>, OpenError> {
        Store::start(open::open(&options)?, options)
    }

    /// Copies what is durable into a directory while the store is at work, see
    /// [`crate::maintain::backup`]. Blocks; checkpoints and trimming wait for it, commits do not.
    ///
    /// # Errors
    /// When a file is damaged or cannot be read or written, or the directory holds something that
    /// the store does not continue.
    pub fn backup(&self, into: &Path) -> Result<BackedUp, BackupError> {
        let _files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let upto = *self.shared.head.borrow();
        maintain::copy(&self.disk, &self.dir, &self.shared.journal, upto, into)
    }

    /// Starts the writer of a store that was opened.
    pub(crate) fn start(opened: Opened, options: OpenOptions) -> Result<Arc<Store>, OpenError> {
        let Opened { lock, appender, index, memory, checkpoints, consumers, checkpoint, behind_bytes } = opened;
        let last = appender.position();
        let io = |source| OpenError::Io { path: options.dir.clone(), source };
        let index = index::let_behind(index).map_err(io)?;
        let shared = Arc::new(Shared {
            journal: Arc::clone(appender.journal()),
            index: Slot::holding(index),
            recent: Recent::behind(last),
            head: watch::Sender::new(last),
            checkpoint: AtomicU64::new(checkpoint),
            files: Mutex::default(),
            meters: Meters::register(),
        });
        let (requests, inbox) = mpsc::channel(QUEUE_BATCHES);
        let OpenOptions { dir, index: kind, clock, on_fatal, retention, disk } = options;
        let io = |source| OpenError::Io { path: dir.clone(), source };
        let keeper = Keeper::start(Work {
            shared: Arc::clone(&shared),
            checkpoints: checkpoints.clone(),
            consumers: Arc::clone(&consumers),
            retention,
            clock: Arc::clone(&clock),
        })
        .map_err(io)?;
        let orders = keeper.orders();
        let writer = Writer {
            shared: Arc::clone(&shared),
            requests: inbox,
            appender,
            memory,
            clock,
            on_fatal,
            kind,
            dir: dir.clone(),
            lock,
            checkpoints,
            keeper,
            upkeep: Upkeep::behind(behind_bytes, last > checkpoint),
        };
        let writer = thread::Builder::new().name("star-store".to_owned()).spawn(move || writer.run()).map_err(io)?;
        Ok(Arc::new(Store { shared, requests, writer: Mutex::new(Some(writer)), consumers, orders, disk, dir }))
    }

    /// Changes the consumers on a thread that may wait for the disk.
    async fn with_consumers<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Consumers) -> Result<T, ConsumerError> + Send + 'static,
    ) -> Result<T, ConsumerError> {
        let consumers = Arc::clone(&self.consumers);
        let changed = tokio::task::spawn_blocking(move || change(&consumers)).await;
        changed.map_err(|error| ConsumerError::Failed(error.into()))?
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| ReadError::Closed)?;
        answer.await.map_err(|_| ReadError::Closed)
    }
}

impl Drop for Store {
    /// Lets the writer finish what was sent to it, so that the directory is free afterwards.
    fn drop(&mut self) {
        let (nobody, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.requests, nobody));
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the store panicked");
        }
    }
}

#[async_trait]
impl MetaStore for Store {
    // The index answers from memory or from the page cache within microseconds, which is less
    // than handing the call to another thread would take.
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, ReadError> {
        let rows = self.shared.index.get()?.read(keys)?;
        Ok(rows.into_iter().map(|row: Option<Row>| row.map(Versioned::from)).collect())
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<ScanPage, ReadError> {
        let limit = limit.clamp(1, LIMITS.page_rows);
        Ok(self.shared.index.get()?.scan(&range, limit)?)
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        size::check(&batch)?;
        let begun = Instant::now();
        let body = body::encode(&batch);
        let (reply, answer) = oneshot::channel();
        let request = Request::Commit(Box::new(Pending { batch, body, reply }));
        self.requests.send(request).await.map_err(|_| CommitError::Closed)?;
        let outcome = answer.await.unwrap_or(Err(CommitError::Ambiguous));
        self.shared.meters.commit.note(begun.elapsed());
        outcome
    }

    async fn events(&self, after: Position, limit: usize) -> Result<EventPage, ReadError> {
        let head = *self.shared.head.borrow();
        if after >= head {
            return Ok(EventPage { events: Vec::new(), read_to: after });
        }
        let oldest = self.shared.journal.oldest();
        if after + 1 < oldest {
            return Err(ReadError::Compacted { oldest });
        }
        let limit = limit.clamp(1, LIMITS.page_rows);
        let recent = self.shared.recent.page(after, limit);
        self.shared.meters.recent.note(recent.is_some());
        if let Some(page) = recent {
            return Ok(page);
        }
        let journal = Arc::clone(&self.shared.journal);
        let read = tokio::task::spawn_blocking(move || journal.events(after, limit, head));
        match read.await.map_err(|error| ReadError::Failed(Box::new(error)))? {
            // The journal was trimmed while it was read.
            Err(Fault::Missing { to, .. }) => Err(ReadError::Compacted { oldest: to + 1 }),
            page => Ok(page?),
        }
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.shared.head.subscribe()
    }

    async fn register_consumer(&self, name: &str, from: Position) -> Result<Position, ConsumerError> {
        let name = name.to_owned();
        self.with_consumers(move |consumers| consumers.register(&name, from)).await
    }

    async fn advance_consumer(&self, name: &str, to: Position) -> Result<(), ConsumerError> {
        let head = *self.shared.head.borrow();
        if to > head {
            return Err(ConsumerError::Beyond { to, head });
        }
        let name = name.to_owned();
        self.with_consumers(move |consumers| consumers.advance(&name, to)).await?;
        self.orders.trim();
        Ok(())
    }

    async fn drop_consumer(&self, name: &str) -> Result<(), ConsumerError> {
        let name = name.to_owned();
        self.with_consumers(move |consumers| consumers.forget(&name)).await?;
        self.orders.trim();
        Ok(())
    }

    fn consumers(&self) -> Vec<Consumer> {
        self.consumers.list()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    fn status(&self) -> StoreStatus {
        let index = self.shared.index.get().ok();
        StoreStatus {
            index: index.as_ref().map_or_else(String::new, |index| index.name().to_owned()),
            position: *self.shared.head.borrow(),
            oldest_event: self.shared.journal.oldest(),
            segments: self.shared.journal.segments(),
            journal_bytes: self.shared.journal.bytes(),
            index_bytes: index.map_or(0, |index| index.bytes()),
            checkpoint: self.shared.checkpoint.load(Ordering::Relaxed),
        }
    }

    fn vitals(&self) -> Vitals {
        meters::vitals(&self.shared, self.requests.max_capacity() - self.requests.capacity())
    }

    async fn checkpoint(&self) -> Result<(), ReadError> {
        let (reply, made) = oneshot::channel();
        self.ask(|synced| Request::Checkpoint(synced, reply)).await??;
        made.await.map_err(|_| ReadError::Closed)?
    }

    async fn close(&self) {
        // A store whose writer has ended is closed already.
        if let Err(error) = self.ask(Request::Close).await {
            tracing::debug!(%error, "the store was closed before");
        }
    }
}
