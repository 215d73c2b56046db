//! What messages are made of: a path, a method, a deadline, a body of some bytes.

use bytes::Bytes;
use star_path::ResourcePath;
use star_wire::{Envelope, Method};

use super::ACTORS;
use crate::failure::Failure;
use crate::tree::{CONTENT_TYPE, ECHO, path};

/// What every message carries and gets back.
const BODY: &[u8] = br#"{"name":"Ada"}"#;

/// Makes envelopes.
pub(super) struct Letters {
    /// Where they go, by the number of the actor.
    pub(super) paths: Vec<ResourcePath>,
    method: Method,
    body: Bytes,
}

impl Letters {
    pub(super) fn new() -> Result<Letters, Failure> {
        let method = Method::parse(ECHO).map_err(|error| Failure::wrong("the benchmark", error))?;
        let paths = (0..ACTORS).map(|number| path(&format!("bench:r{number}"))).collect();
        Ok(Letters { paths, method, body: Bytes::from_static(BODY) })
    }

    /// A message for an actor.
    pub(super) fn to(&self, actor: usize) -> Envelope {
        Envelope::new(self.paths[actor].clone(), self.method.clone()).with_body(CONTENT_TYPE, self.body.clone())
    }
}
