//! A bit that flips in the file of an index while nobody looks: what is read afterwards is right,
//! or it is not read at all.

use std::fs;
use std::path::{Path, PathBuf};

use star_core::ports::meta::{Key, KeyRange, MetaStore, Versioned};

use super::sim::Dice;
use super::{flip, open, written};
use crate::{IndexKind, Store};

const FLIPS: u64 = 60;

fn files_of(kind: IndexKind, dir: &Path) -> Vec<PathBuf> {
    let path = crate::index::path_of(kind, dir).unwrap();
    if path.is_file() {
        return vec![path];
    }
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.is_file() && fs::metadata(path).unwrap().len() > 0).collect();
    files.sort();
    files
}

async fn scanned(store: &Store) -> Vec<(Key, Versioned)> {
    store.scan(KeyRange::prefix(""), 1_000).await.unwrap().rows
}

/// Whether all that is read, by scan and one by one, is right; what is refused is not served.
async fn is_served_right(store: &Store, expected: &[(Key, Versioned)]) -> bool {
    let scan = store.scan(KeyRange::prefix(""), 1_000).await;
    let mut right = scan.is_err() || scan.is_ok_and(|page| page.rows == expected);
    for (key, row) in expected {
        if let Ok(found) = store.read(std::slice::from_ref(key)).await {
            right &= found[0].as_ref() == Some(row);
        }
    }
    right
}

async fn flips_are_never_served(kind: IndexKind) {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), kind, 300).await;
    let store = open(dir.path(), kind).unwrap();
    let expected = scanned(&store).await;
    assert_eq!(expected.len(), 300);
    store.close().await;
    drop(store);
    let mut dice = Dice::of(7);
    let whole: Vec<(PathBuf, Vec<u8>)> =
        files_of(kind, dir.path()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    for _ in 0..FLIPS {
        fs::remove_dir_all(dir.path().join("index")).unwrap();
        for (path, bytes) in &whole {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let (path, bytes) = &whole[dice.roll(whole.len() as u64) as usize];
        // Space that was never written proves nothing: a byte that says something is flipped.
        let at = loop {
            let at = dice.roll(bytes.len() as u64) as usize;
            if bytes[at] != 0 {
                break at;
            }
        };
        flip(path, at);
        let store = open(dir.path(), kind).unwrap();
        assert!(is_served_right(&store, &expected).await, "{} flipped at {at}", path.display());
        store.close().await;
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_of_redb_is_never_served() {
    flips_are_never_served(IndexKind::Redb).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_of_sled_is_never_served() {
    flips_are_never_served(IndexKind::Sled).await;
}
