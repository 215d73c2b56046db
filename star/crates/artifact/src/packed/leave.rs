//! How the rows of a content go: in the batch that takes its row, or where they are too many, after it.
//!
//! What is left then is known by a row of its own, which says what the content was, so that anybody can
//! go on at any time: the collector, or whoever wants to write the content anew.

use std::collections::BTreeSet;

use star_core::ports::content::ContentError;
use star_core::ports::meta::{Operation, Precondition};

use super::limits;
use super::metadata::{extents, understood, unreadable, unwritable};
use super::store::Inner;
use crate::rows::{self, Content, Sha256};

impl Inner {
    /// Takes a condemned content away. False if somebody revived it.
    pub(crate) async fn remove(&self, sha256: &Sha256, content: &Content) -> Result<bool, ContentError> {
        let (row, live) = (rows::content_key(sha256), rows::live_content(sha256));
        let condemned = vec![Precondition::Absent(live), Precondition::Present(row.clone())];
        let belongings = self.belongings(sha256, content).await?;
        let many = belongings.len() >= limits::REFERENCE_OPERATIONS;
        let mut operations = vec![Operation::Delete(row)];
        match many {
            true => {
                let row = content.encode().map_err(unwritable)?;
                operations.push(Operation::Put(rows::gone_content(sha256), row));
            }
            false => operations.extend(belongings),
        }
        let removed = self.commit_if(condemned, operations).await?;
        if removed {
            self.condemned.forget_content(sha256);
            self.small.remove(sha256);
            self.held.take(content.size_bytes);
        }
        if removed && many {
            self.clear(sha256, content).await?;
        }
        Ok(removed)
    }

    /// Takes away what is left of a content that is gone.
    pub(crate) async fn clear(&self, sha256: &Sha256, content: &Content) -> Result<(), ContentError> {
        let gone = rows::gone_content(sha256);
        let mut left = self.belongings(sha256, content).await?;
        left.push(Operation::Delete(gone.clone()));
        for operations in left.chunks(limits::REFERENCE_OPERATIONS) {
            if !self.commit_if(vec![Precondition::Present(gone.clone())], operations.to_vec()).await? {
                // Somebody else has done it.
                break;
            }
        }
        Ok(())
    }

    /// Takes away what is there of a content that was begun, unless somebody is about to refer to it.
    pub(crate) async fn abandon_if_left(&self, sha256: &Sha256) -> Result<(), ContentError> {
        let _turn = self.beginning.lock().await;
        match self.pending.get(sha256) {
            Some(_) => Ok(()),
            None => self.abandon(sha256).await,
        }
    }

    /// Takes away what is there of a content that was begun. For whoever has the turn to begin.
    pub(crate) async fn abandon(&self, sha256: &Sha256) -> Result<(), ContentError> {
        let begun = rows::begun_content(sha256);
        let rows = self.meta.read(std::slice::from_ref(&begun)).await.map_err(unreadable)?;
        let Some(row) = rows.into_iter().next().flatten() else { return Ok(()) };
        let content = understood(sha256, &row.value)?;
        let gone = Operation::Put(rows::gone_content(sha256), row.value);
        // Nobody can make it whole from then on.
        if self.commit_if(vec![Precondition::Present(begun.clone())], vec![Operation::Delete(begun), gone]).await? {
            self.clear(sha256, &content).await?;
        }
        Ok(())
    }

    /// What takes away the rows that belong to a content. The ranges come last: a run that is cut off
    /// finds out what was left by what is in them.
    async fn belongings(&self, sha256: &Sha256, content: &Content) -> Result<Vec<Operation>, ContentError> {
        let packs: BTreeSet<_> = match extents(self, sha256, content).await {
            Ok(extents) => extents.into_iter().map(|extent| extent.pack).collect(),
            // What cannot be understood names no packs; those that it lies in keep a little too much.
            Err(ContentError::Corrupt { .. }) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        let mut operations: Vec<_> =
            packs.into_iter().map(|pack| Operation::Delete(rows::edge(pack, sha256))).collect();
        let mut range = rows::all_names(sha256);
        loop {
            let page = self.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
            let named = page.rows.iter().filter_map(|(key, _)| rows::other_of_naming(key));
            operations.extend(named.map(|named| Operation::Delete(rows::named_by(&named, sha256))));
            match page.next {
                Some(next) => range.start = next,
                None => break,
            }
        }
        for range in [
            rows::all_names(sha256),
            rows::all_named_by(sha256),
            rows::manifest_pages(sha256),
            rows::layout_pages(sha256),
        ] {
            operations.push(Operation::DeleteRange(range));
        }
        Ok(operations)
    }
}
