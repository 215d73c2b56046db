//! The store as its callers see it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use async_trait::async_trait;
use star_core::ports::meta::{
    Batch, CommitError, Committed, EventPage, Key, KeyRange, Limits, MetaStore, Position, ReadError, ScanPage,
    StoreStatus, Versioned,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::commit::mailbox::{Pending, Request};
use crate::commit::size;
use crate::commit::writer::{Upkeep, Writer};
use crate::index::Row;
use crate::journal::body;
use crate::journal::recent::Recent;
use crate::limits::{LIMITS, QUEUE_BATCHES};
use crate::open::{self, OpenError, OpenOptions, Opened};
use crate::shared::{Shared, Slot};

/// A journal with an index over it, open and locked until it is closed or dropped.
pub struct Store {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    writer: Mutex<Option<JoinHandle<()>>>,
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

    /// Starts the writer of a store that was opened.
    pub(crate) fn start(opened: Opened, options: OpenOptions) -> Result<Arc<Store>, OpenError> {
        let Opened { lock, appender, index, memory } = opened;
        let last = appender.position();
        let shared = Arc::new(Shared {
            journal: Arc::clone(appender.journal()),
            index: Slot::holding(index),
            recent: Recent::behind(last),
            head: watch::Sender::new(last),
        });
        let (requests, inbox) = mpsc::channel(QUEUE_BATCHES);
        let OpenOptions { dir, index: kind, clock, on_fatal, .. } = options;
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
            upkeep: Upkeep::default(),
        };
        let writer = thread::Builder::new()
            .name("star-store".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { path: dir, source })?;
        Ok(Arc::new(Store { shared, requests, writer: Mutex::new(Some(writer)) }))
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
        metrics::histogram!("star_store_commit_seconds").record(begun.elapsed().as_secs_f64());
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
        if let Some(page) = self.shared.recent.page(after, limit) {
            return Ok(page);
        }
        let journal = Arc::clone(&self.shared.journal);
        let read = tokio::task::spawn_blocking(move || journal.events(after, limit, head));
        let page = read.await.map_err(|error| ReadError::Failed(Box::new(error)))?;
        Ok(page?)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.shared.head.subscribe()
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
        }
    }

    async fn checkpoint(&self) -> Result<(), ReadError> {
        self.ask(Request::Checkpoint).await?
    }

    async fn close(&self) {
        // A store whose writer has ended is closed already.
        if let Err(error) = self.ask(Request::Close).await {
            tracing::debug!(%error, "the store was closed before");
        }
    }
}
