//! The store: what its parts share, and the port that callers see.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use star_core::ports::content::{
    ByteRange, ContentError, ContentRef, ContentStatus, ContentStore, Expected, Ingest, Reading, Reference, StoredForm,
};
use star_core::ports::meta::{CommitError, MetaStore, Operation, Precondition};
use star_core::vitals::{Queue, Vitals};
use star_path::Digest;
use tokio::sync::Semaphore;

use super::catalogue::{Catalogue, batch};
use super::collect::Condemned;
use super::ingest::PackedIngest;
use super::leases::Leases;
use super::limits;
use super::packs::Packs;
use super::pending::{AllPending, Pending};
use super::read::{self, small::SmallContents};
use super::writer::Writer;
use crate::chunk::pipeline::Pipeline;
use crate::map::PackReader;
use crate::pack::Class;
use crate::rows::{self, Content, Extent, Place, Sha256, State};
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
    /// Bytes that were there and were stored once more, since the start.
    pub(crate) copied_bytes: AtomicU64,
    pub(crate) held: Held,
    pub(crate) condemned: Condemned,
    /// One permit for the collector.
    pub(crate) collecting: Semaphore,
    /// Where the table of chunks is written down.
    pub(crate) chunks: PathBuf,
    /// Keeps others out.
    pub(crate) _lock: File,
}

