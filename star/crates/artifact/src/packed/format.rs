//! The marker of a store's folder: which layout it has.
//!
//! Format 1 is [loose contents](crate::Contents); format 2 is packs. A folder says 1 until the last loose
//! content was taken in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::open::{OpenError, failed};

/// Contents in files of their own.
pub(crate) const LOOSE: u32 = 1;

/// Contents in packs.
pub(crate) const PACKED: u32 = 2;

const MARKER: &str = "format";
const TEXT: &str = "starlane content store, format ";

/// The format of a folder; none if it has no marker.
///
/// # Errors
/// If a later program wrote it, or if the marker says something else.
pub(crate) fn read(dir: &Path) -> Result<Option<u32>, OpenError> {
    let path = dir.join(MARKER);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.strip_prefix(TEXT)?.trim_end().parse().ok());
    match number {
        Some(found) if found > PACKED => Err(OpenError::NewerFormat { dir: dir.to_owned(), found, known: PACKED }),
        Some(found) => Ok(Some(found)),
        None => Err(OpenError::NotAStore { file: path }),
    }
}

/// Whether a folder without a marker has directories of loose contents.
pub(crate) fn has_loose(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        if entry?.file_name().to_str().is_some_and(is_shard) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a name is that of a directory of loose contents: three hexadecimal digits.
pub(crate) fn is_shard(name: &str) -> bool {
    name.len() == 3 && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Marks a folder as one of packs, whole or not at all.
pub(crate) fn write(dir: &Path) -> io::Result<()> {
    let (path, draft) = (dir.join(MARKER), dir.join("format.unfinished"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(format!("{TEXT}{PACKED}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_later_program_or_of_another_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        write(dir.path()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(PACKED));
        for (text, loose) in [("starlane content store, format 1\n", true), ("notes\n", false), ("", false)] {
            fs::write(dir.path().join(MARKER), text).unwrap();
            match read(dir.path()) {
                Ok(found) => assert_eq!((found, loose), (Some(LOOSE), true), "{text:?}"),
                Err(error) => assert!(matches!(error, OpenError::NotAStore { .. }) && !loose, "{text:?}: {error}"),
            }
        }
        fs::write(dir.path().join(MARKER), "starlane content store, format 3\n").unwrap();
        let refused = read(dir.path()).unwrap_err();
        assert!(matches!(refused, OpenError::NewerFormat { found: 3, known: 2, .. }), "{refused}");
    }
}
