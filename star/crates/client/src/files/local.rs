//! Files of this machine: the digest of one, and the place that a name of a Star has in a folder.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use star_path::Digest;

use crate::error::ClientError;
use crate::limits;

/// The digest of a file, read off the threads that serve others.
pub async fn digest_of_file(path: &Path) -> Result<Digest, ClientError> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_blocking(&path));
    reading.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn read_blocking(path: &Path) -> Result<Digest, ClientError> {
    let mut file = File::open(path).map_err(ClientError::io(path))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; limits::CHUNK_BYTES];
    loop {
        match file.read(&mut piece).map_err(ClientError::io(path))? {
            0 => return Ok(Digest::sha256(hash.finalize().into())),
            count => hash.update(&piece[..count]),
        }
    }
}

/// Where a file of a Star goes in a folder of this machine, by its name below the directory that is
/// copied, with slashes. None for a name that would lead out of the folder or that no file can have
/// here: whatever a Star calls its files, nothing beside the folder is written.
pub fn place_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let relative = Path::new(name);
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    // Components pass over what is empty or a dot, and these would be other files.
    let is_whole = name.split('/').count() == relative.components().count();
    (is_plain && is_whole && !name.contains('\0')).then(|| folder.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = Path::new("/home/ada/site");
        for name in
            ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/", "a\0b", "a/./b"]
        {
            assert_eq!(place_in(folder, name), None, "{name:?}");
        }
        for name in ["a", "a/b c/d.txt", "...", "..a", "a..", "-", "~", "CON", "a:b"] {
            let place = place_in(folder, name).unwrap_or_else(|| panic!("{name:?} is a name"));
            assert_eq!(place, Path::new(&format!("/home/ada/site/{name}")), "{name:?}");
        }
    }

    #[tokio::test]
    async fn a_file_has_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let digest = digest_of_file(&path).await.unwrap();
        assert_eq!(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(digest_of_file(&folder.path().join("none")).await.is_err());
    }
}
