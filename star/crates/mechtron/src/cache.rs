//! Compiled code on disk, so that a Star that starts again need not compile again.
//!
//! What lies here is machine code that will run outside of any sandbox, so nothing is believed
//! because it lies here: each file carries a keyed hash over its name and content, under a key
//! that only this Star has, and a file that does not match is deleted. The folder may be deleted
//! at any time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::limits;

const KEY_BYTES: usize = blake3::KEY_LEN;
const MAC_BYTES: usize = blake3::OUT_LEN;
const KEY_FILE: &str = "key";
const EXTENSION: &str = "cwasm";

/// The folder of compiled code. All of it blocks: call it from a thread that may.
pub(crate) struct CodeCache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
}

impl CodeCache {
    /// Opens the folder, or makes it, with a key of its own.
    pub(crate) fn open(folder: &Path) -> io::Result<CodeCache> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let key = match read_key(&folder.join(KEY_FILE))? {
            Some(key) => key,
            None => make_key(folder)?,
        };
        Ok(CodeCache { folder: folder.to_owned(), key })
    }

    /// The compiled code under this name, if it is there and is what this Star wrote.
    pub(crate) fn load(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "could not read compiled code; compiling again");
                return None;
            }
        };
        let sealed = bytes.len().checked_sub(MAC_BYTES).is_some_and(|length| {
            let mac: [u8; MAC_BYTES] = bytes[length..].try_into().expect("the slice has this length");
            // Compares in constant time.
            self.mac(name, &bytes[..length]) == blake3::Hash::from_bytes(mac)
        });
        if !sealed {
            tracing::warn!(file = %path.display(), "compiled code is not what this Star wrote; deleting it and compiling again");
            remove(&path);
            return None;
        }
        bytes.truncate(bytes.len() - MAC_BYTES);
        Some(bytes)
    }

    /// Keeps compiled code under this name. A crash in the middle leaves nothing that [`load`]
    /// would take.
    ///
    /// [`load`]: CodeCache::load
    pub(crate) fn store(&self, name: &str, code: &[u8]) -> io::Result<()> {
        self.make_room()?;
        let unfinished = self.folder.join(format!("{name}.new"));
        remove(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&unfinished)?;
        file.write_all(code)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        fs::rename(&unfinished, self.path(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension(EXTENSION)
    }

    fn mac(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(code);
        hasher.finalize()
    }

    /// Deletes the files written longest ago until one more has its place.
    fn make_room(&self) -> io::Result<()> {
        let mut files = self.files()?;
        let Some(surplus) = (files.len() + 1).checked_sub(limits::CACHE_FILES) else { return Ok(()) };
        files.sort();
        files.iter().take(surplus).for_each(|(_, path)| remove(path));
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(SystemTime, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == EXTENSION) {
                files.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        Ok(files)
    }
}

/// The key, unless there is none or it is not one: then all that was sealed with it is void.
fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.try_into().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make_key(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let unfinished = folder.join("key.new");
    remove(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(KEY_FILE))?;
    Ok(key)
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, file = %path.display(), "could not delete a file of compiled code");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn code_outlives_a_restart_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("code");
        CodeCache::open(&folder).unwrap().store("a", b"machine code").unwrap();
        let again = CodeCache::open(&folder).unwrap();
        assert_eq!(again.load("a").as_deref(), Some(&b"machine code"[..]));
        assert_eq!(again.load("b"), None);
        assert_eq!((mode(&folder), mode(&folder.join("key")), mode(&folder.join("a.cwasm"))), (0o700, 0o600, 0o400));
    }

    #[test]
    fn changed_renamed_cut_and_foreign_code_is_not_taken_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(folder.path()).unwrap();
        cache.store("a", b"machine code").unwrap();
        let sealed = fs::read(folder.path().join("a.cwasm")).unwrap();
        let mut changed = sealed.clone();
        changed[3] ^= 1;
        let cut = sealed[..sealed.len() - 1].to_vec();
        for (name, bytes) in [("changed", changed), ("renamed", sealed), ("cut", cut), ("empty", Vec::new())] {
            let path = folder.path().join(name).with_extension("cwasm");
            fs::write(&path, bytes).unwrap();
            assert_eq!(cache.load(name), None, "{name}");
            assert!(!path.exists(), "{name}");
        }
        fs::remove_file(folder.path().join("key")).unwrap();
        assert_eq!(CodeCache::open(folder.path()).unwrap().load("a"), None);
    }

    #[test]
    fn code_can_be_stored_again_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(folder.path()).unwrap();
        cache.store("a", b"first").unwrap();
        cache.store("a", b"second").unwrap();
        assert_eq!(cache.load("a").as_deref(), Some(&b"second"[..]));
    }
}
