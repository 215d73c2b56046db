//! The footer: the slots of a sealed pack in the order of its frames, which is the truth about it.

use std::path::Path;

use super::chain::Chain;
use super::disk::DiskFile;
use super::fields::array;
use super::limits::{HEADER_BYTES, PACK_BYTES, SLOT_BYTES, TRAILER_BYTES};
use super::reader::fill;
use super::{Fault, Flaw, Header, Slot, Trailer, What};

/// Shorter than this is no sealed pack: a header, a frame of one byte, its slot, a trailer.
const LEAST_BYTES: u64 = (HEADER_BYTES + 1 + SLOT_BYTES + TRAILER_BYTES) as u64;

/// What a sealed pack says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Which pack it is.
    pub header: Header,
    /// Its frames, in the order in which they lie; never none.
    pub slots: Vec<Slot>,
}

impl Footer {
    /// Footer and trailer, as they follow the last frame.
    ///
    /// # Errors
    /// If such slots cannot be those of one pack.
    pub fn encode(header: &Header, slots: &[Slot]) -> Result<Vec<u8>, Flaw> {
        let mut bytes = Vec::with_capacity(slots.len() * SLOT_BYTES + TRAILER_BYTES);
        for slot in slots {
            bytes.extend_from_slice(&slot.encode());
        }
        let footer_at = follow(header, slots)?;
        if slots.is_empty() {
            return Err(Flaw::field(0, "the number of slots", 0_u32));
        }
        let digest = *blake3::hash(&bytes).as_bytes();
        let trailer = Trailer { footer_at, slots: slots.len() as u32, digest };
        bytes.extend_from_slice(&trailer.encode(header.id, header.generation));
        Ok(bytes)
    }

