//! Bits that flip, and files that are cut, in packs that are sealed or open.

use std::time::Instant;

use super::sim::SimDisk;
use super::{folder, kept, name, raw_header, runs, start};
use crate::pack::footer::tests::sealed;
use crate::pack::limits::{HEADER_BYTES, RECORD_BYTES};
use crate::pack::{Class, Footer, Found, OpenPack, Recovered, recover};

/// Whether a sealed pack is whole, from its first bit to its last.
fn is_whole(file: &[u8]) -> bool {
    Footer::of_file(file).is_ok_and(|footer| {
        footer.slots.iter().all(|slot| slot.holds(&file[slot.offset as usize..slot.end() as usize]))
    })
}

#[test]
fn every_flipped_bit_of_a_sealed_pack_is_seen() {
    for class in Class::ALL {
        let (_, mut file) = sealed(class, &["one", "two", "and three"]);
        assert!(is_whole(&file));
        for bit in 0..file.len() * 8 {
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&file), "bit {bit} of a pack of class {class}");
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// The files of an open pack of 8 frames, of which a record says that 5 are durable.
fn open_pack() -> (Vec<u8>, Vec<u8>) {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    let mut pack = OpenPack::create(&folder, raw_header()).unwrap();
    for (number, run) in runs().iter().enumerate() {
        pack.append(run, Instant::now()).unwrap();
        if number == 1 {
            pack.sync().unwrap();
        }
    }
    (disk.bytes(&folder.open_path(name())), disk.bytes(&folder.log_path(name())))
}

const FRAMES: usize = 8;
const DURABLE: usize = 5;

fn found(pack: &[u8], log: &[u8]) -> (SimDisk, Result<Recovered, crate::pack::Fault>) {
    let disk = SimDisk::default();
    let folder = folder(&disk);
    disk.put(&folder.open_path(name()), pack);
    disk.put(&folder.log_path(name()), log);
    let Found { mut packs, .. } = recover(&folder).unwrap();
    (disk, packs.remove(0).1)
}

#[test]
fn every_flipped_bit_of_an_open_pack_is_seen_and_costs_no_frame_that_was_durable_beside_it() {
    let (pack, log) = open_pack();
    let (_, whole) = found(&pack, &log);
    assert!(matches!(whole, Ok(Recovered::Sealed(left)) if left.footer.slots.len() == FRAMES && !left.torn));
    for bit in 0..pack.len() * 8 {
        let mut flipped = pack.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match found(&flipped, &log) {
            (disk, Err(fault)) => {
                assert!(bit / 8 < HEADER_BYTES, "bit {bit}: {fault}");
                assert_eq!(disk.bytes(&folder(&disk).open_path(name())), flipped, "nothing is changed");
            }
            (_, Ok(Recovered::Sealed(left))) => {
                assert!(bit / 8 >= HEADER_BYTES, "bit {bit}");
                let kept = left.footer.slots.len();
                let lost = left.damaged.len() == 1 && kept == FRAMES && left.damaged[0] < DURABLE;
                let cut = left.damaged.is_empty() && left.torn && (DURABLE..FRAMES).contains(&kept);
                assert!(lost || cut, "bit {bit}: {left:?}");
            }
            (_, Ok(Recovered::Removed)) => panic!("bit {bit}"),
        }
    }
    for bit in 0..log.len() * 8 {
        let mut flipped = log.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let number = bit / 8 / RECORD_BYTES;
        match found(&pack, &flipped) {
            (disk, Err(fault)) => {
                assert!(number < DURABLE && fault.to_string().contains(".slots is damaged"), "bit {bit}: {fault}");
                assert_eq!(disk.bytes(&folder(&disk).open_path(name())), pack, "nothing is changed");
            }
            (_, Ok(Recovered::Sealed(left))) => {
                assert!(left.torn && left.footer.slots.len() == number && number >= DURABLE, "bit {bit}");
            }
            (_, Ok(Recovered::Removed)) => panic!("bit {bit}"),
        }
    }
}

#[test]
fn an_open_pack_that_is_cut_anywhere_keeps_the_frames_that_are_whole() {
    let (pack, log) = open_pack();
    let (_, whole) = found(&pack, &log);
    let Ok(Recovered::Sealed(whole)) = whole else { panic!("{whole:?}") };
    for len in 0..pack.len() {
        let in_it = whole.footer.slots.iter().filter(|slot| slot.end() <= len as u64).count();
        match found(&pack[..len], &log) {
            (_, Err(fault)) => assert!(len < HEADER_BYTES, "{len} bytes: {fault}"),
            (_, Ok(Recovered::Sealed(left))) => {
                let kept = left.footer.slots.len();
                assert!(len >= HEADER_BYTES && left.torn && kept == in_it.max(DURABLE), "{len} bytes: {left:?}");
                assert_eq!(left.damaged, (in_it..kept).collect::<Vec<_>>(), "{len} bytes");
            }
            (_, Ok(Recovered::Removed)) => panic!("{len} bytes"),
        }
    }
    for len in 0..log.len() {
        let (disk, recovered) = found(&pack, &log[..len]);
        assert_eq!(matches!(recovered, Ok(Recovered::Removed)), len < RECORD_BYTES);
        assert_eq!(kept(&disk).len(), len / RECORD_BYTES, "{len} bytes");
    }
}

#[test]
fn a_second_start_after_damage_says_the_same_of_what_it_could_not_take_up() {
    let (mut pack, log) = open_pack();
    pack[0] ^= 1;
    let (disk, first) = found(&pack, &log);
    let second = recover(&folder(&disk)).unwrap().packs.remove(0).1;
    assert_eq!(first.unwrap_err().to_string(), second.unwrap_err().to_string());
    disk.put(&folder(&disk).open_path(name()), &[&[pack[0] ^ 1], &pack[1..]].concat());
    assert_eq!(start(&disk).unwrap().footer.slots.len(), FRAMES, "mended by hand, it is taken up");
}
