//! The layout of the ordered index: which bytes stand for what.
//!
//! | key | value |
//! |---|---|
//! | `r/` path | the [`Record`](crate::record::Record) of a resource |
//! | `c/` parent `00` last segment | the kind of a child, as one byte |
//! | `t/` series `00` tag | the version that a tag names |
//! | `w/` path | the former [`Status`](crate::status::Status)es of a resource |
//! | `n/` parent `00` name | how far a [name with `%`](crate::numbers) was counted |
//! | `v/` series `00` version | the digest under which a version was published |
//! | `a/` term path | nothing: a resource is [found by this term](crate::find) |
//! | `z/` path | nothing: a tree whose rows in `a/` are still to be taken out |
//! | `z/` `00` `found` | how far the rows in `a/` were made |
//! | `h/` path `00` `fence`, `lease` | the lock that somebody holds, as [`held`](crate::lock::held) says |
//! | `i/` Space `00` caller, key | what was answered under an idempotency key, as [`once`](crate::once) says |
//! | `s/` Space `00` id | an [upload](crate::uploads) that is under way |
//! | `q/` Space `00` id offset | a part of it: the content that begins there |
//! | `b/` term Space `00` id offset | nothing: a content is such a part |
//! | `d/` Space `00` id | that an upload became a File |
//!
//! A path is its canonical text, so that a subtree is one range: everything below `acme:web`
//! begins with `acme:web:`. The shard is not part of a key, because it follows from the path and
//! a list over many Spaces would fall into a thousand ranges.

use star_path::{PathError, ResourcePath};

use crate::ports::meta::{Key, KeyRange, Operation, Shard};
use crate::uploads::UploadId;

/// How long the name of a table is, with which every key begins.
pub const TABLE_BYTES: usize = 2;

/// How long a term is, which stands between the table `a/` and the path.
pub const TERM_BYTES: usize = 16;

/// The shard that a path belongs to.
pub fn shard(path: &ResourcePath) -> Shard {
    Shard::of_space(path.space().unwrap_or_default())
}

/// The record of a resource.
pub fn record(path: &ResourcePath) -> Key {
    Key::new(["r/", path.as_str()].concat())
}

/// The path behind the key of a record.
pub fn path_of_record(key: &Key) -> Option<ResourcePath> {
    let text = std::str::from_utf8(key.as_bytes().strip_prefix(b"r/")?).ok()?;
    ResourcePath::parse(text).ok()
}

/// The records whose path begins with a text.
pub fn records_with_prefix(prefix: &str) -> KeyRange {
    KeyRange::prefix(["r/", prefix].concat())
}

/// A child under its parent.
pub fn child(parent: &ResourcePath, child: &ResourcePath) -> Key {
    Key::new(["c/", parent.as_str(), "\0", last_segment(parent, child)].concat())
}

/// All children of a parent.
pub fn children(parent: &ResourcePath) -> KeyRange {
    KeyRange::prefix(["c/", parent.as_str(), "\0"].concat())
}

/// The path of a child from the key that lists it.
pub fn path_of_child(parent: &ResourcePath, key: &Key) -> Option<ResourcePath> {
    let prefix = ["c/", parent.as_str(), "\0"].concat();
    let segment = std::str::from_utf8(key.as_bytes().strip_prefix(prefix.as_bytes())?).ok()?;
    let text = match (parent.is_root(), parent.is_directory()) {
        (true, _) => segment.to_owned(),
        (false, true) => [parent.as_str(), segment].concat(),
        (false, false) => [parent.as_str(), ":", segment].concat(),
    };
    ResourcePath::parse(&text).ok()
}

/// What a child's path has that its parent's has not, without the separator.
fn last_segment<'p>(parent: &ResourcePath, child: &'p ResourcePath) -> &'p str {
    if parent.is_root() {
        return child.as_str();
    }
    let rest = &child.as_str()[parent.as_str().len().min(child.as_str().len())..];
    if parent.is_directory() { rest } else { rest.strip_prefix(':').unwrap_or(rest) }
}

/// The former statuses of a resource.
pub fn history(path: &ResourcePath) -> Key {
    Key::new(["w/", path.as_str()].concat())
}

