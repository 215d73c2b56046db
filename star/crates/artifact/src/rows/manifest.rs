//! Which chunks a content is made of, in pages.
//!
//! A manifest is written with its content and never again. Only contents that were cut into chunks
//! have one.

use bytes::Bytes;
use star_wire::codec;

use super::{RowError, limits};
use crate::chunk::ChunkId;

/// The version of the stored form.
const SCHEMA: u8 = 1;

/// A chunk of a content, and its length in bytes.
pub type Piece = (ChunkId, u32);

/// The pages of a manifest.
pub fn pages(pieces: &[Piece]) -> Result<Vec<Bytes>, RowError> {
    let pages = pieces.chunks(limits::MANIFEST_PAGE_CHUNKS);
    pages.map(|page| Ok(codec::encode(SCHEMA, &page)?.into())).collect()
}

/// The chunks of a page.
pub fn read_page(page: &[u8]) -> Result<Vec<Piece>, RowError> {
    Ok(codec::decode(SCHEMA, page)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let pieces: Vec<Piece> = (0..2_500u32).map(|n| (ChunkId::of(&n.to_be_bytes()), n)).collect();
        let pages = pages(&pieces).unwrap();
        assert_eq!(pages.len(), 3);
        assert!(pages.iter().all(|page| page.len() < 40 * 1024));
        let read: Vec<Piece> = pages.iter().flat_map(|page| read_page(page).unwrap()).collect();
        assert_eq!(read, pieces);
    }
}
