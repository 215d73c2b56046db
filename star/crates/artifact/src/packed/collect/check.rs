//! Every frame of every sealed pack is read and compared with its checksum.

use std::sync::Arc;

use star_core::find::referring;
use star_core::ports::content::{Check, Damaged, UpkeepError};
use star_path::{Digest, ResourcePath};

use super::broken;
use crate::packed::limits;
use crate::packed::metadata::unreadable;
use crate::packed::packs::Pack;
use crate::packed::store::Inner;
use crate::rows::{self, Ordinal, Slots};

/// What is wrong with a pack.
enum Wrong {
    /// Nothing in it can be had.
    Pack(String),
    /// These of so many frames are not what was written.
    Frames(Vec<usize>, usize),
}

impl Wrong {
    fn concerns(&self, slots: &Slots) -> bool {
        match self {
            Wrong::Pack(_) => true,
            Wrong::Frames(damaged, _) => slots.iter().any(|slot| damaged.contains(&usize::from(slot))),
        }
    }

    fn told(&self) -> String {
        match self {
            Wrong::Pack(what) => what.clone(),
            Wrong::Frames(damaged, all) => format!("{} of {all} frames are not what was written", damaged.len()),
        }
    }
}

/// Looks at all sealed packs, one after the other.
pub(super) async fn check(inner: &Arc<Inner>) -> Result<Check, UpkeepError> {
    let mut check = Check::default();
    for pack in inner.packs.list().into_iter().filter(|pack| !pack.is_growing()) {
        let Some(wrong) = read(inner, &pack, &mut check).await? else { continue };
        inner.quarantine_pack(&pack, &wrong.told());
        check.damaged.push(Damaged {
            file: inner.packs.folder().sealed_path(pack.name),
            what: wrong.told(),
            contents: concerned(inner, pack.ordinal, &wrong).await?,
        });
    }
    Ok(check)
}

/// Reads a pack. One that was collected meanwhile is fine.
async fn read(inner: &Arc<Inner>, pack: &Arc<Pack>, check: &mut Check) -> Result<Option<Wrong>, UpkeepError> {
    let (packs, name) = (Arc::clone(&inner.packs), pack.name);
    let read = tokio::task::spawn_blocking(move || {
        let (reader, footer) = packs.folder().read(name)?;
        let bytes: u64 = footer.slots.iter().map(|slot| u64::from(slot.stored_len)).sum();
        Ok::<_, crate::pack::Fault>((footer.slots.len(), bytes, reader.check(&footer.slots)?))
    });
    match read.await.map_err(broken)? {
        Ok((frames, bytes, damaged)) => {
            check.packs += 1;
            check.frames += frames as u64;
            check.bytes += bytes;
            Ok((!damaged.is_empty()).then_some(Wrong::Frames(damaged, frames)))
        }
        Err(_) if inner.packs.get(pack.ordinal).is_none() => Ok(None),
        Err(fault) => Ok(Some(Wrong::Pack(fault.to_string()))),
    }
}

/// The contents that cannot be read, and who refers to them.
async fn concerned(
    inner: &Inner,
    pack: Ordinal,
    wrong: &Wrong,
) -> Result<Vec<(Digest, Vec<ResourcePath>)>, UpkeepError> {
    let (mut concerned, mut range) = (Vec::new(), rows::edges(pack));
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for (key, row) in page.rows {
            let Some(sha256) = rows::digest_of_edge(&key) else { continue };
            if !wrong.concerns(&Slots::decode(&row.value)?) {
                continue;
            }
            let digest = Digest::sha256(sha256);
            let resources = referring::to_content(&inner.meta, &digest, limits::WHY).await;
            concerned.push((digest, resources.map_err(UpkeepError::Referring)?));
            if concerned.len() == limits::WHY {
                return Ok(concerned);
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(concerned),
        }
    }
}
