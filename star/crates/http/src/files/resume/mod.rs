//! Uploads in several requests: tus 1.0.0, and the draft of the IETF about resumable uploads.
//!
//! Both speak of the same thing, an upload of [`star_core::uploads`], whose URL is that of its File with
//! `?upload=ID`. [`doors`] are the handlers; [`tus`] and [`draft`] translate headers and statuses and do
//! nothing else. What both do is in [`session`]: bytes become parts in [`intake`], one request at a time
//! continues an upload ([`writers`]), and when all is there [`finish`] makes the File. [`metadata`],
//! [`checksum`], [`fields`] and [`url`] are the small grammars.

mod checksum;
pub(super) mod doors;
pub(super) mod draft;
pub(crate) mod fields;
mod finish;
mod intake;
pub(crate) mod metadata;
mod session;
mod tus;
mod url;
pub(crate) mod writers;

#[cfg(test)]
mod tests;
