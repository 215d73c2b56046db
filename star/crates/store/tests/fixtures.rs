//! Files of every format that was ever written are read for ever.
//!
//! `tests/fixtures/format-1` is a store as the first format left it: a journal with everything that
//! a batch can hold, a checkpoint in the middle, and a consumer.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, MetaStore, NewEvent, Operation, Shard};
use star_store::{IndexKind, OpenOptions, Store, maintain};

const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-1");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn batches() -> Vec<Batch> {
    let put = |key: &'static str, value: &'static str| Operation::Put(Key::new(key), Bytes::from(value));
    let event = |body: &'static str, leaf: Option<&'static str>| NewEvent {
        body: Bytes::from(body),
        leaf: leaf.map(Bytes::from),
    };
    let batch = |id: u128, shard: u16, operations, events| Batch {
        id,
        shard: Shard::new(shard).unwrap(),
        preconditions: Vec::new(),
        operations,
        events,
        at: 1_700_000_000_000 + id as u64,
    };
    vec![
        batch(1, 0, vec![put("a", "one"), put("b", ""), put("c/1", "x"), put("c/2", "y")], vec![event("made", None)]),
        batch(2, 1023, vec![put("d", "far")], Vec::new()),
        batch(3, 0, vec![put("a", "two"), Operation::Delete(Key::new("b"))], vec![event("", Some("leaf"))]),
        batch(4, 0, vec![Operation::DeleteRange(KeyRange::prefix("c/"))], vec![event("x", None), event("y", None)]),
        batch(5, 7, Vec::new(), Vec::new()),
        batch(6, 0, vec![put("c/1", "again"), put("z", "last")], vec![event("end", Some(""))]),
    ]
}

async fn shown(store: &Store) -> String {
    let page = store.scan(KeyRange::prefix(""), 100).await.unwrap();
    let rows = page.rows.iter().map(|(key, row)| format!("{key:?} {:?} {} {}", row.value, row.created, row.modified));
    let events = store.events(0, 100).await.unwrap().events;
    let events = events.iter().map(|event| {
        let (position, shard, revision) = (event.position, event.shard.number(), event.revision);
        format!("{position} {shard} {revision} {} {} {:?} {:?}", event.index, event.at, event.body, event.leaf)
    });
    rows.chain(events).collect::<Vec<_>>().join("\n") + "\n"
}

#[tokio::test]
#[ignore = "writes the fixture; run once when a format is made, and never for one that was released"]
async fn write_format_1() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(OpenOptions::new(dir.path()).with_index(IndexKind::Memory)).unwrap();
    store.register_consumer("mirror", 0).await.unwrap();
    for (number, batch) in batches().into_iter().enumerate() {
        store.commit(batch).await.unwrap();
        if number == 3 {
            store.advance_consumer("mirror", 2).await.unwrap();
            store.checkpoint().await.unwrap();
        }
    }
    let shown = shown(&store).await;
    store.close().await;
    drop(store);
    fs::remove_file(dir.path().join("lock")).unwrap();
    copy(dir.path(), Path::new(FORMAT_1));
    fs::write(Path::new(FORMAT_1).join("shown.txt"), shown).unwrap();
}

#[tokio::test]
async fn a_store_of_format_1_is_read() {
    let expected = fs::read_to_string(Path::new(FORMAT_1).join("shown.txt")).unwrap();
    for kind in [IndexKind::Memory, IndexKind::Redb, IndexKind::Sled] {
        let dir = tempfile::tempdir().unwrap();
        copy(Path::new(FORMAT_1), dir.path());
        let options = OpenOptions::new(dir.path()).with_index(kind);
        let report = maintain::check(&options, &mut |_| {}).unwrap();
        assert_eq!((report.position, report.checkpoints, report.problems.len()), (6, 1, 0), "{report:?}");
        let store = Store::open(options).unwrap();
        assert_eq!(shown(&store).await, expected);
        assert_eq!(store.consumers()[0].position, 2);
        let again = store.commit(batches().remove(2)).await.unwrap();
        assert_eq!(again.position, 3, "the ids of format 1 are remembered");
        store.close().await;
    }
}

#[tokio::test]
async fn a_checkpoint_of_format_1_is_all_that_is_needed_of_what_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(FORMAT_1), dir.path());
    let journal = dir.path().join("journal").join("0000000000000001.seg");
    let len = fs::metadata(&journal).unwrap().len();
    assert!(len > 4_096, "the journal has frames");
    let store = Store::open(OpenOptions::new(dir.path()).with_index(IndexKind::Memory)).unwrap();
    assert_eq!(store.status().checkpoint, 4);
}
