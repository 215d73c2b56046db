//! Syncs that fail: the pack is never believed again.

use std::time::Instant;

use super::sim::{Grain, SimDisk, dice};
use super::{Told, assert_kept, folder, frame, kept, raw_header, runs, start};
use crate::pack::{OpenPack, WriteError};

/// Writes until the first error, then tries everything that must be refused from there on.
fn write_until_unsure(disk: &SimDisk, told: &mut Told) -> bool {
    let Ok(mut pack) = OpenPack::create(&folder(disk), raw_header()) else { return true };
    for run in runs() {
        told.tried.extend_from_slice(&run);
        pack.append(&run, Instant::now()).unwrap();
        // Two syncs of the same frames, of which the second would work.
        let (one, two) = (pack.syncing(), pack.syncing());
        match one.run() {
            Ok(durable) => told.durable = durable as usize,
            Err(error) => {
                assert!(matches!(error, WriteError::Unsure(_)), "{error:?}");
                assert!(matches!(two.run(), Err(WriteError::Poisoned)));
                assert!(matches!(pack.append(&[frame(0, 9)], Instant::now()), Err(WriteError::Poisoned)));
                assert!(matches!(pack.sync(), Err(WriteError::Poisoned)));
                assert_eq!(pack.durable() as usize, told.durable);
                assert!(matches!(pack.seal().unwrap_err().error, WriteError::Poisoned));
                return true;
            }
        }
    }
    match pack.seal() {
        Ok(_) => {
            told.durable = told.tried.len();
            false
        }
        Err(unsealed) => {
            assert!(matches!(unsealed.error, WriteError::Unsure(_)), "{:?}", unsealed.error);
            assert!(matches!(unsealed.pack.seal().unwrap_err().error, WriteError::Poisoned));
            true
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_nothing_acknowledged_is_lost() {
    let mut failed = 0;
    for number in 0..16 {
        let disk = SimDisk::default();
        disk.fail_sync(number);
        let mut told = Told::default();
        failed += u64::from(write_until_unsure(&disk, &mut told));
        // The process ended and memory still has what the disk does not; or the power went.
        let same_boot = disk.copy();
        start(&same_boot);
        let before = kept(&same_boot);
        assert_kept(&before, &told, &format!("sync {number}"));
        let later = same_boot.after_cut(Grain::Sectors, &mut dice(number));
        assert_eq!(kept(&later), before, "sync {number}: what a start found goes with the power");
        for seed in 0..50 {
            let found = disk.after_cut(Grain::Sectors, &mut dice(seed));
            start(&found);
            assert_kept(&kept(&found), &told, &format!("sync {number}, seed {seed}"));
        }
    }
    // Three syncs make a pack, each of four runs takes two, a seal takes two that count.
    assert_eq!(failed, 13);
}
