//! Bytes for tests, the same for the same seed.

use bytes::Bytes;
use zstd::zstd_safe::{CCtx, CParameter, compress_bound};

/// Numbers without a pattern that a compressor could find.
pub(crate) fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.max(1);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Bytes that cannot be compressed.
pub(crate) fn noise(seed: u64, len_bytes: usize) -> Bytes {
    let mut number = numbers(seed);
    let mut bytes: Vec<u8> = (0..len_bytes.div_ceil(8)).flat_map(|_| number().to_le_bytes()).collect();
    bytes.truncate(len_bytes);
    bytes.into()
}

/// Bytes that can: numbers below a thousand, written out.
pub(crate) fn words(seed: u64, len_bytes: usize) -> Bytes {
    let mut number = numbers(seed);
    let mut bytes = Vec::with_capacity(len_bytes + 8);
    while bytes.len() < len_bytes {
        bytes.extend_from_slice(format!("{} ", number() % 1000).as_bytes());
    }
    bytes.truncate(len_bytes);
    bytes.into()
}

/// A frame made by the library itself, with these parameters.
pub(crate) fn frame(plain: &[u8], parameters: &[CParameter]) -> Vec<u8> {
    let mut context = CCtx::create();
    parameters.iter().for_each(|parameter| {
        context.set_parameter(*parameter).unwrap();
    });
    let mut stored = Vec::with_capacity(compress_bound(plain.len()));
    context.compress2(&mut stored, plain).unwrap();
    stored
}
