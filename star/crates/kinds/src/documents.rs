//! Reading small texts out of Files and Artifacts: documents, routes, schemas.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use star_core::command::{Command, Open, Opened};
use star_core::gate::Authority;
use star_core::ports::content::{ContentError, Reading};
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::config::TextError;

/// Opens a File or Artifact in somebody's name.
pub(crate) async fn open(
    tree: &Arc<Tree>,
    authority: &Arc<Authority>,
    path: &ResourcePath,
) -> Result<Opened, StarError> {
    let permit = tree.gate.admit(authority, Open.envelope(path)?).await?;
    tree.open(permit).await
}

/// Reads a content whole, if it is not longer than allowed.
pub(crate) async fn read_whole(tree: &Arc<Tree>, opened: &Opened, limit_bytes: u64) -> Result<Bytes, StarError> {
    let path = &opened.path;
    if opened.content.size_bytes > limit_bytes {
        let size = opened.content.size_bytes;
        return Err(StarError::new(
            ErrorCode::TooLarge,
            format!("{path} has {size} bytes, at most {limit_bytes} are read"),
        )
        .at(path));
    }
    let failed = |error: ContentError| {
        let code = match error {
            ContentError::Corrupt { .. } | ContentError::Unknown(_) => ErrorCode::Corrupt,
            _ => ErrorCode::StorageFailed,
        };
        StarError::new(code, format!("{path} could not be read")).at(path).because(&error)
    };
    match tree.ports.content.read(&opened.content, None).await.map_err(failed)? {
        Reading::Whole(bytes) => Ok(bytes),
        Reading::Stream(stream) => {
            let pieces: Vec<Bytes> = stream.try_collect().await.map_err(failed)?;
            Ok(pieces.concat().into())
        }
    }
}

/// Reads a text.
pub(crate) async fn read_text(
    tree: &Arc<Tree>,
    authority: &Arc<Authority>,
    path: &ResourcePath,
    limit_bytes: usize,
) -> Result<(Opened, String), StarError> {
    let opened = open(tree, authority, path).await?;
    let bytes = read_whole(tree, &opened, limit_bytes as u64).await?;
    match String::from_utf8(bytes.to_vec()) {
        Ok(text) => Ok((opened, text)),
        Err(error) => {
            Err(StarError::new(ErrorCode::InvalidDocument, format!("{path} is not UTF-8")).at(path).because(&error))
        }
    }
}

/// The error for a mistake in a text that somebody wrote, with the place.
pub fn invalid_text(code: ErrorCode, path: &ResourcePath, error: &TextError) -> StarError {
    let place = format!("{path}, line {}, column {}: {}", error.line(), error.column(), error.message());
    let star = StarError::new(code, place).at(path).excerpt(error.excerpt());
    match error.hint() {
        Some(hint) => star.hint(hint),
        None => star,
    }
}
