//! The rows of packs in the metadata store: which packs there are, and under which ordinals.
//!
//! A pack has its row before it has its file, so that a file without a row is one whose row was lost; and
//! its file says which ordinal it has, so that a lost row can be written again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use star_core::keys;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::content::ContentError;
use star_core::ports::meta::{Batch, CommitError, MetaStore, Operation, Precondition, ReadError};
use star_path::ResourcePath;
use star_wire::MessageId;

use crate::pack::{Generation, PackId};
use crate::rows::{self, Ordinal, PackKey, RowError};

/// The rows of packs.
pub(crate) struct Catalogue {
    meta: Arc<dyn MetaStore>,
    next: AtomicU32,
}

/// A pack that has a row.
pub(crate) struct Entered {
    pub(crate) ordinal: Ordinal,
    pub(crate) pack: rows::Pack,
    /// Whether it has its mark, so that layouts may name it.
    pub(crate) live: bool,
}

/// Why a pack has no row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnterError {
    /// The metadata store took none.
    #[error("the row of a pack could not be written")]
    Commit(#[from] CommitError),
    /// All ordinals are used up.
    #[error("the store had as many packs as it can ever have")]
    UsedUp,
    /// The row cannot be put into bytes.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl EnterError {
    pub(crate) fn into_content(self) -> ContentError {
        match self {
            EnterError::Commit(CommitError::DiskFull) => ContentError::DiskFull,
            error => ContentError::Io { action: "write the row of a pack", source: std::io::Error::other(error) },
        }
    }
}

/// Why the rows of packs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The metadata store could not read.
    #[error("the rows of packs could not be read")]
    Read(#[from] ReadError),
    /// A row is none.
    #[error("the row of pack {} cannot be understood", .0.0)]
    Row(Ordinal, #[source] RowError),
}

impl Catalogue {
    /// Reads all rows.
    pub(crate) async fn open(meta: &Arc<dyn MetaStore>) -> Result<(Catalogue, Vec<Entered>), CatalogueError> {
        let (mut packs, mut range) = (Vec::<Entered>::new(), rows::packs());
        loop {
            let page = meta.scan(range.clone(), meta.limits().page_rows).await?;
            for (key, row) in page.rows {
                match PackKey::read(&key) {
                    Some(PackKey::Row(ordinal)) => {
                        let pack = rows::Pack::decode(&row.value);
                        let pack = pack.map_err(|error| CatalogueError::Row(ordinal, error))?;
                        packs.push(Entered { ordinal, pack, live: false });
                    }
                    Some(PackKey::Live(ordinal)) => {
                        // A mark stands right behind its row.
                        if let Some(entered) = packs.last_mut().filter(|entered| entered.ordinal == ordinal) {
                            entered.live = true;
                        }
                    }
                    None => {}
                }
            }
            match page.next {
                Some(next) => range.start = next,
                None => break,
            }
        }
        let next = packs.last().map_or(0, |entered| entered.ordinal.0.saturating_add(1));
        Ok((Catalogue { meta: Arc::clone(meta), next: AtomicU32::new(next) }, packs))
    }

    /// Makes sure that an ordinal that was found on the disk is not given out again.
    pub(crate) fn is_used(&self, ordinal: Ordinal) {
        self.next.fetch_max(ordinal.0.saturating_add(1), Ordering::Relaxed);
    }

    /// Gives a pack its ordinal, and writes its row.
    pub(crate) async fn enter(&self, id: PackId, generation: Generation) -> Result<Ordinal, EnterError> {
        let ordinal = Ordinal(self.next.fetch_add(1, Ordering::Relaxed));
        if ordinal.0 == u32::MAX {
            return Err(EnterError::UsedUp);
        }
        self.write(ordinal, id, generation).await?;
        Ok(ordinal)
    }

    /// Writes the row of a pack that has none.
    pub(crate) async fn write(&self, ordinal: Ordinal, id: PackId, generation: Generation) -> Result<(), EnterError> {
        let pack = rows::Pack { id: *id.as_bytes(), generation: generation.0 };
        let row = rows::pack(ordinal);
        let batch = batch(
            vec![Precondition::Absent(row.clone())],
            vec![Operation::Put(row, pack.encode()?), Operation::Put(rows::live_pack(ordinal), Default::default())],
        );
        self.meta.commit(batch).await?;
        Ok(())
    }

    /// Removes the row of a pack without a file.
    pub(crate) async fn remove(&self, ordinal: Ordinal) -> Result<(), EnterError> {
        let (row, mark) = (rows::pack(ordinal), rows::live_pack(ordinal));
        self.meta.commit(batch(Vec::new(), vec![Operation::Delete(mark), Operation::Delete(row)])).await?;
        Ok(())
    }
}

/// A batch of rows of the content store, without anything else: it takes the shard of the root, which
/// says nothing about these rows.
pub(crate) fn batch(preconditions: Vec<Precondition>, operations: Vec<Operation>) -> Batch {
    Batch {
        id: MessageId::next().as_u128(),
        shard: keys::shard(&ResourcePath::root()),
        preconditions,
        operations,
        events: Vec::new(),
        at: SystemClock.now_ms(),
    }
}
