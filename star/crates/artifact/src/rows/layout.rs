//! Where the bytes of a content lie: a list of extents, in the order of the content.
//!
//! Owns that a list makes sense: nobody else looks again. Which chunks a content is made of stands in
//! its [manifest](super::manifest) and never changes; a layout is rewritten when a pack is.

use serde::{Deserialize, Serialize};

use super::Ordinal;
use crate::chunk::Encoding;

/// Consecutive frames of one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// In which pack.
    pub pack: Ordinal,
    /// The first frame, by its slot.
    pub first_slot: u16,
    /// How many frames.
    pub slots: u16,
    /// Where the first begins in the file.
    pub offset: u32,
    /// Bytes in the file.
    pub stored_len: u32,
    /// Where the plain bytes of the first frame begin in the content.
    pub plain_start: u64,
}

impl Extent {
    /// Whether another follows right behind it in the same file.
    pub fn is_continued_by(&self, next: &Extent) -> bool {
        let follows = u64::from(self.first_slot) + u64::from(self.slots) == u64::from(next.first_slot);
        self.pack == next.pack && follows && self.end() == u64::from(next.offset)
    }

    /// Where it ends in the file.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.stored_len)
    }
}

/// All extents of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    encoding: Encoding,
    plain_len: u64,
    extents: Vec<Extent>,
    /// Where each extent begins in the stored form, and where the last ends.
    stored_starts: Vec<u64>,
}

/// Why a list of extents is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// An extent has nothing in it.
    #[error("extent {0} is empty")]
    Empty(usize),
    /// An extent does not begin where the one before it must end.
    #[error("extent {0} begins at the wrong place of the content")]
    OutOfOrder(usize),
    /// Plain bytes are stored as they are, and there are not as many as there should be.
    #[error("{stored} bytes are stored as they are, of a content of {plain}")]
    Length {
        /// Bytes that are stored.
        stored: u64,
        /// Bytes of the content.
        plain: u64,
    },
}

impl Layout {
    /// The layout of a content of `plain_len` bytes. Neighbours that lie behind each other in a file
    /// become one extent.
    pub fn new(
        encoding: Encoding,
        plain_len: u64,
        extents: impl IntoIterator<Item = Extent>,
    ) -> Result<Layout, LayoutError> {
        let extents = joined(extents);
        for (index, extent) in extents.iter().enumerate() {
            if extent.slots == 0 || extent.stored_len == 0 {
                return Err(LayoutError::Empty(index));
            }
            let after_the_last = index == 0 || extent.plain_start > extents[index - 1].plain_start;
            let begins_well = (index == 0) == (extent.plain_start == 0);
            if !after_the_last || !begins_well || extent.plain_start >= plain_len {
                return Err(LayoutError::OutOfOrder(index));
            }
        }
        let mut stored_starts = Vec::with_capacity(extents.len() + 1);
        let mut stored = 0;
        for extent in &extents {
            stored_starts.push(stored);
            stored += u64::from(extent.stored_len);
        }
        stored_starts.push(stored);
        if extents.is_empty() != (plain_len == 0) || (encoding == Encoding::Raw && stored != plain_len) {
            return Err(LayoutError::Length { stored, plain: plain_len });
        }
        Ok(Layout { encoding, plain_len, extents, stored_starts })
    }

    /// What the stored bytes are.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Length of the content in bytes.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Length of the stored form in bytes.
    pub fn stored_len(&self) -> u64 {
        self.stored_starts.last().copied().unwrap_or_default()
    }

    /// The extents, in the order of the content.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// The pieces of files that make up bytes `start..start + len` of the stored form, which must lie
    /// inside it: the extent of which each is a part, where it begins in the file, its length.
    pub fn stored_range(&self, start: u64, len: u64) -> impl Iterator<Item = (&Extent, u64, u64)> {
        let end = start + len;
        let first = self.stored_starts.partition_point(|begins| *begins <= start).saturating_sub(1);
        self.extents.iter().zip(&self.stored_starts).skip(first).map_while(move |(extent, &begins)| {
            let from = start.max(begins);
            let to = end.min(begins + u64::from(extent.stored_len));
            (from < to).then(|| (extent, u64::from(extent.offset) + (from - begins), to - from))
        })
    }

