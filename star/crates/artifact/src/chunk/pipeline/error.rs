//! Why a stream ended early.

use crate::chunk::encode::EncodeError;

/// Why a stream ended early; both of its ends are told. Other streams go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// A frame could not be made.
    #[error("could not make a frame")]
    Encode(#[from] EncodeError),
    /// The code that worked on the stream panicked.
    #[error("the work on it panicked ({what}): send it again, and report this")]
    Panicked {
        /// What it said.
        what: String,
    },
    /// The other end of the stream was dropped, or an earlier push was.
    #[error("it was given up half way: send it again")]
    Cancelled,
    /// The pipeline was dropped.
    #[error("the pipeline has ended: send it again to one that runs")]
    Closed,
}
