//! Power that goes away under a store at work, on a simulated disk.
//!
//! The store runs unchanged, with its threads. What was acknowledged must be there afterwards,
//! batches must be whole, and the way back must itself survive a power cut.

use std::path::Path;
use std::sync::Arc;

use star_core::ports::meta::{Batch, Key, MetaStore};

use super::putting;
use super::sim::{Dice, SimDisk};
use crate::{IndexKind, OpenError, OpenOptions, Store};

fn open(dir: &Path, disk: &SimDisk) -> Result<Arc<Store>, OpenError> {
    Store::open(OpenOptions {
        disk: Arc::new(disk.clone()),
        on_fatal: Arc::new(|_| {}),
        ..OpenOptions::new(dir).with_index(IndexKind::Memory)
    })
}

/// A batch of two keys, of which one alone would be half a batch.
fn pair(key: &str, size: usize) -> Batch {
    let mut batch = putting(key, &vec![b'v'; size]);
    batch.operations.extend(putting(&format!("{key}/second"), b"").operations);
    batch
}

/// Commits rounds of batches that are sent at once, until the power goes; the acknowledged ones.
async fn write_until_dark(store: &Arc<Store>, life: u64, dice: &mut Dice) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let size = [3, 400, 4_000, 30_000][dice.roll(4) as usize];
        let sent: Vec<_> = (0..=dice.roll(6))
            .map(|number| {
                let (store, key) = (Arc::clone(store), format!("{life}/{round}/{number}"));
                tokio::spawn(async move { store.commit(pair(&key, size)).await.is_ok().then_some(key) })
            })
            .collect();
        for one in sent {
            acknowledged.extend(one.await.unwrap());
        }
    }
    acknowledged
}

async fn check(store: &Arc<Store>, acknowledged: &[String], seed: u64) {
    for key in acknowledged {
        let both = [Key::new(key.clone()), Key::new(format!("{key}/second"))];
        let rows = store.read(&both).await.unwrap();
        assert!(rows.iter().all(Option::is_some), "seed {seed}: {key} was acknowledged and is lost");
    }
    let mut cursor = 0;
    let mut expected = 1;
    loop {
        let page = store.events(cursor, 1_000).await.unwrap();
        for event in &page.events {
            assert_eq!((event.position, event.revision), (expected, expected), "seed {seed}");
            let second = Key::new([&event.body[..], b"/second"].concat());
            assert!(store.read(&[second]).await.unwrap()[0].is_some(), "seed {seed}: half a batch");
            expected += 1;
        }
        if page.read_to == cursor {
            return;
        }
        cursor = page.read_to;
    }
}

async fn lives_of(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::of(seed);
    let mut disk = SimDisk::default();
    let mut acknowledged = Vec::new();
    for life in 0..4 {
        disk.power_goes_after(dice.roll(40));
        // A start may be cut as well; the next one begins from whatever it left.
        match open(dir.path(), &disk) {
            Ok(store) => acknowledged.extend(write_until_dark(&store, life, &mut dice).await),
            Err(OpenError::Io { .. }) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
        disk = disk.after_cut(&mut dice);
    }
    let store = open(dir.path(), &disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    check(&store, &acknowledged, seed).await;
    store.commit(pair("after all", 9)).await.unwrap();
    store.close().await;
    drop(store);
    check(&open(dir.path(), &disk).unwrap(), &acknowledged, seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_goes_at_any_moment() {
    for seed in 1..=100 {
        lives_of(seed).await;
    }
}
