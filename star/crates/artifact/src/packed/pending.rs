//! Contents that are durable and that nobody refers to yet: what an ingest leaves behind, until whoever
//! sent it commits a reference.
//!
//! They are known to this process alone. After a crash nobody can have been told of them, and what they
//! took of packs is dead.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use star_core::ports::content::Reference;
use star_core::ports::meta::{Operation, Precondition};

use super::leases::Lease;
use super::limits;
use crate::rows::manifest::{self, Piece};
use crate::rows::{self, Content, Layout, Ordinal, Place, RowError, Sha256, Slots};

/// A content that is durable.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) content: Content,
    /// The content as its row has it.
    row: Bytes,
    /// The rows that belong to it.
    belongings: Vec<Belonging>,
    /// Whether those are written ahead.
    pub(crate) has_begun: AtomicBool,
    /// What keeps the packs that it lies in from being collected.
    _leases: Vec<Lease>,
    since: Instant,
}

/// A row that belongs to a content, and what must be true when it is written: a layout names only packs
/// that may be named.
#[derive(Debug, Clone)]
struct Belonging {
    put: Operation,
    only_if: Option<Precondition>,
}

impl From<Operation> for Belonging {
    fn from(put: Operation) -> Belonging {
        Belonging { put, only_if: None }
    }
}

/// What is written when somebody refers to a content for the first time.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Batches that go ahead, where there is too much for one.
    pub(crate) before: Vec<Reference>,
    /// What the batch says that refers to it.
    pub(crate) last: Reference,
}

impl Pending {
    /// A content that stands in its row.
    pub(crate) fn inline(bytes: Bytes, now: Instant) -> Result<Pending, RowError> {
        let content = Content { size_bytes: bytes.len() as u64, place: Place::Inline(bytes) };
        Pending::new(content, Vec::new(), Vec::new(), now)
    }

    /// A content that lies in packs. `pieces` are its chunks, if it was cut into any.
    pub(crate) fn packed(
        digest: &Sha256,
        layout: Layout,
        pieces: &[Piece],
        leases: Vec<Lease>,
        now: Instant,
    ) -> Result<Pending, RowError> {
        let mut belongings: Vec<Belonging> = Vec::new();
        for (number, page) in (0..).zip(manifest::pages(pieces)?) {
            belongings.push(Operation::Put(rows::manifest_page(digest, number), page).into());
        }
        let mut slots: HashMap<Ordinal, Slots> = HashMap::new();
        for extent in layout.extents() {
            slots.entry(extent.pack).or_default().add(extent.first_slot, extent.slots);
        }
        for (pack, slots) in slots {
            let put = Operation::Put(rows::edge(pack, digest), slots.encode()?);
            belongings.push(Belonging { put, only_if: Some(Precondition::Present(rows::live_pack(pack))) });
        }
        let size_bytes = layout.plain_len();
        let (place, pages) = layout.paged()?;
        for (number, page) in (0..).zip(pages) {
            belongings.push(Operation::Put(rows::layout_page(digest, number), page).into());
        }
        Pending::new(Content { size_bytes, place }, belongings, leases, now)
    }

    fn new(
        content: Content,
        belongings: Vec<Belonging>,
        leases: Vec<Lease>,
        since: Instant,
    ) -> Result<Pending, RowError> {
        let row = content.encode()?;
        Ok(Pending { content, row, belongings, has_begun: AtomicBool::new(false), _leases: leases, since })
    }

    /// The content as its row has it.
    pub(crate) fn row(&self) -> Bytes {
        self.row.clone()
    }

    /// What is written when somebody refers to it for the first time.
    pub(crate) fn claim(&self, digest: &Sha256) -> Claim {
        let (row, gone) = (rows::content_key(digest), rows::gone_content(digest));
        let mut last = Reference {
            preconditions: vec![Precondition::Absent(row.clone()), Precondition::Absent(gone)],
            operations: vec![Operation::Put(row, self.row()), Operation::Put(rows::live_content(digest), Bytes::new())],
        };
        if fits(&self.belongings) {
            self.belongings.iter().for_each(|belonging| belonging.add_to(&mut last));
            return Claim { before: Vec::new(), last };
        }
        let begun = rows::begun_content(digest);
        last.preconditions.push(Precondition::Present(begun.clone()));
        last.operations.push(Operation::Delete(begun.clone()));
        let before = batches(&self.belongings, &Precondition::Present(begun));
        Claim { before, last }
    }
}

impl Belonging {
    fn add_to(&self, batch: &mut Reference) {
        batch.operations.push(self.put.clone());
        batch.preconditions.extend(self.only_if.clone());
    }

    fn bytes(&self) -> usize {
        match &self.put {
            Operation::Put(key, value) => key.as_bytes().len() + value.len(),
            Operation::Delete(_) | Operation::DeleteRange(_) => 0,
        }
    }
}

fn fits(belongings: &[Belonging]) -> bool {
    let bytes: usize = belongings.iter().map(Belonging::bytes).sum();
    belongings.len() <= limits::REFERENCE_OPERATIONS && bytes <= limits::REFERENCE_BYTES
}

/// Batches of rows, each under one condition more.
fn batches(belongings: &[Belonging], only_if: &Precondition) -> Vec<Reference> {
    let mut batches: Vec<Reference> = Vec::new();
    let mut room_bytes = 0;
    for belonging in belongings {
        let is_full = batches.last().is_none_or(|batch| batch.operations.len() == limits::REFERENCE_OPERATIONS);
        if is_full || room_bytes < belonging.bytes() {
            batches.push(Reference { preconditions: vec![only_if.clone()], operations: Vec::new() });
            room_bytes = limits::REFERENCE_BYTES;
        }
        room_bytes = room_bytes.saturating_sub(belonging.bytes());
        if let Some(batch) = batches.last_mut() {
            belonging.add_to(batch);
        }
    }
    batches
}

/// All contents of that kind.
#[derive(Debug, Default)]
pub(crate) struct AllPending(Mutex<HashMap<Sha256, Arc<Pending>>>);

impl AllPending {
    pub(crate) fn get(&self, digest: &Sha256) -> Option<Arc<Pending>> {
        self.lock().get(digest).cloned()
    }

    /// Takes a content in. False if it is there; none if there are too many.
    pub(crate) fn add(&self, digest: Sha256, pending: Pending) -> Option<bool> {
        let mut all = self.lock();
        if all.contains_key(&digest) {
            // Who was first goes on: somebody may have read it already.
            return Some(false);
        }
        if all.len() >= limits::PENDING {
            return None;
        }
        all.insert(digest, Arc::new(pending));
        Some(true)
    }

    /// Forgets a content.
    pub(crate) fn remove(&self, digest: &Sha256) -> Option<Arc<Pending>> {
        self.lock().remove(digest)
    }

    /// All that there are, and whether nobody has referred to them for too long.
    pub(crate) fn look(&self, now: Instant) -> Vec<(Sha256, bool)> {
        let is_old = |pending: &Pending| now.saturating_duration_since(pending.since) >= limits::PENDING_FOR;
        self.lock().iter().map(|(digest, pending)| (*digest, is_old(pending))).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256, Arc<Pending>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
