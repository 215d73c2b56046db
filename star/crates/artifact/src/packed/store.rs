//! The store: what its parts share, and the port that callers see.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use star_core::ports::content::{
    ByteRange, ContentError, ContentRef, ContentStatus, ContentStore, Expected, Ingest, Reading, Reference,
};
use star_core::ports::meta::MetaStore;
use star_core::vitals::{self, Queue, Vitals};
use star_path::Digest;
use tokio::sync::{Mutex, Semaphore};

use super::catalogue::Catalogue;
use super::collect::Condemned;
use super::held::Held;
use super::ingest::PackedIngest;
use super::leases::Leases;
use super::limits;
use super::metadata::Stored;
use super::meters::Meters;
use super::packs::Packs;
use super::pending::{AllPending, Pending};
use super::read;
use super::writer::Writer;
use crate::chunk::pipeline::Pipeline;
use crate::map::PackReader;
use crate::pack::Class;
use crate::rows::Sha256;
use crate::table::Table;

/// Contents in packs on a local disk.
///
/// All methods need a tokio runtime of several threads.
pub struct PackedStore {
    pub(crate) inner: Arc<Inner>,
}

/// What the parts of the store share.
pub(crate) struct Inner {
    pub(crate) meta: Arc<dyn MetaStore>,
    /// Kept for the writers, who must not keep the store alive.
    pub(crate) _catalogue: Arc<Catalogue>,
    pub(crate) packs: Arc<Packs>,
    pub(crate) table: Arc<Table>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) pending: AllPending,
    pub(crate) writers: [Arc<Writer>; 3],
    pub(crate) pipeline: Pipeline,
    pub(crate) reader: PackReader,
    pub(crate) small: SmallContents,
    pub(crate) ingest_bytes: Arc<Semaphore>,
    pub(crate) decodes: Arc<Semaphore>,
    /// How many of those there are.
    pub(crate) decode_places: usize,
    /// Bytes that were there and were stored once more, since the start.
    pub(crate) copied_bytes: AtomicU64,
    pub(crate) held: Held,
    pub(crate) condemned: Condemned,
    /// The turn of whoever writes rows of a content ahead, or takes away what was written so.
    pub(crate) beginning: Mutex<()>,
    /// One permit for the collector.
    pub(crate) collecting: Arc<Semaphore>,
    pub(crate) meters: Meters,
    /// Whether loose contents have to be taken in.
    pub(crate) is_loose: bool,
    /// The folder of the store.
    pub(crate) dir: PathBuf,
    /// Where the table of chunks is written down.
    pub(crate) chunks: PathBuf,
    /// Keeps others out.
    pub(crate) _lock: File,
}

/// Small contents that were read lately.
pub(crate) type SmallContents = Cache<Sha256, Bytes, BySize>;

/// Counts what a small content takes of the memory.
#[derive(Clone)]
pub(crate) struct BySize;

impl Weighter<Sha256, Bytes> for BySize {
    fn weight(&self, _: &Sha256, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + limits::SMALL_ENTRY_BYTES
    }
}

impl Inner {
    pub(crate) fn writer(&self, class: Class) -> &Arc<Writer> {
        match class {
            Class::Zstd => &self.writers[0],
            Class::Raw => &self.writers[1],
            Class::Small => &self.writers[2],
        }
    }

    pub(crate) fn add_pending(&self, sha256: Sha256, pending: Pending) -> Result<(), ContentError> {
        let size_bytes = pending.content.size_bytes;
        let added = self.pending.add(sha256, pending).ok_or_else(|| ContentError::Io {
            action: "take in a content",
            source: std::io::Error::other("too many contents wait for somebody to refer to them; try again later"),
        })?;
        if added {
            self.held.add(&sha256, size_bytes);
        }
        Ok(())
    }

    /// Lets the writers look at their packs, and forgets what nobody refers to.
    pub(crate) async fn look(&self) {
        self.writers.iter().for_each(|writer| writer.look());
        for (sha256, is_old) in self.pending.look(Instant::now()) {
            match self.stored(&sha256).await {
                Ok(Stored::Live(_) | Stored::Condemned(_)) => drop(self.pending.remove(&sha256)),
                Ok(Stored::Nothing | Stored::Gone(_)) if is_old => {
                    if let Some(pending) = self.pending.remove(&sha256) {
                        self.held.take(pending.content.size_bytes);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a content that is waited for was not looked at"
                ),
            }
        }
    }
}

impl Inner {
    /// What the store says of itself.
    fn vitals(&self) -> Vitals {
        let of = |name, about, taken: usize, limit: Option<usize>| Queue {
            name,
            about,
            taken: taken as u64,
            limit: limit.map(|limit| limit as u64),
            refused: None,
        };
        let ingest_bytes = limits::INGEST_BYTES - self.ingest_bytes.available_permits().min(limits::INGEST_BYTES);
        let decodes = self.decode_places - self.decodes.available_permits().min(self.decode_places);
        let queues = vec![
            of("ingest_bytes", "bytes on their way in, in memory", ingest_bytes, Some(limits::INGEST_BYTES)),
            of("content_unreferred", "contents that nobody refers to yet", self.pending.len(), Some(limits::PENDING)),
            of("content_packs_leased", "packs that somebody relies on", self.leases.len(), None),
            of("content_decodes", "pieces of contents that are being decompressed", decodes, Some(self.decode_places)),
        ];
        let Meters { small, sync, .. } = &self.meters;
        let windows = self.reader.counts();
        let caches = vec![
            small.of_cache("small_contents", "small contents, whole", self.small.len(), Some(self.small.weight())),
            vitals::Cache {
                name: "pack_pages",
                about: "parts of packs that the system has in memory",
                entries: 0,
                bytes: None,
                hits: windows.resident,
                misses: windows.populated + windows.read_inside + windows.read_by_threads,
            },
        ];
        Vitals { queues, caches, times: vec![sync.times()] }
    }
}

#[async_trait]
impl ContentStore for PackedStore {
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError> {
        Ok(Box::new(PackedIngest::begin(Arc::clone(&self.inner), expected)?))
    }

    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError> {
        let Ok(sha256) = Sha256::try_from(digest.as_bytes()) else { return Ok(None) };
        let size_bytes = match self.inner.pending.get(&sha256) {
            Some(pending) => Some(pending.content.size_bytes),
            None => self.inner.hold(&sha256).await?.map(|content| content.size_bytes),
        };
        Ok(size_bytes.map(|size_bytes| ContentRef { digest: digest.clone(), size_bytes }))
    }

    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError> {
        let bytes_out = self.inner.meters.bytes_out.clone();
        Ok(match read::read(&self.inner, content, range).await? {
            Reading::Whole(bytes) => {
                bytes_out.increment(bytes.len() as u64);
                Reading::Whole(bytes)
            }
            Reading::Stream(stream) => Reading::Stream(Box::pin(stream.inspect_ok(move |piece| {
                bytes_out.increment(piece.len() as u64);
            }))),
        })
    }

    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        self.inner.refer(content).await
    }

    async fn keep_with(&self, named: &[ContentRef], by: &ContentRef) -> Result<(), ContentError> {
        self.inner.keep_with(named, by).await
    }

    fn vitals(&self) -> Vitals {
        self.inner.vitals()
    }

    fn status(&self) -> ContentStatus {
        let held = &self.inner.held;
        ContentStatus { contents: held.contents(), bytes: held.bytes() }
    }
}

impl fmt::Debug for PackedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedStore").field("status", &self.status()).finish_non_exhaustive()
    }
}
