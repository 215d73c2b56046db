//! Removing the rows of keys that have run out, where no write takes them with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::StarError;

use super::row::Row;
use crate::keys;
use crate::limits;
use crate::ports::meta::{Key, Operation, Precondition, Revision};
use crate::stored::{self, Change};
use crate::tree::Tree;

/// Sweeps now and then, as long as the tree lives.
pub(crate) fn sweep(tree: &Arc<Tree>) {
    let tree = Arc::downgrade(tree);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(limits::KEYS_SWEEP).await;
            let Some(tree) = tree.upgrade() else { return };
            match tree.sweep_keys().await {
                Ok(swept) => tracing::debug!(swept, "idempotency keys that have run out were removed"),
                Err(error) => tracing::warn!(%error, "idempotency keys that have run out could not be removed"),
            }
        }
    });
}

impl Tree {
    /// Removes the rows of idempotency keys that have run out; answers how many.
    pub async fn sweep_keys(&self) -> Result<u64, StarError> {
        let (root, now_ms) = (ResourcePath::root(), self.ports.clock.now_ms());
        let mut range = keys::all_once();
        let mut swept = 0;
        loop {
            let page = self.ports.meta.scan(range.clone(), limits::PAGE_MAX).await;
            let page = page.map_err(|error| stored::read_failed(&root, &error))?;
            let mut over: BTreeMap<String, Vec<(Key, Revision)>> = BTreeMap::new();
            for (key, row) in page.rows {
                let Some(space) = keys::space_of_once(&key) else { continue };
                if Row::decode(&row.value)?.until_ms <= now_ms {
                    over.entry(space.to_owned()).or_default().push((key, row.modified));
                }
            }
            for (space, rows) in over {
                let space = if space.is_empty() { ResourcePath::root() } else { ResourcePath::parse(&space)? };
                for some in rows.chunks(limits::KEYS_SWEPT) {
                    swept += self.remove_rows(&space, some).await?;
                }
            }
            match page.next {
                Some(next) => range.start = next,
                None => return Ok(swept),
            }
        }
    }

    /// Removes rows that are as they were seen: one that was written over meanwhile is left for the
    /// next time, with those that were to go with it.
    async fn remove_rows(&self, space: &ResourcePath, rows: &[(Key, Revision)]) -> Result<u64, StarError> {
        let mut change = Change::of(space, self.ports.clock.now_ms());
        for (key, written) in rows {
            change.only_if(Precondition::ModifiedAt(key.clone(), *written)).then(Operation::Delete(key.clone()));
        }
        let committed = change.commit(&self.ports.meta).await?;
        Ok(committed.map_or(0, |_| rows.len() as u64))
    }
}
