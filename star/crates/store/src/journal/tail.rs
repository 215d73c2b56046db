//! What the bytes behind the last good frame of the log mean.
//!
//! Four things may stand there, and only one of them may be cut:
//!
//! - *nothing*: space that was reserved and never written, all zero;
//! - a *torn* write: the group under way when the process or the power went, acknowledged to
//!   nobody. What is behind the last durable frame was zero before it (reserved space is, and a
//!   cut makes it so again), and a disk writes sectors whole: so a torn frame lacks a sector, or
//!   its end, and zeros stand in their place;
//! - *damage*: a frame that was durable once. Either a valid frame behind it says so, or nothing
//!   of it is missing and its checksum still does not hold;
//! - one bit that flipped in space never written, which costs nothing.
//!
//! Pure: the caller reads the bytes, and cuts or refuses.

use star_core::ports::meta::Position;

use super::record::{HEADER_BYTES, Header, Installation, MAGIC, MAX_BODY_BYTES, array, read_frame};
use crate::limits::{SECTOR_BYTES, TORN_END_BYTES};

const LENGTH_AT: usize = 8;
const POSITION_AT: usize = 12;
const DURABLE_AT: usize = 20;

/// What stands behind the last good frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Space that was never written.
    Unwritten,
    /// What can be cut.
    Torn,
    /// What must not be cut, and why.
    Damaged { what: String },
}

/// Judges all bytes from `offset`, where a frame of position `lost` should begin, to the end of
/// the last segment.
pub(crate) fn judge(rest: &[u8], offset: u64, installation: &Installation, lost: Position) -> Tail {
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return Tail::Unwritten };
    let written = &rest[..=last];
    if let Some(witness) = witness_in(rest, written.len(), installation, lost) {
        let position = witness.position;
        let what =
            format!("the frame of position {lost} is bad, but position {position} behind it shows that it was durable");
        return Tail::Damaged { what };
    }
    if is_one_bit(written) {
        return Tail::Torn;
    }
    if is_whole_with_another_length(rest, installation) {
        return Tail::Damaged { what: format!("the length of the frame of position {lost} is not what was written") };
    }
    if lacks_a_part(rest, offset) {
        return Tail::Torn;
    }
    Tail::Damaged { what: format!("the frame of position {lost} was written whole, but its checksum does not hold") }
}

/// A valid frame that begins within the first `written` bytes and was written when `lost` was already
/// durable. It may end behind them: most bodies end with a zero.
fn witness_in(bytes: &[u8], written: usize, installation: &Installation, lost: Position) -> Option<Header> {
    (0..written)
        .filter(|at| bytes[*at] == MAGIC[0] && bytes[*at..].starts_with(&MAGIC))
        .filter(|at| could_be_witness(&bytes[*at..], lost, bytes.len()))
        .filter_map(|at| read_frame(&bytes[at..], installation).ok())
        .map(|frame| frame.header)
        .find(|header| header.durable >= lost)
}

/// Whether the header of a frame says what that of a witness would say. Asked before the checksum,
/// because values hold what users write: a megabyte of what looks like the beginnings of long frames
/// would have its checksum taken a hundred thousand times over.
fn could_be_witness(frame: &[u8], lost: Position, bytes: usize) -> bool {
    if frame.len() < HEADER_BYTES {
        return false;
    }
    let number = |at: usize| Position::from_be_bytes(array(frame, at));
    let (position, durable) = (number(POSITION_AT), number(DURABLE_AT));
    let frames_between = (bytes / HEADER_BYTES) as u64;
    durable >= lost && position > durable && position - lost <= frames_between
}

fn is_one_bit(bytes: &[u8]) -> bool {
    let mut set = bytes.iter().filter(|byte| **byte != 0);
    set.next().is_some_and(|byte| byte.count_ones() == 1) && set.next().is_none()
}