/// How much the store holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) contents: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl Inner {
    pub(crate) fn writer(&self, class: Class) -> &Arc<Writer> {
        match class {
            Class::Zstd => &self.writers[0],
            Class::Raw => &self.writers[1],
            Class::Small => &self.writers[2],
        }
    }

    /// The row of a content, whoever has it.
    pub(crate) async fn row(&self, digest: &Digest) -> Result<Option<(Sha256, Content)>, ContentError> {
        let Ok(sha256) = Sha256::try_from(digest.as_bytes()) else { return Ok(None) };
        if let Some(pending) = self.pending.get(&sha256) {
            return Ok(Some((sha256, pending.content.clone())));
        }
        Ok(self.stored_row(&sha256, digest).await?.map(|content| (sha256, content)))
    }

    pub(crate) async fn stored_row(&self, sha256: &Sha256, digest: &Digest) -> Result<Option<Content>, ContentError> {
        let rows = self.meta.read(&[rows::content_key(sha256)]).await.map_err(unreadable)?;
        let row = rows.into_iter().next().flatten();
        let content = row.map(|row| Content::decode(&row.value)).transpose();
        content.map_err(|error| ContentError::Corrupt { digest: digest.clone(), what: error.to_string() })
    }

    /// Writes rows that have to be there before a reference is.
    async fn write_before(&self, batches: Vec<Vec<Operation>>) -> Result<(), ContentError> {
        for operations in batches {
            self.commit(Vec::new(), operations).await?;
        }
        Ok(())
    }

    /// Writes rows of this store if they are as they should be; false if not.
    pub(crate) async fn commit_if(
        &self,
        preconditions: Vec<Precondition>,
        operations: Vec<Operation>,
    ) -> Result<bool, ContentError> {
        match self.meta.commit(batch(preconditions, operations)).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::DiskFull) => Err(ContentError::DiskFull),
            Err(error) => {
                let source = std::io::Error::other(error);
                Err(ContentError::Io { action: "write the rows of a content", source })
            }
        }
    }

    /// Whether a content is there, and stays there for the time of grace at least.
    pub(crate) async fn holds(&self, sha256: &Sha256) -> Result<bool, ContentError> {
        loop {
            match self.stored_row(sha256, &Digest::sha256(*sha256)).await? {
                None => return Ok(false),
                Some(Content { state: State::Live, .. }) => return Ok(true),
                Some(_) => {
                    self.revive(sha256).await?;
                }
            }
        }
    }

    /// Writes rows of this store.
    async fn commit(&self, preconditions: Vec<Precondition>, operations: Vec<Operation>) -> Result<(), ContentError> {
        if self.commit_if(preconditions, operations).await? {
            return Ok(());
        }
        let source = std::io::Error::other("somebody else was there at the same time; try again");
        Err(ContentError::Io { action: "write the rows of a content", source })
    }

    /// What a batch has to say that refers to a content.
    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        let unknown = || ContentError::Unknown(content.digest.clone());
        let sha256 = Sha256::try_from(content.digest.as_bytes()).map_err(|_| unknown())?;
        let live = Precondition::Present(rows::live_content(&sha256));
        let pending = self.pending.get(&sha256);
        match (self.holds(&sha256).await?, pending) {
            (true, pending) => {
                if pending.is_some() {
                    self.pending.remove(&sha256);
                }
                Ok(Reference { preconditions: vec![live], operations: Vec::new() })
            }
            (false, Some(pending)) => {
                let (before, reference) = pending.reference(&sha256);
                self.write_before(before).await?;
                Ok(reference)
            }
            (false, None) => Err(unknown()),
        }
    }

    /// Makes a content one that others may be made of, and notes who names it.
    async fn keep_with(&self, named: &[ContentRef], by: &ContentRef) -> Result<(), ContentError> {
        let unknown = |digest: &Digest| ContentError::Unknown(digest.clone());
        let by = Sha256::try_from(by.digest.as_bytes()).map_err(|_| unknown(&by.digest))?;
        for content in named {
            let digest = Sha256::try_from(content.digest.as_bytes()).map_err(|_| unknown(&content.digest))?;
            let mut reference = self.refer(content).await?;
            reference.operations.push(Operation::Put(rows::names(&digest, &by), Bytes::new()));
            self.commit(reference.preconditions, reference.operations).await?;
            self.pending.remove(&digest);
        }
        Ok(())
    }

    pub(crate) fn add_pending(&self, sha256: Sha256, pending: Pending) -> Result<(), ContentError> {
        let size_bytes = pending.content.size_bytes;
        self.pending.add(sha256, pending).ok_or_else(|| ContentError::Io {
            action: "take in a content",
            source: std::io::Error::other("too many contents wait for somebody to refer to them; try again later"),
        })?;
        self.held.contents.fetch_add(1, Ordering::Relaxed);
        self.held.bytes.fetch_add(size_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Lets the writers look at their packs, and forgets what nobody refers to.
    pub(crate) async fn look(&self) {
        self.writers.iter().for_each(|writer| writer.look());
        for sha256 in self.pending.look(Instant::now()) {
            let stored = self.stored_row(&sha256, &Digest::sha256(sha256)).await;
            if matches!(stored, Ok(Some(_))) {
                self.pending.remove(&sha256);
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
        let queues = vec![
            of("ingest_bytes", "bytes on their way in, in memory", ingest_bytes, Some(limits::INGEST_BYTES)),
            of("unreferred", "contents that nobody refers to yet", self.pending.len(), Some(limits::PENDING)),
            of("leased_packs", "packs that somebody relies on", self.leases.len(), None),
            of("quarantined_packs", "packs that were found damaged since the start", self.packs.quarantined(), None),
        ];
        Vitals { queues, ..Vitals::default() }
    }
}

pub(crate) fn unreadable(error: star_core::ports::meta::ReadError) -> ContentError {
    ContentError::Io { action: "read the row of a content", source: std::io::Error::other(error) }
}

#[async_trait]
impl ContentStore for PackedStore {
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError> {
        Ok(Box::new(PackedIngest::begin(Arc::clone(&self.inner), expected)?))
    }

    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError> {
        let row = self.inner.row(digest).await?;
        if let Some((sha256, Content { state: State::Condemned { .. }, .. })) = &row
            && !self.inner.holds(sha256).await?
        {
            return Ok(None);
        }
        Ok(row.map(|(_, content)| ContentRef { digest: digest.clone(), size_bytes: content.size_bytes }))
    }

    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError> {
        read::plain(&self.inner, content, range).await
    }

    async fn stored_form(&self, content: &ContentRef) -> Result<Option<StoredForm>, ContentError> {
        // What stands in its row is plain, and needs no look.
        if content.size_bytes <= rows::limits::INLINE_BYTES as u64 {
            return Ok(None);
        }
        read::stored_form(&self.inner, content).await
    }

    async fn read_stored(
        &self,
        content: &ContentRef,
        form: StoredForm,
        range: Option<ByteRange>,
    ) -> Result<Reading, ContentError> {
        read::stored(&self.inner, content, form, range).await
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
        let Held { contents, bytes } = &self.inner.held;
        ContentStatus { contents: contents.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) }
    }
}

impl fmt::Debug for PackedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedStore").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// The layout of a content whose row names one.
pub(crate) async fn layout(
    inner: &Inner,
    sha256: &Sha256,
    content: &Content,
    paged: &rows::Paged,
) -> Result<rows::Layout, ContentError> {
    let keys: Vec<_> = (0..paged.pages).map(|page| rows::layout_page(sha256, page)).collect();
    let rows = inner.meta.read(&keys).await.map_err(unreadable)?;
    let damaged = |what: String| ContentError::Corrupt { digest: Digest::sha256(*sha256), what };
    let pages: Option<Vec<Bytes>> = rows.into_iter().map(|row| row.map(|row| row.value)).collect();
    let pages = pages.ok_or_else(|| damaged("a page of its layout is missing".to_owned()))?;
    let layout = rows::Layout::from_pages(paged, content.size_bytes, pages.iter().map(|page| &page[..]));
    layout.map_err(|error| damaged(error.to_string()))
}

/// Whether the bytes of a content stand in its row.
pub(crate) fn inline(content: &Content) -> Option<&Bytes> {
    match &content.place {
        Place::Inline(bytes) => Some(bytes),
        Place::Packed(_) | Place::Paged(_) => None,
    }
}

/// Where the bytes of a content lie.
pub(crate) async fn extents(inner: &Inner, sha256: &Sha256, content: &Content) -> Result<Vec<Extent>, ContentError> {
    match &content.place {
        Place::Inline(_) => Ok(Vec::new()),
        Place::Packed(layout) => Ok(layout.extents().to_vec()),
        Place::Paged(paged) => Ok(layout(inner, sha256, content, paged).await?.extents().to_vec()),
    }
}
