//! Power that goes away under redb, on the storage that it writes to.
//!
//! The index may come back at any group that it had applied, or be found unusable (and be made
//! again); it must never show a group in part, or a position that its rows are not at. As many
//! states as `STAR_ENGINE_STATES` says.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use redb::StorageBackend;
use star_core::ports::meta::{Key, KeyRange, Operation, Position, Shard};

use super::sim::{Dice, SimFile};
use crate::index::redb::RedbIndex;
use crate::index::{Index, Record, View};

const STATES: u64 = 600;
const STATES_OF_ONE_CUT: u64 = 6;

#[derive(Debug, Clone, Default)]
struct Storage(Arc<Mutex<(SimFile, Option<u64>)>>);

impl Storage {
    fn changed(&self, change: impl FnOnce(&mut SimFile)) -> io::Result<()> {
        let (file, left) = &mut *self.0.lock().unwrap();
        match left {
            Some(0) => return Err(io::Error::other("the power is gone")),
            Some(left) => *left -= 1,
            None => {}
        }
        change(file);
        Ok(())
    }

    fn after_cut(&self, dice: &mut Dice) -> Storage {
        Storage(Arc::new(Mutex::new((self.0.lock().unwrap().0.after_cut(dice), None))))
    }
}

impl StorageBackend for Storage {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().0.seen().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let end = offset as usize + out.len();
        let bytes = state.0.seen().get(offset as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.changed(|file| file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.changed(SimFile::sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.changed(|file| file.write(offset, data))
    }
}

type Rows = BTreeMap<Key, Bytes>;

fn any_record(position: Position, dice: &mut Dice) -> Record {
    let key = |dice: &mut Dice| Key::new(format!("k{:02}", dice.roll(40)));
    let operations = (0..=dice.roll(4))
        .map(|_| match dice.roll(8) {
            0 => Operation::Delete(key(dice)),
            1 => Operation::DeleteRange(KeyRange { start: key(dice), end: Some(key(dice)) }),
            _ => Operation::Put(key(dice), Bytes::from(vec![position as u8; dice.roll(2_000) as usize])),
        })
        .collect();
    Record { position, shard: Shard::new(1).unwrap(), revision: position, operations }
}

fn follow(rows: &mut Rows, record: &Record) {
    for operation in &record.operations {
        match operation {
            Operation::Put(key, value) => drop(rows.insert(key.clone(), value.clone())),
            Operation::Delete(key) => drop(rows.remove(key)),
            Operation::DeleteRange(range) => rows.retain(|key, _| !range.contains(key)),
        }
    }
}

fn rows_of(index: &RedbIndex) -> Rows {
    let page = index.scan(&KeyRange::prefix(""), 1_000).unwrap();
    page.rows.into_iter().map(|(key, row)| (key, row.value)).collect()
}

/// One life of an index, cut off; gives the number of states checked and of those unusable.
fn run(seed: u64) -> (u64, u64) {
    let mut dice = Dice::of(seed);
    let storage = Storage::default();
    let mut at_position: Vec<Rows> = vec![Rows::new()];
    let mut durable = 0;
    if let Ok(index) = RedbIndex::on(storage.clone(), &[3; 16]) {
        storage.0.lock().unwrap().1 = Some(dice.roll(150));
        for position in 1..60 {
            let record = any_record(position, &mut dice);
            let mut rows = at_position[position as usize - 1].clone();
            follow(&mut rows, &record);
            at_position.push(rows);
            if index.apply(&[record]).is_err() {
                break;
            }
            if dice.roll(5) == 0 {
                if index.sync().is_err() {
                    break;
                }
                durable = position;
            }
        }
    }
    let mut unusable = 0;
    for state in 0..STATES_OF_ONE_CUT {
        let Ok(index) = RedbIndex::on(storage.after_cut(&mut dice), &[3; 16]) else {
            unusable += 1;
            continue;
        };
        let applied = index.applied().unwrap();
        assert!(applied >= durable, "seed {seed}, state {state}: synced at {durable}, found at {applied}");
        let expected = at_position.get(applied as usize).expect("a position that was applied");
        assert_eq!(&rows_of(&index), expected, "seed {seed}, state {state}: at position {applied}");
    }
    (STATES_OF_ONE_CUT, unusable)
}

#[test]
#[expect(clippy::print_stdout, reason = "says how many states there were, to whoever asks with --nocapture")]
fn an_index_comes_back_at_a_position_that_it_had_or_not_at_all() {
    let wanted = std::env::var("STAR_ENGINE_STATES").ok().map_or(STATES, |states| states.parse().unwrap());
    let (mut checked, mut unusable) = (0, 0);
    for seed in 1..=wanted.div_ceil(STATES_OF_ONE_CUT) {
        let (states, lost) = run(seed);
        checked += states;
        unusable += lost;
    }
    println!("{checked} states, {unusable} unusable");
    assert!(unusable * 20 <= checked, "{unusable} of {checked} could not be used again");
}
