//! Contents that are durable and that nobody refers to yet: what an ingest leaves behind, until whoever
//! sent it commits a reference.
//!
//! They are known to this process alone. After a crash nobody can have been told of them, and what they
//! took of packs is dead.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use star_core::ports::content::Reference;
use star_core::ports::meta::{Operation, Precondition};

use super::leases::Lease;
use super::limits;
use crate::rows::manifest::{self, Piece};
use crate::rows::{self, Content, Layout, Ordinal, Place, RowError, Sha256, Slots, State};

/// A content that is durable.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) content: Content,
    /// Rows that have to be there before anybody refers to it.
    operations: Vec<Operation>,
    packs: HashSet<Ordinal>,
    /// What keeps those from being collected.
    _leases: Vec<Lease>,
    since: Instant,
}

impl Pending {
    /// A content that stands in its row.
    pub(crate) fn inline(digest: &Sha256, bytes: Bytes, now: Instant) -> Result<Pending, RowError> {
        let content = Content { size_bytes: bytes.len() as u64, state: State::Live, place: Place::Inline(bytes) };
        let operations = vec![
            Operation::Put(rows::content_key(digest), content.encode()?),
            Operation::Put(rows::live_content(digest), Bytes::new()),
        ];
        Ok(Pending { content, operations, packs: HashSet::new(), _leases: Vec::new(), since: now })
    }

    /// A content that lies in packs. `pieces` are its chunks, if it was cut into any.
    pub(crate) fn packed(
        digest: &Sha256,
        layout: Layout,
        pieces: &[Piece],
        leases: Vec<Lease>,
        now: Instant,
    ) -> Result<Pending, RowError> {
        let mut operations = Vec::new();
        for (number, page) in (0..).zip(manifest::pages(pieces)?) {
            operations.push(Operation::Put(rows::manifest_page(digest, number), page));
        }
        let mut slots: HashMap<Ordinal, Slots> = HashMap::new();
        for extent in layout.extents() {
            slots.entry(extent.pack).or_default().add(extent.first_slot, extent.slots);
        }
        for (pack, slots) in &slots {
            operations.push(Operation::Put(rows::edge(*pack, digest), slots.encode()?));
        }
        let size_bytes = layout.plain_len();
        let (place, pages) = layout.paged()?;
        for (number, page) in (0..).zip(pages) {
            operations.push(Operation::Put(rows::layout_page(digest, number), page));
        }
        let content = Content { size_bytes, state: State::Live, place };
        // The row and the mark come last: where the rows are too many for one batch, those before them
        // mean nothing yet.
        operations.push(Operation::Put(rows::content_key(digest), content.encode()?));
        operations.push(Operation::Put(rows::live_content(digest), Bytes::new()));
        let packs = slots.into_keys().collect();
        Ok(Pending { content, operations, packs, _leases: leases, since: now })
    }

    /// What a batch has to say that is the first to refer to it; and batches of rows that must be
    /// written before, where there are too many.
    pub(crate) fn reference(&self, digest: &Sha256) -> (Vec<Vec<Operation>>, Reference) {
        let mut last = self.operations.clone();
        let mut before = Vec::new();
        while !fits(&last) {
            let (mut bytes, mut count) = (0, 0);
            while count < limits::REFERENCE_OPERATIONS && bytes < limits::REFERENCE_BYTES && count + 2 < last.len() {
                bytes += size(&last[count]);
                count += 1;
            }
            before.push(last.drain(..count).collect());
        }
        let mut preconditions = vec![Precondition::Absent(rows::content_key(digest))];
        preconditions.extend(self.packs.iter().map(|pack| Precondition::Present(rows::live_pack(*pack))));
        (before, Reference { preconditions, operations: last })
    }
}

fn fits(operations: &[Operation]) -> bool {
    let bytes: usize = operations.iter().map(size).sum();
    let few = operations.len() <= limits::REFERENCE_OPERATIONS && bytes <= limits::REFERENCE_BYTES;
    few || operations.len() <= 2
}

fn size(operation: &Operation) -> usize {
    match operation {
        Operation::Put(key, value) => key.as_bytes().len() + value.len(),
        Operation::Delete(key) => key.as_bytes().len(),
        Operation::DeleteRange(range) => range.start.as_bytes().len() * 2,
    }
}

/// All contents of that kind.
#[derive(Debug, Default)]
pub(crate) struct AllPending(Mutex<HashMap<Sha256, Arc<Pending>>>);

impl AllPending {
    pub(crate) fn get(&self, digest: &Sha256) -> Option<Arc<Pending>> {
        self.lock().get(digest).cloned()
    }

    /// Takes a content in; none if there are too many.
    pub(crate) fn add(&self, digest: Sha256, pending: Pending) -> Option<()> {
        let mut all = self.lock();
        if all.len() >= limits::PENDING && !all.contains_key(&digest) {
            return None;
        }
        // Who was first goes on: somebody may have read it already.
        all.entry(digest).or_insert_with(|| Arc::new(pending));
        Some(())
    }

    /// Forgets a content to which somebody refers now.
    pub(crate) fn remove(&self, digest: &Sha256) {
        self.lock().remove(digest);
    }

    /// Forgets what nobody has referred to for long, and tells which others there are.
    pub(crate) fn look(&self, now: Instant) -> Vec<Sha256> {
        let mut all = self.lock();
        all.retain(|_, pending| now.saturating_duration_since(pending.since) < limits::PENDING_FOR);
        all.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256, Arc<Pending>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
