//! Finding an upload again, for those whose it is.

use star_path::ResourcePath;
use star_wire::{Agent, ErrorCode, StarError};

use super::row::{Finished, Session};
use super::{Upload, UploadId};
use crate::gate::{Authority, Permit};
use crate::keys;
use crate::ports::clock::UnixMillis;
use crate::stored;
use crate::tree::Tree;

/// What there is under the name of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is under way.
    Open(Upload),
    /// It became a File.
    Finished(Finished),
}

impl Tree {
    /// The upload of this name to the path that the permit is for.
    ///
    /// # Errors
    /// `NotFound` where there is none, where it has run out, and where it is somebody else's: one is not
    /// told from the other.
    pub async fn find_upload(&self, permit: &Permit, id: UploadId) -> Result<Found, StarError> {
        let to = &permit.envelope().to;
        let space = to.space().unwrap_or_default();
        let rows = self.ports.meta.read(&[keys::upload(space, id), keys::finished_upload(space, id)]).await;
        let mut rows = rows.map_err(|error| stored::read_failed(to, &error))?.into_iter();
        let (open, finished) = (rows.next().flatten(), rows.next().flatten());
        let now_ms = self.ports.clock.now_ms();
        let may_see = |path: &ResourcePath, agent: &Agent, until_ms: UnixMillis| {
            path == to && is_of(permit.authority(), agent) && until_ms > now_ms
        };
        if let Some(row) = open {
            let session = Session::decode(&row.value)?;
            if may_see(&session.path, &session.agent, session.until_ms) {
                return Ok(Found::Open(Upload { id, session, seen: row.modified }));
            }
        }
        if let Some(row) = finished {
            let finished = Finished::decode(&row.value)?;
            if may_see(&finished.path, &finished.agent, finished.until_ms) {
                return Ok(Found::Finished(finished));
            }
        }
        Err(unknown(to))
    }
}

/// Whether an upload that this agent began is the affair of an authority.
pub(super) fn is_of(authority: &Authority, agent: &Agent) -> bool {
    match authority {
        Authority::System | Authority::Admin(_) => true,
        // Anonymous ones cannot be told from each other.
        Authority::Anonymous | Authority::Visitor { .. } => false,
        Authority::Mechtron { .. } => authority.agent() == *agent,
    }
}

pub(super) fn unknown(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::NotFound, format!("there is no such upload to {to}"))
        .at(to)
        .hint("it was cancelled, has run out, or never was; begin it anew")
}