/// A tag of a series.
pub fn tag(series: &ResourcePath, tag: &str) -> Key {
    Key::new(["t/", series.as_str(), "\0", tag].concat())
}

/// All tags of a series.
pub fn tags(series: &ResourcePath) -> KeyRange {
    KeyRange::prefix(["t/", series.as_str(), "\0"].concat())
}

/// The name of a tag from its key.
pub fn name_of_tag(series: &ResourcePath, key: &Key) -> Option<String> {
    let prefix = ["t/", series.as_str(), "\0"].concat();
    let name = key.as_bytes().strip_prefix(prefix.as_bytes())?;
    String::from_utf8(name.to_vec()).ok()
}

/// The versions that a series ever had; they are kept when a version is removed, because a
/// version never means two things.
pub fn version(series: &ResourcePath, version: &str) -> Key {
    Key::new(["v/", series.as_str(), "\0", version].concat())
}

/// How far a name below a parent was counted.
pub fn counter(parent: &ResourcePath, name: &str) -> Key {
    Key::new(["n/", parent.as_str(), "\0", name].concat())
}

/// What is written when the lock of a resource passes to another holder, and at no other time.
pub fn fence(path: &ResourcePath) -> Key {
    Key::new(["h/", path.as_str(), "\0fence"].concat())
}

/// Who holds the lock of a resource, and until when.
pub fn lease(path: &ResourcePath) -> Key {
    Key::new(["h/", path.as_str(), LEASE].concat())
}

/// The end of the key of a lease.
const LEASE: &str = "\0lease";

/// The path behind the key of a lease; none for the key of a fence.
pub fn path_of_lease(key: &Key) -> Option<ResourcePath> {
    let text = std::str::from_utf8(key.as_bytes().strip_prefix(b"h/")?).ok()?;
    ResourcePath::parse(text.strip_suffix(LEASE)?).ok()
}

/// Whether a key is that of a lock.
pub fn is_lock(key: &Key) -> bool {
    key.as_bytes().starts_with(b"h/")
}

/// The locks below a resource, without its own.
pub fn locks_below(path: &ResourcePath) -> KeyRange {
    KeyRange::prefix(["h/", path.as_str(), ":"].concat())
}

/// What was answered to a caller in a Space under an idempotency key. No part of any resource's tree:
/// that a resource was removed is an answer, too.
pub(crate) fn once(space: &str, caller: &[u8; 16], key: &[u8; 16]) -> Key {
    Key::new(["i/", space, "\0", &hex(caller), &hex(key)].concat())
}

/// All answers that are kept for a caller in a Space.
pub(crate) fn once_of(space: &str, caller: &[u8; 16]) -> KeyRange {
    KeyRange::prefix(["i/", space, "\0", &hex(caller)].concat())
}

/// All answers that are kept.
pub(crate) fn all_once() -> KeyRange {
    KeyRange::prefix("i/")
}

/// The Space of an answer that is kept; empty for the root.
pub(crate) fn space_of_once(key: &Key) -> Option<&str> {
    let text = std::str::from_utf8(key.as_bytes().strip_prefix(b"i/")?).ok()?;
    text.split_once('\0').map(|(space, _)| space)
}

/// The idempotency key of an answer that is kept.
pub(crate) fn fingerprint_of_once(key: &Key) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(key.as_bytes()).ok()?;
    let hex = text.split_once('\0')?.1.get(32..64)?;
    u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)
}

/// An upload that is under way. No part of any resource's tree: the File is not there yet.
pub(crate) fn upload(space: &str, id: UploadId) -> Key {
    Key::new(format!("s/{space}\0{id}"))
}

/// All uploads of a Space that are under way.
pub(crate) fn uploads_of(space: &str) -> KeyRange {
    KeyRange::prefix(["s/", space, "\0"].concat())
}

/// All uploads that are under way.
pub(crate) fn all_uploads() -> KeyRange {
    KeyRange::prefix("s/")
}

/// That an upload became a File.
pub(crate) fn finished_upload(space: &str, id: UploadId) -> Key {
    Key::new(format!("d/{space}\0{id}"))
}

