//! The digest over the sources of a guest: what goes into its component, and nothing else.
//!
//! Only manifests, lock files, build scripts and what lies below `src` and `wit` counts, so that
//! a word in a README or in a test does not ask for a rebuild.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::stop::Stop;

/// `sha256:` over the names and bytes of all sources in `dirs`, which are relative to `root`.
pub(super) fn digest(root: &Path, dirs: &[&str]) -> Result<String, Stop> {
    let mut files = Vec::new();
    for dir in dirs {
        list(root, &root.join(dir), Below::Crate, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for (name, place) in files {
        let bytes = fs::read(&place).map_err(|error| Stop::io("read", &place, &error))?;
        // Lengths go before the text, so that no two lists of files give the same bytes.
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    Ok(named(&hash.finalize()))
}

/// `sha256:` over some bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    named(&Sha256::digest(bytes))
}

fn named(digest: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// Whether every file counts, or only those by which a crate is described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Crate,
    Sources,
}

fn list(root: &Path, dir: &Path, below: Below, files: &mut Vec<(String, PathBuf)>) -> Result<(), Stop> {
    let entries = fs::read_dir(dir).map_err(|error| Stop::io("list", dir, &error))?;
    for entry in entries {
        let place = entry.map_err(|error| Stop::io("list", dir, &error))?.path();
        let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if place.is_dir() {
            let below = match name {
                "target" => continue,
                hidden if hidden.starts_with('.') => continue,
                "src" | "wit" => Below::Sources,
                _ => below,
            };
            list(root, &place, below, files)?;
        } else if below == Below::Sources || matches!(name, "Cargo.toml" | "Cargo.lock" | "build.rs") {
            let relative = place.strip_prefix(root).unwrap_or(&place);
            files.push((relative.to_string_lossy().replace('\\', "/"), place.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let place = root.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    #[test]
    fn only_what_is_compiled_changes_the_digest() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "guest/Cargo.toml", "[package]");
        write(root.path(), "guest/src/lib.rs", "fn a() {}");
        write(root.path(), "guest/wit/world.wit", "world w {}");
        let digest = || digest(root.path(), &["guest"]).unwrap();
        let before = digest();

        write(root.path(), "guest/README.md", "words");
        write(root.path(), "guest/target/release/x.wasm", "bytes");
        write(root.path(), "guest/tests/it.rs", "fn t() {}");
        assert_eq!(digest(), before);

        write(root.path(), "guest/wit/world.wit", "world other {}");
        assert_ne!(digest(), before);
    }

    #[test]
    fn moving_text_between_files_changes_the_digest() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "guest/src/a.rs", "onetwo");
        write(root.path(), "guest/src/b.rs", "");
        let before = digest(root.path(), &["guest"]).unwrap();
        write(root.path(), "guest/src/a.rs", "one");
        write(root.path(), "guest/src/b.rs", "two");
        assert_ne!(digest(root.path(), &["guest"]).unwrap(), before);
    }
}
