//! Versions of the API: asked for by a request, said by every answer, and kept to.
//!
//! A request says in the header `star-api-version` which version its sender knows, and is answered
//! in that version or the newest here, whichever is lower; one that says nothing is answered in the
//! newest. What a sender of an older version does not know is left out of answers, and the header
//! `star-lossy` names it, so that nothing is missing silently. [`asked`] is how a request is looked
//! at, once, before any router; [`downgrade`] is how a message becomes one of an older version.

pub(crate) mod asked;
pub(crate) mod downgrade;

pub(crate) use asked::Spoken;
pub(crate) use downgrade::Downgrade;