    /// What the bytes of a footer say, for the pack of this header and trailer. Takes time and
    /// memory in proportion to the bytes.
    ///
    /// # Errors
    /// If they are not the footer that the trailer names; offsets count from the start of the file.
    pub fn decode(header: &Header, trailer: &Trailer, footer: &[u8]) -> Result<Footer, Flaw> {
        let base = u64::from(trailer.footer_at);
        if footer.len() != trailer.footer_bytes() {
            let what = What::Length { found: footer.len() as u64, expected: trailer.footer_bytes() as u64 };
            return Err(Flaw::at(base, what));
        }
        if *blake3::hash(footer).as_bytes() != trailer.digest {
            return Err(Flaw::at(base, What::Checksum));
        }
        let slots = footer
            .chunks_exact(SLOT_BYTES)
            .enumerate()
            .map(|(number, bytes)| {
                Slot::decode(&array(bytes, 0)).map_err(|flaw| flaw.moved(base + (number * SLOT_BYTES) as u64))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let end = follow(header, &slots)?;
        if end != trailer.footer_at {
            return Err(Flaw::at(base, What::Gap { found: trailer.footer_at, expected: end }));
        }
        Ok(Footer { header: *header, slots })
    }

    /// What a whole sealed pack says, all of whose bytes are at hand. The frames are not looked at:
    /// that is for [`Reader::check`](super::Reader::check).
    ///
    /// # Errors
    /// If this is not a sealed pack.
    pub fn of_file(bytes: &[u8]) -> Result<Footer, Flaw> {
        let len = length(bytes.len() as u64)?;
        let header = Header::decode(&bytes[..HEADER_BYTES])?;
        let (front, end) = bytes.split_at(bytes.len() - TRAILER_BYTES);
        let trailer = trailer(&header, &array(end, 0), len)?;
        Footer::decode(&header, &trailer, &front[trailer.footer_at as usize..])
    }
}

/// Reads what a sealed pack says of itself: three reads, and as much memory as the footer has bytes.
///
/// # Errors
/// If the file cannot be read, or is not a sealed pack.
pub fn read_footer(file: &dyn DiskFile, path: &Path) -> Result<Footer, Fault> {
    let io = |source| Fault::io(path, "read")(source);
    let damaged = |flaw: Flaw| flaw.of(path);
    let len = length(file.size().map_err(io)?).map_err(damaged)?;
    let mut page = [0; HEADER_BYTES];
    fill(file, path, &mut page, 0)?;
    let header = Header::decode(&page).map_err(damaged)?;
    let mut end = [0; TRAILER_BYTES];
    fill(file, path, &mut end, len - TRAILER_BYTES as u64)?;
    let trailer = trailer(&header, &end, len).map_err(damaged)?;
    let mut footer = vec![0; trailer.footer_bytes()];
    fill(file, path, &mut footer, u64::from(trailer.footer_at))?;
    Footer::decode(&header, &trailer, &footer).map_err(damaged)
}

fn length(found: u64) -> Result<u64, Flaw> {
    if found < LEAST_BYTES {
        return Err(Flaw::at(found, What::Length { found, expected: LEAST_BYTES }));
    }
    if found > PACK_BYTES {
        return Err(Flaw::at(PACK_BYTES, What::Length { found, expected: PACK_BYTES }));
    }
    Ok(found)
}

fn trailer(header: &Header, bytes: &[u8; TRAILER_BYTES], len: u64) -> Result<Trailer, Flaw> {
    let base = len - TRAILER_BYTES as u64;
    let trailer = Trailer::decode(bytes, header.id, header.generation).map_err(|flaw| flaw.moved(base))?;
    let expected = trailer.file_bytes();
    if expected != len {
        return Err(Flaw::at(len.min(expected), What::Length { found: len, expected }));
    }
    Ok(trailer)
}

/// Where the last of these frames ends, if they follow each other as those of a pack do.
fn follow(header: &Header, slots: &[Slot]) -> Result<u32, Flaw> {
    let mut chain = Chain::new(header.class);
    for slot in slots {
        chain.push(slot).map_err(|what| Flaw::at(u64::from(slot.offset), what))?;
    }
    Ok(chain.end())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::Encoding;
    use crate::pack::header::tests::header;
    use crate::pack::limits::{SLOTS, STORED_BYTES};
    use crate::pack::slot::tests::frame;
    use crate::pack::{Class, trailer};

    /// A whole sealed pack with these texts as its frames, as bytes.
    pub(crate) fn sealed(class: Class, texts: &[&str]) -> (Header, Vec<u8>) {
        let header = Header { class, ..header() };
        let encoding = if class == Class::Raw { Encoding::Raw } else { Encoding::Zstd };
        let mut file = header.encode().to_vec();
        let mut slots = Vec::new();
        for text in texts {
            let frame = frame(text, encoding);
            slots.push(Slot::of(&frame, file.len() as u32).unwrap());
            file.extend_from_slice(&frame.stored);
        }
        file.extend(Footer::encode(&header, &slots).unwrap());
        (header, file)
    }

    proptest! {
        #[test]
        fn every_pack_reads_back(texts in proptest::collection::vec("[a-z]{1,30}", 1..20)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for class in Class::ALL {
                let (header, file) = sealed(class, &texts);
                let footer = Footer::of_file(&file).unwrap();
                prop_assert_eq!(&footer.header, &header);
                prop_assert_eq!(footer.slots.len(), texts.len());
                for slot in &footer.slots {
                    prop_assert!(slot.holds(&file[slot.offset as usize..slot.end() as usize]));
                }
            }
        }
    }

    #[test]
    fn a_pack_that_is_cut_or_goes_on_is_refused() {
        let (_, file) = sealed(Class::Zstd, &["one", "two", "three"]);
        for len in 0..file.len() {
            assert!(Footer::of_file(&file[..len]).is_err(), "{len} bytes");
        }
        assert!(Footer::of_file(&[&file[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_footer_whose_checksums_hold_is_still_looked_at() {
        let (header, file) = sealed(Class::Zstd, &["one", "two"]);
        let slots = Footer::of_file(&file).unwrap().slots;
        let refused = |change: fn(&mut Vec<Slot>)| {
            let mut slots = slots.clone();
            change(&mut slots);
            Footer::encode(&header, &slots).unwrap_err().what
        };
        assert!(matches!(refused(|slots| slots[1].offset += 1), What::Gap { .. }));
        assert!(matches!(refused(|slots| slots[1].offset -= 1), What::Gap { .. }));
        assert!(matches!(refused(|slots| slots.swap(0, 1)), What::Gap { .. }));
        assert!(matches!(refused(|slots| slots[0].encoding = Encoding::Raw), What::Mixed { .. }));
        assert!(matches!(refused(Vec::clear), What::Field { .. }));

        // A trailer that fits the bytes and not the frames.
        let footer: Vec<u8> = slots.iter().flat_map(|slot| slot.encode()).collect();
        let digest = *blake3::hash(&footer).as_bytes();
        let lies = Trailer { footer_at: slots[1].end() as u32 + 1, slots: 2, digest };
        assert!(matches!(Footer::decode(&header, &lies, &footer).unwrap_err().what, What::Gap { .. }));
        let mut end = lies.encode(header.id, header.generation);
        trailer::seal(&mut end, header.id, header.generation);
        let longer = [&file[..slots[1].end() as usize], &[0], &footer, &end].concat();
        assert!(matches!(Footer::of_file(&longer).unwrap_err().what, What::Gap { .. }));
    }

    #[test]
    fn the_largest_pack_is_read_and_a_larger_one_is_not() {
        assert_eq!(length(PACK_BYTES), Ok(PACK_BYTES));
        assert!(length(PACK_BYTES + 1).is_err());
        let full = Trailer { footer_at: HEADER_BYTES as u32 + STORED_BYTES, slots: SLOTS as u32, digest: [0; 32] };
        assert_eq!(full.file_bytes(), PACK_BYTES);
    }
}