/// All uploads of which that is remembered.
pub(crate) fn all_finished_uploads() -> KeyRange {
    KeyRange::prefix("d/")
}

/// The part of an upload that begins at an offset. The digits sort as the offsets do.
pub(crate) fn upload_part(space: &str, id: UploadId, offset: u64) -> Key {
    Key::new(format!("q/{space}\0{id}{offset:016x}"))
}

/// All parts of an upload.
pub(crate) fn upload_parts(space: &str, id: UploadId) -> KeyRange {
    KeyRange::prefix(format!("q/{space}\0{id}"))
}

/// All parts of all uploads.
pub(crate) fn all_upload_parts() -> KeyRange {
    KeyRange::prefix("q/")
}

/// Whether a key is that of a part of an upload.
pub(crate) fn is_upload_part(key: &Key) -> bool {
    key.as_bytes().starts_with(b"q/")
}

/// The Space and the name of an upload, from its key or that of one of its parts.
pub(crate) fn id_of_upload(key: &Key) -> Option<(String, UploadId)> {
    let text = std::str::from_utf8(key.as_bytes().get(TABLE_BYTES..)?).ok()?;
    let (space, rest) = text.split_once('\0')?;
    Some((space.to_owned(), rest.get(..UploadId::DIGITS)?.parse().ok()?))
}

/// Where a part of an upload begins.
pub(crate) fn offset_of_part(key: &Key) -> Option<u64> {
    let text = std::str::from_utf8(key.as_bytes().get(TABLE_BYTES..)?).ok()?;
    u64::from_str_radix(text.split_once('\0')?.1.get(UploadId::DIGITS..)?, 16).ok()
}

/// That the content of a term is the part of an upload that begins at an offset.
pub(crate) fn part_of_content(term: &[u8; TERM_BYTES], space: &str, id: UploadId, offset: u64) -> Key {
    Key::new([b"b/", &term[..], format!("{space}\0{id}{offset:016x}").as_bytes()].concat())
}

/// All parts of uploads that have a term.
pub(crate) fn parts_of_content(term: &[u8; TERM_BYTES]) -> KeyRange {
    KeyRange::prefix([b"b/", &term[..]].concat())
}

/// The keys of the upload and of the part that a row of a content is about.
pub(crate) fn upload_of_part(key: &Key) -> Option<(Key, Key)> {
    let part = Key::new([b"q/", key.as_bytes().get(TABLE_BYTES + TERM_BYTES..)?].concat());
    let (space, id) = id_of_upload(&part)?;
    Some((upload(&space, id), part))
}

fn hex(fingerprint: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*fingerprint))
}

/// The records below a resource, and for a directory its own.
pub fn records_below(path: &ResourcePath) -> KeyRange {
    match (path.is_root(), path.is_directory()) {
        (true, _) => records_with_prefix(""),
        (false, true) => records_with_prefix(path.as_str()),
        (false, false) => records_with_prefix(&[path.as_str(), ":"].concat()),
    }
}

/// The narrowest range of records that holds a resource and everything below it. Neighbours whose name
/// goes on with a digit, a dot or a dash fall into it too: `-` and `.` sort before `:`.
pub fn records_from(path: &ResourcePath) -> KeyRange {
    around(b"r/", path)
}

/// What of a table, whose keys end with a path, lies at and below one.
fn around(table: &[u8], path: &ResourcePath) -> KeyRange {
    let text = if path.is_root() { "" } else { path.as_str() };
    let start = [table, text.as_bytes()].concat();
    if path.is_root() || path.is_directory() {
        return KeyRange::prefix(start);
    }
    KeyRange { end: Some(Key::new([&start[..], b";"].concat())), start: Key::new(start) }
}

/// That a resource is found by a term.
pub fn found(term: &[u8; TERM_BYTES], path: &ResourcePath) -> Key {
    found_at(term, path.as_str())
}

/// The first row of a term that is not before a path.
pub fn found_at(term: &[u8; TERM_BYTES], path: &str) -> Key {
    Key::new([b"a/", &term[..], path.as_bytes()].concat())
}

/// The narrowest range of what is found by a term that holds a resource and everything below it, with
/// neighbours as in [`records_from`].
pub fn found_from(term: &[u8; TERM_BYTES], path: &ResourcePath) -> KeyRange {
    around(&[b"a/", &term[..]].concat(), path)
}

