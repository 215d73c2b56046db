//! Fixed fields of the format, big-endian, taken out of bytes whose length is known.

/// `N` bytes at an offset that lies within.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// Two bytes as a number.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

/// Three bytes as a number.
pub(crate) fn u24_at(bytes: &[u8], at: usize) -> u32 {
    let [high, middle, low] = array(bytes, at);
    u32::from_be_bytes([0, high, middle, low])
}

/// Four bytes as a number.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

/// The three low bytes of a number below 2^24.
pub(crate) fn u24(number: u32) -> [u8; 3] {
    array(&number.to_be_bytes(), 1)
}

/// What most of a header is compared with, all at once.
static ZEROS: [u8; 4096] = [0; 4096];

/// Where the first byte lies that should be zero and is not, counted from the start of the bytes.
pub(crate) fn not_zero(bytes: &[u8]) -> Option<usize> {
    let all_zero = bytes.chunks(ZEROS.len()).all(|some| *some == ZEROS[..some.len()]);
    if all_zero { None } else { bytes.iter().position(|byte| *byte != 0) }
}
