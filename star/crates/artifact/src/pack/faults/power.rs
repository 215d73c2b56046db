//! Power that goes away at every step of writing, sealing and taking up again.

use std::collections::BTreeSet;

use super::sim::{Grain, SimDisk, dice};
use super::{NEVER, SOMETIMES, assert_kept, folder, kept, start, write};
use crate::chunk::ChunkId;
use crate::pack::recover;

/// Chances taken for each step after which the power goes.
const SEEDS: u64 = 50;

/// Finds what a start makes of a disk, and that a start which is cut off itself at any step, and
/// followed by another, makes the same of it. Gives the number of states that were looked at.
fn settle(disk: &SimDisk, seed: u64, state: &str) -> (Vec<(ChunkId, Vec<u8>)>, u64) {
    let whole = disk.copy();
    start(&whole);
    let expected = kept(&whole);
    assert!(start(&whole).is_none(), "{state}: a second start finds something to do");
    assert_eq!(kept(&whole), expected, "{state}: a second start changes something");
    let steps = whole.counts().0;
    for step in 0..steps {
        let cut = disk.copy();
        cut.power_goes_after(step);
        // A start that is cut off says so, or had ended.
        let _cut_off = recover(&folder(&cut));
        let cut = cut.after_cut(Grain::Sectors, &mut dice(seed * 1000 + step));
        start(&cut);
        assert!(kept(&cut) == expected, "{state}: cut again after step {step}, a start comes to another end");
    }
    (expected, 1 + steps)
}

#[test]
fn nothing_durable_is_lost_when_the_power_goes_at_any_step_with_any_sectors() {
    let whole = SimDisk::default();
    assert!(write(&whole, SOMETIMES).sealed);
    let mut states = 0;
    let mut counts = BTreeSet::new();
    for step in 0..=whole.counts().0 {
        let disk = SimDisk::default();
        disk.power_goes_after(step);
        let told = write(&disk, SOMETIMES);
        for seed in 0..SEEDS {
            let state = format!("step {step}, seed {seed}");
            let found = disk.after_cut(Grain::Sectors, &mut dice(step * SEEDS + seed));
            let (kept, looked_at) = settle(&found, seed, &state);
            assert_kept(&kept, &told, &state);
            counts.insert(kept.len());
            states += looked_at;
        }
    }
    assert!(states >= 10_000, "{states} states");
    assert!(counts.len() >= 7, "packs were cut in few places: {counts:?}");
}

/// Every way to make choices, one after the other.
#[derive(Default)]
struct Odometer {
    wheels: Vec<(u64, u64)>,
    at: usize,
}

impl Odometer {
    fn roll(&mut self, sides: u64) -> u64 {
        if self.at == self.wheels.len() {
            self.wheels.push((0, sides));
        }
        self.at += 1;
        assert_eq!(self.wheels[self.at - 1].1, sides, "the same questions come in the same order");
        self.wheels[self.at - 1].0
    }

    /// Turns to the next way; false after the last.
    fn turn(&mut self) -> bool {
        self.at = 0;
        while let Some((value, sides)) = self.wheels.pop() {
            if value + 1 < sides {
                self.wheels.push((value + 1, sides));
                return true;
            }
        }
        false
    }
}

#[test]
fn nothing_durable_is_lost_whichever_of_the_unsynced_writes_are_kept() {
    let mut states = 0;
    for syncs in [SOMETIMES, NEVER] {
        let whole = SimDisk::default();
        write(&whole, syncs);
        for step in 0..=whole.counts().0 {
            let disk = SimDisk::default();
            disk.power_goes_after(step);
            let told = write(&disk, syncs);
            let mut odometer = Odometer::default();
            loop {
                let found = disk.after_cut(Grain::Writes, &mut |sides| odometer.roll(sides));
                start(&found);
                assert_kept(&kept(&found), &told, &format!("step {step}, {:?}", odometer.wheels));
                states += 1;
                if !odometer.turn() {
                    break;
                }
            }
        }
    }
    assert!(states >= 4_000, "{states} states");
}
