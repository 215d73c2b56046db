//! The row of a content: how many bytes it has, and where they lie.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_wire::codec;

use super::layout::{Extent, Layout};
use super::{RowError, limits};
use crate::chunk::Encoding;

/// The version of the stored form.
const SCHEMA: u8 = 1;

/// A content as the metadata store holds it, beside its digest, which is its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Length in bytes.
    pub size_bytes: u64,
    /// Where its bytes are.
    pub place: Place,
}

/// Where the bytes of a content are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the row itself; at most [`limits::INLINE_BYTES`].
    Inline(Bytes),
    /// In packs.
    Packed(Layout),
    /// In packs, and the extents are too many for the row: they stand in pages of their own.
    Paged(Paged),
}

/// A layout that stands in pages of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged {
    /// What the stored bytes are.
    pub encoding: Encoding,
    /// In how many pages.
    pub pages: u32,
}

#[derive(Serialize, Deserialize)]
enum Stored {
    Inline(Bytes),
    Packed(Encoding, Vec<Extent>),
    Paged(Paged),
}

impl Content {
    /// The stored bytes.
    pub fn encode(&self) -> Result<Bytes, RowError> {
        let place = match &self.place {
            Place::Inline(bytes) => Stored::Inline(bytes.clone()),
            Place::Packed(layout) => Stored::Packed(layout.encoding(), layout.extents().to_vec()),
            Place::Paged(paged) => Stored::Paged(*paged),
        };
        Ok(codec::encode(SCHEMA, &(self.size_bytes, place))?.into())
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Content, RowError> {
        let (size_bytes, place) = codec::decode::<(u64, Stored)>(SCHEMA, bytes)?;
        let place = match place {
            Stored::Inline(bytes) => Place::Inline(bytes),
            Stored::Packed(encoding, extents) => Place::Packed(Layout::new(encoding, size_bytes, extents)?),
            Stored::Paged(paged) => Place::Paged(paged),
        };
        Ok(Content { size_bytes, place })
    }
}

impl Layout {
    /// The place of a content with this layout, and the pages that have to be written beside its row.
    pub fn paged(self) -> Result<(Place, Vec<Bytes>), RowError> {
        if self.extents().len() <= limits::LAYOUT_PAGE_EXTENTS {
            return Ok((Place::Packed(self), Vec::new()));
        }
        let pages = self.extents().chunks(limits::LAYOUT_PAGE_EXTENTS);
        let pages = pages.map(|page| Ok(codec::encode(SCHEMA, &page)?.into())).collect::<Result<Vec<_>, RowError>>()?;
        let paged = Paged { encoding: self.encoding(), pages: pages.len() as u32 };
        Ok((Place::Paged(paged), pages))
    }

    /// Puts the layout of a content of `size_bytes` together from its pages.
    pub fn from_pages<'p>(
        paged: &Paged,
        size_bytes: u64,
        pages: impl IntoIterator<Item = &'p [u8]>,
    ) -> Result<Layout, RowError> {
        let mut extents: Vec<Extent> = Vec::new();
        for page in pages {
            extents.extend(codec::decode::<Vec<Extent>>(SCHEMA, page)?);
        }
        Ok(Layout::new(paged.encoding, size_bytes, extents)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Ordinal;

    fn scattered(count: u32) -> Layout {
        let extents = (0..count).map(|number| Extent {
            pack: Ordinal(number),
            first_slot: 9,
            slots: 1,
            offset: 4096,
            stored_len: 100,
            plain_start: u64::from(number) * 1000,
        });
        Layout::new(Encoding::Zstd, u64::from(count) * 1000, extents).unwrap()
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let layout = scattered(3);
        for place in [Place::Inline(Bytes::from_static(b"hello")), Place::Packed(layout)] {
            let row = Content { size_bytes: 3000, place };
            assert_eq!(Content::decode(&row.encode().unwrap()).unwrap(), row);
        }
    }

    #[test]
    fn a_layout_too_long_for_its_row_stands_in_pages() {
        let many = limits::LAYOUT_PAGE_EXTENTS as u32 * 2 + 1;
        let layout = scattered(many);
        let size_bytes = layout.plain_len();
        let (place, pages) = layout.clone().paged().unwrap();
        let Place::Paged(paged) = place else { panic!("{place:?}") };
        assert_eq!((paged.pages, pages.len()), (3, 3));
        assert!(pages.iter().all(|page| page.len() <= 64 * 1024));
        let row = Content { size_bytes, place: Place::Paged(paged) };
        assert_eq!(Content::decode(&row.encode().unwrap()).unwrap(), row);
        assert_eq!(Layout::from_pages(&paged, size_bytes, pages.iter().map(|page| &page[..])).unwrap(), layout);
        let cut = Layout::from_pages(&paged, size_bytes, pages[1..].iter().map(|page| &page[..]));
        assert!(matches!(cut, Err(RowError::Layout(_))), "{cut:?}");
    }

    #[test]
    fn a_full_row_fits_a_value_of_the_store() {
        let layout = scattered(limits::LAYOUT_PAGE_EXTENTS as u32);
        let row = Content { size_bytes: layout.plain_len(), place: Place::Packed(layout) };
        assert!(row.encode().unwrap().len() < 32 * 1024);
        let inline = Place::Inline(vec![7; limits::INLINE_BYTES].into());
        let row = Content { size_bytes: limits::INLINE_BYTES as u64, place: inline };
        assert!(row.encode().unwrap().len() < limits::INLINE_BYTES + 64);
    }
}
