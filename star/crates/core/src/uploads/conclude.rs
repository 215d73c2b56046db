//! An upload becomes a File: in the batch that writes the File, and in no other.

use star_wire::{Envelope, ErrorCode, StarError};

use super::find::Found;
use super::row::Finished;
use super::{Upload, UploadId};
use crate::gate::Permit;
use crate::keys;
use crate::limits;
use crate::ports::content::ContentRef;
use crate::ports::meta::{Operation, Precondition};
use crate::stored::Change;
use crate::tree::Tree;

/// The header of the message that finishes an upload. Who sends it needs the name of the upload, and
/// to be the one whose it is.
const HEADER: &str = "star-upload";

/// The same message, which finishes an upload when it is done.
#[must_use]
pub fn finishing(mut envelope: Envelope, id: UploadId) -> Envelope {
    envelope.headers.push((HEADER.to_owned(), id.to_string()));
    envelope
}

/// The upload that a write finishes.
#[derive(Debug)]
pub struct Conclusion(Upload);

impl Conclusion {
    /// The upload that a message finishes; none for any other message.
    ///
    /// # Errors
    /// `NotFound` as for [`Tree::find_upload`]; `Contended` where it was finished meanwhile.
    pub async fn of(tree: &Tree, permit: &Permit) -> Result<Option<Conclusion>, StarError> {
        let Some(text) = permit.envelope().header(HEADER) else { return Ok(None) };
        let to = &permit.envelope().to;
        let id: UploadId = text.parse().map_err(|_| super::find::unknown(to))?;
        match tree.find_upload(permit, id).await? {
            Found::Open(upload) => Ok(Some(Conclusion(upload))),
            Found::Finished(_) => {
                let message = format!("the upload to {to} was finished by another request");
                Err(StarError::new(ErrorCode::Contended, message).at(to).hint("ask what became of it"))
            }
        }
    }

    /// Makes the change that writes the File end the upload, too. `made` says whether there was no such
    /// File before.
    pub fn bind(&self, tree: &Tree, change: &mut Change, content: &ContentRef, made: bool) -> Result<(), StarError> {
        let Conclusion(Upload { id, session, seen }) = self;
        let now_ms = tree.ports.clock.now_ms();
        let told_ms = u64::try_from(limits::UPLOAD_TOLD.as_millis()).unwrap_or(u64::MAX);
        let space = session.path.space().unwrap_or_default();
        let finished = Finished {
            path: session.path.clone(),
            agent: session.agent.clone(),
            metadata: session.plan.metadata.clone(),
            content: content.clone(),
            made,
            until_ms: now_ms.saturating_add(told_ms),
        };
        let open = keys::upload(space, *id);
        change.only_if(Precondition::ModifiedAt(open.clone(), *seen));
        change.then(Operation::Delete(open));
        change.then(Operation::Put(keys::finished_upload(space, *id), finished.encode()?));
        Ok(())
    }

    /// To be said once the change is done. The parts are let go by whoever sent the message, with
    /// [`Tree::release_parts`]: there may be thousands of them, and others wait for this turn to end.
    pub fn done(&self, tree: &Tree) {
        tree.one_upload_less();
    }
}