/// Everything that is found by any term.
pub fn all_found() -> KeyRange {
    KeyRange::prefix("a/")
}

/// The path behind the key of something that is found.
pub fn path_of_found(key: &Key) -> Option<ResourcePath> {
    let path = key.as_bytes().strip_prefix(b"a/")?.get(TERM_BYTES..)?;
    ResourcePath::parse(std::str::from_utf8(path).ok()?).ok()
}

/// How far the rows by which resources are found were made.
pub fn found_progress() -> Key {
    Key::new("z/\0found")
}

/// That a tree was removed, and the rows by which its resources were found were not.
pub fn unswept(path: &ResourcePath) -> Key {
    Key::new(["z/", path.as_str()].concat())
}

/// All such trees.
pub fn all_unswept() -> KeyRange {
    KeyRange::prefix("z/")
}

/// The path behind the key of such a tree.
pub fn path_of_unswept(key: &Key) -> Option<ResourcePath> {
    let text = std::str::from_utf8(key.as_bytes().strip_prefix(b"z/")?).ok()?;
    ResourcePath::parse(text).ok()
}

/// A range without its first key, if it begins with that key.
pub fn without(mut range: KeyRange, first: &Key) -> KeyRange {
    if range.start == *first {
        range.start = Key::new([first.as_bytes(), &[0]].concat());
    }
    range
}

/// Everything below a resource (not itself, but for a directory) in every table.
pub fn below(path: &ResourcePath) -> Vec<KeyRange> {
    let separator = if path.is_directory() { "" } else { ":" };
    let subtree = |table: &str| KeyRange::prefix([table, path.as_str(), separator].concat());
    let own = |table: &str| KeyRange::prefix([table, path.as_str(), "\0"].concat());
    let trees = vec![subtree("r/"), own("c/"), subtree("c/"), own("t/"), subtree("t/"), own("v/"), subtree("v/")];
    let counters = [own("n/"), subtree("n/")];
    trees.into_iter().chain(counters).chain([own("h/"), subtree("h/"), subtree("w/")]).collect()
}

/// The directory of the same name for a file, and the other way round: to everybody who copies them
/// to a disk they are the same.
pub fn twin_of_file(path: &ResourcePath) -> Result<ResourcePath, PathError> {
    let files = path.files_decoded().unwrap_or_default();
    let twin = match files.strip_suffix('/') {
        Some(file) => file.to_owned(),
        None => format!("{files}/"),
    };
    path.without_files().with_files(&twin)
}

/// Whether a key is that of a record.
pub fn is_record(key: &Key) -> bool {
    key.as_bytes().starts_with(b"r/")
}

/// Whether a row, of whatever table, is of a Space: its own, below it, or that which lists it.
pub fn belongs_to_space(key: &Key, space: &str) -> bool {
    let roots = children(&ResourcePath::root());
    if roots.contains(key) {
        return key.as_bytes().strip_prefix(roots.start.as_bytes()) == Some(space.as_bytes());
    }
    let Some((table, rest)) = key.as_bytes().split_at_checked(2) else { return false };
    let rest = rest.strip_prefix(space.as_bytes()).filter(|_| table.ends_with(b"/"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b':' | 0)))
}

