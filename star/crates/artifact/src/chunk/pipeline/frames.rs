//! Where the frames of a stream come out.

use std::sync::Arc;

use crate::chunk::cut::Rest;
use crate::chunk::pipeline::error::PipelineError;
use crate::chunk::pipeline::flow::Flow;
use crate::chunk::pipeline::line::Piece;
use crate::chunk::whole::Way;

/// Where the frames of a stream come out, in the order of its bytes. Dropping it before the last
/// one gives the stream up.
pub struct Frames {
    flow: Arc<Flow>,
}

impl Frames {
    pub(super) fn new(flow: Arc<Flow>) -> Frames {
        Frames { flow }
    }

    /// The next piece; none when the stream has ended and all of it was taken. May be dropped
    /// half way: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Piece>, PipelineError> {
        loop {
            match self.take()? {
                (Some(piece), _) => return Ok(Some(piece)),
                (None, Rest::Ended) => return Ok(None),
                (None, Rest::Coming) => self.flow.made.notified().await,
            }
        }
    }

    /// The next piece if it is there now.
    pub fn ready(&mut self) -> Result<Option<Piece>, PipelineError> {
        Ok(self.take()?.0)
    }

    /// What was taken makes room for more.
    fn take(&mut self) -> Result<(Option<Piece>, Rest), PipelineError> {
        let taken = self.flow.take()?;
        if taken.0.is_some() {
            self.flow.fed.notify_one();
        }
        Ok(taken)
    }

    /// The way that the content takes: clear at the latest with the first piece.
    pub fn way(&self) -> Option<Way> {
        self.flow.way()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.flow.give_up();
    }
}
