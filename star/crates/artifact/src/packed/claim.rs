//! How a content comes to be referred to: by a batch that says that it is there and stays, and that writes
//! its rows where it has none.
//!
//! Who takes rows away is [`leave`](super::leave). Whatever either does is one batch after the other, each
//! under conditions, so that it can be cut off anywhere.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use star_core::ports::content::{ContentError, ContentRef, Reference};
use star_core::ports::meta::{Operation, Precondition};

use super::limits;
use super::metadata::{Stored, unwritable};
use super::pending::{Claim, Pending};
use super::store::Inner;
use crate::rows::{self, Content, Sha256};

impl Inner {
    /// A content that has its rows and stays for the time of grace at least: one that was condemned is
    /// revived.
    pub(crate) async fn hold(&self, sha256: &Sha256) -> Result<Option<Content>, ContentError> {
        loop {
            match self.stored(sha256).await? {
                Stored::Live(content) => return Ok(Some(content)),
                Stored::Condemned(_) => self.revive(sha256).await.map(drop)?,
                Stored::Nothing | Stored::Gone(_) => return Ok(None),
            }
        }
    }

    /// Makes a condemned content one that may be referred to again. False if it is gone, or was live.
    pub(crate) async fn revive(&self, sha256: &Sha256) -> Result<bool, ContentError> {
        let live = rows::live_content(sha256);
        let condemned = vec![Precondition::Absent(live.clone()), Precondition::Present(rows::content_key(sha256))];
        let revived = self.commit_if(condemned, vec![Operation::Put(live, Bytes::new())]).await?;
        if revived {
            self.condemned.forget_content(sha256);
        }
        Ok(revived)
    }

    /// What a batch has to say that refers to a content.
    pub(crate) async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        let sha256 = known_name(content)?;
        let pending = self.pending.get(&sha256);
        if self.hold(&sha256).await?.is_some() {
            self.pending.remove(&sha256);
            let live = Precondition::Present(rows::live_content(&sha256));
            return Ok(Reference { preconditions: vec![live], operations: Vec::new() });
        }
        let pending = pending.ok_or_else(|| ContentError::Unknown(content.digest.clone()))?;
        if let Stored::Gone(before) = self.stored(&sha256).await? {
            self.clear(&sha256, &before).await?;
        }
        let Claim { before, last } = pending.claim(&sha256);
        if !before.is_empty() {
            self.write_ahead(&sha256, &pending, before).await?;
        }
        Ok(last)
    }

    /// Writes the rows of a content that are too many for the batch that refers to it. Until it does,
    /// they belong to a content that has begun, and whoever finds one that nobody goes on with clears it.
    async fn write_ahead(&self, sha256: &Sha256, pending: &Pending, rows: Vec<Reference>) -> Result<(), ContentError> {
        let _turn = self.beginning.lock().await;
        if pending.has_begun.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.abandon(sha256).await?;
        let (row, mark) = (rows::content_key(sha256), rows::begun_content(sha256));
        let nothing = [row, rows::gone_content(sha256), mark.clone()].map(Precondition::Absent).to_vec();
        self.commit(nothing, vec![Operation::Put(mark, pending.row())]).await?;
        for Reference { preconditions, operations } in rows {
            self.commit(preconditions, operations).await?;
        }
        pending.has_begun.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps contents for as long as another one, and notes that it names them.
    pub(crate) async fn keep_with(&self, named: &[ContentRef], by: &ContentRef) -> Result<(), ContentError> {
        let by = known_name(by)?;
        for some in named.chunks(limits::NAMED_AT_ONCE) {
            let mut attempts = limits::COMMIT_ATTEMPTS;
            while !self.keep_some_with(some, &by).await? {
                attempts -= 1;
                if attempts == 0 {
                    return Err(unwritable("others write the same contents all the time; try again"));
                }
            }
        }
        Ok(())
    }

    /// The same for as many as fit into one batch. False if something changed meanwhile.
    async fn keep_some_with(&self, named: &[ContentRef], by: &Sha256) -> Result<bool, ContentError> {
        let mut all =
            Reference { preconditions: vec![Precondition::Absent(rows::gone_content(by))], ..Reference::default() };
        let mut names = BTreeSet::new();
        for content in named {
            let named = known_name(content)?;
            if !names.insert(named) {
                continue;
            }
            let Reference { preconditions, operations } = self.refer(content).await?;
            all.preconditions.extend(preconditions);
            all.operations.extend(operations);
            all.operations.push(Operation::Put(rows::named_by(&named, by), Bytes::new()));
            all.operations.push(Operation::Put(rows::names(by, &named), Bytes::new()));
            let is_full =
                all.operations.len() > limits::REFERENCE_OPERATIONS / 2 || bytes(&all) > limits::REFERENCE_BYTES / 2;
            if is_full {
                let Reference { preconditions, operations } = std::mem::take(&mut all);
                if !self.commit_if(preconditions, operations).await? {
                    return Ok(false);
                }
                all.preconditions.push(Precondition::Absent(rows::gone_content(by)));
            }
        }
        if !self.commit_if(all.preconditions, all.operations).await? {
            return Ok(false);
        }
        names.iter().for_each(|named| drop(self.pending.remove(named)));
        Ok(true)
    }
}

/// What the operations of a batch take of it.
fn bytes(batch: &Reference) -> usize {
    let of = |operation: &Operation| match operation {
        Operation::Put(key, value) => key.as_bytes().len() + value.len(),
        Operation::Delete(key) => key.as_bytes().len(),
        Operation::DeleteRange(range) => range.start.as_bytes().len() * 2,
    };
    batch.operations.iter().map(of).sum()
}

/// The name that a content has here; one of another kind is the name of none.
fn known_name(content: &ContentRef) -> Result<Sha256, ContentError> {
    Sha256::try_from(content.digest.as_bytes()).map_err(|_| ContentError::Unknown(content.digest.clone()))
}
