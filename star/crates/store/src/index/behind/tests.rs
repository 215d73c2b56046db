//! Layers before an engine show what the engine alone would show, at every moment.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use star_core::ports::meta::Operation;

use super::*;
use crate::index::memory::MemoryIndex;

/// An engine that takes nothing until it may, is held up while it reads, and fails when told to.
#[derive(Default)]
struct Slow {
    inner: MemoryIndex,
    /// Set by who reads, and unset by who lets it go on.
    reads: Option<Arc<AtomicBool>>,
    may_take: AtomicBool,
    fails: AtomicBool,
    synced: AtomicU64,
}

impl Slow {
    fn that_takes_nothing() -> Arc<Slow> {
        Arc::new(Slow::default())
    }

    fn that_takes() -> Arc<Slow> {
        Arc::new(Slow { may_take: true.into(), ..Slow::default() })
    }
}

/// What it held at one moment.
struct Kept {
    rows: MemoryIndex,
    reads: Option<Arc<AtomicBool>>,
}

impl View for Kept {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        if let Some(reads) = &self.reads {
            reads.store(true, Ordering::SeqCst);
            wait_for(|| !reads.load(Ordering::SeqCst));
        }
        self.rows.read(keys)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        self.rows.scan(range, limit)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        self.rows.written_since(range, shard, since, except)
    }
}

impl View for Slow {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        self.inner.read(keys)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        self.inner.scan(range, limit)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        self.inner.written_since(range, shard, since, except)
    }
}

impl Index for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn moment(&self) -> Option<Arc<dyn View>> {
        Some(Arc::new(Kept { rows: self.inner.copy(), reads: self.reads.clone() }))
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        wait_for(|| self.may_take.load(Ordering::SeqCst) || self.fails.load(Ordering::SeqCst));
        if self.fails.load(Ordering::SeqCst) {
            return Err(IndexError { engine: "slow", full: false, source: "told to".into() });
        }
        self.inner.apply(records)
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        self.inner.fill(rows)
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        self.inner.filled(shards, applied)
    }

    fn sync(&self) -> Result<(), IndexError> {
        self.synced.store(self.inner.applied()?, Ordering::SeqCst);
        Ok(())
    }

    fn applied(&self) -> Result<Position, IndexError> {
        self.inner.applied()
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        self.inner.shards()
    }

    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }
}

fn wait_for(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain");
        thread::yield_now();
    }
}

/// A sequence that looks like chance and is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn key(number: u64) -> Key {
    Key::new(format!("k{number:02}"))
}

fn any_record(position: Position, revisions: &mut [Revision; 2], dice: &mut Dice) -> Record {
    let shard = dice.below(2) as usize;
    revisions[shard] += 1;
    let operations = (0..=dice.below(3))
        .map(|_| match dice.below(6) {
            0 => Operation::Delete(key(dice.below(30))),
            1 => Operation::DeleteRange(KeyRange { start: key(dice.below(30)), end: Some(key(dice.below(30))) }),
            _ => Operation::Put(key(dice.below(30)), Bytes::from(vec![position as u8; dice.below(50) as usize])),
        })
        .collect();
    let shard_number = Shard::new(shard as u16).unwrap();
    Record { position, shard: shard_number, revision: revisions[shard], operations }
}

/// Everything that can be asked for, compared with an engine that has no layers.
fn same(behind: &Behind, plain: &MemoryIndex, dice: &mut Dice, seed: u64) {
    let keys: Vec<Key> = (0..30).map(key).collect();
    assert_eq!(behind.read(&keys).unwrap(), plain.read(&keys).unwrap(), "seed {seed}");
    for limit in [1, 3, 7, 100] {
        let end = (dice.below(3) > 0).then(|| key(dice.below(30)));
        let range = KeyRange { start: key(dice.below(30)), end };
        let [page, expected] =
            [behind as &dyn Index, plain].map(|index| index.scan(&range, limit).map(|page| (page.rows, page.next)));
        assert_eq!(page.unwrap(), expected.unwrap(), "seed {seed}, {range:?}");
        let (shard, since) = (Shard::new(dice.below(2) as u16).unwrap(), dice.below(40));
        let [found, expected] = [behind as &dyn Index, plain]
            .map(|index| index.written_since(&range, shard, since, &|_| false).unwrap().is_some());
        assert_eq!(found, expected, "seed {seed}, {range:?} since {since} of {shard:?}");
    }
    assert_eq!(behind.applied().unwrap(), plain.applied().unwrap());
    let sorted = |mut shards: Vec<(Shard, ShardState)>| {
        shards.sort_by_key(|(shard, _)| shard.number());
        shards
    };
    assert_eq!(sorted(behind.shards().unwrap()), sorted(plain.shards().unwrap()), "seed {seed}");
}

#[test]
fn layers_before_an_engine_show_what_the_engine_alone_would() {
    for seed in 0..150 {
        let (mut dice, mut revisions) = (Dice(seed), [0; 2]);
        let slow = Slow::that_takes();
        let behind = Behind::before(slow.clone()).unwrap();
        let plain = MemoryIndex::default();
        for position in 1..40 {
            let record = any_record(position, &mut revisions, &mut dice);
            plain.apply(std::slice::from_ref(&record)).unwrap();
            behind.apply(&[record]).unwrap();
            match dice.below(6) {
                // What follows stays in a frozen layer, or in the active one, for a while.
                0 => slow.may_take.store(false, Ordering::SeqCst),
                1 => slow.may_take.store(true, Ordering::SeqCst),
                2 if slow.may_take.load(Ordering::SeqCst) => behind.sync().unwrap(),
                _ => {}
            }
            same(&behind, &plain, &mut dice, seed);
        }
        slow.may_take.store(true, Ordering::SeqCst);
        behind.sync().unwrap();
        assert_eq!((slow.inner.applied().unwrap(), slow.synced.load(Ordering::SeqCst)), (39, 39));
        same(&behind, &plain, &mut dice, seed);
    }
}

