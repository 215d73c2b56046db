//! Copies what is needed of packs in which little is, so that they can go.
//!
//! Frames are copied as they are. A content gets its layout anew in one batch: whoever reads it by the
//! layout of before finds the pack still there, for as long as the grace lasts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use star_core::ports::meta::{Operation, Precondition};

use super::packs::Use;
use super::{CollectError, Collection};
use crate::chunk::Frame;
use crate::pack::{Class, Slot};
use crate::packed::limits;
use crate::packed::metadata::extents;
use crate::packed::packs::PackError;
use crate::packed::store::Inner;
use crate::rows::{self, Content, Extent, Layout, Ordinal, Place, Sha256, Slots};

/// Where a frame lies by now.
type Moved = HashMap<(Ordinal, u16), (Ordinal, u16, Slot)>;

/// Copies the rest of sparse packs, the emptiest first, as far as a run goes.
pub(super) async fn copy(
    inner: &Arc<Inner>,
    mut sparse: Vec<Use>,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    sparse.sort_by_key(|used| used.live_bytes * 1000 / used.stored_bytes.max(1));
    let mut copied = 0;
    for used in sparse {
        if copied + used.live_bytes > limits::REPACK_BYTES {
            break;
        }
        let Some(contents) = movable(inner, &used).await? else { continue };
        copied += used.live_bytes;
        copy_pack(inner, used.pack.ordinal, contents).await?;
        collection.packs_copied += 1;
        collection.copied_bytes += used.live_bytes;
    }
    Ok(())
}

/// A content that is made of a pack, and where it lies.
struct Made {
    digest: Sha256,
    content: Content,
    extents: Vec<Extent>,
}

/// The contents that are made of a pack; none if the new layout of one could be too long to be written at
/// once, so that the pack stays.
async fn movable(inner: &Inner, used: &Use) -> Result<Option<Vec<Made>>, CollectError> {
    let mut contents = Vec::with_capacity(used.contents.len());
    for digest in &used.contents {
        let Some(content) = inner.stored(digest).await?.content() else { continue };
        let extents = extents(inner, digest, &content).await?;
        // At worst each frame in this pack becomes an extent of its own.
        let here = extents.iter().filter(|extent| extent.pack == used.pack.ordinal);
        let more: usize = here.map(|extent| usize::from(extent.slots)).sum();
        if extents.len() + more > limits::REWRITE_EXTENTS {
            tracing::info!(pack = %used.pack.name, "a content is in too many pieces to be moved out of a pack");
            return Ok(None);
        }
        contents.push(Made { digest: *digest, content, extents });
    }
    Ok(Some(contents))
}

/// Copies the rest of a pack, content by content, so that what is read together lies together.
async fn copy_pack(inner: &Arc<Inner>, pack: Ordinal, contents: Vec<Made>) -> Result<(), CollectError> {
    let mut moved = Moved::new();
    for made in contents {
        move_frames(inner, pack, &made.extents, &mut moved).await?;
        rewrite(inner, made, &moved).await?;
    }
    Ok(())
}

