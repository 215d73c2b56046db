//! What a frame of zstd says of itself in its first bytes (RFC 8878, section 3.1.1.1).
//!
//! Read here and not asked of the library, because that one does not tell the window and takes
//! frames that want to be skipped for frames. It believes nothing: whether a frame keeps what it
//! says is for [`check`](crate::chunk::check).

/// The first bytes of a frame, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Length of what is in the frame, if it says so.
    pub(crate) plain_bytes: Option<u64>,
    /// How far back a decoder has to remember.
    pub(crate) window_bytes: u64,
    /// The dictionary without which it cannot be decoded; 0 if there is none.
    pub(crate) dictionary: u32,
    /// Whether a checksum of what is in it stands at its end.
    pub(crate) has_checksum: bool,
}

/// The first four bytes of every frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Header {
    /// Reads the header of a frame; none if these bytes do not begin with a whole one.
    pub(crate) fn read(frame: &[u8]) -> Option<Header> {
        let mut rest = frame.strip_prefix(&MAGIC)?;
        let descriptor = number(&mut rest, 1)?;
        let is_single_segment = descriptor & 0x20 != 0;
        let is_reserved = descriptor & 0x08 != 0;
        if is_reserved {
            return None;
        }
        let window = if is_single_segment { None } else { Some(window(number(&mut rest, 1)?)) };
        let dictionary = number(&mut rest, [0, 1, 2, 4][(descriptor & 3) as usize])?;
        let plain_bytes = match descriptor >> 6 {
            0 if !is_single_segment => None,
            0 => Some(number(&mut rest, 1)?),
            1 => Some(number(&mut rest, 2)? + 256),
            2 => Some(number(&mut rest, 4)?),
            _ => Some(number(&mut rest, 8)?),
        };
        Some(Header {
            plain_bytes,
            window_bytes: window.or(plain_bytes)?,
            dictionary: dictionary as u32,
            has_checksum: descriptor & 0x04 != 0,
        })
    }
}

/// A number of some bytes, the lowest first.
fn number(rest: &mut &[u8], len: usize) -> Option<u64> {
    let (bytes, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The window that a descriptor means: a power of two and eighths of it.
fn window(descriptor: u64) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * (descriptor & 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zstd::zstd_safe::{self, CParameter};

    use super::*;
    use crate::chunk::samples::frame;

    #[test]
    fn every_width_of_the_length_is_read() {
        for len in [0, 1, 255, 256, 65_791, 65_792, 70_000, 1 << 20] {
            let header = Header::read(&frame(&vec![9; len], &[])).unwrap();
            assert_eq!(header.plain_bytes, Some(len as u64));
            assert_eq!((header.dictionary, header.has_checksum), (0, false));
            assert!(header.window_bytes >= len as u64);
        }
    }

    #[test]
    fn what_a_frame_leaves_out_is_seen() {
        let header = Header::read(&frame(&[9; 5000], &[CParameter::ContentSizeFlag(false)])).unwrap();
        assert_eq!(header.plain_bytes, None);
        assert!(Header::read(&frame(b"a", &[CParameter::ChecksumFlag(true)])).unwrap().has_checksum);
    }

    #[test]
    fn the_window_is_what_the_format_says() {
        assert_eq!(window(0), 1024);
        assert_eq!(window(0xff), (1 << 41) + (1 << 41) / 8 * 7);
        assert_eq!(window(13 << 3), 8 << 20);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_the_library_reads_them(descriptor: u8, behind: [u8; 14], len in 0_usize..20) {
            let frame = [&MAGIC[..], &[descriptor], &behind].concat();
            let frame = &frame[..len.min(frame.len())];
            let Some(header) = Header::read(frame) else { return Ok(()) };
            // Above that the library says nothing more of a frame.
            prop_assume!(header.window_bytes <= 1 << 31 || descriptor & 0x20 != 0);
            prop_assert_eq!(zstd_safe::get_frame_content_size(frame).ok(), Some(header.plain_bytes));
            prop_assert_eq!(zstd_safe::get_dict_id_from_frame(frame).map_or(0, u32::from), header.dictionary);
        }
    }
}
