//! Bytes of packs whose checksums hold, for tests that read bytes which were never written.
//!
//! No part of the interface. Without right checksums such bytes are turned away before anything
//! else is looked at. What must be true of them is said in `tests/fuzz`.

use super::limits::{HEADER_BYTES, RECORD_BYTES, SLOT_BYTES, TRAILER_BYTES};
use super::{Header, PackName, Trailer, header, sidecar};

/// A page that begins with these bytes behind its magic and version, and whose checksum holds.
pub fn sealed_header(like: &Header, bytes: &[u8]) -> Vec<u8> {
    let mut page = like.encode();
    let some = bytes.len().min(HEADER_BYTES - 14);
    page[10..10 + some].copy_from_slice(&bytes[..some]);
    header::seal(&mut page);
    page.to_vec()
}

/// A pack of which `footer` is the footer, behind `body` bytes that are zero; a trailer names it.
pub fn sealed_pack(header: &Header, body: u32, footer: &[u8]) -> Vec<u8> {
    let footer_at = HEADER_BYTES as u32 + body;
    let digest = *blake3::hash(footer).as_bytes();
    let trailer = Trailer { footer_at, slots: (footer.len() / SLOT_BYTES) as u32, digest };
    let mut file = header.encode().to_vec();
    file.resize(footer_at as usize, 0);
    file.extend_from_slice(footer);
    file.extend_from_slice(&trailer.encode(header.id, header.generation));
    debug_assert_eq!(file.len(), footer_at as usize + footer.len() + TRAILER_BYTES);
    file
}

/// A log whose records begin with these bytes, each of them sealed; what is over is its torn end.
pub fn sealed_log(name: PackName, bytes: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    let pieces = bytes.chunks_exact(RECORD_BYTES - 4);
    let rest = pieces.remainder();
    for (number, piece) in pieces.enumerate() {
        let mut record = [0; RECORD_BYTES];
        record[..RECORD_BYTES - 4].copy_from_slice(piece);
        sidecar::seal(&mut record, name, number as u32);
        log.extend_from_slice(&record);
    }
    log.extend_from_slice(rest);
    log
}