/// Writes the frames of a content that lie in a pack once more, durably.
async fn move_frames(
    inner: &Arc<Inner>,
    from: Ordinal,
    extents: &[Extent],
    moved: &mut Moved,
) -> Result<(), CollectError> {
    let mut wanted: BTreeMap<u16, Extent> = BTreeMap::new();
    for extent in extents.iter().filter(|extent| extent.pack == from) {
        for number in extent.first_slot..extent.first_slot + extent.slots {
            if !moved.contains_key(&(from, number)) {
                wanted.insert(number, Extent { first_slot: number, slots: 1, ..*extent });
            }
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let packs = Arc::clone(&inner.packs);
    let read = move || -> Result<(Class, Vec<(u16, Frame)>), PackError> {
        let mut frames = Vec::new();
        for (number, extent) in wanted {
            let (reader, slots) = packs.slots(&extent)?;
            for slot in slots {
                let (chunk, plain_len, encoding) = (slot.chunk, slot.plain_len, slot.encoding);
                frames.push((number, Frame { chunk, plain_len, encoding, stored: reader.frame(&slot)?.into() }));
            }
        }
        Ok((packs.class(from)?, frames))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(|error| CollectError::Pack(error.into()))?;
    let (class, frames) = read?;
    let (numbers, frames): (Vec<u16>, Vec<Frame>) = frames.into_iter().unzip();
    let mut numbers = numbers.into_iter();
    let writer = inner.writer(class);
    let all_placed = writer.append(frames).await?;
    writer.sync().await?;
    for placed in all_placed {
        inner.packs.require_sure(placed.pack, placed.first_slot, placed.slots.len())?;
        for ((slot_number, slot), number) in (placed.first_slot..).zip(placed.slots).zip(&mut numbers) {
            moved.insert((from, number), (placed.pack, slot_number, slot));
        }
    }
    Ok(())
}

/// Gives a content its layout anew. What else became of it meanwhile is not of interest: that stands in
/// its marks, and its row is changed here alone.
async fn rewrite(inner: &Arc<Inner>, made: Made, moved: &Moved) -> Result<(), CollectError> {
    let Made { digest, content, extents: before } = made;
    let encoding = match &content.place {
        Place::Packed(layout) => layout.encoding(),
        Place::Paged(paged) => paged.encoding,
        Place::Inline(_) => return Ok(()),
    };
    let mut after = Vec::new();
    for extent in &before {
        after.extend(follow(inner, extent, moved).await?);
    }
    let layout = Layout::new(encoding, content.size_bytes, after).map_err(rows::RowError::from)?;
    let row = rows::content_key(&digest);
    let (mut preconditions, mut operations) = (vec![Precondition::Present(row.clone())], Vec::new());
    let (edges_before, edges_after) = (edges(&before), edges(layout.extents()));
    for pack in edges_before.keys().filter(|pack| !edges_after.contains_key(pack)) {
        operations.push(Operation::Delete(rows::edge(*pack, &digest)));
    }
    for (pack, slots) in edges_after.iter().filter(|(pack, slots)| edges_before.get(pack) != Some(slots)) {
        preconditions.push(Precondition::Present(rows::live_pack(*pack)));
        operations.push(Operation::Put(rows::edge(*pack, &digest), slots.encode()?));
    }
    operations.push(Operation::DeleteRange(rows::layout_pages(&digest)));
    let (place, pages) = layout.paged()?;
    for (number, page) in (0..).zip(pages) {
        operations.push(Operation::Put(rows::layout_page(&digest, number), page));
    }
    operations.push(Operation::Put(row, Content { place, ..content }.encode()?));
    inner.commit_if(preconditions, operations).await?;
    Ok(())
}

/// Which slots of which packs extents are made of.
fn edges(extents: &[Extent]) -> BTreeMap<Ordinal, Slots> {
    let mut edges: BTreeMap<Ordinal, Slots> = BTreeMap::new();
    for extent in extents {
        edges.entry(extent.pack).or_default().add(extent.first_slot, extent.slots);
    }
    edges
}

/// An extent with its frames where they lie by now.
async fn follow(inner: &Arc<Inner>, extent: &Extent, moved: &Moved) -> Result<Vec<Extent>, CollectError> {
    if !moved.contains_key(&(extent.pack, extent.first_slot)) {
        return Ok(vec![*extent]);
    }
    let (packs, asked) = (Arc::clone(&inner.packs), *extent);
    let slots = tokio::task::spawn_blocking(move || packs.slots(&asked)).await;
    let (_, slots) = slots.map_err(|error| CollectError::Pack(error.into()))??;
    let mut plain_start = extent.plain_start;
    let mut followed = Vec::new();
    for (number, old) in (extent.first_slot..).zip(slots) {
        let (pack, first_slot, slot) = moved.get(&(extent.pack, number)).copied().unwrap_or((extent.pack, number, old));
        let Slot { offset, stored_len, .. } = slot;
        followed.push(Extent { pack, first_slot, slots: 1, offset, stored_len, plain_start });
        plain_start += u64::from(old.plain_len);
    }
    Ok(followed)
}
