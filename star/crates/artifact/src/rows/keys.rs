//! Which bytes the rows stand under.

use star_core::ports::meta::{Key, KeyRange};

use super::{Ordinal, Sha256};

/// The end of the key of a mark.
const LIVE: &[u8] = b"live";

/// Bytes of the name of a table.
const TABLE: usize = 2;

/// The row of a content.
pub fn content(digest: &Sha256) -> Key {
    key(b"x/", &[digest])
}

/// The mark of a content that may be referred to.
pub fn live_content(digest: &Sha256) -> Key {
    key(b"x/", &[digest, LIVE])
}

/// All contents with their marks, from one digest on.
pub fn contents() -> KeyRange {
    KeyRange::prefix(&b"x/"[..])
}

/// The digest in the key of a content or of its mark.
pub fn digest_of_content(key: &Key) -> Option<Sha256> {
    key.as_bytes().strip_prefix(b"x/")?.get(..32)?.try_into().ok()
}

/// Whether a key is that of a mark and not of a row.
pub fn is_live_mark(key: &Key) -> bool {
    let marked = TABLE + 32 + LIVE.len();
    let pack_marked = TABLE + 4 + LIVE.len();
    let bytes = key.as_bytes();
    match bytes.get(..TABLE) {
        Some(b"x/") => bytes.len() == marked,
        Some(b"p/") => bytes.len() == pack_marked,
        _ => false,
    }
}

/// A page of a manifest.
pub fn manifest_page(digest: &Sha256, page: u32) -> Key {
    key(b"m/", &[digest, &page.to_be_bytes()])
}

/// All pages of a manifest.
pub fn manifest_pages(digest: &Sha256) -> KeyRange {
    KeyRange::prefix([b"m/", &digest[..]].concat())
}

/// All pages of a layout.
pub fn layout_pages(digest: &Sha256) -> KeyRange {
    KeyRange::prefix([b"l/", &digest[..]].concat())
}

/// A page of a layout.
pub fn layout_page(digest: &Sha256, page: u32) -> Key {
    key(b"l/", &[digest, &page.to_be_bytes()])
}

/// The row of a pack.
pub fn pack(ordinal: Ordinal) -> Key {
    key(b"p/", &[&ordinal.0.to_be_bytes()])
}

/// The mark of a pack that layouts may name.
pub fn live_pack(ordinal: Ordinal) -> Key {
    key(b"p/", &[&ordinal.0.to_be_bytes(), LIVE])
}

/// All packs with their marks.
pub fn packs() -> KeyRange {
    KeyRange::prefix(&b"p/"[..])
}

/// The ordinal in the key of a pack or of its mark.
pub fn ordinal_of_pack(key: &Key) -> Option<Ordinal> {
    let bytes = key.as_bytes().strip_prefix(b"p/")?.get(..4)?;
    Some(Ordinal(u32::from_be_bytes(bytes.try_into().ok()?)))
}

/// The slots of a pack that a content is made of.
pub fn edge(ordinal: Ordinal, digest: &Sha256) -> Key {
    key(b"f/", &[&ordinal.0.to_be_bytes(), digest])
}

/// All contents that are made of slots of a pack.
pub fn edges(ordinal: Ordinal) -> KeyRange {
    KeyRange::prefix([b"f/", &ordinal.0.to_be_bytes()[..]].concat())
}

/// The content in the key of an edge.
pub fn digest_of_edge(key: &Key) -> Option<Sha256> {
    key.as_bytes().strip_prefix(b"f/")?.get(4..)?.try_into().ok()
}

/// A content that names another: an index of files names the files.
pub fn names(named: &Sha256, by: &Sha256) -> Key {
    key(b"u/", &[named, by])
}

/// All contents that name a content.
pub fn named_by(named: &Sha256) -> KeyRange {
    KeyRange::prefix([b"u/", &named[..]].concat())
}

/// The content that names another, in the key that says so.
pub fn digest_of_naming(key: &Key) -> Option<Sha256> {
    key.as_bytes().strip_prefix(b"u/")?.get(32..)?.try_into().ok()
}

fn key(table: &[u8; TABLE], parts: &[&[u8]]) -> Key {
    Key::new([&table[..], &parts.concat()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_marks_are_told_apart_and_name_what_they_are_of() {
        let digest = [0x6c; 32];
        for (key, marked) in [(content(&digest), false), (live_content(&digest), true)] {
            assert_eq!((digest_of_content(&key), is_live_mark(&key)), (Some(digest), marked));
            assert!(contents().contains(&key));
        }
        for (key, marked) in [(pack(Ordinal(7)), false), (live_pack(Ordinal(7)), true)] {
            assert_eq!((ordinal_of_pack(&key), is_live_mark(&key)), (Some(Ordinal(7)), marked));
            assert!(packs().contains(&key));
        }
        assert!(!is_live_mark(&edge(Ordinal(7), &digest)));
    }

    #[test]
    fn what_a_key_names_is_read_back() {
        let (one, other) = ([3; 32], [4; 32]);
        assert_eq!(digest_of_edge(&edge(Ordinal(9), &one)), Some(one));
        assert_eq!(digest_of_naming(&names(&one, &other)), Some(other));
        assert!(manifest_pages(&one).contains(&manifest_page(&one, 7)));
        assert!(
            layout_pages(&one).contains(&layout_page(&one, 7)) && !layout_pages(&one).contains(&layout_page(&other, 7))
        );
    }

    #[test]
    fn edges_of_a_pack_are_one_range_and_none_of_its_neighbours() {
        let of = |ordinal| edge(Ordinal(ordinal), &[0xff; 32]);
        assert!(edges(Ordinal(255)).contains(&of(255)));
        assert!(!edges(Ordinal(255)).contains(&of(256)) && !edges(Ordinal(255)).contains(&of(254)));
        let (named, by) = ([1; 32], [2; 32]);
        assert!(named_by(&named).contains(&names(&named, &by)) && !named_by(&by).contains(&names(&named, &by)));
    }
}
