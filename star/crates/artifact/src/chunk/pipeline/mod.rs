//! From a stream of plain bytes to its frames, on all cores.
//!
//! What comes in at a [`Feed`] goes two ways side by side: into the SHA-256 of the whole, and
//! through [`front`] (which way, where to cut, is the chunk known) to the frames, which are made
//! on any thread and come out of [`Frames`] in order. All streams share the threads of one
//! [`Pipeline`] ([`pool`]), which take turns: one piece of work of one stream, then of the next,
//! so that somebody small does not wait behind somebody large. What a stream has to do next is
//! [`flow`]'s.
//!
//! Nothing here knows packs or the table of chunks: whether a chunk is known is asked of the
//! caller. Start at [`Pipeline::begin`].

mod error;
mod feed;
mod flow;
mod frames;
mod front;
mod limits;
mod line;
mod pool;
#[cfg(test)]
mod tests;

pub use error::PipelineError;
pub use feed::{Feed, Whole};
pub use frames::Frames;
pub use front::Known;
pub use line::Piece;
pub use pool::Pipeline;
