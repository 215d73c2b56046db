//! The journal: frames, their bodies, header pages of segments, and what stands behind the last frame.
//!
//! The first byte of an input chooses the form. What is read is written back byte by byte; a cut is no
//! frame; zeros behind the end are space, and of a frame that is whole and was durable nothing is cut.

use star_store::fuzzing::{self, Tail};

use crate::check;

/// A byte that chooses the form, and bytes that may be one.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    match choice % 6 {
        0 => frame(data),
        1 => frame(&fuzzing::sealed_frame(data)),
        2 => body(data),
        3 => segment(data),
        4 => segment(&fuzzing::sealed_segment(data)),
        _ => tail(data),
    }
}

fn frame(bytes: &[u8]) {
    let Some(again) = fuzzing::frame(bytes) else { return };
    assert_eq!(bytes[..again.len()], again, "a frame is not what was written");
    // Bytes may follow a frame; those that are missing are missed.
    for end in (0..again.len()).step_by(again.len().div_ceil(64)) {
        assert!(fuzzing::frame(&again[..end]).is_none(), "{end} of {} bytes are a frame", again.len());
    }
    let mut flipped = again.clone();
    let at = again.len() / 2;
    flipped[at] ^= 1;
    assert!(fuzzing::frame(&flipped).is_none(), "a bit at {at} is not seen");
}

fn body(bytes: &[u8]) {
    let Some(again) = fuzzing::body(bytes) else { return };
    assert_eq!(again, bytes, "a body is not what was written");
    check::whole_only(&again, |bytes| fuzzing::body(bytes).is_some());
}

fn segment(bytes: &[u8]) {
    let Some(again) = fuzzing::segment(bytes) else { return };
    assert_eq!(again.len(), bytes.len());
    assert_eq!(again[..50], bytes[..50], "the header of a segment is not what was written");
    check::whole_only(&again, |bytes| fuzzing::segment(bytes).is_some());
}

/// Two bytes say where the tail begins and how many zeros lie behind it.
fn tail(data: &[u8]) {
    let [offset, zeros, rest @ ..] = data else { return };
    let spare = vec![0; usize::from(*zeros)];
    let rest = [rest, &spare].concat();
    let (offset, lost) = (4096 + u64::from(*offset) * 3, 7_u64);
    let judged = fuzzing::tail(&rest, offset, lost);
    assert_eq!(judged == Tail::Unwritten, rest.iter().all(|byte| *byte == 0), "{judged:?}");
    // A frame that follows and says that the lost position was durable.
    let mut witness = vec![0; 72 + usize::from(*zeros)];
    witness[12..20].copy_from_slice(&(lost + 1).to_be_bytes());
    witness[20..28].copy_from_slice(&lost.to_be_bytes());
    let damaged = [rest.as_slice(), &fuzzing::sealed_frame(&witness), &spare].concat();
    assert_eq!(fuzzing::tail(&damaged, offset, lost), Tail::Damaged, "what was durable would be cut");
}