#[test]
fn two_layers_and_the_engine_are_one() {
    let slow = Slow::that_takes_nothing();
    let behind = Behind::before(slow.clone()).unwrap();
    let (mut dice, mut revisions) = (Dice(7), [0; 2]);
    let plain = MemoryIndex::default();
    for position in 1..50 {
        let record = any_record(position, &mut revisions, &mut dice);
        plain.apply(std::slice::from_ref(&record)).unwrap();
        behind.apply(&[record]).unwrap();
        if position == 20 {
            wait_for(|| behind.layers().frozen.is_some());
        }
        same(&behind, &plain, &mut dice, 7);
    }
    assert!(behind.layers().frozen.is_some() && !behind.layers().active.is_silent());
    assert_eq!(slow.inner.applied().unwrap(), 0, "the engine has nothing yet");
    slow.may_take.store(true, Ordering::SeqCst);
    wait_for(|| slow.inner.applied().is_ok_and(|applied| applied == 49));
    same(&behind, &plain, &mut dice, 7);
}

#[test]
fn a_writer_that_is_far_ahead_waits_for_the_engine() {
    let slow = Slow::that_takes_nothing();
    let behind = Arc::new(Behind::before(slow.clone()).unwrap());
    let written = Arc::new(AtomicU64::new(0));
    let writing = {
        let (behind, written) = (Arc::clone(&behind), Arc::clone(&written));
        thread::spawn(move || {
            for position in 1..1_000 {
                let operations = vec![Operation::Put(key(position % 30), Bytes::from_static(b"v"))];
                let shard = Shard::new(0).unwrap();
                behind.apply(&[Record { position, shard, revision: position, operations }]).unwrap();
                written.store(position, Ordering::SeqCst);
            }
        })
    };
    let most = 2 * crate::limits::BEHIND_BATCHES as u64;
    wait_for(|| {
        behind.layers().active.records.len() >= crate::limits::BEHIND_BATCHES && behind.layers().frozen.is_some()
    });
    assert!(written.load(Ordering::SeqCst) <= most && slow.inner.applied().unwrap() == 0);
    slow.may_take.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    behind.sync().unwrap();
    assert_eq!(slow.inner.applied().unwrap(), 999);
}

#[test]
fn a_reader_that_waits_for_the_disk_keeps_no_writer_waiting_and_sees_its_moment() {
    let reads = Arc::new(AtomicBool::new(false));
    let slow = Arc::new(Slow { may_take: true.into(), reads: Some(Arc::clone(&reads)), ..Slow::default() });
    let behind = Arc::new(Behind::before(slow.clone()).unwrap());
    let reading = {
        let behind = Arc::clone(&behind);
        thread::spawn(move || behind.read(&[key(1), key(2)]).unwrap())
    };
    wait_for(|| reads.load(Ordering::SeqCst));
    let operations = [1, 2].map(|number| Operation::Put(key(number), Bytes::from_static(b"v"))).to_vec();
    behind.apply(&[Record { position: 1, shard: Shard::new(0).unwrap(), revision: 1, operations }]).unwrap();
    behind.sync().unwrap();
    assert_eq!(slow.inner.applied().unwrap(), 1, "the engine took it while somebody read");
    reads.store(false, Ordering::SeqCst);
    assert_eq!(reading.join().unwrap(), [None, None], "it began to read before");
}

#[test]
fn an_engine_that_fails_is_told_of_and_the_layers_answer_for_it() {
    let slow = Slow::that_takes_nothing();
    let behind = Behind::before(slow.clone()).unwrap();
    let record = |position| Record {
        position,
        shard: Shard::new(0).unwrap(),
        revision: position,
        operations: vec![Operation::Put(key(position), Bytes::from_static(b"v"))],
    };
    behind.apply(&[record(1)]).unwrap();
    slow.fails.store(true, Ordering::SeqCst);
    assert_eq!(behind.sync().unwrap_err().source.to_string(), "told to");
    assert!(behind.read(&[key(1)]).unwrap()[0].is_some());
    assert!(behind.apply(&[record(2)]).is_err() && behind.sync_soon().is_err(), "it does not go on");
}

#[test]
fn a_store_that_is_always_busy_is_synced_all_the_same() {
    let slow = Slow::that_takes();
    let behind = Behind::before(slow.clone()).unwrap();
    behind.sync_soon().unwrap();
    for position in 1.. {
        let operations = vec![Operation::Put(key(position % 30), Bytes::from_static(b"v"))];
        behind.apply(&[Record { position, shard: Shard::new(0).unwrap(), revision: position, operations }]).unwrap();
        if slow.synced.load(Ordering::SeqCst) > 0 {
            break;
        }
        assert!(position < 10_000_000, "it was never synced");
        behind.sync_soon().unwrap();
    }
}
