//! What follows the head of a path: names, release, digest and files.
//!
//! Owns their order and their canonical text. Shared by absolute paths, whose head is a
//! Space, and relative ones, whose head is made of dots.

use crate::digest::Digest;
use crate::error::{Fault, PathErrorKind, Place};
use crate::file::{self, Spelling};
use crate::limits;
use crate::release::Release;
use crate::segment;

/// A path in its canonical text, with the bytes at which its parts end.
#[derive(Debug)]
pub(crate) struct Hops {
    pub(crate) text: String,
    pub(crate) head_end: usize,
    pub(crate) names_end: usize,
    pub(crate) release_end: usize,
    pub(crate) digest_end: usize,
    pub(crate) release: Option<Release>,
    pub(crate) digest: Option<Digest>,
}

impl Hops {
    /// Reads all that follows `head` bytes of `body`, a head that was already checked.
    pub(crate) fn read(body: &str, head: usize) -> Result<Hops, Fault> {
        let stem_end = body[head..].find(":/").map_or(body.len(), |at| head + at);
        let segments_end = body[head..stem_end].find('@').map_or(stem_end, |at| head + at);
        let mut hops = Hops {
            text: body[..head].to_owned(),
            head_end: head,
            names_end: head,
            release_end: head,
            digest_end: head,
            release: None,
            digest: None,
        };
        hops.segments(body, head, segments_end)?;
        if segments_end < stem_end {
            let at = segments_end + 1;
            let digest = Digest::read(&body[at..stem_end]).map_err(|fault| fault.shifted(at))?;
            hops.text.push_str(&format!("@{digest}"));
            hops.digest = Some(digest);
        }
        hops.digest_end = hops.text.len();
        if stem_end < body.len() {
            hops.files(&body[stem_end + 1..], Spelling::Encoded).map_err(|fault| fault.shifted(stem_end + 1))?;
        }
        if hops.text.len() > limits::INPUT_BYTES {
            return Err(Fault::new(0..body.len(), PathErrorKind::TooLong { limit: limits::INPUT_BYTES }));
        }
        Ok(hops)
    }

    fn segments(&mut self, body: &str, head: usize, end: usize) -> Result<(), Fault> {
        let mut at = head;
        let mut names = 0;
        while at < end {
            at += 1;
            let length = body[at..end].find(':').unwrap_or(end - at);
            let segment = &body[at..at + length];
            if segment.is_empty() {
                let kind = PathErrorKind::Missing { place: Place::Name };
                return Err(Fault::new(at..at, kind).fix_at(at - 1..at, ""));
            }
            if self.release.is_some() {
                return Err(Fault::new(at..at + length, PathErrorKind::AfterVersion));
            }
            self.release = Release::read(segment).map_err(|fault| fault.shifted(at))?;
            if let Some(release) = &self.release {
                self.text.push_str(&format!(":{release}"));
            } else {
                segment::check_name(segment).map_err(|fault| fault.shifted(at))?;
                names += 1;
                self.text.push(':');
                self.text.push_str(segment);
                self.names_end = self.text.len();
            }
            if names > limits::NAMES {
                let kind = PathErrorKind::TooMany { place: Place::Name, limit: limits::NAMES };
                return Err(Fault::new(at..end, kind));
            }
            at += length;
        }
        self.release_end = self.text.len();
        Ok(())
    }

    fn files(&mut self, files: &str, spelling: Spelling) -> Result<(), Fault> {
        self.text.push(':');
        file::canonical(files, spelling, &mut self.text)
    }
}
