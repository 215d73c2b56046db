//! From a frame back to the bytes of its chunk, never more than were promised.
//!
//! A frame is decoded in one step into room of the caller, which is all the memory that it can
//! take: no window is kept beside it. Whether the bytes are those of the chunk is for who reads
//! (its checksum is verified here, its name is not).

use zstd::zstd_safe::{self, DCtx};

use crate::chunk::Encoding;
use crate::chunk::header::Header;

/// Decodes frames, one after the other.
pub struct Decoder {
    context: DCtx<'static>,
}

/// Why stored bytes are not the frame that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The caller has less room than the chunk needs.
    #[error("room for {room_bytes} bytes where the chunk has {plain_bytes}: give it more")]
    NoRoom {
        /// What the chunk needs, in bytes.
        plain_bytes: usize,
        /// What there was, in bytes.
        room_bytes: usize,
    },
    /// The stored bytes are damaged, or not of this chunk.
    #[error("the stored bytes are not a chunk of {plain_bytes} bytes ({what}): take it from a copy that is whole")]
    Damaged {
        /// What the chunk should have, in bytes.
        plain_bytes: usize,
        /// What was seen instead.
        what: String,
    },
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { context: DCtx::create() }
    }
}

impl Decoder {
    /// Decodes a frame whose chunk has `plain_bytes` into `room` and gives that part of it. What
    /// else is in the room afterwards is not said.
    pub fn decode<'a>(
        &mut self,
        encoding: Encoding,
        stored: &[u8],
        plain_bytes: usize,
        room: &'a mut [u8],
    ) -> Result<&'a [u8], Undecodable> {
        let room_bytes = room.len();
        let room = room.get_mut(..plain_bytes).ok_or(Undecodable::NoRoom { plain_bytes, room_bytes })?;
        let damaged = |what: String| Undecodable::Damaged { plain_bytes, what };
        match encoding {
            Encoding::Raw if stored.len() == plain_bytes => room.copy_from_slice(stored),
            Encoding::Raw => return Err(damaged(format!("{} bytes", stored.len()))),
            Encoding::Zstd => {
                let said = Header::read(stored).and_then(|header| header.plain_bytes);
                if said != Some(plain_bytes as u64) {
                    return Err(damaged("its header says otherwise".to_owned()));
                }
                let got = self.context.decompress(room, stored);
                let got = got.map_err(|code| damaged(zstd_safe::get_error_name(code).to_owned()))?;
                if got != plain_bytes {
                    return Err(damaged(format!("{got} bytes")));
                }
            }
        }
        Ok(room)
    }

    /// What the decoder itself holds, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.context.sizeof()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::encode::Encoder;
    use crate::chunk::samples::words;
    use crate::chunk::{ChunkId, rope::Rope};

    #[test]
    fn a_frame_is_decoded_into_the_room_and_no_further() {
        let plain = words(3, 200_000);
        let frame = Encoder::default().encode(ChunkId::of(&plain), &Rope::from(plain.clone())).unwrap();
        let mut room = vec![0xaa; 200_100];
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(Encoding::Zstd, &frame.stored, plain.len(), &mut room).unwrap(), &plain[..]);
        assert_eq!(room[200_000..], [0xaa; 100]);
        let raw = decoder.decode(Encoding::Raw, &plain, plain.len(), &mut room).unwrap();
        assert_eq!(raw, &plain[..]);
        let little = decoder.decode(Encoding::Zstd, &frame.stored, plain.len(), &mut room[..199_999]);
        assert_eq!(little, Err(Undecodable::NoRoom { plain_bytes: 200_000, room_bytes: 199_999 }));
    }

    #[test]
    fn what_is_not_the_chunk_is_told() {
        let plain = words(4, 10_000);
        let frame = Encoder::default().encode(ChunkId::of(&plain), &Rope::from(plain.clone())).unwrap();
        let mut room = vec![0; 20_000];
        let mut decoder = Decoder::default();
        let mut refused = |stored: &[u8], len: usize, encoding| {
            matches!(decoder.decode(encoding, stored, len, &mut room), Err(Undecodable::Damaged { .. }))
        };
        assert!(refused(&frame.stored, 9_999, Encoding::Zstd));
        assert!(refused(&frame.stored, 10_001, Encoding::Zstd));
        assert!(refused(&frame.stored[..frame.stored.len() - 1], 10_000, Encoding::Zstd));
        assert!(refused(&plain, 9_999, Encoding::Raw));
        let twice = [&frame.stored[..], &frame.stored[..]].concat();
        assert!(refused(&twice, 10_000, Encoding::Zstd));
        let mut silent = vec![0; 20_000];
        let mut context = zstd_safe::CCtx::create();
        context.set_parameter(zstd_safe::CParameter::ContentSizeFlag(false)).unwrap();
        let len = context.compress2(&mut silent[..], &plain).unwrap();
        assert!(refused(&silent[..len], 10_000, Encoding::Zstd), "it does not say its length");
        let mut flipped = frame.stored.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(refused(&flipped, 10_000, Encoding::Zstd), "its checksum");
    }
}
