//! Every state that a cut of power can leave: a hundred thousand of them, or as many as
//! `STAR_CRASH_STATES` says.
//!
//! Here the parts of the store run without its threads, on small files, so that a state costs
//! microseconds: groups are appended, checkpoints made, segments trimmed and cursors moved until
//! the power goes; from one such moment several states are drawn, each is recovered (and the
//! recovery cut short now and then), and what comes out is compared with what was acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, Operation, Position, Shard};

use super::sim::{Dice, SimDisk};
use crate::checkpoint::{Checkpoints, merge};
use crate::consumers::Consumers;
use crate::disk::Disk;
use crate::index::{Index, IndexKind, Record, Row};
use crate::journal::append::{Appender, Entry};
use crate::journal::{Fault, Sizes, body, replay};
use crate::recover::{self, Ground};
use crate::retention::{Needs, Retention};

const STATES: u64 = 100_000;
const SIZES: Sizes = Sizes { segment: 10 * 1024, reserve: 1_500 };
const EAGER: Retention = Retention { age: Duration::ZERO, bytes: 0, held_bytes: 30_000 };
const STORE: &str = "/store";
const STATES_OF_ONE_CUT: u64 = 12;
const LIVES: u64 = 6;
/// After so many runs it is told how far it is, so that a run of hours that somebody stops has a count.
const RUNS_TOLD_OF: u64 = 5_000;

/// All that was ever sent, by position and id, and what is known of it.
#[derive(Clone, Default)]
struct History {
    sent: HashMap<(Position, u128), Vec<Operation>>,
    /// The rows up to `settled`, where nothing can change any more.
    rows: MemoryRows,
    settled: Position,
    /// Ids behind `settled` that were acknowledged.
    acknowledged: Vec<u128>,
    cursor: Position,
}

#[derive(Clone, Default)]
struct MemoryRows(BTreeMap<Key, (Bytes, u64)>);

impl MemoryRows {
    fn apply(&mut self, position: Position, operations: &[Operation]) {
        for operation in operations {
            match operation {
                Operation::Put(key, value) => drop(self.0.insert(key.clone(), (value.clone(), position))),
                Operation::Delete(key) => drop(self.0.remove(key)),
                Operation::DeleteRange(range) => self.0.retain(|key, _| !range.contains(key)),
            }
        }
    }
}

/// A store without threads.
struct Parts {
    appender: Appender,
    checkpoints: Checkpoints,
    consumers: Consumers,
    rows: Arc<dyn Index>,
}

fn open(disk: &SimDisk) -> Result<Parts, String> {
    let said = |fault: Fault| fault.to_string();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Path::new(STORE);
    let checkpoints = Checkpoints::of(Arc::clone(&shared), store).map_err(said)?;
    let state = checkpoints.newest_state().map_err(said)?;
    let journal_dir = store.join("journal");
    let appender = replay::open(Arc::clone(&shared), &journal_dir, SIZES, 0, |_, _| {}).map_err(said)?;
    if let Some(state) = &state {
        assert!(state.position <= appender.position(), "a checkpoint is ahead of the journal");
    }
    let journal = appender.journal();
    let ground = Ground { store, journal, checkpoints: &checkpoints, end: appender.position() };
    let rows = recover::bring_up(IndexKind::Memory, ground).map_err(|error| error.to_string())?;
    let installation = *journal.installation();
    let of_checkpoint = || state.map(|state| state.consumers).unwrap_or_default();
    let consumers = Consumers::open(shared, store, installation, appender.position(), of_checkpoint).map_err(said)?;
    Ok(Parts { appender, checkpoints, consumers, rows })
}

fn shard() -> Shard {
    Shard::new(1).unwrap()
}

fn any_key(dice: &mut Dice) -> Key {
    Key::new(format!("k{}", dice.roll(9)))
}

fn any_operations(dice: &mut Dice) -> Vec<Operation> {
    let one = |dice: &mut Dice| match dice.roll(8) {
        0 => Operation::Delete(any_key(dice)),
        1 => Operation::DeleteRange(KeyRange { start: any_key(dice), end: Some(any_key(dice)) }),
        _ => {
            let len = [0, 9, 300, 1_400][dice.roll(4) as usize];
            // No zeros: a torn frame is told from a damaged one by the zeros in it.
            let byte = 1 + dice.roll(255) as u8;
            Operation::Put(any_key(dice), Bytes::from(vec![byte; len]))
        }
    };
    (0..=dice.roll(3)).map(|_| one(dice)).collect()
}

