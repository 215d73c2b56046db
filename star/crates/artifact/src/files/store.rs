//! The store on a local disk: what its parts share, and the port that callers see.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use star_core::ports::content::{
    ByteRange, ContentError, ContentRef, ContentStatus, ContentStore, Expected, Ingest, Reading, Reference,
};
use star_core::vitals::{Queue, Vitals};
use star_path::Digest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use crate::files::buffers::Buffers;
use crate::files::census::Census;
use crate::files::ingest::DiskIngest;
use crate::files::layout::{Layout, OpenError, Staging};
use crate::files::limits;
use crate::files::meters::Meters;
use crate::files::place::{Key, Place};
use crate::files::publish::failed;
use crate::files::read::{self, OpenFiles, SmallContents};
use crate::files::shards::Shards;
use crate::files::steps::{Before, Step, Steps};
use crate::files::verify;

/// What differs between stores.
#[derive(Clone)]
pub struct Options {
    /// Memory for small contents, in bytes.
    pub cache_bytes: u64,
    /// Called before each step on the disk; for tests of what happens when one fails.
    pub before: Option<Before>,
    /// Works with names in `tmp/` even where files without a name can be had.
    pub always_named: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: limits::CACHE_BYTES, before: None, always_named: false }
    }
}

/// Contents as files on a local disk.
///
/// All methods need a tokio runtime. The store is locked against other processes until it and
/// every ingest and stream of it are dropped.
pub struct DiskStore {
    pub(crate) inner: Arc<Inner>,
    _census: Census,
}

/// What the parts of the store share.
pub(crate) struct Inner {
    pub(crate) layout: Arc<Layout>,
    pub(crate) shards: Arc<Shards>,
    pub(crate) steps: Steps,
    pub(crate) meters: Meters,
    pub(crate) small: SmallContents,
    pub(crate) files: OpenFiles,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) ingest_budget: Arc<Semaphore>,
    pub(crate) write_jobs: Arc<Semaphore>,
    pub(crate) publish_jobs: Arc<Semaphore>,
    pub(crate) read_jobs: Arc<Semaphore>,
    pub(crate) verify_jobs: Arc<Semaphore>,
}

impl DiskStore {
    /// Opens the store in `content/` below `dir`, making it if there is none.
    ///
    /// Blocks for a moment: 4,096 directories are made for a store that is not there yet.
    /// Counting what is there goes on afterwards, see [`DiskStore::is_counted`].
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Arc<DiskStore>, OpenError> {
        let dir = dir.as_ref();
        let staging = options.always_named.then_some(Staging::Named);
        let layout = Arc::new(Layout::open(dir, staging)?);
        let shards = Arc::new(Shards::uncounted());
        let census = Census::begin(Arc::clone(&layout), Arc::clone(&shards)).map_err(|source| OpenError::Io {
            action: "start counting",
            path: dir.to_owned(),
            source,
        })?;
        let jobs = |count| Arc::new(Semaphore::new(count));
        let inner = Arc::new(Inner {
            layout,
            shards,
            steps: Steps(options.before),
            meters: Meters::register(),
            small: read::small_contents(options.cache_bytes),
            files: OpenFiles::new(limits::OPEN_FILES),
            buffers: Arc::default(),
            ingest_budget: jobs(limits::INGEST_BYTES),
            write_jobs: jobs(limits::WRITE_JOBS),
            publish_jobs: jobs(limits::PUBLISH_JOBS),
            read_jobs: jobs(limits::READ_JOBS),
            verify_jobs: jobs(limits::VERIFY_JOBS),
        });
        Ok(Arc::new(DiskStore { inner, _census: census }))
    }

    /// Reads a content from disk and compares every byte of it with its name.
    ///
    /// [`ContentError::Corrupt`] says that it is damaged; the file stays where it is, and an
    /// ingest of the right bytes repairs it if its length is wrong.
    pub async fn verify(&self, digest: &Digest) -> Result<ContentRef, ContentError> {
        let place = Place::of(digest).ok_or_else(|| ContentError::Unknown(digest.clone()))?;
        verify::verify(&self.inner, place).await
    }

    /// Whether [`ContentStore::status`] is exact. Until then it counts what has been found yet.
    pub fn is_counted(&self) -> bool {
        self.inner.shards.all_counted()
    }
}

#[async_trait]
impl ContentStore for DiskStore {
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError> {
        Ok(Box::new(DiskIngest::begin(Arc::clone(&self.inner), expected)?))
    }

    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError> {
        let Some(place) = Place::of(digest) else { return Ok(None) };
        let size = read::stat(&self.inner, place).await?;
        Ok(size.map(|size_bytes| ContentRef { digest: digest.clone(), size_bytes }))
    }

    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError> {
        read::read(&self.inner, content, range).await
    }

    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        let held = self.stat(&content.digest).await?;
        held.map(|_| Reference::default()).ok_or_else(|| ContentError::Unknown(content.digest.clone()))
    }

    /// Nothing is ever removed here.
    async fn keep_with(&self, _: &[ContentRef], _: &ContentRef) -> Result<(), ContentError> {
        Ok(())
    }

    fn status(&self) -> ContentStatus {
        self.inner.shards.status()
    }

    fn vitals(&self) -> Vitals {
        self.inner.vitals()
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Inner {
    /// What the store says of itself.
    fn vitals(&self) -> Vitals {
        let jobs = |name, about, free: &Semaphore, limit: usize| Queue {
            name,
            about,
            taken: limit.saturating_sub(free.available_permits()) as u64,
            limit: Some(limit as u64),
            refused: None,
        };
        let queues = vec![
            jobs("ingest_bytes", "bytes on their way in, in memory", &self.ingest_budget, limits::INGEST_BYTES),
            jobs("content_writes", "contents that are being written", &self.write_jobs, limits::WRITE_JOBS),
            jobs("content_publishes", "contents that are being published", &self.publish_jobs, limits::PUBLISH_JOBS),
            jobs("content_reads", "contents that are being read from the disk", &self.read_jobs, limits::READ_JOBS),
        ];
        let Meters { small, files, sync, .. } = &self.meters;
        let caches = vec![
            small.of_cache("small_contents", "small contents, whole", self.small.len(), Some(self.small.weight())),
            files.of_cache("open_files", "files of large contents, open", self.files.len(), None),
        ];
        Vitals { queues, caches, times: vec![sync.times()] }
    }

    /// Forgets what memory holds of a content whose file was found damaged or was replaced.
    pub(crate) fn forget(&self, key: &Key) {
        self.small.remove(key);
        self.files.remove(key);
    }

    /// Takes a step of syncing and records how long the disk took.
    pub(crate) fn timed(
        &self,
        step: Step,
        action: &'static str,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), ContentError> {
        let started = Instant::now();
        self.steps.before(step).and_then(|()| sync()).map_err(failed(action))?;
        self.meters.sync.note(started.elapsed());
        Ok(())
    }
}

/// Waits for a share of something that there is only so much of.
pub(crate) async fn permit(of: &Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
    let share = Arc::clone(of).acquire_many_owned(count).await;
    share.expect("the store's semaphores are never closed")
}

/// What a thread answered; a panic in it is an error of whoever waits.
pub(crate) fn joined<T>(
    answer: Result<Result<T, ContentError>, JoinError>,
    action: &'static str,
) -> Result<T, ContentError> {
    answer.unwrap_or_else(|error| Err(ContentError::Io { action, source: io::Error::other(error) }))
}
