//! What may lie in `open/` beside a pack and its log.

use std::path::Path;
use std::time::Instant;

use super::sim::{Grain, SimDisk};
use super::{ROOT, SOMETIMES, folder, frame, kept, name, raw_header, start, write};
use crate::pack::{Disk, OpenPack, PackName, Recovered, Unsealed, WriteError, recover};

#[test]
fn a_stranger_is_told_of_and_left_alone() {
    let disk = SimDisk::default();
    write(&disk, SOMETIMES);
    let stranger = Path::new(ROOT).join("open/notes.txt");
    disk.put(&stranger, b"mine");
    let found = recover(&folder(&disk)).unwrap();
    assert_eq!((found.strangers, found.packs.len()), (vec![stranger.clone()], 0));
    assert_eq!(disk.bytes(&stranger), b"mine");
}

#[test]
fn a_log_without_a_pack_is_removed() {
    let disk = SimDisk::default();
    write(&disk, SOMETIMES);
    let before = kept(&disk);
    disk.put(&folder(&disk).log_path(name()), b"anything");
    assert!(start(&disk).is_none());
    assert_eq!(kept(&disk), before);
}

#[test]
fn a_pack_that_is_in_both_places_is_sealed_durably() {
    // The last sync of a writer is that of the place: it fails, and the place may be lost.
    for last_sync in [8, 99] {
        let disk = SimDisk::default();
        disk.fail_sync(last_sync);
        assert_eq!(write(&disk, SOMETIMES).sealed, last_sync == 99);
        disk.link(&folder(&disk).sealed_path(name()), &folder(&disk).open_path(name()));
        assert_eq!(start(&disk).unwrap().footer.slots.len(), 8);
        let later = disk.after_cut(Grain::Writes, &mut |_| 0);
        assert_eq!(kept(&later).len(), 8);
    }
}

#[test]
fn a_pack_without_its_log_is_kept_as_it_is_unless_nothing_was_in_it() {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    let pack = OpenPack::create(&folder, raw_header()).unwrap();
    disk.remove(&folder.log_path(name())).unwrap();
    assert_eq!(recover(&folder).unwrap().packs.remove(0).1.unwrap(), Recovered::Removed);
    drop(pack);

    let mut pack = OpenPack::create(&folder, raw_header()).unwrap();
    pack.append(&[frame(1, 100)], Instant::now()).unwrap();
    disk.remove(&folder.log_path(name())).unwrap();
    let fault = recover(&folder).unwrap().packs.remove(0).1.unwrap_err().to_string();
    assert!(fault.contains("the log of its slots is missing; put the .slots file back"), "{fault}");
    assert!(disk.list(&folder.open_dir()).unwrap().contains(&folder.open_path(name())));
}

#[test]
fn a_pack_of_a_later_version_is_kept_as_it_is() {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    let mut page = raw_header().encode();
    page[9] = 2;
    crate::pack::header::seal(&mut page);
    disk.put(&folder.open_path(name()), &page);
    disk.put(&folder.log_path(name()), b"");
    let fault = recover(&folder).unwrap().packs.remove(0).1.unwrap_err().to_string();
    assert!(fault.contains("version 2") && fault.contains("start the version of star"), "{fault}");
    assert_eq!(disk.bytes(&folder.open_path(name())), page);
}

#[test]
fn one_pack_that_is_damaged_does_not_keep_the_others_back() {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    let mut headers = [raw_header(), raw_header()];
    headers[1].generation.0 += 1;
    for header in &headers {
        let mut pack = OpenPack::create(&folder, *header).unwrap();
        pack.append(&[frame(1, 100)], Instant::now()).unwrap();
        pack.sync().unwrap();
    }
    disk.put(&folder.open_path(name()), b"STARPACK and nothing more");
    let found = recover(&folder).unwrap();
    assert!(found.packs[0].1.is_err());
    assert!(matches!(&found.packs[1].1, Ok(Recovered::Sealed(left)) if left.footer.slots.len() == 1));
    assert_eq!(folder.sealed().unwrap(), [PackName::from(&headers[1])]);
}

#[test]
fn a_pack_without_frames_is_discarded_and_its_name_is_never_taken_twice() {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    let pack = OpenPack::create(&folder, raw_header()).unwrap();
    assert!(matches!(OpenPack::create(&folder, raw_header()), Err(WriteError::Disk(_))));
    assert!(folder.opened().unwrap().packs.contains(&name()), "the one that is there stays");
    let Unsealed { pack, error } = *pack.seal().unwrap_err();
    assert!(matches!(error, WriteError::Empty));
    pack.discard().unwrap();
    write(&disk, SOMETIMES);
    let before = kept(&disk);
    assert!(matches!(OpenPack::create(&folder, raw_header()), Err(WriteError::Disk(_))));
    assert_eq!(kept(&disk), before);
}