impl Parts {
    /// One thing that a store does; false once the power is gone.
    fn act(&mut self, dice: &mut Dice, history: &mut History, next_id: &mut u128) -> bool {
        match dice.roll(12) {
            0 => self.checkpoint(),
            1 => self.trim(),
            2 => {
                let to = self.appender.position().saturating_sub(dice.roll(3));
                let moved = self.consumers.register("reader", 0).and_then(|_| self.consumers.advance("reader", to));
                if moved.is_ok() {
                    history.cursor = history.cursor.max(to);
                }
                moved.is_ok()
            }
            _ => self.append(dice, history, next_id),
        }
    }

    fn append(&mut self, dice: &mut Dice, history: &mut History, next_id: &mut u128) -> bool {
        let mut records = Vec::new();
        for _ in 0..=dice.roll(3) {
            *next_id += 1;
            let operations = any_operations(dice);
            let batch = Batch {
                id: *next_id,
                shard: shard(),
                preconditions: Vec::new(),
                operations: operations.clone(),
                events: Vec::new(),
                at: 1,
            };
            let bytes = body::encode(&batch);
            let revision = self.appender.position() + records.len() as u64 + 1;
            let entry = Entry { shard: shard(), revision, id: *next_id, at: 1, body: &bytes };
            let position = self.appender.stage(&entry);
            history.sent.insert((position, *next_id), operations.clone());
            records.push((*next_id, Record { position, shard: shard(), revision, operations }));
        }
        if self.appender.write(1).is_err() {
            return false;
        }
        history.acknowledged.extend(records.iter().map(|(id, _)| *id));
        true
    }

    fn checkpoint(&self) -> bool {
        let upto = self.appender.position();
        let dress = |state: &mut crate::checkpoint::state::State| state.consumers = self.consumers.cursors();
        let never = AtomicBool::new(false);
        upto == 0 || merge::make(&self.checkpoints, self.appender.journal(), upto, dress, &never).is_ok()
    }

    fn trim(&self) -> bool {
        let journal = self.appender.journal();
        let Ok(newest_first) = self.checkpoints.newest_first() else { return false };
        let Some(checkpoint) = newest_first.get(1).copied() else { return true };
        let Ok(closed) = journal.closed() else { return false };
        let needs = Needs { checkpoint, slowest: self.consumers.slowest(), journal_bytes: journal.bytes(), now: 9 };
        let removable = EAGER.removable(&closed, &needs);
        closed[..removable].iter().all(|segment| journal.remove_oldest(segment).is_ok())
    }

    /// Compares what was recovered with what was acknowledged; what was found counts as settled.
    fn check(&self, history: &mut History, at: &str) {
        let end = self.appender.position();
        let acknowledged_to = history.settled + history.acknowledged.len() as u64;
        assert!(end >= acknowledged_to, "{at}: acknowledged up to {acknowledged_to}, found up to {end}");
        let journal = self.appender.journal();
        let mut seen = BTreeMap::new();
        let kept_behind = history.settled.max(journal.oldest() - 1).min(end);
        let walked = journal.walk(kept_behind, end, |frame, _| {
            seen.insert(frame.header.position, frame.header.id);
            ControlFlow::Continue(())
        });
        walked.unwrap_or_else(|fault| panic!("{at}: {fault}"));
        for position in history.settled + 1..=end {
            let acknowledged = history.acknowledged.get((position - history.settled - 1) as usize);
            // Of what was trimmed there is no frame left, but then it was acknowledged.
            let id = seen.get(&position).or(acknowledged).copied();
            let id = id.unwrap_or_else(|| panic!("{at}: position {position} was not read"));
            let sent = history.sent.get(&(position, id));
            let operations = sent.unwrap_or_else(|| panic!("{at}: position {position} was never sent")).clone();
            if let Some(expected) = acknowledged {
                assert_eq!(id, *expected, "{at}: another batch stands at position {position}");
            }
            history.rows.apply(position, &operations);
        }
        history.settled = end;
        history.acknowledged.clear();
        assert_eq!(self.rows.applied().unwrap(), end, "{at}");
        let keys: Vec<Key> = (0..9).map(|number| Key::new(format!("k{number}"))).collect();
        for (key, row) in keys.iter().zip(self.rows.read(&keys).unwrap()) {
            let found = row.map(|Row { value, modified, .. }| (value, modified));
            assert_eq!(found, history.rows.0.get(key).cloned(), "{at}: {key:?} at position {end}");
        }
        let cursor = self.consumers.slowest().unwrap_or(0);
        assert!(cursor >= history.cursor.min(end), "{at}: a cursor went back from {} to {cursor}", history.cursor);
        history.cursor = cursor;
        let kept = self.appender.journal().oldest();
        let covered = self.checkpoints.newest_first().unwrap().get(1).copied().unwrap_or(0);
        assert!(kept <= covered + 1, "{at}: the journal begins at {kept}, the older checkpoint is {covered}");
    }
}

