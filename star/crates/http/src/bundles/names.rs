//! What a file of an archive may be called.
//!
//! An archive is the one place where names come from a stranger's disk, so everything that could
//! lead out of the bundle, or be laid on a disk in two ways, is refused and nothing is mended.

use std::collections::BTreeMap;

use star_path::{PathError, ResourcePath};

/// Why an archive cannot become a bundle: one of its names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadName {
    #[error("the name of a file is not UTF-8: {0}")]
    NotText(String),
    #[error("`{0}` is an absolute name; names begin at the root of the bundle")]
    Absolute(String),
    #[error("`{0}` leads out of the bundle")]
    Outside(String),
    #[error("`{0}` has an empty or `.` segment")]
    NotPlain(String),
    #[error("`{name}` is no name of a file: {reason}")]
    NotAFile { name: String, reason: PathError },
    #[error("`{0}` is there twice")]
    Twice(String),
    #[error("`{0}` is both a file and a directory")]
    FileAndDirectory(String),
}

/// The name of an entry below the root of its bundle, without a leading slash; none for the root
/// itself. Archivers like to begin names with `./`, which means nothing.
pub(super) fn plain(raw: &[u8]) -> Result<Option<&str>, BadName> {
    let name = std::str::from_utf8(raw).map_err(|_| BadName::NotText(raw.escape_ascii().to_string()))?;
    if name.starts_with('/') {
        return Err(BadName::Absolute(shown(name)));
    }
    let inside = name.strip_prefix("./").unwrap_or(name);
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    if inside.is_empty() || inside == "." {
        return Ok(None);
    }
    for segment in inside.split('/') {
        match segment {
            ".." => return Err(BadName::Outside(shown(name))),
            "" | "." => return Err(BadName::NotPlain(shown(name))),
            _ => {}
        }
    }
    Ok(Some(inside))
}

/// The path that a file gets in its bundle.
pub(super) fn path(bundle: &ResourcePath, name: &str) -> Result<ResourcePath, BadName> {
    let files = ["/", name].concat();
    bundle.with_files(&files).map_err(|reason| BadName::NotAFile { name: shown(name), reason })
}

/// Refuses a bundle in which a file would have to be a directory as well. Names are canonical and
/// begin with `/`.
pub(super) fn check_tree<Entry>(files: &BTreeMap<String, Entry>) -> Result<(), BadName> {
    for name in files.keys() {
        let mut above = name.as_str();
        while let Some(at) = above.rfind('/').filter(|at| *at > 0) {
            above = &above[..at];
            if files.contains_key(above) {
                return Err(BadName::FileAndDirectory(above[1..].to_owned()));
            }
        }
    }
    Ok(())
}

/// A name for a message: what a terminal would act on is escaped, and what is long is cut.
pub(super) fn shown(name: &str) -> String {
    let shown: String = name.chars().take(200).flat_map(char::escape_debug).collect();
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bundle() -> ResourcePath {
        ResourcePath::parse("acme:site:1.0.0").unwrap()
    }

    fn read(raw: &[u8]) -> Result<Option<String>, BadName> {
        let Some(name) = plain(raw)? else { return Ok(None) };
        Ok(Some(path(&bundle(), name)?.files().unwrap().to_owned()))
    }

    #[test]
    fn names_become_paths_below_the_bundle() {
        for (raw, expected) in [
            (&b"index.html"[..], Some("/index.html")),
            (b"./a/b.txt", Some("/a/b.txt")),
            (b"a/", Some("/a")),
            (b"a b", Some("/a%20b")),
            ("grüße".as_bytes(), Some("/grüße")),
            (b"c:\\x", Some("/c:%5Cx")),
            (b"..a/b..", Some("/..a/b..")),
            (b"./", None),
            (b".", None),
        ] {
            assert_eq!(read(raw).unwrap().as_deref(), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn what_leads_out_or_is_no_name_is_refused_in_words() {
        for (raw, expected) in [
            (&b"/etc/passwd"[..], "`/etc/passwd` is an absolute name; names begin at the root of the bundle"),
            (b"//x", "`//x` is an absolute name; names begin at the root of the bundle"),
            (b"../x", "`../x` leads out of the bundle"),
            (b"./../x", "`./../x` leads out of the bundle"),
            (b"a/../../x", "`a/../../x` leads out of the bundle"),
            (b"a/..", "`a/..` leads out of the bundle"),
            (b"a//b", "`a//b` has an empty or `.` segment"),
            (b"a/./b", "`a/./b` has an empty or `.` segment"),
            (b"././b", "`././b` has an empty or `.` segment"),
            (b"\xff", "the name of a file is not UTF-8: \\xff"),
        ] {
            assert_eq!(read(raw).unwrap_err().to_string(), expected, "{}", raw.escape_ascii());
        }
        let long = vec![b'x'; 300];
        assert!(matches!(read(&long), Err(BadName::NotAFile { .. })));
        assert!(matches!(read(b"a\0b"), Err(BadName::NotAFile { .. })));
    }

    #[test]
    fn a_file_is_no_directory() {
        let files = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), ())).collect::<BTreeMap<_, _>>();
        assert_eq!(check_tree(&files(&["/a", "/a.b/c", "/b/c/d"])), Ok(()));
        assert_eq!(check_tree(&files(&["/b", "/b/c/d"])), Err(BadName::FileAndDirectory("b".into())));
        assert_eq!(check_tree(&files(&["/b/c", "/b/c/d"])), Err(BadName::FileAndDirectory("b/c".into())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_is_taken_stays_inside(raw in proptest::collection::vec(proptest::sample::select(&b"ab./\\%:\0\xc3\xbc"[..]), 0..16)) {
            if let Ok(Some(files)) = read(&raw) {
                prop_assert!(files.starts_with('/') && !files.ends_with('/'));
                prop_assert!(files[1..].split('/').all(|name| !matches!(name, "" | "." | "..")));
            }
        }
    }
}
