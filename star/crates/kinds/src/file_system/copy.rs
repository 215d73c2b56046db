//! What a copy is made of: the content that a source holds, and what is said about it.
//!
//! Nothing of the bytes is touched; the batch that makes the copy refers to the same content. Whoever
//! may not read the source is answered as if it were not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use star_core::behaviour::ActorContext;
use star_core::command::{Command, Copy, Open};
use star_core::gate::Permit;
use star_core::record::Body;
use star_core::stored;
use star_path::{PropertyKey, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::CONTENT_TYPE;

/// What a File keeps of its own beside its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) properties: BTreeMap<PropertyKey, String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// Reads what is to be copied, in the name of whoever sent the message.
pub(super) async fn source(
    context: &ActorContext,
    permit: &Permit,
    copy: &Copy,
) -> Result<(Body, Attributes), StarError> {
    let (tree, from) = (&context.tree, &copy.from);
    let open = Open.envelope(from)?.with_deadline(permit.envelope().deadline);
    let reading = tree.gate.admit(permit.authority(), open).await.map_err(|error| hidden(error, from))?;
    if from.files().is_none() || from.is_directory() {
        return Err(StarError::new(ErrorCode::InvalidArgument, format!("{from} has no bytes of its own"))
            .at(from)
            .hint(format!("star cp -r {from} copies the files in it one by one")));
    }
    let opened = tree.open(reading).await.map_err(|error| hidden(error, from))?;
    // Artifacts have no record, and nothing is said about them but their type.
    let record = stored::load(&tree.ports.meta, &opened.path).await?.map(|resource| resource.record);
    let body = record.as_ref().and_then(|record| record.body.clone());
    let mut body = body.unwrap_or(Body { content: opened.content, content_type: opened.content_type });
    if copy.digest.as_ref().is_some_and(|expected| *expected != body.content.digest) {
        return Err(StarError::new(ErrorCode::PreconditionFailed, format!("the content of {from} is another one"))
            .at(from)
            .hint("read it again, and decide again"));
    }
    let mut attributes =
        record.map(|record| Attributes { properties: record.properties, labels: record.labels }).unwrap_or_default();
    if let Some(content_type) = &copy.content_type {
        attributes.properties.retain(|key, _| key.as_str() != CONTENT_TYPE);
        body.content_type = Arc::clone(content_type);
    }
    Ok((body, attributes))
}

/// The same words for what is not there and for what the sender may not see.
fn hidden(error: StarError, from: &ResourcePath) -> StarError {
    match error.code() {
        ErrorCode::Denied | ErrorCode::CallNotGranted => StarError::not_found(from),
        ErrorCode::NotFound if error.path() != Some(from) => StarError::not_found(from),
        _ => error,
    }
}
