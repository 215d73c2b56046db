//! Uploads that may take several requests: what has come so far, whose it is, and until when it is kept.
//!
//! An upload is a row of its Space, and its bytes are *parts*: contents like any other, named by rows
//! of their own, so that what has come is durable, is found by a collector ([`referring`]), and is known to
//! any process that opens the store. Whoever continues an upload compares the row that they saw, so of two
//! at the same offset one is refused. When all has come, the same message as for any other write makes
//! the File ([`finishing`]), and in that very batch the upload becomes one that is finished; the parts are
//! let go afterwards.
//!
//! Knows neither protocols nor bodies: `star-http` takes bytes in and speaks. What is promised to an ingress
//! is on [`Tree`](crate::tree::Tree): begin at [`Tree::begin_upload`](crate::tree::Tree::begin_upload).
//! Everything here is behind a permit for writing the path, and says nothing to anybody but the agent who
//! began an upload and the administrator: to others there is none.

mod begin;
mod conclude;
mod extend;
mod find;
mod id;
mod list;
mod refers;
mod release;
mod row;
mod sweep;

use crate::ports::meta::Revision;

pub use conclude::{Conclusion, finishing};
pub use extend::Extension;
pub use find::Found;
pub use id::{NoUploadId, UploadId};
pub(crate) use refers::referring;
pub use row::{Finished, Plan, Session, is_part, part_content};
pub(crate) use sweep::keep_sweeping;

/// An upload as it was seen: what has come, and the revision by which whoever goes on compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// What is stored of it.
    pub session: Session,
    seen: Revision,
}