    /// The extents that hold bytes `start..start + len` of the plain form, which must lie inside it.
    pub fn plain_range(&self, start: u64, len: u64) -> &[Extent] {
        let first = self.extents.partition_point(|extent| extent.plain_start <= start).saturating_sub(1);
        let end = self.extents.partition_point(|extent| extent.plain_start < start + len);
        self.extents.get(first..end.max(first)).unwrap_or_default()
    }
}

fn joined(extents: impl IntoIterator<Item = Extent>) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents {
        match joined.last_mut() {
            // A pack is at most 64 MiB, so that neither sum is ever too large for what it is kept in.
            Some(last) if last.is_continued_by(&extent) => {
                last.slots += extent.slots;
                last.stored_len += extent.stored_len;
            }
            _ => joined.push(extent),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(pack: u32, first_slot: u16, offset: u32, stored_len: u32, plain_start: u64) -> Extent {
        Extent { pack: Ordinal(pack), first_slot, slots: 1, offset, stored_len, plain_start }
    }

    #[test]
    fn what_lies_behind_each_other_is_one_extent() {
        let pieces = [extent(1, 0, 4096, 10, 0), extent(1, 1, 4106, 20, 100), extent(2, 2, 4126, 5, 300)];
        let layout = Layout::new(Encoding::Zstd, 400, pieces).unwrap();
        assert_eq!((layout.extents().len(), layout.stored_len()), (2, 35));
        assert_eq!(layout.extents()[0], Extent { slots: 2, stored_len: 30, ..pieces[0] });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let of = |extents: &[Extent]| Layout::new(Encoding::Zstd, 400, extents.iter().copied()).unwrap_err();
        assert_eq!(of(&[extent(1, 0, 0, 0, 0)]), LayoutError::Empty(0));
        assert_eq!(of(&[extent(1, 0, 0, 9, 1)]), LayoutError::OutOfOrder(0));
        assert_eq!(of(&[extent(1, 0, 0, 9, 0), extent(2, 0, 0, 9, 0)]), LayoutError::OutOfOrder(1));
        assert_eq!(of(&[extent(1, 0, 0, 9, 0), extent(2, 0, 0, 9, 400)]), LayoutError::OutOfOrder(1));
        assert_eq!(of(&[]), LayoutError::Length { stored: 0, plain: 400 });
        let short = Layout::new(Encoding::Raw, 400, [extent(1, 0, 0, 9, 0)]).unwrap_err();
        assert_eq!(short, LayoutError::Length { stored: 9, plain: 400 });
    }

    proptest! {
        #[test]
        fn a_range_of_the_stored_form_is_that_range_of_all_pieces(
            lens in proptest::collection::vec(1u32..50, 1..20),
            cut in (0.0..1.0f64, 0.0..1.0f64),
        ) {
            let mut plain_start = 0;
            let extents: Vec<Extent> = lens.iter().enumerate().map(|(number, &len)| {
                let extent = extent(number as u32, 3, 4096 + number as u32, len, plain_start);
                plain_start += 100;
                extent
            }).collect();
            let layout = Layout::new(Encoding::Zstd, plain_start, extents.clone()).unwrap();
            let bytes: Vec<(u32, u64)> = extents.iter()
                .flat_map(|e| (0..u64::from(e.stored_len)).map(|at| (e.pack.0, u64::from(e.offset) + at)))
                .collect();
            let start = (cut.0 * bytes.len() as f64) as usize;
            let len = (cut.1 * (bytes.len() - start) as f64) as usize;
            let got: Vec<(u32, u64)> = layout.stored_range(start as u64, len as u64)
                .flat_map(|(extent, offset, len)| (offset..offset + len).map(move |at| (extent.pack.0, at)))
                .collect();
            prop_assert_eq!(&got[..], &bytes[start..start + len]);
        }

        #[test]
        fn a_range_of_the_plain_form_is_in_the_extents_that_are_named_and_in_no_other(
            count in 1u64..20, start in 0u64..2_000, len in 1u64..500,
        ) {
            let extents = (0..count).map(|n| extent(n as u32, 0, 0, 1, n * 100));
            let layout = Layout::new(Encoding::Zstd, count * 100, extents).unwrap();
            prop_assume!(start + len <= count * 100);
            let got: Vec<u64> = layout.plain_range(start, len).iter().map(|e| u64::from(e.pack.0)).collect();
            let wanted: Vec<u64> = (start / 100..=(start + len - 1) / 100).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}
