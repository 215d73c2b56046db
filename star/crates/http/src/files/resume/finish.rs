//! All bytes of an upload are there: they become one content, and that becomes the File.
//!
//! The parts are read one behind the other into an ingest like any other, which finds their pieces there
//! and stores little besides. An upload in one part is that part. Everything here may be done again
//! after a crash: the File is written in the batch that ends the upload.

use futures::StreamExt;
use star_core::command::{Command, Put};
use star_core::lock::fence::fenced;
use star_core::ports::content::{ContentError, ContentRef, Expected, Reading};
use star_core::record::Body;
use star_core::uploads::{Found, Upload, finishing};
use star_wire::{ErrorCode, StarError};

use super::session::Asking;
use crate::files::{answer, upload};

impl Asking {
    /// Makes the File. Answers the upload, which is finished then.
    pub(super) async fn finish(&self, upload: &Upload) -> Result<Found, StarError> {
        let plan = &upload.session.plan;
        let content = match self.whole(upload).await {
            Err(error) if error.code() == ErrorCode::IncompleteUpload => {
                // Whatever is sent again, these bytes stay wrong.
                self.state.tree().cancel_upload(&self.permit().await?, upload.id).await?;
                return Err(error.hint("the upload was forgotten; begin it anew"));
            }
            content => content?,
        };
        let body = Body { content, content_type: plan.content_type.clone() };
        let put = Put { body: Some(body), only_if: plan.only_if.clone() };
        let envelope = finishing(fenced(put.envelope(&self.path)?, &plan.fence), upload.id);
        // The bytes may have taken days: whether it may be done is asked now.
        let permit = self.caller.admit(&self.state, envelope).await?;
        self.state.tree().ask(permit).await?;
        if let Err(error) = self.state.tree().release_parts(&self.path, upload.id).await {
            tracing::warn!(path = %self.path, %error, "rows of a finished upload could not be removed; they are swept");
        }
        self.state.tree().find_upload(&self.permit().await?, upload.id).await
    }

    /// The bytes as one content, which is what was announced.
    async fn whole(&self, upload: &Upload) -> Result<ContentRef, StarError> {
        let parts = self.state.tree().parts_of_upload(upload).await?;
        let announced = upload.session.plan.digest.clone();
        let [only] = parts.as_slice() else { return self.joined(&parts, announced).await };
        match announced.filter(|announced| *announced != only.digest) {
            None => Ok(only.clone()),
            Some(expected) => {
                let (expected, got) = (expected.to_string(), only.digest.to_string());
                Err(upload::refused(&self.path, &ContentError::Mismatch { what: "digest", expected, got }))
            }
        }
    }

    async fn joined(&self, parts: &[ContentRef], digest: Option<star_path::Digest>) -> Result<ContentRef, StarError> {
        let store = &self.state.tree().ports.content;
        let refused = |error| upload::refused(&self.path, &error);
        let unreadable = |error| answer::unreadable(&self.path, &error);
        let size_bytes = Some(parts.iter().map(|part| part.size_bytes).sum());
        let expected = Expected { digest, size_bytes, limit_bytes: None };
        let mut ingest = store.ingest(expected).await.map_err(refused)?;
        for part in parts {
            match store.read(part, None).await.map_err(unreadable)? {
                Reading::Whole(bytes) => ingest.write(bytes).await.map_err(refused)?,
                Reading::Stream(mut stream) => {
                    while let Some(piece) = stream.next().await {
                        ingest.write(piece.map_err(unreadable)?).await.map_err(refused)?;
                    }
                }
            }
        }
        ingest.finish().await.map_err(refused)
    }
}