/// Recovers a state, with the power going away again during the recovery now and then.
fn recover_state(mut disk: SimDisk, dice: &mut Dice, at: &str) -> (SimDisk, Parts) {
    for _ in 0..dice.roll(3) {
        disk.power_goes_after(dice.roll(6));
        if let Err(error) = open(&disk) {
            assert!(disk.is_dark(), "{at}: a recovery failed with the power on: {error}");
        }
        disk = disk.after_cut(dice);
    }
    let parts = open(&disk).unwrap_or_else(|error| panic!("{at}: {error}"));
    (disk, parts)
}

/// Runs from an empty disk through several cuts; gives the number of states that were checked.
fn run(seed: u64) -> u64 {
    let mut dice = Dice::of(seed);
    let (mut disk, mut history, mut next_id) = (SimDisk::default(), History::default(), 0u128);
    let mut checked = 0;
    for life in 0..LIVES {
        disk.power_goes_after(dice.roll(60));
        if let Ok(mut parts) = open(&disk) {
            while parts.act(&mut dice, &mut history, &mut next_id) {}
            assert!(disk.is_dark(), "seed {seed}, life {life}: a failure with the power on");
        }
        let mut goes_on = None;
        for state in 0..STATES_OF_ONE_CUT {
            let at = format!("seed {seed}, life {life}, state {state}");
            let (left, parts) = recover_state(disk.after_cut(&mut dice), &mut dice, &at);
            let mut found = history.clone();
            parts.check(&mut found, &at);
            checked += 1;
            goes_on = Some((left.copy(), found));
        }
        (disk, history) = goes_on.expect("at least one state is drawn");
    }
    checked
}

#[test]
#[expect(clippy::print_stdout, reason = "says how many states there were, to whoever asks with --nocapture")]
fn no_state_that_a_power_cut_leaves_loses_what_was_acknowledged() {
    let wanted = std::env::var("STAR_CRASH_STATES").ok().map_or(STATES, |states| states.parse().unwrap());
    let (begun, per_run) = (std::time::Instant::now(), LIVES * STATES_OF_ONE_CUT);
    let runs = wanted.div_ceil(per_run);
    let halves = [1..runs / 2 + 1, runs / 2 + 1..runs + 1];
    let tell = move |seed: u64, checked: u64| {
        if seed.is_multiple_of(RUNS_TOLD_OF) {
            println!("seed {seed}: {} states more in {:.1?}", RUNS_TOLD_OF * per_run, begun.elapsed());
        }
        checked
    };
    let checked_in = move |seeds: std::ops::Range<u64>| seeds.map(|seed| tell(seed, run(seed))).sum::<u64>();
    let threads = halves.map(|seeds| std::thread::spawn(move || checked_in(seeds)));
    let checked: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(checked >= wanted);
    println!("{checked} states in {:.1?}", begun.elapsed());
}

#[test]
fn the_states_are_not_all_alike() {
    let disks = |seed| {
        let mut dice = Dice::of(seed);
        let disk = SimDisk::default();
        let (mut history, mut next_id) = (History::default(), 0);
        let mut parts = open(&disk).unwrap();
        disk.power_goes_after(40);
        while parts.act(&mut dice, &mut history, &mut next_id) {}
        (0..50).map(|_| format!("{:?}", disk.after_cut(&mut dice))).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert!((1..20).map(disks).sum::<usize>() > 60, "cuts leave different states");
}
