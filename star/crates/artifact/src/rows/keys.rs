//! Which bytes the rows stand under.

use star_core::ports::meta::{Key, KeyRange};

use super::{Ordinal, Sha256};

/// The end of the key of the mark of what may be referred to.
const LIVE: &[u8] = b"live";

/// The end of the key of a content that has rows before it has its own.
const BEGUN: &[u8] = b"begun";

/// The end of the key of a content that is gone and has rows that are not.
const GONE: &[u8] = b"gone";

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

/// The row of a content that nobody refers to yet, while rows that belong to it are written ahead.
pub fn begun_content(digest: &Sha256) -> Key {
    key(b"x/", &[digest, BEGUN])
}

/// The row of a content that is gone, while rows that belonged to it are still there.
pub fn gone_content(digest: &Sha256) -> Key {
    key(b"x/", &[digest, GONE])
}

/// All contents with what else is said of them, from one digest on.
pub fn contents() -> KeyRange {
    KeyRange::prefix(&b"x/"[..])
}

/// What a key of [`contents`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKey {
    /// [`content`].
    Row(Sha256),
    /// [`live_content`].
    Live(Sha256),
    /// [`begun_content`].
    Begun(Sha256),
    /// [`gone_content`].
    Gone(Sha256),
}

impl ContentKey {
    /// Reads a key; none if it is another one.
    pub fn read(key: &Key) -> Option<ContentKey> {
        let bytes = key.as_bytes().strip_prefix(b"x/")?;
        let (digest, end) = bytes.split_first_chunk::<32>()?;
        match end {
            [] => Some(ContentKey::Row(*digest)),
            LIVE => Some(ContentKey::Live(*digest)),
            BEGUN => Some(ContentKey::Begun(*digest)),
            GONE => Some(ContentKey::Gone(*digest)),
            _ => None,
        }
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

/// The content and the number of a page, in the key of a page of a layout.
pub fn layout_page_of(key: &Key) -> Option<(Sha256, u32)> {
    let (digest, page) = key.as_bytes().strip_prefix(b"l/")?.split_first_chunk::<32>()?;
    Some((*digest, u32::from_be_bytes(page.try_into().ok()?)))
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

/// What a key of [`packs`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackKey {
    /// [`pack`].
    Row(Ordinal),
    /// [`live_pack`].
    Live(Ordinal),
}

impl PackKey {
    /// Reads a key; none if it is another one.
    pub fn read(key: &Key) -> Option<PackKey> {
        let bytes = key.as_bytes().strip_prefix(b"p/")?;
        let (ordinal, end) = bytes.split_first_chunk::<4>()?;
        let ordinal = Ordinal(u32::from_be_bytes(*ordinal));
        match end {
            [] => Some(PackKey::Row(ordinal)),
            LIVE => Some(PackKey::Live(ordinal)),
            _ => None,
        }
    }
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

/// A content that names another, as an index of files names the files: from the one that is named.
pub fn named_by(named: &Sha256, by: &Sha256) -> Key {
    key(b"u/", &[named, by])
}

/// All contents that name a content.
pub fn all_named_by(named: &Sha256) -> KeyRange {
    KeyRange::prefix([b"u/", &named[..]].concat())
}

/// The same from the one that names.
pub fn names(by: &Sha256, named: &Sha256) -> Key {
    key(b"n/", &[by, named])
}

/// All contents that a content names.
pub fn all_names(by: &Sha256) -> KeyRange {
    KeyRange::prefix([b"n/", &by[..]].concat())
}

/// The other content in a key of [`all_named_by`] or [`all_names`].
pub fn other_of_naming(key: &Key) -> Option<Sha256> {
    let bytes = key.as_bytes();
    bytes.strip_prefix(b"u/").or_else(|| bytes.strip_prefix(b"n/"))?.get(32..)?.try_into().ok()
}

/// What a row of these tables is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOf {
    /// A content: `x/`, `m/`, `l/`, and `f/`, which says what of a pack is needed for it.
    Content(Sha256),
    /// A pack: `p/`.
    Pack(Ordinal),
    /// Two contents, one of which names the other: `u/`, `n/`.
    Both(Sha256, Sha256),
}

impl RowOf {
    /// Reads a key; none if it is of another table.
    pub fn read(key: &Key) -> Option<RowOf> {
        let (table, rest) = key.as_bytes().split_first_chunk::<TABLE>()?;
        let digest = |bytes: &[u8]| bytes.first_chunk::<32>().copied();
        match table {
            b"x/" | b"m/" | b"l/" => digest(rest).map(RowOf::Content),
            b"f/" => digest(rest.get(4..)?).map(RowOf::Content),
            b"p/" => rest.first_chunk::<4>().map(|ordinal| RowOf::Pack(Ordinal(u32::from_be_bytes(*ordinal)))),
            b"u/" | b"n/" => Some(RowOf::Both(digest(rest)?, digest(rest.get(32..)?)?)),
            _ => None,
        }
    }
}

fn key(table: &[u8; TABLE], parts: &[&[u8]]) -> Key {
    Key::new([&table[..], &parts.concat()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_row_is_told_apart_from_it() {
        let digest = [0x6c; 32];
        for (key, read) in [
            (content(&digest), ContentKey::Row(digest)),
            (live_content(&digest), ContentKey::Live(digest)),
            (begun_content(&digest), ContentKey::Begun(digest)),
            (gone_content(&digest), ContentKey::Gone(digest)),
        ] {
            assert_eq!((ContentKey::read(&key), PackKey::read(&key)), (Some(read), None));
            assert!(contents().contains(&key));
        }
        let ordinal = Ordinal(0x6c69);
        for (key, read) in [(pack(ordinal), PackKey::Row(ordinal)), (live_pack(ordinal), PackKey::Live(ordinal))] {
            assert_eq!((PackKey::read(&key), ContentKey::read(&key)), (Some(read), None));
            assert!(packs().contains(&key));
        }
        let edge = edge(ordinal, &digest);
        assert_eq!((PackKey::read(&edge), ContentKey::read(&edge)), (None, None));
    }

    #[test]
    fn what_a_key_names_is_read_back() {
        let (one, other) = ([3; 32], [4; 32]);
        assert_eq!(digest_of_edge(&edge(Ordinal(9), &one)), Some(one));
        assert_eq!(other_of_naming(&named_by(&one, &other)), Some(other));
        assert_eq!(other_of_naming(&names(&one, &other)), Some(other));
        assert!(manifest_pages(&one).contains(&manifest_page(&one, 7)));
        assert!(
            layout_pages(&one).contains(&layout_page(&one, 7)) && !layout_pages(&one).contains(&layout_page(&other, 7))
        );
    }

    #[test]
    fn every_row_is_about_something() {
        let (one, other, ordinal) = ([1; 32], [2; 32], Ordinal(9));
        for (key, about) in [
            (content(&one), RowOf::Content(one)),
            (live_content(&one), RowOf::Content(one)),
            (manifest_page(&one, 3), RowOf::Content(one)),
            (layout_page(&one, 3), RowOf::Content(one)),
            (edge(ordinal, &one), RowOf::Content(one)),
            (pack(ordinal), RowOf::Pack(ordinal)),
            (live_pack(ordinal), RowOf::Pack(ordinal)),
            (named_by(&one, &other), RowOf::Both(one, other)),
            (names(&one, &other), RowOf::Both(one, other)),
        ] {
            assert_eq!(RowOf::read(&key), Some(about));
        }
        assert_eq!((RowOf::read(&Key::new("r/acme")), RowOf::read(&Key::new("x/short"))), (None, None));
        assert_eq!(layout_page_of(&layout_page(&one, 3)), Some((one, 3)));
    }

    #[test]
    fn edges_of_a_pack_are_one_range_and_none_of_its_neighbours() {
        let of = |ordinal| edge(Ordinal(ordinal), &[0xff; 32]);
        assert!(edges(Ordinal(255)).contains(&of(255)));
        assert!(!edges(Ordinal(255)).contains(&of(256)) && !edges(Ordinal(255)).contains(&of(254)));
        let (named, by) = ([1; 32], [2; 32]);
        assert!(
            all_named_by(&named).contains(&named_by(&named, &by))
                && !all_named_by(&by).contains(&named_by(&named, &by))
        );
        assert!(all_names(&by).contains(&names(&by, &named)) && !all_names(&named).contains(&names(&by, &named)));
    }
}
