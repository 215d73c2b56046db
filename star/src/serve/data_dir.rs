//! The folder that holds everything of a Star, and the admin key in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::ServeError;
use crate::backup::restore::UNFINISHED;

/// Random bytes of a key: as many as nobody will ever guess.
const KEY_BYTES: usize = 32;

/// The folder that holds everything of a Star.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
    is_new: bool,
}

/// Where a Star keeps its data when nobody says otherwise.
pub(crate) fn default_data_dir() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.data_dir().join("starlane"))
}

impl DataDir {
    /// Opens the folder, making it (for this user only) if it does not exist.
    pub(crate) fn open(chosen: Option<PathBuf>) -> Result<DataDir, ServeError> {
        let root = chosen.or_else(default_data_dir).ok_or(ServeError::NoHome)?;
        let failed = |action| {
            let path = root.clone();
            move |source| ServeError::File { action, path, source }
        };
        if root.join(UNFINISHED).exists() {
            return Err(ServeError::Unrestored { dir: root });
        }
        let is_new = !root.join("admin.token").exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(failed("make the folder"))?;
        let root = root.canonicalize().map_err(failed("use the folder"))?;
        Ok(DataDir { root, is_new })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether no Star has used it before.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where the metadata store is.
    pub(crate) fn meta(&self) -> PathBuf {
        self.root.join("meta")
    }

    /// Where the bytes are.
    pub(crate) fn content(&self) -> PathBuf {
        self.root.join("content")
    }

    /// Where compiled mechtrons are kept; can be thrown away.
    pub(crate) fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// The file that holds the admin key.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.root.join("admin.token")
    }

    /// The file that tells commands on this machine where the Star answers, while it runs.
    pub(crate) fn ready_file(&self) -> PathBuf {
        self.root.join("ready.json")
    }

    /// The admin key, made at the first start.
    pub(crate) fn admin_key(&self) -> Result<String, ServeError> {
        let path = self.token_file();
        let failed = |action| {
            let path = path.clone();
            move |source| ServeError::File { action, path, source }
        };
        match fs::read_to_string(&path) {
            Ok(key) if !key.trim().is_empty() => return Ok(key.trim().to_owned()),
            Ok(_) => {
                let source =
                    io::Error::new(io::ErrorKind::InvalidData, "the file is empty; remove it to get a fresh key");
                return Err(failed("read the admin key in")(source));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read the admin key in")(error)),
        }
        let key = fresh_key().map_err(failed("make a key for"))?;
        write_private(&path, &format!("{key}\n")).map_err(failed("write the admin key to"))?;
        Ok(key)
    }
}

fn fresh_key() -> io::Result<String> {
    let mut bytes = [0u8; KEY_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("star_{hex}"))
}

/// Writes a file that only this user can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_admin_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(folder.path().join("new"))).unwrap();
        assert!(data.is_new());
        let key = data.admin_key().unwrap();
        assert!(key.starts_with("star_") && key.len() == 5 + 2 * KEY_BYTES, "{key}");
        assert_eq!(data.admin_key().unwrap(), key);
        assert_eq!(fs::metadata(data.token_file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!DataDir::open(Some(folder.path().join("new"))).unwrap().is_new());
    }
}
