//! Every number of this crate, with its reason.

/// Bytes of a web request's body that [`crate::Request`] holds. A quarter of the memory that a
/// mechtron has by default: the body, what is parsed out of it and the answer must fit together.
/// Larger bodies are for components that use `wasi:http` themselves and read in pieces.
#[cfg(target_arch = "wasm32")]
pub(crate) const REQUEST_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Milliseconds after which a caller may try again when [`crate::Error::busy`] names no time.
pub(crate) const BUSY_RETRY_MS: u32 = 1000;
