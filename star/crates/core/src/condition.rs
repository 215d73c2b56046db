//! What must be true of a File for it to be written, held against what is there.

use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};

use crate::command::PutIf;
use crate::record::Resource;

impl PutIf {
    /// Whether it is true of what is there. It is bound by whoever writes, who compares the revision.
    ///
    /// # Errors
    /// `PreconditionFailed` if it is not.
    pub fn check(&self, to: &ResourcePath, there: Option<&Resource>) -> Result<(), StarError> {
        let digest = there.and_then(|resource| resource.record.body.as_ref()).map(|body| &body.content.digest);
        let is_one_of = |digests: &[Digest]| digest.is_some_and(|digest| digests.contains(digest));
        let failed = match self {
            PutIf::Any => return Ok(()),
            PutIf::Absent if there.is_some() => format!("{to} exists already"),
            PutIf::Present if there.is_none() => format!("{to} does not exist"),
            PutIf::Digest(expected) if !is_one_of(expected) => format!("the content of {to} is another one"),
            PutIf::Unless(unwanted) if is_one_of(unwanted) => format!("{to} holds one of these contents"),
            _ => return Ok(()),
        };
        Err(StarError::new(ErrorCode::PreconditionFailed, failed).at(to).hint("read it again, and decide again"))
    }
}
