//! Removing uploads that nobody continued in time, and rows that nobody needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use star_path::ResourcePath;
use star_wire::StarError;

use super::Upload;
use super::row::{Finished, Session};
use crate::keys;
use crate::limits;
use crate::ports::meta::{Key, KeyRange, Operation, Precondition, ScanPage};
use crate::stored::{self, Change};
use crate::tree::Tree;

/// Sweeps at once and then now and then, as long as the tree lives.
pub(crate) fn keep_sweeping(tree: &Arc<Tree>) {
    let tree = Arc::downgrade(tree);
    tokio::spawn(async move {
        loop {
            let Some(living) = tree.upgrade() else { return };
            match living.sweep_uploads().await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "uploads that nobody continued were removed"),
                Err(error) => tracing::warn!(%error, "uploads that have run out could not be removed"),
            }
            drop(living);
            tokio::time::sleep(limits::UPLOADS_SWEEP).await;
        }
    });
}

impl Tree {
    /// Removes uploads that have run out, and answers how many; takes out what is left of others.
    pub async fn sweep_uploads(&self) -> Result<u64, StarError> {
        let swept = self.sweep_open().await?;
        self.sweep_finished().await?;
        self.sweep_parts().await?;
        Ok(swept)
    }

    async fn sweep_open(&self) -> Result<u64, StarError> {
        let (mut swept, mut open) = (0, 0);
        let mut range = keys::all_uploads();
        loop {
            let page = self.page(range.clone(), limits::PAGE_MAX).await?;
            for (key, row) in page.rows {
                let Some((_, id)) = keys::id_of_upload(&key) else { continue };
                let session = Session::decode(&row.value)?;
                if session.until_ms > self.ports.clock.now_ms() {
                    open += 1;
                    continue;
                }
                let upload = Upload { id, session, seen: row.modified };
                swept += u64::from(self.forget_upload(&upload).await?);
            }
            match page.next {
                Some(next) => range.start = next,
                None => break,
            }
        }
        // Counted while others came and went; the next sweep counts again.
        self.counters.open_uploads.store(open, Ordering::Relaxed);
        Ok(swept)
    }

    async fn sweep_finished(&self) -> Result<(), StarError> {
        let mut range = keys::all_finished_uploads();
        loop {
            let page = self.page(range.clone(), limits::PAGE_MAX).await?;
            for (key, row) in page.rows {
                let finished = Finished::decode(&row.value)?;
                if finished.until_ms <= self.ports.clock.now_ms() {
                    let mut change = Change::of(&finished.path, self.ports.clock.now_ms());
                    change.only_if(Precondition::ModifiedAt(key.clone(), row.modified)).then(Operation::Delete(key));
                    change.commit(&self.ports.meta).await?;
                }
            }
            match page.next {
                Some(next) => range.start = next,
                None => return Ok(()),
            }
        }
    }

    /// Takes out parts of uploads that are no more. From one upload it goes straight to the next, so it costs as
    /// much as there are uploads.
    async fn sweep_parts(&self) -> Result<(), StarError> {
        let mut range = keys::all_upload_parts();
        loop {
            let first = self.page(range.clone(), 1).await?;
            let Some((key, _)) = first.rows.first() else { return Ok(()) };
            let Some((space, id)) = keys::id_of_upload(key) else { return Ok(()) };
            let path = if space.is_empty() { ResourcePath::root() } else { ResourcePath::parse(&space)? };
            if !self.is_there(keys::upload(&space, id)).await? {
                self.release_parts(&path, id).await?;
            }
            match keys::upload_parts(&space, id).end {
                Some(next) if range.contains(&next) => range.start = next,
                _ => return Ok(()),
            }
        }
    }

    async fn is_there(&self, key: Key) -> Result<bool, StarError> {
        let rows = self.ports.meta.read(&[key]).await;
        let rows = rows.map_err(|error| stored::read_failed(&ResourcePath::root(), &error))?;
        Ok(rows.into_iter().flatten().next().is_some())
    }

    async fn page(&self, range: KeyRange, limit: usize) -> Result<ScanPage, StarError> {
        let page = self.ports.meta.scan(range, limit).await;
        page.map_err(|error| stored::read_failed(&ResourcePath::root(), &error))
    }
}
