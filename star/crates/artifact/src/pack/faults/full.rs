//! A disk that is full, or fails, at every step that takes room.

use std::io::ErrorKind;
use std::time::Instant;

use super::sim::{Grain, SimDisk, dice};
use super::{SOMETIMES, folder, frame, kept, raw_header, runs, start, write};
use crate::chunk::{ChunkId, Frame};
use crate::pack::{Folder, OpenPack, Unsealed, WriteError, recover};

const KINDS: [ErrorKind; 2] = [ErrorKind::StorageFull, ErrorKind::Other];

fn assert_kind(error: &WriteError, kind: ErrorKind) {
    let said = match error {
        WriteError::DiskFull(_) => ErrorKind::StorageFull,
        WriteError::Disk(_) => ErrorKind::Other,
        other => panic!("{other:?}"),
    };
    assert_eq!(said, kind, "{error:?}");
}

/// Takes every step again until it works; where an append failed, other frames are appended in
/// its place. Gives the frames that were appended and the number of errors.
fn insist(folder: &Folder, kind: ErrorKind) -> (Vec<Frame>, usize) {
    let (mut appended, mut errors) = (Vec::new(), 0);
    let mut pack = loop {
        match OpenPack::create(folder, raw_header()) {
            Ok(pack) => break pack,
            Err(error) => assert_kind(&error, kind),
        }
        errors += 1;
    };
    for (number, mut run) in runs().into_iter().enumerate() {
        while let Err(error) = pack.append(&run, Instant::now()) {
            assert_kind(&error, kind);
            errors += 1;
            run = vec![frame(100 + number, 20 + number)];
        }
        appended.extend(run);
        assert_eq!(pack.slots().len(), appended.len());
        if number != 1 {
            assert_eq!(pack.sync().unwrap() as usize, appended.len());
        }
    }
    loop {
        match pack.seal() {
            Ok(_) => return (appended, errors),
            Err(unsealed) => {
                let Unsealed { pack: again, error } = *unsealed;
                assert_kind(&error, kind);
                errors += 1;
                pack = again;
            }
        }
    }
}

fn plain(frames: &[Frame]) -> Vec<(ChunkId, Vec<u8>)> {
    frames.iter().map(|frame| (frame.chunk, frame.stored.to_vec())).collect()
}

#[test]
fn a_disk_that_is_full_at_any_write_is_told_of_and_room_makes_the_same_pack_go_on() {
    let whole = SimDisk::default();
    write(&whole, SOMETIMES);
    let (_, steps, _) = whole.counts();
    for kind in KINDS {
        let mut errors = 0;
        // The first two steps make the folder.
        for failing in 2..steps {
            for count in [1, 2, 5] {
                let disk = SimDisk::default();
                let folder = folder(&disk);
                disk.fail_room(failing..failing + count, kind);
                let (appended, said) = insist(&folder, kind);
                errors += said;
                let found = disk.after_cut(Grain::Sectors, &mut dice(failing));
                start(&found);
                assert_eq!(kept(&found), plain(&appended), "step {failing}");
            }
        }
        assert!(errors > 50, "{errors} errors");
    }
}

#[test]
fn what_failed_half_way_does_no_harm_when_the_power_goes_after_it() {
    for failing in 5..20 {
        let disk = SimDisk::default();
        let (appended, durable) = {
            let mut pack = OpenPack::create(&folder(&disk), raw_header()).unwrap();
            let (mut appended, mut durable) = (Vec::new(), 0);
            disk.fail_room(failing..failing + 1, ErrorKind::StorageFull);
            for (number, run) in runs().into_iter().enumerate() {
                let shorter = vec![frame(200 + number, 11)];
                let run = if pack.append(&run, Instant::now()).is_ok() { run } else { shorter };
                if pack.slots().len() == appended.len() {
                    pack.append(&run, Instant::now()).unwrap();
                }
                appended.extend(run);
                if number % 2 == 0 {
                    durable = pack.sync().unwrap() as usize;
                }
            }
            (appended, durable)
        };
        for seed in 0..200 {
            let found = disk.after_cut(Grain::Sectors, &mut dice(seed));
            start(&found);
            let kept = kept(&found);
            assert!(kept.len() >= durable, "step {failing}, seed {seed}");
            assert_eq!(kept[..durable], plain(&appended[..durable]), "step {failing}, seed {seed}");
            // What was given up may be there behind it; whatever is there is whole.
            assert!(kept.iter().all(|(chunk, bytes)| ChunkId::of(bytes) == *chunk));
        }
    }
}

#[test]
fn a_start_on_a_full_disk_changes_nothing_that_counts() {
    for seed in 0..20 {
        let disk = SimDisk::default();
        disk.power_goes_after(20);
        write(&disk, SOMETIMES);
        let found = disk.after_cut(Grain::Sectors, &mut dice(seed));
        let whole = found.copy();
        start(&whole);
        let expected = kept(&whole);
        for step in 0..8 {
            let disk = found.copy();
            let folder = folder(&disk);
            disk.fail_room(2 + step..100, ErrorKind::StorageFull);
            let failed = recover(&folder).unwrap().packs.iter().any(|(_, result)| result.is_err());
            assert_eq!(failed, step < 3 && !expected.is_empty(), "seed {seed}, step {step}");
            let again = disk.after_cut(Grain::Sectors, &mut dice(step));
            start(&again);
            assert_eq!(kept(&again), expected, "seed {seed}, step {step}");
        }
    }
}
