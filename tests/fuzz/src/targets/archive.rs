//! Archives of bundles, which come from strangers' disks.
//!
//! The first byte of an input says in which pieces the archive comes. Whatever is unpacked has names
//! that stay in the bundle, once each, and is no more than came; the same archive in other pieces is
//! the same bundle.

use std::sync::Arc;

use bytes::Bytes;
use star_core::command::Manifest;
use star_core::ports::content::ContentStore;
use star_http::fuzzing;
use star_path::ResourcePath;
use star_testkit::MemoryContent;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    /// Archives are read as they come, so reading them needs a runtime.
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime without input and output starts");
}

/// A byte that says how long the pieces are, and an archive.
pub(crate) fn run(data: &[u8]) {
    let Some((piece, archive)) = data.split_first() else { return };
    let in_pieces = unpack(archive, usize::from(*piece) * 7 + 1);
    let at_once = unpack(archive, archive.len().max(1));
    assert_eq!(in_pieces, at_once, "a bundle depends on the pieces in which it comes");
    let Some(manifest) = at_once else { return };
    let bundle = bundle();
    let mut bytes = 0;
    for (name, entry) in &manifest.files {
        let path = ResourcePath::parse(&format!("{bundle}:{name}")).expect("the name of a file stands in a path");
        assert_eq!(path.files(), Some(name.as_str()), "a name is not canonical");
        assert!(path.is_within(&bundle) && !path.is_directory(), "{path} is no file of the bundle");
        assert!(name[1..].split('/').all(|name| !matches!(name, "" | "." | "..")), "{name}");
        bytes += entry.body.content.size_bytes;
    }
    assert!(bytes <= archive.len() as u64, "{bytes} bytes were unpacked of {}", archive.len());
}

fn bundle() -> ResourcePath {
    ResourcePath::parse("acme:site:1.0.0").expect("a constant that is a path")
}

fn unpack(archive: &[u8], piece: usize) -> Option<Manifest> {
    let store: Arc<dyn ContentStore> = MemoryContent::new();
    let pieces = archive.chunks(piece).map(Bytes::copy_from_slice).collect();
    let unpacked = RUNTIME.with(|runtime| runtime.block_on(fuzzing::bundle(&store, &bundle(), pieces)));
    match unpacked {
        Ok((manifest, findings)) => {
            if let Ok(warnings) = findings {
                assert!(warnings.iter().all(|warning| !warning.is_empty()));
            }
            Some(manifest)
        }
        Err(error) => {
            assert!(!error.message().is_empty());
            None
        }
    }
}
