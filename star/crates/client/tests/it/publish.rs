//! Publishing a directory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use star_client::{Class, ClientError, Progress, TreeError, silent};
use star_path::ResourcePath;

use crate::fake::FakeStar;

fn bundle(version: &str) -> ResourcePath {
    format!("localhost:hello:{version}").parse().expect("a path")
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("assets")).expect("a directory in it");
    std::fs::write(directory.path().join("bundle.yaml"), "schema: 1\n").expect("a file");
    std::fs::write(directory.path().join("assets/style.css"), vec![b'x'; 700_000]).expect("a file");
    directory
}

#[derive(Default)]
struct Counted {
    total: AtomicU64,
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Progress for Counted {
    fn total(&self, _files: u64, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    fn file_done(&self, _name: &str) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_directory_becomes_a_version() {
    let star = FakeStar::start().await;
    let progress = Arc::new(Counted::default());
    let tags = ["latest".to_owned(), "1.0".to_owned()];
    let published = star.client().publish(&bundle("1.0.0"), directory().path(), &tags, progress.clone()).await.unwrap();
    assert_eq!((published.files, published.bytes), (2, 700_010));
    assert_eq!(published.tags, ["latest", "1.0"]);
    assert_eq!(star.kept().files["localhost:hello:1.0.0:/bundle.yaml"], "schema: 1\n");
    assert_eq!(star.kept().files["localhost:hello:1.0.0:/assets/style.css"], vec![b'x'; 700_000]);
    assert_eq!(progress.files.load(Ordering::Relaxed), 2);
    let (bytes, total) = (progress.bytes.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
    assert_eq!(bytes, total);
}

#[tokio::test]
async fn a_version_that_exists_is_refused() {
    let star = FakeStar::start().await;
    let error = star.client().publish(&bundle("9.9.9"), directory().path(), &[], silent()).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(error.detail().unwrap().hint, "try another");
}

#[tokio::test]
async fn a_tree_that_cannot_be_sent_sends_nothing() {
    let star = FakeStar::start().await;
    let directory = directory();
    std::os::unix::fs::symlink("/etc/hostname", directory.path().join("leak")).unwrap();
    let error = star.client().publish(&bundle("1.0.0"), directory.path(), &[], silent()).await.unwrap_err();
    assert!(matches!(error, ClientError::Tree(TreeError::LeavesTree { .. })), "{error:?}");
    assert_eq!(error.class(), Class::Invalid);
    assert!(star.kept().files.is_empty());
}
