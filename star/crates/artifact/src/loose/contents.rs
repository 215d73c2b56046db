//! Contents in files of their own: to list, copy and check them.
//!
//! They appear whole and never change. Every byte that is copied is compared with its name on the way.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use star_path::Digest;

use super::limits;
use super::place::{Key, Place, Shard, is_content_name};

/// Where copies are written before they have their name.
const TMP: &str = "tmp";

/// What became of a content that was to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It was there.
    There,
    /// So many bytes were copied.
    Bytes(u64),
}

/// Why a content was not read or copied, named for what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The bytes are not those that the name promises.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// There is no such content.
    #[error("{digest} is missing in {}", dir.display())]
    Missing {
        /// What was looked for.
        digest: Digest,
        /// Where.
        dir: PathBuf,
    },
    /// The disk refused.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// The contents in `content/` below a directory.
#[derive(Debug, Clone)]
pub struct Contents {
    root: PathBuf,
}

impl Contents {
    /// Those below `dir`, which need not exist.
    pub fn below(dir: impl AsRef<Path>) -> Contents {
        Contents { root: dir.as_ref().join("content") }
    }

    /// Those in a directory itself, which need not exist.
    pub fn at(dir: impl Into<PathBuf>) -> Contents {
        Contents { root: dir.into() }
    }

    /// Shows each content with its length, in the order of their digests.
    ///
    /// # Errors
    /// When a directory cannot be read, or with the error of `visit`.
    pub fn each<E: From<CopyError>>(&self, mut visit: impl FnMut(Digest, u64) -> Result<(), E>) -> Result<(), E> {
        for number in 0..limits::SHARDS {
            let shard = Shard::new(u16::try_from(number).expect("there are 4,096 shards"));
            for (key, size_bytes) in self.shard(shard)? {
                visit(Place::of_key(key).digest(), size_bytes)?;
            }
        }
        Ok(())
    }

    fn shard(&self, shard: Shard) -> Result<Vec<(Key, u64)>, CopyError> {
        let dir = self.root.join(shard.name());
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed("list", &dir))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", &dir))?;
            let name = entry.file_name();
            if !is_content_name(shard, name.as_encoded_bytes()) {
                continue;
            }
            let size_bytes = match entry.metadata() {
                Ok(data) if data.is_file() => data.len(),
                Ok(_) => continue,
                // It was removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(failed("look at", &entry.path())(source)),
            };
            found.push((key_of(name.as_encoded_bytes()), size_bytes));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The length of a content in bytes; none where there is no such content.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, CopyError> {
        let Some(path) = self.path(digest) else { return Ok(None) };
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() => Ok(Some(data.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed("look at", &path)(source)),
        }
    }

    /// Reads a content whole, for those that are known to be small, and compares it with its name.
    ///
    /// # Errors
    /// When it is missing or damaged, or the disk refuses.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, CopyError> {
        let mut bytes = Vec::new();
        self.pour(digest, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a content and compares it with its name. Answers its length in bytes.
    ///
    /// # Errors
    /// When it is missing or damaged, or the disk refuses.
    pub fn check(&self, digest: &Digest) -> Result<u64, CopyError> {
        self.pour(digest, &mut io::sink())
    }

    /// Copies a content, unless one of that length is there, and makes the copy durable; its name
    /// is after [`Contents::sync`].
    ///
    /// # Errors
    /// When it is missing or damaged, or the disk refuses; nothing of it is left then.
    pub fn copy(&self, digest: &Digest, into: &Contents) -> Result<Copied, CopyError> {
        let size = self.size(digest)?.ok_or_else(|| self.missing(digest))?;
        if into.size(digest)? == Some(size) {
            return Ok(Copied::There);
        }
        let path = into.path(digest).ok_or_else(|| self.missing(digest))?;
        let (tmp, shard) = (into.root.join(TMP), path.parent().unwrap_or(&into.root));
        for dir in [&tmp, shard] {
            fs::create_dir_all(dir).map_err(failed("make", dir))?;
        }
        let draft = tmp.join(digest.hex());
        let copied = self.pour_into_file(digest, &draft, &path);
        if copied.is_err() {
            // What stays is swept at the next start of a store.
            fs::remove_file(&draft).ok();
        }
        copied.map(Copied::Bytes)
    }

    /// Where a content lies, if there is a file of that name.
    pub fn path(&self, digest: &Digest) -> Option<PathBuf> {
        Place::of(digest).map(|place| self.root.join(place.path))
    }

    fn pour_into_file(&self, digest: &Digest, draft: &Path, path: &Path) -> Result<u64, CopyError> {
        let mut file = File::create(draft).map_err(failed("write", draft))?;
        let bytes = self.pour(digest, &mut file)?;
        file.sync_all().map_err(failed("make durable", draft))?;
        fs::rename(draft, path).map_err(failed("name", path))?;
        Ok(bytes)
    }

    /// Makes the names of all contents durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), CopyError> {
        let shards = (0..limits::SHARDS).map(|number| Shard::new(u16::try_from(number).expect("there are 4,096")));
        let dirs = shards.map(|shard| self.root.join(shard.name())).chain([self.root.clone()]);
        for dir in dirs.filter(|dir| dir.is_dir()) {
            File::open(&dir).and_then(|open| open.sync_all()).map_err(failed("make durable", &dir))?;
        }
        Ok(())
    }

