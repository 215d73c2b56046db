//! Packs: header pages, slots, whole sealed files, and the log of slots beside an open one.
//!
//! The first byte of an input chooses the form. What is read is written back byte by byte; a part
//! of it, or more than it, is refused. A log is read up to where it was torn, and not one record
//! further; what it says was durable is among what is read, or the log is damaged.

use star_artifact::pack::limits::{HEADER_BYTES, RECORD_BYTES, SLOT_BYTES};
use star_artifact::pack::{Class, Footer, Generation, Header, Log, PackId, PackName, Record, Slot, fuzzing};

use crate::check;

/// Whose log the bytes are taken for: that of the golden packs.
const NAME: PackName = PackName { id: PackId::from_bytes(*b"golden-pack-of-1"), generation: Generation(7) };

/// Longest body that is put in front of a footer: the bytes of it are nowhere looked at.
const BODY_BYTES: u32 = 64 * 1024;

/// A byte that chooses the form, and bytes that may be one.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    match choice % 8 {
        0 => header(data),
        1 => header(&fuzzing::sealed_header(&of_class(Class::Zstd), data)),
        2 => slot(data),
        3 => file(data),
        4 => footer(data),
        5 => following(data),
        6 => log(data),
        _ => log(&fuzzing::sealed_log(NAME, data)),
    }
}

fn of_class(class: Class) -> Header {
    let chunker = star_artifact::pack::Chunker::Uncut;
    Header { class, id: NAME.id, generation: NAME.generation, store: [0; 16], ordinal: 0, chunker }
}

fn header(page: &[u8]) {
    let Ok(header) = Header::decode(page) else { return };
    assert_eq!(header.encode(), *page, "a header is not what was written");
    check::whole_only(page, |bytes| Header::decode(bytes).is_ok());
}

fn slot(bytes: &[u8]) {
    let Some(bytes) = bytes.first_chunk::<SLOT_BYTES>() else { return };
    let Ok(slot) = Slot::decode(bytes) else { return };
    assert_eq!(slot.encode(), *bytes, "a slot is not what was written");
    assert!(slot.end() > u64::from(slot.offset), "a frame has bytes");
}

fn file(bytes: &[u8]) {
    let Ok(footer) = Footer::of_file(bytes) else { return };
    assert_eq!(footer.header.encode(), bytes[..HEADER_BYTES], "a header is not what was written");
    let mut end = HEADER_BYTES as u64;
    for slot in &footer.slots {
        assert_eq!(u64::from(slot.offset), end, "there is a gap or an overlap");
        end = slot.end();
    }
    let again = Footer::encode(&footer.header, &footer.slots).expect("what was read can be written");
    assert_eq!(again, bytes[end as usize..], "a footer is not what was written");
    check::whole_only(bytes, |bytes| Footer::of_file(bytes).is_ok());
}

/// A byte for the class, two for the length of the body, and a footer that the trailer vouches for.
fn footer(data: &[u8]) {
    let [class, high, low, footer @ ..] = data else { return };
    let class = Class::ALL[usize::from(*class) % Class::ALL.len()];
    let body = u32::from(u16::from_be_bytes([*high, *low]));
    file(&fuzzing::sealed_pack(&of_class(class), body, footer));
}

/// A byte for the class, and slots that are made to follow each other.
fn following(data: &[u8]) {
    let Some((class, slots)) = data.split_first() else { return };
    let class = Class::ALL[usize::from(*class) % Class::ALL.len()];
    let (mut footer, mut body) = (Vec::new(), 0_u32);
    for slot in slots.chunks_exact(SLOT_BYTES) {
        let mut slot = slot.to_vec();
        slot[32..36].copy_from_slice(&(HEADER_BYTES as u32 + body).to_be_bytes());
        body += u32::from_be_bytes([0, slot[36], slot[37], slot[38]]);
        if body > BODY_BYTES {
            return;
        }
        footer.extend_from_slice(&slot);
    }
    file(&fuzzing::sealed_pack(&of_class(class), body, &footer));
}

fn log(bytes: &[u8]) {
    let records = || {
        let whole = bytes.chunks(RECORD_BYTES).enumerate();
        whole.map(|(number, bytes)| {
            let record = bytes.try_into().ok().and_then(|bytes| Record::decode(bytes, NAME, number as u32).ok());
            (bytes, record)
        })
    };
    for (number, (bytes, record)) in records().enumerate() {
        let again = record.map(|record| record.encode(NAME, number as u32));
        assert!(again.is_none_or(|again| again == *bytes), "record {number} is not what was written");
    }
    let whole: Vec<Slot> = records().map_while(|(_, record)| Some(record?.slot)).collect();
    let durable = records().filter_map(|(_, record)| record).map(|record| record.durable as usize).max().unwrap_or(0);
    match Log::read(bytes, NAME) {
        Ok(log) => {
            assert_eq!(log.slots, whole, "a log is read up to the first record that does not hold");
            assert_eq!(log.durable, durable);
            assert!(durable <= whole.len(), "what was durable is given up");
            let behind = &bytes[bytes.len().min(whole.len() * RECORD_BYTES)..];
            assert_eq!(log.torn, behind.iter().any(|byte| *byte != 0), "a torn end is not told of, or made up");
        }
        Err(flaw) => {
            assert!(durable > whole.len(), "a torn end is taken for damage: {flaw}");
            assert_eq!(flaw.offset / RECORD_BYTES as u64, whole.len() as u64, "the flaw is elsewhere");
        }
    }
}
