//! Packs: what is still needed of each, and which go.

use std::sync::Arc;

use star_core::ports::meta::{Operation, Precondition};

use super::{CollectError, CollectOptions, Collection, repack};
use crate::packed::limits;
use crate::packed::metadata::unreadable;
use crate::packed::packs::{Pack, PackError};
use crate::packed::store::Inner;
use crate::rows::{self, Ordinal, Slots};

/// What of a pack is needed.
pub(super) struct Use {
    pub(super) pack: Arc<Pack>,
    /// Contents that are made of it.
    pub(super) contents: Vec<rows::Sha256>,
    /// Stored bytes that they are made of.
    pub(super) live_bytes: u64,
    /// Stored bytes of all frames.
    pub(super) stored_bytes: u64,
}

/// Looks at every sealed pack once.
pub(super) async fn collect(
    inner: &Arc<Inner>,
    options: CollectOptions,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    let mut sparse = Vec::new();
    for pack in inner.packs.list().into_iter().filter(|pack| !pack.is_growing()) {
        let used = look(inner, pack).await?;
        if used.contents.is_empty() {
            remove_if_due(inner, &used.pack, options, collection).await?;
        } else if used.live_bytes * 100 < used.stored_bytes * limits::SPARSE_PERCENT {
            sparse.push(used);
        }
    }
    repack::copy(inner, sparse, collection).await
}

/// Finds out what of a pack is needed.
async fn look(inner: &Arc<Inner>, pack: Arc<Pack>) -> Result<Use, CollectError> {
    let (contents, slots) = edges(inner, pack.ordinal).await?;
    let (packs, looked) = (Arc::clone(&inner.packs), Arc::clone(&pack));
    let sums = move || -> Result<(u64, u64), PackError> {
        let all = packs.all_slots(&looked)?;
        let live = slots.iter().filter_map(|slot| all.get(usize::from(slot)));
        let sum =
            |slots: &mut dyn Iterator<Item = &crate::pack::Slot>| slots.map(|slot| u64::from(slot.stored_len)).sum();
        Ok((sum(&mut live.into_iter()), sum(&mut all.iter())))
    };
    let sums = tokio::task::spawn_blocking(sums).await.map_err(|error| CollectError::Pack(error.into()))?;
    let (live_bytes, stored_bytes) = sums?;
    Ok(Use { pack, contents, live_bytes, stored_bytes })
}

/// The contents that are made of a pack, and all slots that they need.
async fn edges(inner: &Inner, pack: Ordinal) -> Result<(Vec<rows::Sha256>, Slots), CollectError> {
    let (mut contents, mut slots, mut range) = (Vec::new(), Slots::default(), rows::edges(pack));
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for (key, row) in page.rows {
            slots.join(&Slots::decode(&row.value)?);
            contents.extend(rows::digest_of_edge(&key));
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok((contents, slots)),
        }
    }
}

/// Takes a pack away in which nothing is needed, in two steps with the grace between them.
async fn remove_if_due(
    inner: &Arc<Inner>,
    pack: &Arc<Pack>,
    options: CollectOptions,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    let mark = rows::live_pack(pack.ordinal);
    // Whoever found something in it and has not referred to it yet goes on; whoever comes later does
    // not find it any more.
    inner.table.forget_packs(|ordinal| ordinal == pack.ordinal);
    if !inner.leases.close(pack.ordinal) {
        return Ok(());
    }
    inner.commit_if(vec![Precondition::Present(mark.clone())], vec![Operation::Delete(mark.clone())]).await?;
    if !edges(inner, pack.ordinal).await?.0.is_empty() {
        // A reference came between the look and the mark.
        inner.commit_if(Vec::new(), vec![Operation::Put(mark, Default::default())]).await?;
        inner.leases.open(pack.ordinal);
        return Ok(());
    }
    if !inner.condemned.pack_for(pack.ordinal, options.grace, options.now) {
        return Ok(());
    }
    let (packs, name) = (Arc::clone(&inner.packs), pack.name);
    let path = packs.folder().sealed_path(name);
    inner.packs.forget(pack.ordinal);
    let remove = move || -> Result<u64, CollectError> {
        let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
        packs.folder().remove(name).map_err(|fault| CollectError::Pack(fault.into()))?;
        Ok(bytes)
    };
    let removed = tokio::task::spawn_blocking(remove).await.map_err(|error| CollectError::Pack(error.into()))?;
    collection.freed_bytes += removed?;
    collection.packs_removed += 1;
    inner.commit_if(Vec::new(), vec![Operation::Delete(rows::pack(pack.ordinal))]).await?;
    inner.condemned.forget_pack(pack.ordinal);
    Ok(())
}