    /// Reads a content into something, and compares it with its name at the end.
    fn pour(&self, digest: &Digest, into: &mut impl Write) -> Result<u64, CopyError> {
        let path = self.path(digest).ok_or_else(|| self.missing(digest))?;
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.missing(digest)),
            opened => opened.map_err(failed("read", &path))?,
        };
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut room = vec![0; limits::READ_BYTES];
        loop {
            let filled = match file.read(&mut room) {
                Ok(0) => break,
                Ok(filled) => filled,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(failed("read", &path)(source)),
            };
            hash.update(&room[..filled]);
            into.write_all(&room[..filled]).map_err(failed("copy", &path))?;
            bytes += filled as u64;
        }
        let found = Place::of_key(hash.finalize().into()).digest();
        if found != *digest {
            return Err(CopyError::Damaged { file: path, what: format!("its bytes have the digest {found}") });
        }
        Ok(bytes)
    }

    fn missing(&self, digest: &Digest) -> CopyError {
        CopyError::Missing { digest: digest.clone(), dir: self.root.clone() }
    }
}

/// The key that a name of 64 hexadecimal digits spells.
fn key_of(name: &[u8]) -> Key {
    let nibble = |at: usize| char::from(name[at]).to_digit(16).expect("it was checked to be a digit") as u8;
    std::array::from_fn(|byte| nibble(2 * byte) << 4 | nibble(2 * byte + 1))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_path_buf();
    move |source| CopyError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store of some contents, and their digests in order.
    fn store(texts: &[&str]) -> (tempfile::TempDir, Contents, Vec<Digest>) {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::below(dir.path());
        let mut digests = Vec::new();
        for text in texts {
            let place = Place::of_key(Sha256::digest(text).into());
            let path = contents.root.join(&place.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            digests.push(place.digest());
        }
        digests.sort_by_key(Digest::hex);
        (dir, contents, digests)
    }

    #[test]
    fn contents_are_copied_once_and_the_copy_holds_the_same_bytes() {
        let (_dir, from, digests) = store(&["one", "two", ""]);
        fs::write(from.root.join("000-note"), "no content").unwrap();
        let (_other, into, _) = store(&[]);
        for round in 0..2 {
            let mut seen = Vec::new();
            from.each::<CopyError>(|digest, size| {
                let copied = from.copy(&digest, &into)?;
                assert_eq!(copied, if round == 0 { Copied::Bytes(size) } else { Copied::There });
                seen.push(digest);
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, digests);
        }
        into.sync().unwrap();
        assert_eq!(into.check(&digests[0]).unwrap(), from.size(&digests[0]).unwrap().unwrap());
        assert_eq!(into.read(&digests[1]).unwrap(), from.read(&digests[1]).unwrap());
        assert_eq!(fs::read_dir(into.root.join(TMP)).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_named_and_not_copied() {
        let (_dir, from, digests) = store(&["some bytes"]);
        let path = from.path(&digests[0]).unwrap();
        fs::write(&path, "some bites").unwrap();
        let (_other, into, _) = store(&[]);
        for error in [from.check(&digests[0]).unwrap_err(), from.copy(&digests[0], &into).unwrap_err()] {
            assert!(matches!(&error, CopyError::Damaged { file, .. } if *file == path), "{error}");
        }
        assert_eq!(into.size(&digests[0]).unwrap(), None);
        assert_eq!(fs::read_dir(into.root.join(TMP)).unwrap().count(), 0);
        fs::remove_file(&path).unwrap();
        assert!(matches!(from.copy(&digests[0], &into), Err(CopyError::Missing { .. })));
    }
}