/// Whether one flipped bit in the length is all that is wrong: a wrong length makes whole
/// sectors seem to be missing.
fn is_whole_with_another_length(rest: &[u8], installation: &Installation) -> bool {
    if rest.len() < HEADER_BYTES || !rest.starts_with(&MAGIC) {
        return false;
    }
    let claimed = u32::from_be_bytes(array(rest, LENGTH_AT));
    (0..u32::BITS).any(|bit| {
        let length = claimed ^ (1 << bit);
        let end = HEADER_BYTES + length as usize;
        if length as usize > MAX_BODY_BYTES || end > rest.len() {
            return false;
        }
        let mut mended = rest[..end].to_vec();
        mended[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
        read_frame(&mended, installation).is_ok()
    })
}

/// Whether a sector of the frame, or its end, is missing.
fn lacks_a_part(rest: &[u8], offset: u64) -> bool {
    let Some(frame) = rest.get(..claimed_bytes(rest)) else { return true };
    let ends_in_zeros = frame.iter().rev().take_while(|byte| **byte == 0).count() >= TORN_END_BYTES;
    ends_in_zeros || sectors(frame, offset).any(|sector| sector.iter().all(|byte| *byte == 0))
}

/// What the header says of the frame's length; without one that can be read, the header's own.
fn claimed_bytes(rest: &[u8]) -> usize {
    if rest.len() < HEADER_BYTES || !rest.starts_with(&MAGIC) {
        return HEADER_BYTES;
    }
    match u32::from_be_bytes(array(rest, LENGTH_AT)) as usize {
        length if length <= MAX_BODY_BYTES => HEADER_BYTES + length,
        _ => HEADER_BYTES,
    }
}

/// The parts of a frame that lie in one sector of the file each.
fn sectors(frame: &[u8], offset: u64) -> impl Iterator<Item = &[u8]> {
    let into_sector = (offset % SECTOR_BYTES as u64) as usize;
    let (first, others) = frame.split_at(frame.len().min(SECTOR_BYTES - into_sector));
    std::iter::once(first).chain(others.chunks(SECTOR_BYTES))
}

#[cfg(test)]
mod tests {
    use star_core::ports::meta::Shard;

    use super::super::record::write_frame;
    use super::*;

    const INSTALLATION: Installation = [7; 16];
    const OFFSET: u64 = 4_096 + 300;

    /// A frame of 72 + 1,500 bytes without a zero in its body, as it lies behind `OFFSET`.
    fn frame(position: Position) -> Vec<u8> {
        let header = Header {
            schema: 1,
            shard: Shard::new(1).unwrap(),
            position,
            durable: position - 1,
            revision: 4,
            id: 9,
            at: 1_700_000_000_000,
            chain: *b"12345678",
        };
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &INSTALLATION, &header, &[0x5a; 1_500]);
        bytes
    }

    fn judged(rest: &[u8]) -> Tail {
        judge(rest, OFFSET, &INSTALLATION, 7)
    }

    #[test]
    fn zeros_are_space_that_was_never_written() {
        assert_eq!(judged(&[]), Tail::Unwritten);
        assert_eq!(judged(&[0; 9_000]), Tail::Unwritten);
    }

    #[test]
    fn a_frame_that_ends_early_is_torn_wherever_it_ends() {
        let whole = frame(7);
        for end in 1..whole.len() {
            assert_eq!(judged(&whole[..end]), Tail::Torn, "the file ends at {end}");
            if end + TORN_END_BYTES <= whole.len() {
                let mut reserved = whole[..end].to_vec();
                reserved.resize(whole.len() + 5_000, 0);
                assert_eq!(judged(&reserved), Tail::Torn, "zeros from {end}");
            }
        }
    }

    #[test]
    fn a_frame_that_lacks_any_of_its_sectors_is_torn() {
        let mut starts = vec![0];
        starts.extend((0..).map(|number| 512 - 300 + number * 512).take_while(|start| *start < frame(7).len()));
        for lost in 1..(1usize << starts.len()) {
            let mut bytes = frame(7);
            for (number, start) in starts.iter().enumerate().filter(|(number, _)| lost & (1 << number) != 0) {
                let end = starts.get(number + 1).copied().unwrap_or(bytes.len());
                bytes[*start..end].fill(0);
            }
            bytes.resize(9_000, 0);
            let expected = if lost == (1 << starts.len()) - 1 { Tail::Unwritten } else { Tail::Torn };
            assert_eq!(judged(&bytes), expected, "lost sectors {lost:b}");
        }
    }

    #[test]
    fn a_frame_behind_a_bad_one_is_a_witness_also_when_it_ends_with_zeros() {
        for body in [&[0x5a, 0][..], &[0; 40], &[]] {
            let mut bytes = frame(7);
            bytes[212..724].fill(0);
            assert_eq!(judged(&bytes), Tail::Torn, "a sector is missing, and nothing says that it was durable");
            let header = Header { position: 8, durable: 7, ..read_frame(&frame(8), &INSTALLATION).unwrap().header };
            write_frame(&mut bytes, &INSTALLATION, &header, body);
            bytes.resize(9_000, 0);
            assert!(matches!(judged(&bytes), Tail::Damaged { .. }), "{} bytes of body", body.len());
        }
    }

    #[test]
    fn values_that_look_like_the_beginnings_of_many_frames_are_judged_in_no_time() {
        // 12 bytes that a user may write: the magic, versions, a shard, and a length of two megabytes.
        let hostile = [&MAGIC[..], &[1, 1, 0, 5, 0, 0x1f, 0, 0]].concat().repeat(400_000);
        let begin = std::time::Instant::now();
        assert!(matches!(judged(&[&[0xee; 72], &hostile[..]].concat()), Tail::Damaged { .. }));
        assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_whole_frame_is_damage() {
        for bit in 0..frame(7).len() * 8 {
            let mut bytes = frame(7);
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes.resize(9_000, 0);
            assert!(matches!(judged(&bytes), Tail::Damaged { .. }), "bit {bit}");
        }
    }

    #[test]
    fn a_later_frame_that_knows_of_the_lost_one_makes_it_damage() {
        let mut bytes = frame(7);
        bytes[500..1_100].fill(0);
        bytes.extend(frame(8));
        let judged = judged(&bytes);
        assert!(matches!(&judged, Tail::Damaged { what } if what.contains("position 8 behind it")), "{judged:?}");
    }

    #[test]
    fn a_flipped_bit_in_space_never_written_costs_nothing() {
        for at in [0, 71, 3_000] {
            let mut bytes = [0; 4_096];
            bytes[at] = 0x10;
            assert_eq!(judged(&bytes), Tail::Torn);
        }
    }
}