/// The operations that remove a resource with everything below it.
pub fn remove_tree(path: &ResourcePath) -> Vec<Operation> {
    let mut operations: Vec<Operation> = below(path).into_iter().map(Operation::DeleteRange).collect();
    operations.push(Operation::Delete(record(path)));
    operations.push(Operation::Delete(history(path)));
    if let Some(parent) = path.parent() {
        operations.push(Operation::Delete(child(&parent, path)));
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).expect("a path of the test")
    }

    #[test]
    fn a_child_is_found_again_from_the_key_that_lists_it() {
        for text in ["acme", "acme:web", "acme:site:1.2.0", "acme:web:/", "acme:web:/docs/", "acme:web:/docs/a.md"] {
            let child_path = path(text);
            let parent = child_path.parent().expect("every path here has a parent");
            let key = child(&parent, &child_path);
            assert!(children(&parent).contains(&key), "{text}");
            assert_eq!(path_of_child(&parent, &key), Some(child_path), "{text}");
        }
    }

    #[test]
    fn a_lock_lies_in_the_tree_of_its_resource_and_below_that_of_its_parent() {
        let (locked, parent) = (path("acme:b:x"), path("acme:b"));
        for key in [fence(&locked), lease(&locked)] {
            assert!(below(&locked).iter().any(|range| range.contains(&key)), "{key:?}");
            assert!(below(&parent).iter().any(|range| range.contains(&key)), "{key:?}");
            assert!(locks_below(&parent).contains(&key) && !locks_below(&locked).contains(&key), "{key:?}");
            assert!(!below(&path("acme:b:x-2")).iter().any(|range| range.contains(&key)), "{key:?}");
        }
        assert_eq!(path_of_lease(&lease(&locked)), Some(locked.clone()));
        assert_eq!(path_of_lease(&fence(&locked)), None);
    }

    #[test]
    fn an_idempotency_key_is_read_back_from_its_row_and_lies_in_no_tree() {
        let (caller, fingerprint) = ([1; 16], std::array::from_fn(|index| index as u8));
        let key = once("acme", &caller, &fingerprint);
        assert_eq!(fingerprint_of_once(&key), Some(fingerprint));
        assert_eq!(space_of_once(&key), Some("acme"));
        assert!(once_of("acme", &caller).contains(&key) && !once_of("acme", &[2; 16]).contains(&key));
        assert!(!below(&path("acme")).iter().any(|range| range.contains(&key)));
    }

    #[test]
    fn an_upload_is_read_back_from_its_rows_and_lies_in_no_tree() {
        let id = UploadId::made().expect("there are random numbers");
        let part = upload_part("acme", id, 0x40_0000);
        assert!(upload_parts("acme", id).contains(&part) && is_upload_part(&part));
        assert!(part < upload_part("acme", id, 0x4000_0000), "parts sort by their offsets");
        for key in [upload("acme", id), finished_upload("acme", id), part.clone()] {
            assert_eq!(id_of_upload(&key), Some(("acme".to_owned(), id)));
            assert!(!below(&path("acme")).iter().any(|range| range.contains(&key)), "{key:?}");
            assert!(belongs_to_space(&key, "acme") && !belongs_to_space(&key, "ac"), "{key:?}");
        }
        assert_eq!(offset_of_part(&part), Some(0x40_0000));
        let found = part_of_content(&[7; TERM_BYTES], "acme", id, 0x40_0000);
        assert!(parts_of_content(&[7; TERM_BYTES]).contains(&found));
        assert_eq!(upload_of_part(&found), Some((upload("acme", id), part)));
    }

    #[test]
    fn every_row_of_a_space_belongs_to_it_and_none_of_its_neighbours() {
        let of = |text: &str| {
            let (own, parent) = (path(text), path(text).parent().expect("no root here"));
            let named = [tag(&own, "latest"), version(&own, "1.0.0"), fence(&own), lease(&own)];
            [record(&own), history(&own), child(&parent, &own)].into_iter().chain(named).collect::<Vec<_>>()
        };
        for text in ["acme", "acme:web", "acme:web:/docs/", "acme:site:1.2.0"] {
            assert!(of(text).iter().all(|key| belongs_to_space(key, "acme")), "{text}");
            assert!(!of(text).iter().any(|key| belongs_to_space(key, "ac") || belongs_to_space(key, "web")), "{text}");
        }
        for text in ["acme-2", "acme-2:web", "acmes", "star:agents:acme"] {
            assert!(!of(text).iter().any(|key| belongs_to_space(key, "acme")), "{text}");
        }
    }

    #[test]
    fn the_subtree_of_a_resource_leaves_out_neighbours_with_a_longer_name() {
        let ranges = below(&path("acme:web"));
        let inside = |text: &str| ranges.iter().any(|range| range.contains(&record(&path(text))));
        assert!(inside("acme:web:/a") && inside("acme:web:x"));
        assert!(!inside("acme:web-2") && !inside("acme:website") && !inside("acme:web"));
    }
}
